"""How a recipient becomes the verified owner: a code is asked for, mailed, typed; the device gets a proof.

Called by the pages' face. Whether the typed address is the recipient's is told to nobody but by the mail: the answer
is the same, and so are the statements that make it, down to a notice that is never sent.
"""

import hmac
from typing import NamedTuple
from unicodedata import decimal

from credtrail.credentials.store import PublicView, find_public
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal
from credtrail.mail.notice_store import add_notice
from credtrail.recipients import store
from credtrail.recipients.proofs import (
    CODE_SECONDS,
    CODE_TRIES,
    CODES_PER_DAY,
    CODES_PER_HOUR,
    MAILS_PER_DAY,
    MAILS_PER_HOUR,
    Failure,
    NewCode,
    Proof,
    Proofs,
    proof_expires_at,
)
from credtrail.values import Moment, fold
from credtrail.web.language import Language

_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000


class Proven(NamedTuple):
    """A right code: the device's proof, and when that ends."""

    token: str
    expires_at: Moment


class Failed(NamedTuple):
    """A code that proves nothing, and how many tries are left with its challenge."""

    reason: Failure
    tries_left: int


class Proving:
    """By this installation's secret key."""

    def __init__(self, database: Database, secret_key: str) -> None:
        self._database = database
        self._proofs = Proofs(secret_key)

    async def ask(self, public_id: str, email: str, language: Language) -> str:
        """Mail a code if the address is that of the credential's recipient; the challenge to type it with.

        Refuses (429) a sixth within an hour and an eleventh within a day, for each address that is typed on a page. An
        address that has had enough mails for all its credentials gets no more, and the answer is the same.
        """
        code = self._proofs.make_code()
        await self._database.write(
            lambda transaction: self._ask(transaction, public_id, email.strip(), code, language)
        )
        return code.challenge

    def _ask(
        self, transaction: Transaction, public_id: str, email: str, code: NewCode, language: Language
    ) -> None:
        asked_for = self._proofs.digest_asked(public_id, email)
        check_limits(transaction, asked_for)
        view = find_public(transaction, _known(public_id))
        address = view.credential.recipient_email if view else None
        is_full = has_had_enough(transaction, email)
        fits = address is not None and fold(address) == fold(email) and not is_full
        at = transaction.at
        kept = store.Code(
            self._proofs.digest_challenge(code.challenge),
            view.credential.id if view and fits else None,
            asked_for,
            self._proofs.digest_code(code.challenge, public_id, code.digits),
            0,
            at,
            at + CODE_SECONDS * 1_000,
        )
        store.add_code(transaction, kept)
        subject, body, sender = _write_mail(view, code.digits, language)
        if address is not None and fits:
            add_notice(
                transaction, address, subject, body, good_for_ms=CODE_SECONDS * 1_000, from_name=sender
            )
        else:  # the same work for nobody: it is deleted unsent, being out of date already
            add_notice(transaction, "", "", body, good_for_ms=0, from_name=sender)

    async def prove(self, public_id: str, challenge: str, typed: str) -> Proven | Failed:
        """A proof for the right code, in whatever script its digits are typed; each call is a try."""
        token = self._proofs.make_proof(public_id)
        digits = read_digits(typed)
        return await self._database.write(
            lambda transaction: self._prove(transaction, public_id, challenge, digits, token)
        )

    def _prove(
        self, transaction: Transaction, public_id: str, challenge: str, digits: str, token: str
    ) -> Proven | Failed:
        code = store.try_code(transaction, self._proofs.digest_challenge(challenge))
        if code is None or transaction.at >= code.expires_at:
            return Failed("expired_code", 0)
        left = max(0, CODE_TRIES - code.try_count)
        if code.try_count > CODE_TRIES:
            return Failed("too_many_tries", 0)
        right = hmac.compare_digest(self._proofs.digest_code(challenge, public_id, digits), code.code_digest)
        view = find_public(transaction, _known(public_id))
        address = view.credential.recipient_email if view else None
        if not right or view is None or address is None or code.credential_id != view.credential.id:
            return Failed("wrong_code", left)
        if self._proofs.digest_asked(public_id, address) != code.asked_for:
            return Failed("expired_code", 0)  # the credential has another address by now
        at = transaction.at
        store.forget_codes(transaction, code.asked_for)
        proof = Proof(
            self._proofs.digest_proof(token),
            view.credential.id,
            self._proofs.digest_address(address),
            at,
            proof_expires_at(at),
        )
        store.add_proof(transaction, proof)
        return Proven(token, proof.expires_at)

    def is_signed(self, token: str, public_id: str) -> bool:
        """Whether it is worth asking the database for it."""
        return self._proofs.is_signed(token, public_id)

    def find_proof(self, transaction: Transaction, public_id: str, token: str) -> Proof | None:
        """The device's proof: it hasn't ended, nobody signed it out, and the credential's address is still the same."""
        if not self._proofs.is_signed(token, public_id):
            return None
        found = store.find_proof(transaction, public_id, self._proofs.digest_proof(token))
        if found is None:
            return None
        proof, address = found
        holds = address is not None and self._proofs.digest_address(address) == proof.address_digest
        return proof if holds else None


def _known(public_id: str) -> str:
    """As a database can be asked for it: U+0000 is in nobody's id, and PostgreSQL's text can't hold it."""
    return "" if "\x00" in public_id else public_id


def check_limits(transaction: Transaction, asked_for: str) -> None:
    """Refuses (429) a sixth code within an hour and an eleventh within a day, for what `asked_for` stands for."""
    at = transaction.at
    times = store.count_codes(transaction, asked_for, at - _DAY_MS)
    hour = [time for time in times if time > at - _HOUR_MS]
    if len(hour) >= CODES_PER_HOUR or len(times) >= CODES_PER_DAY:
        ends = hour[-1] + _HOUR_MS if len(times) < CODES_PER_DAY else times[-1] + _DAY_MS
        raise Refusal("rate_limited", headers=(("retry-after", str((ends - at) // 1_000 + 1)),))


def has_had_enough(transaction: Transaction, email: str) -> bool:
    """Whether so many codes were mailed to the address, for whatever, that one more would be a nuisance."""
    times = store.count_mailed(transaction, email, transaction.at - _DAY_MS)
    hour = [time for time in times if time > transaction.at - _HOUR_MS]
    return len(hour) >= MAILS_PER_HOUR or len(times) >= MAILS_PER_DAY


def read_digits(typed: str) -> str:
    """The digits in what was typed, in whatever script."""
    return "".join(str(decimal(character)) for character in typed if character.isdecimal())


def _write_mail(view: PublicView | None, digits: str, language: Language) -> tuple[str, str, str]:
    """Subject, body, and from whom: in the language of the page on which it was asked for."""
    _ = language.gettext
    title, issuer = (view.group.name, view.issuer_name) if view else ("", "")
    subject = _("Your code for “%(title)s”") % {"title": title}
    body = "\n\n".join(
        (
            _("Type this code on the page of your credential to show that it is yours:"),
            digits,
            _(
                "It is good for ten minutes, on the page that asked for it. Nobody will ever ask you for it in any other way."
            ),
            _("If you did not ask for it, you need not do anything: without the code, nobody gets anywhere."),
        )
    )
    return subject, body + "\n", issuer or "Credtrail"
