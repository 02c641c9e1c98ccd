"""`/verify`: anybody presents a credential and learns, item by item, what holds, what doesn't, what wasn't checked.

Wired by `app`. What is presented is not kept, logged or counted. Only of a credential that was issued here, and whose
proof holds, the page gets a token to report that a person verified it; `reports.py` judges that as it does every report.
"""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct
from msgspec.json import encode
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from credtrail.badges.acts import KeyLostError
from credtrail.badges.desk import Desk, Fetch
from credtrail.badges.presented import Format, UnreadableError, read_presented
from credtrail.badges.verify import Check, Item, Outcome, Verdict, Verification, issuer_id, verify
from credtrail.badges.verify import Reason as CheckReason
from credtrail.credentials.links import page_address
from credtrail.errors import Refusal, invalid, unavailable
from credtrail.pages.posted import MOST_BYTES, SENTENCES, Posted, Problem, ProblemError, is_form, read_posted
from credtrail.pages.token import PageTokens, Visit
from credtrail.recipients.showing import Showing, Shown, Visitor
from credtrail.values import Moment, now, parse_moment, present_moment
from credtrail.web.egress import Fetcher
from credtrail.web.html import page_headers, render
from credtrail.web.limits import NetworkLimit
from credtrail.web.prefer import prefer

T = TypeVar("T")

PAGE = "/verify"
"""The name in the page's token: no public id begins with a slash."""

_AT_ONCE = 2
"""To verify is work for a processor; more at once would only keep others waiting."""
_WAIT_SECONDS = 20
_ASK_SECONDS = 10
"""For all that is asked of other sites for one verification; what hasn't come by then stays unchecked."""

_ADDRESS = re.compile(rb"https?://[^\s<>\"{}|^`\\]{1,2000}", re.ASCII)
_PUBLIC_ID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PATH = re.compile(r"/credentials/([^/]{1,100}?)(?:\.(?:json|jwt|png|svg)|/.*)?/?")


class CheckAnswer(Struct, rename="camel"):
    """One item; `about`: the address, DID, moment or name that it is about, or null."""

    item: Item
    outcome: Outcome
    reason: CheckReason
    about: str | None


class CredentialSaid(Struct, rename="camel"):
    """What the credential says of itself: no more than its word, unless it is verified."""

    id: str | None
    name: str | None
    issuer_id: str | None
    issuer_name: str | None
    valid_from: str | None
    valid_until: str | None


class VerificationAnswer(Struct, rename="camel"):
    """A verification for programs. `page`: where its page is on this server, if everybody may see it."""

    verdict: Verdict
    checked_at: str
    container: str
    format: Format
    credential: CredentialSaid
    page: str | None
    checks: list[CheckAnswer]


class _Found(NamedTuple):
    """What was found out; `own` is the credential as this server has it, `is_open` whether everybody may see its page."""

    verification: Verification
    at: Moment
    own: Shown | None
    is_open: bool


class VerifyPage:
    """The page, and its answer for programs. `fetcher` asks other issuers, where the operator allows it."""

    def __init__(
        self,
        desk: Desk,
        showing: Showing,
        tokens: PageTokens,
        limit: NetworkLimit,
        public_url: str,
        fetcher: Fetcher | None,
    ) -> None:
        self._desk = desk
        self._showing = showing
        self._tokens = tokens
        self._limit = limit
        self._public_url = public_url
        self._fetcher = fetcher
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def show(self, request: Request) -> Response:
        """The form; `?credential=` fills in an address or an id, and runs nothing."""
        given = request.query_params.get("credential", "")[:300]
        return self._page(request, Posted(given.encode("utf-8", "replace")))

    async def take(self, request: Request) -> Response:
        """Verify what was posted: a page, a part of one for its script, JSON for programs."""
        try:
            if not self._limit.take(request.client.host if request.client else None):
                raise Refusal("rate_limited", headers=(("retry-after", "60"),))
            posted = await read_posted(request)
        except Refusal as refusal:
            return self._refuse(request, refusal)
        try:
            found = await self._verify(posted)
        except ProblemError as problem:
            return self._tell(request, posted, problem.problem)
        except Refusal as refusal:
            return self._refuse(request, refusal)
        if _wants_json(request):
            return Response(
                encode(self._present(found)), media_type="application/json", headers=page_headers()
            )
        return self._page(request, posted, found)

    def close(self) -> None:
        """Ask nobody any more."""
        if self._fetcher is not None:
            self._fetcher.close()

    async def _verify(self, posted: Posted) -> _Found:
        content = posted.content.strip()
        if not content:
            raise ProblemError("nothing_given")
        if _ADDRESS.fullmatch(content) or _PUBLIC_ID.fullmatch(content):
            content = await self._sign_shown(content.decode())
        at = now()
        try:
            presented = await self._work(partial(read_presented, content))
        except UnreadableError as unreadable:
            raise ProblemError(unreadable.reason) from None
        known = await self._desk.find_known(presented, self._fetch_until(_ASK_SECONDS))
        judge = partial(verify, presented, known, at, recipient=posted.recipient)
        verification = await self._work(judge)
        own = await self._find_own(verification)
        is_open = own is not None and self._showing.access.may_be_seen(own.view, own.at)
        return _Found(verification, at, own, is_open)

    async def _work(self, work: Callable[[], T]) -> T:
        """In a thread, as soon as there is room; refuses (503) who would have to wait too long."""
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._room.acquire()
        except TimeoutError:
            raise unavailable(60) from None
        try:
            return await asyncio.to_thread(work)
        finally:
            self._room.release()

    def _fetch_until(self, seconds: float) -> Fetch | None:
        """Asks other sites as long as time is left, all of them together."""
        fetcher, loop = self._fetcher, asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        if fetcher is None:
            return None

        async def fetch(address: str) -> bytes | None:
            if loop.time() >= ends_at:
                return None
            try:
                async with asyncio.timeout_at(ends_at):
                    return await fetcher.get(address)
            except TimeoutError:
                return None

        return fetch

    async def _sign_shown(self, given: str) -> bytes:
        """The signed credential at an address of ours, if whoever has the address may see it."""
        try:
            address = urlsplit(given)
        except ValueError:
            raise ProblemError("unknown_address") from None
        if not address.netloc:
            public_id, key = given.lower(), ""
        else:
            path = _PATH.fullmatch(unquote(address.path))
            public_id, key = path[1] if path else "", parse_qs(address.query).get("access", [""])[-1]
        shown = await self._showing.find(public_id, Visitor(key)) if public_id else None
        homes = [self._public_url] if shown is None else [self._public_url, shown.view.home(self._public_url)]
        if address.netloc and address.netloc.lower() not in [urlsplit(home).netloc.lower() for home in homes]:
            raise ProblemError("other_site")
        if shown is None:
            raise ProblemError("unknown_address")
        try:
            return (await self._desk.sign(shown.view)).json
        except KeyLostError:
            raise ProblemError("unsigned") from None

    async def _find_own(self, verification: Verification) -> Shown | None:
        """The credential as this server has it, where the proof holds and the issuer is one of ours."""
        if any(
            verification.of(item).outcome != "passed"
            for item in ("structure", "signature", "issuer_key", "issuer")
        ):
            return None
        address = verification.presented.credential.get("id")
        _, begin, public_id = (
            address.rpartition("/credentials/") if isinstance(address, str) else ("", "", "")
        )
        own = await self._showing.find_any(unquote(public_id)) if begin else None
        if own is None:
            return None
        homes = (self._public_url, own.view.home(self._public_url))
        return (
            own if address in [page_address(home, own.view.credential.public_id) for home in homes] else None
        )

    def _present(self, found: _Found) -> VerificationAnswer:
        verification = found.verification
        return VerificationAnswer(
            verification.verdict,
            present_moment(found.at),
            verification.presented.container,
            verification.presented.format,
            _said(verification),
            self._page_of(found),
            [CheckAnswer(*check[:3], check.about or None) for check in verification.checks],
        )

    def _page_of(self, found: _Found) -> str | None:
        if found.own is None or not found.is_open:
            return None
        view = found.own.view
        return page_address(view.home(self._public_url), view.credential.public_id)

    def _page(
        self,
        request: Request,
        posted: Posted,
        found: _Found | None = None,
        problem: Problem | Refusal | None = None,
        status: int = 200,
    ) -> Response:
        """The form with what was found, or what is wrong; for the page's script that alone."""
        part = request.headers.get("x-requested-with") == "credtrail"
        text = posted.content.decode("utf-8", "replace") if len(posted.content) <= _MOST_SHOWN else ""
        return render(
            request,
            "pages/verify_part.html" if part else "pages/verify.html",
            status=status,
            found=found and _describe(found),
            page=found and self._page_of(found),
            report=found and self._report_of(found, posted.token),
            problem=problem if isinstance(problem, str) else problem.code if problem else None,
            too_large=isinstance(problem, Refusal) and problem.kind == "body_too_large",
            most_mb=MOST_BYTES // 1_048_576,
            most_bytes=MOST_BYTES,
            host=urlsplit(self._public_url).netloc,
            public_url=self._public_url,
            asks_others=self._fetcher is not None,
            typed="" if "\x00" in text or "\ufffd" in text else text,
            recipient=posted.recipient or "",
            token="" if part else self._tokens.make(PAGE, now()),
        )

    def _report_of(self, found: _Found, token: str) -> tuple[str, str] | None:
        """Of which credential the page may report that it was verified, and by which token: the page's own visit."""
        visit = self._tokens.read(token, PAGE, found.at)
        if found.own is None or found.verification.verdict == "failed" or not isinstance(visit, Visit):
            return None
        public_id = found.own.view.credential.public_id
        return public_id, self._tokens.bind(visit, public_id)

    def _tell(self, request: Request, posted: Posted, problem: Problem) -> Response:
        if not _wants_json(request):
            return self._page(request, posted, problem=problem, status=400)
        refusal = invalid("credential", SENTENCES[problem])
        return self._refuse(request, refusal)

    def _refuse(self, request: Request, refusal: Refusal) -> Response:
        if _wants_json(request):
            headers = {**page_headers(), **dict(refusal.headers)}
            return JSONResponse(refusal.envelope(), refusal.status, headers)
        answer = self._page(request, Posted(b""), problem=refusal, status=refusal.status)
        answer.headers.update(dict(refusal.headers))
        return answer


_MOST_SHOWN = 65_536


def _wants_json(request: Request) -> bool:
    offered = ("text/html", "application/json") if is_form(request) else ("application/json", "text/html")
    return prefer(request, offered) == "application/json"


def _describe(found: _Found) -> dict[str, object]:
    """What the page shows."""
    verification = found.verification
    return {
        "verdict": verification.verdict,
        "is_suspended": verification.of("status").reason == "suspended",
        "is_stranger": verification.verdict == "failed" and _holds(verification),
        "is_known": _holds(verification) and verification.of("issuer").outcome == "passed",
        "at": found.at,
        "said": _said(verification),
        "checks": [(check, _tone(check), _moment(check.about)) for check in verification.checks],
    }


def _holds(verification: Verification) -> bool:
    """Whether the proof holds, whatever else fails."""
    proof: tuple[Item, ...] = ("structure", "signature", "issuer_key")
    return all(verification.of(item).outcome == "passed" for item in proof)


_NOT_ASKED = frozenset({"not_asked", "no_status", "no_domain", "no_identity", "other_domain"})
"""What wasn't checked since there was nothing to check, or nobody wanted it."""


def _tone(check: Check) -> str:
    if check.outcome == "passed":
        return "good"
    if check.outcome == "failed":
        return "doubtful" if check.item == "dates" else "bad"
    return "quiet" if check.reason in _NOT_ASKED else "doubtful"


def _said(verification: Verification) -> CredentialSaid:
    credential = verification.presented.credential
    subject = credential.get("credentialSubject")
    achievement = subject.get("achievement") if isinstance(subject, dict) else None
    issuer = credential.get("issuer")
    return CredentialSaid(
        _text(credential.get("id")),
        _text(achievement.get("name") if isinstance(achievement, dict) else None)
        or _text(credential.get("name")),
        issuer_id(credential) or None,
        _text(issuer.get("name") if isinstance(issuer, dict) else None),
        _text(credential.get("validFrom")),
        _text(credential.get("validUntil")),
    )


def _text(value: object) -> str | None:
    return value[:1_000] if isinstance(value, str) and value.strip() else None


def _moment(text: str) -> Moment | None:
    """None for what is no moment, or one that calendars of other places might not have."""
    try:
        return parse_moment(text) if "1000" < text < "9998" else None
    except (ValueError, OverflowError):
        return None
