"""What a credential's page reports, on its way to the recorder. Wired by `app`.

The only way in without an access token. What it sends becomes an interaction only after each of the checks in
`_judge`; what fails one is kept aside with its reason, never dropped. No address of a visitor is kept or logged.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

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
from credtrail.web.parse import parse_body

_LARGEST_REPORT_BYTES = 4_096


class Report(Struct, rename="camel"):
    """What the tracker reports. `automated` is the browser's own word (navigator.webdriver)."""

    token: str
    event_type: EventType
    triggered_by: Actor
    automated: bool = False


class Reports:
    """Takes in what trackers saw; `public_url` is this installation's address, without a trailing slash."""

    def __init__(self, database: Database, recorder: Recorder, tokens: PageTokens, public_url: str) -> None:
        self._database = database
        self._recorder = recorder
        self._tokens = tokens
        self._public_url = public_url

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
