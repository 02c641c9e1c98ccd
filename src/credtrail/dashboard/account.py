"""A user's own account: name, password, authenticator app, where one is signed in. Wired by `app`."""

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from credtrail.accounts import people_store as people
from credtrail.accounts import session_store as sessions
from credtrail.accounts.passwords import hash_password, is_password
from credtrail.accounts.people import (
    User,
    digest_recovery_code,
    make_recovery_codes,
    read_password,
    read_person_name,
)
from credtrail.accounts.totp import find_step, make_totp_secret, totp_address
from credtrail.dashboard.door import ROOT, SIGN_IN, Door, View, Visit
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal, invalid
from credtrail.pages.qr import draw_qr
from credtrail.seal import Seal
from credtrail.values import now

_PATH = f"{ROOT}/account"


class Account:
    """What users do with themselves."""

    def __init__(self, database: Database, door: Door, totp: Seal) -> None:
        self._database = database
        self._door = door
        self._totp = totp

    def views(self) -> list[View]:
        """All for whoever is signed in."""
        return [
            View("GET", "/account", self.show, "user"),
            View("POST", "/account", self.rename, "user"),
            View("POST", "/account/password", self.change_password, "user"),
            View("GET", "/account/authenticator", self.show_authenticator, "user"),
            View("POST", "/account/authenticator", self.add_authenticator, "user"),
            View("POST", "/account/authenticator/remove", self.remove_authenticator, "user"),
            View("POST", "/account/authenticator/codes", self.renew_codes, "user"),
            View("POST", "/account/sessions/end", self.end_sessions, "user"),
        ]

    async def show(self, visit: Visit) -> Response:
        """Everything on one page."""
        return visit.page("account.html", problems={}, **await self._find(visit))

    async def _find(self, visit: Visit) -> dict[str, Any]:
        def ask(transaction: Transaction) -> dict[str, Any]:
            return {
                "sessions": sessions.list_sessions(transaction, visit.me.id),
                "code_count": people.count_recovery_codes(transaction, visit.me.id),
            }

        return await self._database.read(ask)

    async def _again(self, visit: Visit, refusal: Refusal) -> Response:
        return visit.again("account.html", refusal, **await self._find(visit))

    async def rename(self, visit: Visit) -> Response:
        """Another name."""
        try:
            name = read_person_name(visit.text("name"))
        except Refusal as refusal:
            return await self._again(visit, refusal)
        await self._database.write(lambda tx: people.save_user(tx, visit.me._replace(name=name)))
        return visit.go(_PATH, "Your name is changed")

    async def change_password(self, visit: Visit) -> Response:
        """Another password; the other sessions end."""
        try:
            await self._require_password(visit)
            password = read_password(str(visit.form.get("new", "")), visit.me.email, "new")
        except Refusal as refusal:
            return await self._again(visit, refusal)
        changed = visit.me._replace(password_hash=await asyncio.to_thread(hash_password, password))
        await self._save(visit, changed)
        return visit.go(_PATH, "Your password is changed; you are signed out everywhere else")

    async def _require_password(self, visit: Visit) -> None:
        """Refuse (400) who can't say the present password."""
        if not await self._knows_password(visit):
            raise invalid("password", "is not your present password")

    async def _knows_password(self, visit: Visit) -> bool:
        """Whether the present password was given; a user who never chose one has none to say."""
        hash_, given = visit.me.password_hash, str(visit.form.get("password", ""))[:1_000]
        return hash_ is None or await asyncio.to_thread(is_password, hash_, given)

    async def show_authenticator(self, visit: Visit) -> Response:
        """A new secret as a QR code; it counts from the first code that was typed on."""
        return self._show_secret(visit, make_totp_secret(), {})

    def _show_secret(self, visit: Visit, secret: str, problems: dict[str, str]) -> Response:
        address = totp_address(secret, visit.me.email, "Credtrail")
        return visit.page(
            "authenticator.html",
            status=400 if problems else 200,
            problems=problems,
            secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
            sealed=self._door.seal.close(secret, visit.me.id),
            qr=draw_qr(address).decode(),
        )

    async def add_authenticator(self, visit: Visit) -> Response:
        """From now on signing in takes a code, too."""
        secret = self._door.seal.open(visit.text("secret"), visit.me.id)
        if secret is None:
            raise Refusal("forbidden", "This form is too old; load its page again")
        try:
            await self._require_password(visit)
        except Refusal as refusal:
            return self._show_secret(visit, secret, dict(refusal.details))
        step = find_step(secret, visit.text("code"), now(), 0)
        if step is None:
            return self._show_secret(visit, secret, {"code": "is not the code of this moment"})
        sealed, codes = self._totp.close(secret, visit.me.id), make_recovery_codes()
        await self._save(visit, visit.me._replace(totp_secret=sealed, totp_step=step), codes)
        return visit.page("recovery_codes.html", codes=codes, is_new=True)

    async def renew_codes(self, visit: Visit) -> Response:
        """Ten new recovery codes; those of before aren't good any more."""
        if visit.me.totp_secret is None:
            raise Refusal("conflict", "Add an authenticator app first")
        if not await self._knows_password(visit):
            wrong = Refusal("validation_error", "That is not your password; your recovery codes stay")
            return await self._again(visit, wrong)
        codes = make_recovery_codes()
        digests = [digest_recovery_code(code) for code in codes]
        await self._database.write(lambda tx: people.keep_recovery_codes(tx, visit.me.id, digests))
        return visit.page("recovery_codes.html", codes=codes, is_new=False)

    async def remove_authenticator(self, visit: Visit) -> Response:
        """Signing in takes the password alone again."""
        if not await self._knows_password(visit):
            wrong = Refusal("validation_error", "That is not your password; the authenticator app stays")
            return await self._again(visit, wrong)
        await self._save(visit, visit.me._replace(totp_secret=None, totp_step=0), ())
        return visit.go(_PATH, "Signing in takes no code any more")

    async def _save(self, visit: Visit, user: User, codes: Sequence[str] | None = None) -> None:
        """The user, who signs in in another way from now on, with other recovery codes; the other sessions end."""
        digest = visit.session.digest if visit.session else None

        def act(transaction: Transaction) -> None:
            people.save_user(transaction, user)
            if codes is not None:
                people.keep_recovery_codes(
                    transaction, user.id, [digest_recovery_code(code) for code in codes]
                )
            sessions.end_sessions(transaction, user.id, but=digest)

        await self._database.write(act)

    async def end_sessions(self, visit: Visit) -> Response:
        """Sign out everywhere, here too."""
        await self._database.write(lambda tx: sessions.end_sessions(tx, visit.me.id))
        answer = visit.go(SIGN_IN, "You are signed out everywhere")
        self._door.drop_cookie(answer, "session")
        return answer
