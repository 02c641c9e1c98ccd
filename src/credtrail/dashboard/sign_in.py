"""Signing in and out, and the links by which one gets in for the first time or again. Wired by `app`.

Passwords are checked in threads, off the event loop. An address that nobody has is answered as a wrong password is,
in the same time; ten failures with one address within a quarter of an hour close it for that long.
"""

import asyncio
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from msgspec.json import decode, encode
from starlette.responses import RedirectResponse, Response

from credtrail.accounts import people_store as people
from credtrail.accounts import session_store as sessions
from credtrail.accounts.identity import Identity, OpenIdError
from credtrail.accounts.identity import Request as Begun
from credtrail.accounts.passwords import hash_password, is_outdated, is_password
from credtrail.accounts.people import (
    User,
    device_of,
    digest_recovery_code,
    digest_secret,
    make_secret,
    read_address,
    read_password,
    read_person_name,
)
from credtrail.accounts.store import add_workspace, count_workspaces, find_workspace
from credtrail.accounts.totp import find_step
from credtrail.dashboard.door import ROOT, SIGN_IN, Door, View, Visit
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal, invalid
from credtrail.mail.notice_store import add_notice
from credtrail.seal import Seal
from credtrail.settings import Settings
from credtrail.values import now
from credtrail.web.limits import NetworkLimit

if TYPE_CHECKING:
    from credtrail.accounts.openid import OpenIdProvider

_PER_NETWORK = 60
"""Attempts in a minute from one network: guessing many addresses with few tries each is slow too."""
_RESET_MS = 60 * 60_000
_SECOND_STEP_MS = 5 * 60_000
_OPENID_SECONDS = 600
_WRONG = "Address and password don't fit together"
_SOON = "There were too many attempts from your network; please wait a minute and try again"
_USED_LINK = {
    "sign_in": "This link was used, or has ended; whoever runs this server can make another",
    "password": "This link was used, or has ended; have another sent to you where you sign in",
}
_LATER = "There were too many attempts; please wait a quarter of an hour, or choose a new password by mail"


class SignIn:
    """The way in. `totp` opens the secrets of authenticator apps."""

    def __init__(self, database: Database, door: Door, settings: Settings, totp: Seal) -> None:
        self._database = database
        self._door = door
        self._settings = settings
        self._totp = totp
        self._networks = NetworkLimit(_PER_NETWORK)
        self._provider = _open_provider(settings) if settings.openid_issuer else None

    def views(self) -> list[View]:
        """All for anyone, but for the way out and the crossroads."""
        return [
            View("GET", "", self.choose_workspace, "user"),
            View("GET", "/sign-in", self.show, "anyone"),
            View("POST", "/sign-in", self.sign_in, "anyone"),
            View("POST", "/sign-in/code", self.take_code, "anyone"),
            View("GET", "/sign-in/openid", self.go_to_provider, "anyone"),
            View("GET", "/sign-in/openid/callback", self.come_from_provider, "anyone"),
            View("POST", "/sign-out", self.sign_out, "user"),
            View("GET", "/set-up/{secret}", self.show_set_up, "anyone"),
            View("POST", "/set-up/{secret}", self.set_up, "anyone"),
            View("GET", "/link/{secret}", self.show_link, "anyone"),
            View("POST", "/link/{secret}", self.use_link, "anyone"),
            View("GET", "/password", self.show_forgotten, "anyone"),
            View("POST", "/password", self.mail_password_link, "anyone"),
            View("GET", "/password/{secret}", self.show_new_password, "anyone"),
            View("POST", "/password/{secret}", self.set_password, "anyone"),
            View("GET", "/invitations/{secret}", self.show_invitation, "anyone"),
            View("POST", "/invitations/{secret}", self.accept_invitation, "anyone"),
        ]

    async def choose_workspace(self, visit: Visit) -> Response:
        """To the only workspace, or the list of them."""
        if len(visit.memberships) == 1:
            return visit.go(f"{ROOT}/w/{visit.memberships[0].workspace_id}")
        return visit.page("workspaces.html")

    async def show(self, visit: Visit) -> Response:
        """The form; who is signed in already goes on."""
        next_path = _inner_path(visit.query("next"))
        if visit.user is not None:
            return visit.go(next_path or ROOT)
        return visit.page("sign_in.html", **self._door.sign_in_values(visit, next_path=next_path))

    async def sign_in(self, visit: Visit) -> Response:
        """Address and password; then on to where one was going, or to the second step."""
        email, password = visit.text("email").lower(), str(visit.form.get("password", ""))
        key = _key_of(email)
        if visit.text("pending") and not email:
            return self._refuse(visit, 401, "You aren't signed in there yet")
        client = visit.request.client
        if not self._networks.take(client.host if client else None):
            return self._refuse(visit, 429, _SOON)
        if not await self._database.read(lambda tx: sessions.may_try(tx, key)):
            return self._refuse(visit, 429, _LATER)
        user = await self._database.read(lambda tx: people.find_user(tx, email=email))
        right = await asyncio.to_thread(is_password, user.password_hash if user else None, password[:1_000])
        if user is None or not right:
            await self._database.write(lambda tx: sessions.note_failure(tx, key))
            return self._refuse(visit, 401, _WRONG)
        if is_outdated(user.password_hash or ""):
            renewed = user._replace(password_hash=await asyncio.to_thread(hash_password, password))
            await self._database.write(lambda tx: people.save_user(tx, renewed))
        if user.totp_secret is not None:
            return self._ask_for_code(visit, user, {})
        await self._database.write(lambda tx: sessions.forget_failures(tx, key))
        return await self._let_in(visit, user)

    def _refuse(self, visit: Visit, status: int, sentence: str) -> Response:
        values = self._door.sign_in_values(
            visit,
            problems={"": sentence},
            next_path=_inner_path(visit.text("next")),
            pending=visit.text("pending"),
        )
        return visit.page("sign_in.html", status=status, **values)

    def _ask_for_code(self, visit: Visit, user: User, problems: dict[str, str]) -> Response:
        proof = self._door.seal.close(encode((user.id, now() + _SECOND_STEP_MS)).decode(), "second step")
        return visit.page(
            "code.html",
            status=401 if problems else 200,
            proof=proof,
            problems=problems,
            next_path=_inner_path(visit.text("next")),
            pending=visit.text("pending"),
        )

    async def take_code(self, visit: Visit) -> Response:
        """The second step: a code of the authenticator app, or a recovery code; each is good once."""
        opened = self._door.seal.open(visit.text("proof"), "second step")
        user_id, until = decode(opened, type=tuple[str, int]) if opened else ("", 0)
        user = await self._database.read(lambda tx: people.find_user(tx, id=user_id))
        if user is None or user.totp_secret is None or until < now():
            return self._refuse(visit, 401, "That took too long; please begin again")
        key = _key_of(user.email)
        if not await self._database.read(lambda tx: sessions.may_try(tx, key)):
            return self._refuse(visit, 429, _LATER)
        recovery = visit.text("recovery")
        right = await (self._use_recovery_code(user, recovery) if recovery else self._use_code(visit, user))
        if not right:
            await self._database.write(lambda tx: sessions.note_failure(tx, key))
            wrong = (
                {"recovery": "is not one that is left"}
                if recovery
                else {"code": "is not the code of this moment"}
            )
            return self._ask_for_code(visit, user, wrong)
        await self._database.write(lambda tx: sessions.forget_failures(tx, key))
        return await self._let_in(visit, user)

    async def _use_code(self, visit: Visit, user: User) -> bool:
        secret = self._totp.open(user.totp_secret or "", user.id)
        step = find_step(secret, visit.text("code"), now(), user.totp_step) if secret else None
        if step is None:
            return False
        return await self._database.write(lambda tx: people.use_totp_step(tx, user.id, step))

    async def _use_recovery_code(self, user: User, code: str) -> bool:
        digest = digest_recovery_code(code)
        return await self._database.write(lambda tx: people.use_recovery_code(tx, user.id, digest))

    async def _let_in(self, visit: Visit, user: User) -> Response:
        """A new session; what was typed before is shown once more to be sent."""
        kept = self._door.read_kept(visit.text("pending"))
        if kept is not None:
            path, fields = kept
            return await self.start(
                visit, user, lambda inside: inside.page("resume.html", path=path, fields=fields)
            )
        next_path = _inner_path(visit.text("next")) or ROOT
        return await self.start(visit, user, lambda inside: inside.go(next_path))

    async def start(self, visit: Visit, user: User, answer_of: Any) -> Response:
        """Begin a session for the user and answer with its cookie; an older one of this browser ends."""
        secret, days = make_secret(), self._settings.session_days
        device = device_of(visit.request.headers.get("user-agent", ""))
        before = visit.session

        def act(transaction: Transaction) -> None:
            if before is not None:
                sessions.end_session(transaction, before.digest)
            sessions.add_session(transaction, digest_secret(secret), user.id, device, days)

        await self._database.write(act)
        answer: Response = answer_of(self._door.inside(visit, user, secret))
        self._door.set_cookie(answer, "session", secret, days * 86_400)
        return answer

    async def go_to_provider(self, visit: Visit) -> Response:
        """To the OpenID provider; what must come back unchanged goes into a sealed cookie."""
        if self._provider is None:
            raise Refusal("not_found")
        try:
            begun = await self._provider.begin()
        except OpenIdError as problem:
            return self._refuse(visit, 503, str(problem))
        kept = encode((begun, _inner_path(visit.query("next")))).decode()
        answer = RedirectResponse(begun.address, 303, headers={"cache-control": "no-store"})
        self._door.set_cookie(answer, "openid", self._door.seal.close(kept, "openid"), _OPENID_SECONDS)
        return answer

    async def come_from_provider(self, visit: Visit) -> Response:
        """From the provider with a code: whom it vouches for is a user by that identity, or by a verified address."""
        if self._provider is None:
            raise Refusal("not_found")
        kept = self._door.seal.open(visit.request.cookies.get(self._door.cookie("openid"), ""), "openid")
        begun, next_path = decode(kept, type=tuple[Begun, str]) if kept else (None, "")
        if begun is None or visit.query("state") != begun.state:
            return self._refuse(visit, 400, "That took too long, or was begun elsewhere; please try again")
        if not visit.query("code"):
            return self._refuse(visit, 401, "The provider didn't let you in")
        try:
            identity = await self._provider.finish(begun, visit.query("code"))
        except OpenIdError as problem:
            return self._refuse(visit, 401, str(problem))
        user = await self._database.write(lambda tx: _find_or_bind(tx, identity))
        if user is None:
            return self._refuse(
                visit, 403, "Nobody here has that address; ask a member for an invitation first"
            )
        answer = await self.start(visit, user, lambda inside: inside.go(next_path or ROOT))
        self._door.drop_cookie(answer, "openid")
        return answer

    async def sign_out(self, visit: Visit) -> Response:
        """End this session."""
        session = visit.session
        if session is not None:
            await self._database.write(lambda tx: sessions.end_session(tx, session.digest))
        answer = visit.go(SIGN_IN, "You are signed out")
        self._door.drop_cookie(answer, "session")
        return answer

    async def show_set_up(self, visit: Visit) -> Response:
        """The first user of an installation."""
        return visit.page("set_up.html", problems={}, **await self._find_set_up(visit))

    async def _find_set_up(self, visit: Visit) -> dict[str, Any]:
        digest = digest_secret(visit.path("secret"))

        def ask(transaction: Transaction) -> dict[str, Any]:
            if not sessions.is_link(transaction, "set_up", digest) or people.count_users(transaction):
                raise Refusal(
                    "not_found", "This link was used, or has ended; sign in, or start the server anew"
                )
            waiting = [find_workspace(transaction, id=id_) for id_ in people.list_ownerless(transaction)]
            return {"workspaces": [one.name for one in waiting if one]}

        return await self._database.read(ask)

    async def set_up(self, visit: Visit) -> Response:
        """Make the first user the owner of a new workspace, or of those that nobody owns yet."""
        found = await self._find_set_up(visit)
        digest = digest_secret(visit.path("secret"))
        try:
            email, name, hash_ = await self._read_user(visit)
            workspace_name = visit.text("workspace")
            if not found["workspaces"] and not 1 <= len(workspace_name) <= 255:
                raise invalid("workspace", "must be a name of 1 to 255 characters")
        except Refusal as refusal:
            return visit.again("set_up.html", refusal, **found)

        def act(transaction: Transaction) -> User:
            used, _ = sessions.use_link(transaction, "set_up", digest)
            if not used or people.count_users(transaction):
                raise Refusal("not_found", "This link was used already")
            user = people.add_user(transaction, email, name, hash_)
            if not count_workspaces(transaction):
                add_workspace(transaction, workspace_name)
            for id_ in people.list_ownerless(transaction):
                people.set_member(transaction, id_, user.id, "owner")
                sessions.note_act(transaction, "set_up", name, workspace_id=id_, actor=email, user_id=user.id)
            return user

        user = await self._database.write(act)
        return await self.start(visit, user, lambda inside: inside.go(ROOT, "Welcome to Credtrail"))

    async def _read_user(self, visit: Visit, email: str | None = None) -> tuple[str, str, str]:
        """A new user's address, name and password's hash; refuses (400) what can't be."""
        address = email or read_address(visit.text("email"))
        name = read_person_name(visit.text("name"))
        password = read_password(str(visit.form.get("password", "")), address)
        return address, name, await asyncio.to_thread(hash_password, password)

    async def show_link(self, visit: Visit) -> Response:
        """A button: mail scanners and previews open links too, and would use it up."""
        await self._require_link(visit, "sign_in")
        return visit.page("link.html")

    async def _require_link(self, visit: Visit, kind: Any) -> None:
        digest = digest_secret(visit.path("secret"))
        if not await self._database.read(lambda tx: sessions.is_link(tx, kind, digest)):
            raise Refusal("not_found", _USED_LINK[kind])

    async def use_link(self, visit: Visit) -> Response:
        """Sign in by a link that the command line printed."""
        digest = digest_secret(visit.path("secret"))

        def act(transaction: Transaction) -> User | None:
            _, user_id = sessions.use_link(transaction, "sign_in", digest)
            return people.find_user(transaction, id=user_id) if user_id else None

        user = await self._database.write(act)
        if user is None:
            raise Refusal("not_found", _USED_LINK["sign_in"])
        if user.totp_secret is not None:
            return self._ask_for_code(visit, user, {})
        return await self._let_in(visit, user)

    async def show_forgotten(self, visit: Visit) -> Response:
        """Where to send the link to."""
        return visit.page("forgotten.html", problems={}, sent=False)

    async def mail_password_link(self, visit: Visit) -> Response:
        """Mail a link to choose a new password by. Whether the address is anybody's can't be seen from the answer."""
        try:
            email = read_address(visit.text("email"))
        except Refusal as refusal:
            return visit.again("forgotten.html", refusal, sent=False)
        client = visit.request.client
        if not self._networks.take(client.host if client else None):
            return visit.again("forgotten.html", Refusal("rate_limited", _SOON), sent=False)
        secret = make_secret()

        def act(transaction: Transaction) -> None:
            user = people.find_user(transaction, email=email)
            if user is None:
                return
            digest = digest_secret(secret)
            sessions.add_link(transaction, "password", digest, user.id, transaction.at + _RESET_MS)
            add_notice(
                transaction,
                email,
                "Choose a new password",
                f"Somebody, most likely you, wants to choose a new password for {email}.\n\n"
                f"It can be chosen here within an hour:\n{self._settings.public_url}{ROOT}/password/{secret}\n\n"
                "If it wasn't you, there is nothing to do: the password stays as it is.\n",
                good_for_ms=_RESET_MS,
            )

        await self._database.write(act)
        return visit.page("forgotten.html", problems={}, sent=True)

    async def show_new_password(self, visit: Visit) -> Response:
        """The form behind that link."""
        await self._require_link(visit, "password")
        return visit.page("new_password.html", problems={})

    async def set_password(self, visit: Visit) -> Response:
        """A new password; all sessions of before end, since somebody else may have had the old one."""
        await self._require_link(visit, "password")
        try:
            password = read_password(str(visit.form.get("password", "")), "")
        except Refusal as refusal:
            return visit.again("new_password.html", refusal)
        hash_ = await asyncio.to_thread(hash_password, password)
        digest = digest_secret(visit.path("secret"))

        def act(transaction: Transaction) -> User | None:
            _, user_id = sessions.use_link(transaction, "password", digest)
            user = people.find_user(transaction, id=user_id) if user_id else None
            if user is None:
                return None
            people.save_user(transaction, user._replace(password_hash=hash_))
            sessions.end_sessions(transaction, user.id)
            sessions.forget_failures(transaction, _key_of(user.email))
            return user

        if await self._database.write(act) is None:
            raise Refusal("not_found", _USED_LINK["password"])
        return visit.go(SIGN_IN, "Your new password is set; sign in with it")

    async def show_invitation(self, visit: Visit) -> Response:
        """Who is invited where; who has no user yet makes one on the way."""
        return visit.page("invitation.html", problems={}, **await self._find_invitation(visit))

    async def _find_invitation(self, visit: Visit) -> dict[str, Any]:
        digest = digest_secret(visit.path("secret"))

        def ask(transaction: Transaction) -> dict[str, Any]:
            invitation = people.find_invitation(transaction, digest)
            workspace = find_workspace(transaction, id=invitation.workspace_id) if invitation else None
            if invitation is None or workspace is None:
                raise Refusal(
                    "not_found",
                    "This invitation was used, taken back, or has ended; whoever sent it can send another",
                )
            user = people.find_user(transaction, email=invitation.email)
            return {"invitation": invitation, "workspace": workspace, "is_known": user is not None}

        return await self._database.read(ask)

    async def accept_invitation(self, visit: Visit) -> Response:
        """Join the workspace: as the user who is signed in under that address, or as a new user."""
        found = await self._find_invitation(visit)
        invitation = found["invitation"]
        hash_, name = None, ""
        if found["is_known"]:
            if visit.user is None or visit.user.email != invitation.email:
                return visit.go(
                    f"{SIGN_IN}?next={visit.request.url.path}", f"Sign in as {invitation.email} first"
                )
        else:
            try:
                _, name, hash_ = await self._read_user(visit, invitation.email)
            except Refusal as refusal:
                return visit.again("invitation.html", refusal, **found)

        def act(transaction: Transaction) -> User:
            if people.delete_invitation(transaction, invitation.workspace_id, invitation.id) is None:
                raise Refusal("not_found", "This invitation was used already")
            user = people.find_user(transaction, email=invitation.email)
            if user is None:
                user = people.add_user(transaction, invitation.email, name, hash_)
            if people.find_member(transaction, invitation.workspace_id, user.id) is None:
                people.set_member(transaction, invitation.workspace_id, user.id, invitation.role)
            sessions.note_act(
                transaction,
                "member_joined",
                user.email,
                workspace_id=invitation.workspace_id,
                actor=user.email,
                user_id=user.id,
                details=invitation.role,
            )
            return user

        user = await self._database.write(act)
        home = f"{ROOT}/w/{invitation.workspace_id}"
        if visit.user is not None and visit.user.id == user.id:
            return visit.go(home, "Welcome")
        return await self.start(visit, user, lambda inside: inside.go(home, "Welcome"))


def _open_provider(settings: Settings) -> "OpenIdProvider":
    from credtrail.accounts.openid import OpenIdProvider  # whose library few need, and it is slow to load

    return OpenIdProvider(settings, f"{settings.public_url}{SIGN_IN}/openid/callback")


def _find_or_bind(transaction: Transaction, identity: Identity) -> User | None:
    """The identity's user; at first sight the one with the address that the provider has verified."""
    user = people.find_user_of_identity(transaction, identity.issuer, identity.subject)
    if user is None and identity.email is not None:
        user = people.find_user(transaction, email=identity.email)
        if user is not None:
            people.add_identity(transaction, identity.issuer, identity.subject, user.id)
    return user


def _inner_path(path: str) -> str:
    """The path if it is one of the dashboard's own, else nothing: nobody is sent elsewhere by a link to sign in."""
    inner = path == ROOT or path.startswith((f"{ROOT}/", f"{ROOT}?"))
    return path if inner and not any(sign in path for sign in "\\\r\n\x00") else ""


def _key_of(email: str) -> str:
    """Under which name failures are counted: a digest, since addresses that nobody has are typed too."""
    return sha256(email.strip().lower().encode()).hexdigest()
