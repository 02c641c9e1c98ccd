"""Who comes in: session, role, workspace and CSRF token. Every route of the dashboard passes here.

A view says what it needs (`View.needs`), and the door refuses before the view is called: signed out (sign in first;
what was typed is kept), in another workspace (404, as if it weren't there), in too small a role (403), a form that
another site made or that lacks its token (403). Sources: OWASP cheat sheets on sessions and CSRF (synchronizer
token bound to the session; Fetch Metadata and Origin beside it).
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

from msgspec.json import decode, encode
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from credtrail.accounts.people import Member, Role, Session, User, digest_secret, make_secret, may
from credtrail.accounts.people_store import find_user, list_memberships
from credtrail.accounts.session_store import find_session, is_due_to_be_seen, note_act, note_seen
from credtrail.accounts.store import time_zone_of
from credtrail.dashboard import words
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal
from credtrail.seal import Seal
from credtrail.settings import Settings
from credtrail.values import Moment, now
from credtrail.web.html import page_headers, write_in
from credtrail.web.paging import Cursors, Slice

ROOT = "/dashboard"
SIGN_IN = f"{ROOT}/sign-in"
_FORM_BYTES = 1_048_576
_MESSAGE_SECONDS = 60
_MOST_KEPT = 200_000
_UNDO_MS = 10 * 60_000
_MOST_TO_UNDO = 2_500
"""Bytes of what was removed that fit into the cookie which hands it on, with the message and sealed."""

Needs = Literal["anyone", "user"] | Role
"""Anyone; whoever is signed in; a member of the path's workspace in this role at least."""


@dataclass(frozen=True)
class View:
    """One method on one path below /dashboard. A path below /dashboard/w/{workspace_id} needs a role.

    `upload_bytes`: how large an uploaded form may be, where it is more than a megabyte.
    """

    method: Literal["GET", "POST"]
    path: str
    act: "Callable[[Visit], Awaitable[Response]]"
    needs: Needs = "viewer"
    upload_bytes: int = _FORM_BYTES


Removed = TypeVar("Removed")


class Undo(NamedTuple):
    """An offer to bring back what was just removed: where to post `kept` to, within ten minutes."""

    path: str
    kept: str


class Told(NamedTuple):
    """What a page says once of what the one before did: that it is done, or why it isn't."""

    message: str = ""
    undo: Undo | None = None
    is_refusal: bool = False


@dataclass
class Visit:
    """One request of somebody who was let in. `form` is what was posted; `member` the part in the path's workspace."""

    request: Request
    door: "Door"
    at: Moment
    csrf: str
    cookie_secret: str
    form: FormData = field(default_factory=FormData)
    user: User | None = None
    session: Session | None = None
    memberships: Sequence[Member] = ()
    member: Member | None = None
    time_zone: str = "UTC"

    @property
    def me(self) -> User:
        """The user. Only for views that need one."""
        if self.user is None:  # pragma: no cover - the door doesn't let this happen
            raise RuntimeError("this view is for anyone")
        return self.user

    @property
    def here(self) -> Member:
        """The user's part in the path's workspace. Only for views that need a role."""
        if self.member is None:  # pragma: no cover - the door doesn't let this happen
            raise RuntimeError("this view is of no workspace")
        return self.member

    @property
    def workspace_id(self) -> str:
        """The path's workspace."""
        return self.here.workspace_id

    @property
    def home(self) -> str:
        """Where the path's workspace begins: `/dashboard/w/…`."""
        return f"{ROOT}/w/{self.workspace_id}"

    def may(self, role: Role) -> bool:
        """Whether the user may do here what needs this role."""
        return self.member is not None and may(self.member.role, role)

    def path(self, name: str) -> str:
        """A part of the path, such as an id."""
        return str(self.request.path_params[name])

    def query(self, name: str, default: str = "") -> str:
        """A part of the query."""
        return self.request.query_params.get(name, default)

    def text(self, name: str, default: str = "") -> str:
        """A field of the form, trimmed; NUL, which no database keeps, is left out."""
        value = self.form.get(name)
        return value.replace("\x00", "").strip() if isinstance(value, str) else default

    def texts(self, name: str) -> list[str]:
        """All values of a field that may come several times."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def upload(self, name: str) -> UploadFile | None:
        """An uploaded file, unless none was chosen."""
        value = self.form.get(name)
        return value if isinstance(value, UploadFile) and value.filename else None

    async def json(self) -> bytes:
        """The body that a script of ours sent; refuses (415) one that isn't JSON, such as a form."""
        if self.request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise Refusal("unsupported_media_type")
        return await self.request.body()

    @property
    def is_part(self) -> bool:
        """Whether htmx, a script of ours or a frame of a page asks, for a part of a page: no whole one fits there."""
        headers = self.request.headers
        return (
            "hx-request" in headers
            or headers.get("x-requested-with") == "credtrail"
            or headers.get("sec-fetch-dest") == "iframe"
        )

    def slice(self, limit: int, *scope: Any) -> Slice:
        """Which rows the page of a list shows, by the cursor in the query."""
        return self.door.cursors.read(self.query("cursor") or None, limit, (*scope, self.workspace_id))

    def page_of(
        self,
        rows: Sequence[Any],
        slice_: Slice,
        *scope: Any,
        id_of: Callable[[Any], str] = lambda row: row.id,
    ) -> tuple[list[Any], dict[str, str | None]]:
        """The rows to show, and the addresses of the neighbouring pages by `newer` and `older`."""
        shown, around = self.door.cursors.page(rows, slice_, (*scope, self.workspace_id), id_of)
        return shown, {"newer": self._with_cursor(around.prev), "older": self._with_cursor(around.next)}

    def _with_cursor(self, cursor: str | None) -> str | None:
        return None if cursor is None else f"?{self.request.url.include_query_params(cursor=cursor).query}"

    def note(self, transaction: Transaction, action: str, subject: str, details: str = "") -> None:
        """Write down that this user did that, in the transaction that does it."""
        note_act(
            transaction,
            action,
            subject,
            workspace_id=self.member.workspace_id if self.member else None,
            actor=self.user.email if self.user else "",
            user_id=self.user.id if self.user else None,
            details=details,
        )

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page of the dashboard, which shows the message that the page before left."""
        told = self.door.read_told(self.request)
        text = self.write(template, tells=told, **values)
        answer = Response(text, status, media_type="text/html; charset=utf-8", headers=page_headers())
        answer.headers["vary"] = "cookie, hx-request"
        if told.message:
            self.door.drop_cookie(answer, "message")
        self.door.keep_form_cookie(self, answer)
        return answer

    def write(self, template: str, **values: Any) -> str:
        """The text of a page or of a part of one. Templates get `visit`, `at`, and the functions of `words`."""
        return write_in(
            "en",
            f"dashboard/{template}",
            visit=self,
            at=self.at,
            ago=lambda at: words.ago(at, self.at),
            clock=lambda at: words.clock(at, self.at, self.time_zone),
            exact=lambda at: words.exact(at, self.time_zone),
            day_words=words.day_words,
            **values,
        )

    def again(self, template: str, refusal: Refusal, **values: Any) -> Response:
        """The form again with what was typed, and what is wrong with it beside each field."""
        problems = dict(refusal.details) or {"": refusal.message}
        return self.page(template, status=refusal.status, problems=problems, **values)

    def undo_of(self, path: str, removed: Any) -> Undo | None:
        """The offer to bring back what is removed now; None for what is too large to be handed on to the next page.

        It is for this user and workspace alone. `removed` comes back from `read_undo` at the path.
        """
        kept = encode((self.at + _UNDO_MS, self.me.id, self.workspace_id, removed)).decode()
        return Undo(path, kept) if len(kept.encode()) <= _MOST_TO_UNDO else None

    def read_undo(self, kind: type[Removed]) -> Removed:
        """What shall be brought back; refuses (409) what was removed too long ago, by somebody else or elsewhere."""
        opened = self.door.seal.open(self.text("undo"), f"undo {self.request.url.path}")
        if opened is not None:
            until, user_id, workspace_id, removed = decode(opened, type=tuple[Moment, str, str, kind])  # type: ignore[valid-type]  # known when it runs
            if self.at <= until and (user_id, workspace_id) == (self.me.id, self.workspace_id):
                return removed
        raise Refusal("conflict", "It can't be undone any more: that is possible for ten minutes")

    def go(
        self, path: str, message: str = "", undo: Undo | None = None, *, refused: bool = False
    ) -> Response:
        """To another page of the dashboard, which shows the message once. For htmx as its own header.

        `refused`: the message says why nothing was done, and looks like it.
        """
        headers = {"hx-redirect": path} if "hx-request" in self.request.headers else {}
        answer: Response = (
            Response(status_code=204, headers=headers) if headers else RedirectResponse(path, 303)
        )
        answer.headers["cache-control"] = "no-store"
        if message:
            told = encode(Told(message, undo, refused)).decode()
            self.door.set_cookie(answer, "message", self.door.seal.close(told, "message"), _MESSAGE_SECONDS)
        return answer


class Door:
    """Makes routes of views. `cursors` are those of lists."""

    def __init__(self, database: Database, settings: Settings, secret_key: str, cursors: Cursors) -> None:
        self.cursors = cursors
        self.seal = Seal(secret_key, "dashboard")
        self._database = database
        self._days = settings.session_days
        self._openid = settings.openid_name if settings.openid_issuer else ""
        self._key = sha256(b"csrf:" + secret_key.encode()).digest()
        self._origin = settings.public_url
        self._secure = settings.public_url.startswith("https:")

    def routes(self, views: Sequence[View]) -> list[Route]:
        """One route for each path, which answers to the methods that its views have."""
        by_path: dict[str, dict[str, View]] = {}
        for view in views:
            by_path.setdefault(view.path, {})[view.method] = view
        return [
            Route(ROOT + path, self._endpoint(methods), methods=list(methods))
            for path, methods in by_path.items()
        ]

    def _endpoint(self, views: Mapping[str, View]) -> Callable[[Request], Awaitable[Response]]:
        async def enter(request: Request) -> Response:
            if any("\x00" in str(part) for part in request.path_params.values()):
                raise HTTPException(404)  # no database keeps it, so nothing is there
            # Starlette answers HEAD where there is GET.
            view = views["GET" if request.method == "HEAD" else request.method]
            request.scope["endpoint"] = (
                ROOT + view.path
            )  # for metric and log line: the pattern, never a secret in it
            visit = await self._meet(request)
            try:
                refused = await self._check(view, visit)
                return refused or await view.act(visit)
            except Refusal as refusal:
                return _show_refusal(visit, refusal)
            finally:
                await visit.form.close()  # uploads may be files

        return enter

    async def _meet(self, request: Request) -> Visit:
        """Who it is, if it is anybody; a session's latest request is noted every few minutes."""
        secret = request.cookies.get(self.cookie("session"), "")
        workspace_id = request.path_params.get("workspace_id", "")

        def ask(transaction: Transaction) -> Visit | None:
            session = find_session(transaction, digest_secret(secret))
            user = find_user(transaction, id=session.user_id) if session else None
            if session is None or user is None:
                return None
            memberships = list_memberships(transaction, user.id)
            return Visit(
                request,
                self,
                transaction.at,
                self._csrf_of(secret),
                secret,
                user=user,
                session=session,
                memberships=memberships,
                member=next((one for one in memberships if one.workspace_id == workspace_id), None),
                time_zone=time_zone_of(transaction, workspace_id),
            )

        visit = await self._database.read(ask) if secret else None
        if visit is None:
            form_secret = request.cookies.get(self.cookie("form")) or make_secret()
            return Visit(request, self, now(), self._csrf_of(form_secret), form_secret)
        if visit.session and is_due_to_be_seen(visit.session, visit.at):
            digest = visit.session.digest
            await self._database.write(lambda transaction: note_seen(transaction, digest, self._days))
        return visit

    async def _check(self, view: View, visit: Visit) -> Response | None:
        if visit.request.method == "POST":
            visit.form = await _read_form(visit.request, view.upload_bytes)
        if view.needs != "anyone" and visit.user is None:
            return self._ask_to_sign_in(visit)
        if visit.request.method == "POST" and not self._is_own_form(visit):
            return self._refuse_form(visit)
        if view.needs in ("anyone", "user"):
            return None
        if visit.member is None:
            raise Refusal("not_found")
        if not may(visit.member.role, view.needs):  # type: ignore[arg-type]  # the two others were dealt with
            raise Refusal("forbidden", f"This is for those who are {view.needs} here; ask an owner")
        return None

    def inside(self, visit: Visit, user: User, secret: str) -> Visit:
        """The same request as one of the session that has just begun."""
        return replace(visit, user=user, csrf=self._csrf_of(secret), cookie_secret=secret)

    def _is_own_form(self, visit: Visit) -> bool:
        if not self._comes_from_here(visit.request.headers):
            return False
        given = visit.text("csrf") or visit.request.headers.get("x-csrf-token", "")
        return hmac.compare_digest(given.encode(), visit.csrf.encode())

    def _comes_from_here(self, headers: Mapping[str, str], *, surely: bool = False) -> bool:
        """Whether no other site made the request, as far as the browser tells; `surely`: it must have told."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        is_own = origin is not None and (
            urlsplit(origin).netloc == headers.get("host") or origin == self._origin
        )
        if surely:
            return is_own and site in ("same-origin", None)
        return (origin is None or is_own) and site in ("same-origin", "none", None)

    def _refuse_form(self, visit: Visit) -> Response:
        """Somebody who has signed in anew since the page was loaded may send what was typed once more."""
        of_here = visit.user is not None and self._comes_from_here(visit.request.headers, surely=True)
        if not of_here or visit.is_part or not visit.form:
            raise Refusal("forbidden", "This form is too old or comes from another site; load its page again")
        # The sign-in page hands on what was typed elsewhere; whoever has signed in in another tab goes on with that.
        kept = self.read_kept(visit.text("pending"))
        path, fields = kept or (visit.request.url.path, self._typed(visit))
        return visit.page("resume.html", status=403, path=path, fields=fields)

    def _typed(self, visit: Visit) -> list[tuple[str, str]]:
        given = visit.form.multi_items()
        return [(name, value) for name, value in given if isinstance(value, str) and name != "csrf"]

    def _ask_to_sign_in(self, visit: Visit) -> Response:
        path = visit.request.url.path
        if visit.is_part:
            # No redirect: what is being typed on the page would be lost.
            words = "You are signed out. What you have typed stays here: sign in in another tab, then go on."
            return Response(words, 401, headers={"cache-control": "no-store"}, media_type="text/plain")
        if visit.request.method != "POST":
            query = visit.request.url.query
            return visit.go(f"{SIGN_IN}?next={quote(f'{path}?{query}' if query else path)}")
        return visit.page("sign_in.html", status=401, **self.sign_in_values(visit, pending=self._keep(visit)))

    def sign_in_values(self, visit: Visit, **values: Any) -> dict[str, Any]:
        """What the sign-in page shows, where it isn't said."""
        return {"problems": {}, "next_path": "", "pending": "", "openid": self._openid, **values}

    def _keep(self, visit: Visit) -> str:
        """What was typed into a form whose session had ended, sealed for the sign-in page to hand on."""
        kept = encode((visit.request.url.path, self._typed(visit))).decode()
        return self.seal.close(kept) if len(kept) <= _MOST_KEPT else ""

    def read_kept(self, pending: str) -> tuple[str, list[tuple[str, str]]] | None:
        """The path and the fields of such a form."""
        kept = self.seal.open(pending) if pending else None
        return decode(kept, type=tuple[str, list[tuple[str, str]]]) if kept else None

    def cookie(self, name: str) -> str:
        """The cookie's whole name. All are for the dashboard alone; visitors of public pages never get one."""
        return f"{'__Secure-' if self._secure else ''}credtrail_{name}"

    def set_cookie(self, answer: Response, name: str, value: str, seconds: int | None) -> None:
        """Set one; without `seconds` until the browser is closed."""
        answer.set_cookie(
            self.cookie(name),
            value,
            max_age=seconds,
            path=ROOT,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def drop_cookie(self, answer: Response, name: str) -> None:
        """Have the browser forget one. With the attributes it was set with: browsers take nothing by a `__Secure-` name
        that isn't secure, not even its end."""
        answer.delete_cookie(self.cookie(name), path=ROOT, secure=self._secure, httponly=True, samesite="lax")

    def keep_form_cookie(self, visit: Visit, answer: Response) -> None:
        """Forms of those who aren't signed in are bound to a cookie too, so that nobody is signed in by another site."""
        if visit.user is None and self.cookie("form") not in visit.request.cookies:
            self.set_cookie(answer, "form", visit.cookie_secret, None)

    def read_told(self, request: Request) -> Told:
        """What the page before wanted to be said here; its offer to undo is sealed for the form that takes it."""
        opened = self.seal.open(request.cookies.get(self.cookie("message"), ""), "message")
        told = decode(opened, type=Told) if opened else Told()
        if told.undo is None:
            return told
        kept = self.seal.close(told.undo.kept, f"undo {told.undo.path}")
        return told._replace(undo=told.undo._replace(kept=kept))

    def _csrf_of(self, secret: str) -> str:
        return hmac.new(self._key, secret.encode(), "sha256").hexdigest()


def _show_refusal(visit: Visit, refusal: Refusal) -> Response:
    """A refusal that the view had no form for."""
    if visit.is_part:
        answer = Response(refusal.message, refusal.status, media_type="text/plain")
    else:
        answer = visit.page("refused.html", status=refusal.status, refusal=refusal)
    answer.headers.update(dict(refusal.headers))
    return answer


async def _read_form(request: Request, limit_bytes: int) -> FormData:
    """Browsers say how long a form is; what doesn't, or is too long, is refused before it is read."""
    length = request.headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()) or int(length) > limit_bytes:
        raise Refusal("body_too_large", f"A form must have at most {limit_bytes // 1_048_576} MB here")
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return FormData()
    return await request.form(max_files=10, max_fields=2_000, max_part_size=limit_bytes)
