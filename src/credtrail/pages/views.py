"""The public credential page, and what its tracker reports. Wired by `app`.

Showing a page counts nothing: a server can't see who is looking, and robots fetch pages. Only the page's
own POST can become an interaction, and only after each of the checks in `_judge`; what fails one is kept
aside with its reason, never dropped. No cookie is set, no address of a visitor is kept or logged.
"""

from collections.abc import Mapping
from typing import Any
from unicodedata import east_asian_width
from urllib.parse import quote, urlsplit

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from credtrail.credentials.model import has_expired
from credtrail.credentials.store import PublicView, find_public
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal
from credtrail.interactions.model import Actor, EventType
from credtrail.interactions.record import Entry, Outcome, Recorder, Submission
from credtrail.interactions.visits import Reason, SetAside
from credtrail.pages.robots import find_reason
from credtrail.pages.token import PageTokens, Visit
from credtrail.values import Answer, Moment, now
from credtrail.web.gate import read_body
from credtrail.web.html import render
from credtrail.web.parse import parse_body

_LARGEST_REPORT_BYTES = 4_096
_LINKEDIN = "https://www.linkedin.com/sharing/share-offsite/?url="


class Report(Struct, rename="camel"):
    """What the tracker reports. `automated` is the browser's own word (navigator.webdriver)."""

    token: str
    event_type: EventType
    triggered_by: Actor
    automated: bool = False


class Pages:
    """Public pages; `public_url` is this installation's address, without a trailing slash."""

    def __init__(self, database: Database, recorder: Recorder, tokens: PageTokens, public_url: str) -> None:
        self._database = database
        self._recorder = recorder
        self._tokens = tokens
        self._public_url = public_url

    async def show_front(self, _: Request) -> Response:
        """What someone sees who opens the bare address."""
        return render("pages/front.html")

    async def show_missing(self, request: Request, _: Exception) -> Response:
        """404: the same for a draft, a deleted and an unknown credential, and any other address."""
        return render("pages/missing.html", status=404)

    async def show_robots(self, _: Request) -> Response:
        """Credential pages ask not to be indexed by themselves; the JSON API is nothing for robots."""
        return PlainTextResponse("User-agent: *\nDisallow: /v1/\n")

    async def show_credential(self, request: Request) -> Response:
        """The page, with a fresh page token. Counts nothing."""
        view, at = await self._find(request)
        if view is None:
            return render("pages/missing.html", status=404)
        shown = self._describe(view, at)
        return render(
            "pages/credential.html",
            **shown,
            token=self._tokens.make(view.credential.public_id, at),
            title_size=_size(view.group_name),
            name_size=_size(view.credential.recipient_name),
            linkedin_url=f"{_LINKEDIN}{quote(shown['address'], safe='')}",
        )

    async def show_verification(self, request: Request) -> Response:
        """What this server can vouch for at this moment, item by item: a part for the page, or a page of its own."""
        view, at = await self._find(request)
        if view is None:
            return render("pages/missing.html", status=404)
        part = request.headers.get("x-requested-with") == "credtrail"
        return render(
            "pages/verification_part.html" if part else "pages/verification.html",
            **self._describe(view, at),
            host=urlsplit(self._public_url).netloc,
            checked_at=at,
        )

    def _describe(self, view: PublicView, at: Moment) -> dict[str, Any]:
        """What both pages of a credential show. The address is the one to hand on: it never carries the flag."""
        return {
            "view": view,
            "credential": view.credential,
            "address": f"{self._public_url}/credentials/{view.credential.public_id}",
            "expired": has_expired(view.credential.expiry_date, at, view.time_zone),
        }

    async def take_interaction(self, request: Request) -> Response:
        """What the tracker saw: 204 when recorded, 204 with Credtrail-Set-Aside and the reason when not.

        Refuses what isn't a report (400, 413) and credentials without a public page (404).
        """
        try:
            answer = await self._take(request)
        except Refusal as refusal:
            return JSONResponse(refusal.envelope(), refusal.status, dict(refusal.headers))
        return Response(answer.body, answer.status, dict(answer.headers))

    async def _take(self, request: Request) -> Answer:
        headers = dict(request.scope["headers"])
        report = parse_body(Report, await read_body(headers, request.receive, _LARGEST_REPORT_BYTES))
        view, at = await self._find(request)
        if view is None:
            raise Refusal("not_found")
        credential = view.credential
        visit = self._tokens.read(report.token, credential.public_id, at)
        reason = self._judge(request, report, visit)
        entry = Entry(
            credential.id,
            report.event_type,
            report.triggered_by,
            at,
            certainty="claimed",
            visit_id=visit.id if isinstance(visit, Visit) else None,
            reason=reason,
        )
        return await self._recorder.record(Submission(None, (entry,), _present))

    def _judge(self, request: Request, report: Report, visit: Visit | Reason) -> Reason | None:
        """The first reason to set a report aside, or None for a person's."""
        if not _is_same_origin(request.headers, self._public_url):
            return "wrong_origin"
        if not isinstance(visit, Visit):
            return visit
        return find_reason(request.headers, automated=report.automated)

    async def _find(self, request: Request) -> tuple[PublicView | None, Moment]:
        public_id = request.path_params["public_id"]

        def ask(transaction: Transaction) -> tuple[PublicView | None, Moment]:
            return find_public(transaction, public_id), transaction.at

        if "\x00" in public_id:
            return None, now()
        return await self._database.read(ask)


def _size(text: str) -> str:
    """How much room a name needs on the certificate, so that long ones are set smaller; wide characters count twice."""
    width = sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
    return "short" if width <= 30 else "long" if width <= 70 else "very-long"


def _is_same_origin(headers: Mapping[str, str], public_url: str) -> bool:
    """Whether a page of this very site sent it: Sec-Fetch-Site where the browser tells, and Origin."""
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = urlsplit(headers.get("origin", "")).netloc
    return origin != "" and origin in (headers.get("host", ""), urlsplit(public_url).netloc)


def _present(outcomes: list[Outcome]) -> Answer:
    [outcome] = outcomes
    if isinstance(outcome, Refusal):  # deleted between the look-up and the commit
        raise Refusal("not_found")
    if isinstance(outcome, SetAside):
        return Answer(204, b"", (("credtrail-set-aside", outcome.reason),))
    return Answer(204, b"")
