"""How a person says yes to a wallet: the e-mail address is proven by a mailed code, as on a credential's page.

Called by this slice's pages. Whether there are credentials for the typed address is told to nobody but by the mail: the
answer is the same, and so are the statements that make it. No cookie: what was asked for goes along in a sealed form
field from page to page.
"""

import hmac
import time
from typing import NamedTuple

from msgspec import DecodeError, Struct
from msgspec.json import decode, encode

from credtrail.database import Database, Transaction
from credtrail.mail.notice_store import add_notice
from credtrail.recipients import store as recipients
from credtrail.recipients.proofs import CODE_SECONDS, CODE_TRIES, Failure, Proofs
from credtrail.recipients.proving import check_limits, has_had_enough, read_digits
from credtrail.seal import Seal
from credtrail.wallets import oauth, store
from credtrail.wallets.model import Connection
from credtrail.wallets.oauth import Fields, Reply, Wanted
from credtrail.web.language import Language

FORM_SECONDS = 1_800
_PLACE = "a wallet"
"""What a code is for, where one for a page has the credential's public id."""
_PROOF_SECONDS = 900


class Form(Struct, array_like=True):
    """What goes from page to page: the wallet's request, until when, and the code that was asked for."""

    fields: list[tuple[str, str]]
    expires_at_seconds: float
    challenge: str = ""
    address: str = ""
    is_proven: bool = False


class Failed(NamedTuple):
    """A code that proves nothing, and how many tries are left with it."""

    reason: Failure
    tries_left: int


class Connecting:
    """By this installation's secret key; `issuer` is its address, by which wallets know it."""

    def __init__(self, database: Database, secret_key: str, issuer: str) -> None:
        self._database = database
        self._proofs = Proofs(secret_key)
        self._seal = Seal(secret_key, "wallet form")
        self._issuer = issuer

    async def read(self, fields: Fields) -> Wanted | Reply:
        """What a wallet asks for. Raises oauth.UnsoundError."""
        return await self._database.read(lambda tx: oauth.read_request(tx, fields, self._issuer))

    async def refuse(self, fields: Fields) -> Reply:
        """The person says no. Raises oauth.UnsoundError."""
        return await self._database.write(lambda tx: oauth.answer_request(tx, fields, self._issuer, None))

    async def accept(self, fields: Fields, address: str) -> Reply:
        """The person, whose address was proven, says yes. Raises oauth.UnsoundError."""
        return await self._database.write(lambda tx: oauth.answer_request(tx, fields, self._issuer, address))

    def begin(self, fields: Fields) -> Form:
        """Nothing was asked for yet."""
        return Form(list(fields), time.time() + FORM_SECONDS)

    def close(self, form: Form) -> str:
        """The form field."""
        return self._seal.close(encode(form).decode())

    def open(self, sealed: str) -> Form | None:
        """What was in it; None when it is no field of ours, or too old."""
        text = self._seal.open(sealed)
        try:
            form = decode(text or "", type=Form)
        except DecodeError:
            return None
        return form if time.time() < form.expires_at_seconds else None

    async def ask(self, form: Form, email: str, wallet: str, language: Language) -> Form:
        """Mail a code to the address if any issued credential here has it. Refuses (429) too many for one address.

        One that has had enough mails for all its credentials gets no more, and the answer is the same.
        """
        code = self._proofs.make_code()
        place = self._place(form)
        asked_for = self._proofs.digest_asked(_PLACE, email)

        def act(transaction: Transaction) -> None:
            check_limits(transaction, asked_for)
            latest, at = store.find_latest(transaction, email), transaction.at
            if has_had_enough(transaction, email):
                latest = None
            kept = recipients.Code(
                self._proofs.digest_challenge(code.challenge),
                latest.credential_id if latest else None,
                asked_for,
                self._proofs.digest_code(code.challenge, place, code.digits),
                0,
                at,
                at + CODE_SECONDS * 1_000,
            )
            recipients.add_code(transaction, kept)
            subject, body = _write_mail(wallet, code.digits, language)
            # To nobody it is the same work: it is deleted unsent, being out of date already.
            address, good_for_ms = (latest.email, CODE_SECONDS * 1_000) if latest else ("", 0)
            add_notice(transaction, address, subject, body, good_for_ms=good_for_ms)

        await self._database.write(act)
        return Form(form.fields, time.time() + FORM_SECONDS, code.challenge, email)

    async def prove(self, form: Form, typed: str) -> Form | Failed:
        """The form with its address proven, for the right code; each call is a try."""
        digits = read_digits(typed)

        def act(transaction: Transaction) -> Failed | None:
            code = recipients.try_code(transaction, self._proofs.digest_challenge(form.challenge))
            if code is None or transaction.at >= code.expires_at:
                return Failed("expired_code", 0)
            if code.try_count > CODE_TRIES:
                return Failed("too_many_tries", 0)
            right = self._proofs.digest_code(form.challenge, self._place(form), digits)
            if not hmac.compare_digest(right, code.code_digest) or code.credential_id is None:
                return Failed("wrong_code", CODE_TRIES - code.try_count)
            recipients.forget_codes(transaction, code.asked_for)
            return None

        failed = await self._database.write(act)
        if failed is not None:
            return failed
        return Form(form.fields, time.time() + _PROOF_SECONDS, "", form.address, True)

    async def list_connections(self, address: str) -> list[Connection]:
        """The wallets that are connected to a proven address."""
        return await self._database.read(lambda tx: store.list_connections(tx, address))

    async def disconnect(self, address: str, grant_id: str) -> None:
        """One of them gets nothing any more."""
        await self._database.write(lambda tx: store.end_one_of(tx, address, grant_id))

    def _place(self, form: Form) -> str:
        """A code is good for one wallet's request alone."""
        return f"{_PLACE} {dict(form.fields).get('client_id', '')}"


def _write_mail(wallet: str, digits: str, language: Language) -> tuple[str, str]:
    """Subject and body, in the language of the page on which it was asked for; without a wallet: to see which there are."""
    _ = language.gettext
    if wallet:
        # The name is the wallet's own word for itself, which could be a whole message: quoted, and late in the text.
        what = _("Type this code to connect a wallet to your credentials:")
        told = _(
            "The wallet calls itself “%(wallet)s”. It will get every credential that was issued to this address."
        )
        told %= {"wallet": wallet}
    else:
        what = _("Type this code to see which wallets are connected to your credentials:")
        told = _("There you can disconnect them.")
    warning = _(
        "It is good for ten minutes. Type it on no other page than the one where you asked for it, and tell it to nobody. "
        "If you did not ask for it, you need not do anything."
    )
    return _("Your code for connecting a wallet"), "\n\n".join((what, digits, told, warning)) + "\n"
