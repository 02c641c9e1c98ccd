"""What a credential's page reports, on its way to the recorder. Wired by `app`.

The only way in without an access token. What it sends becomes an interaction, or a page action that is counted,
only after each of the checks in `_judge`; what fails one is kept aside with its reason, never dropped. No address
of a visitor is kept or logged: it is looked at once, for the limit of its network.
"""

from typing import Annotated, NamedTuple

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from credtrail.credentials.links import RecipientLinks
from credtrail.credentials.model import Credential
from credtrail.errors import Refusal
from credtrail.interactions.model import (
    Certainty,
    Reason,
    ReportedType,
)
from credtrail.interactions.record import Entry, Outcome, Recorder, Submission
from credtrail.interactions.visits import SetAside
from credtrail.pages.robots import find_reason
from credtrail.pages.token import PageTokens, Visit
from credtrail.recipients.showing import Showing, Shown, Visitor
from credtrail.values import Actor, Answer, Moment, must
from credtrail.web.gate import read_body
from credtrail.web.limits import NetworkLimit, RateLimit
from credtrail.web.origin import is_same_origin
from credtrail.web.parse import parse_body

_LARGEST_REPORT_BYTES = 4_096

SEEN_MS = 1_000
"""As long a page must have been visible for a view; the tracker waits for it."""

SOONEST_MS = 300
"""Nobody reads a page and clicks within this time of its making, which includes the way to the browser and back."""

CLOCKS_DIFFER_MS = 50
"""Of two servers, one of which made the page and the other takes its report."""

SCANNING_MS = 10 * 60_000
"""As long after our mail most of what opens its link is a scanner of mails, which runs JavaScript but has no hands."""


class Report(Struct, rename="camel"):
    """What the tracker reports. What it leaves out is taken for the worst.

    `automated` is the browser's own word (navigator.webdriver). `visible_ms`: how long the page had been visible
    when it happened. `input`: whether a person's own input (pointer, key, scroll, touch) had come before. `link`: the
    token of a mailed link, where the device has one. `proof`: that the device is the verified owner's. `access`: the
    key in the page's address.
    """

    token: str
    event_type: ReportedType
    triggered_by: Actor
    automated: bool = False
    visible_ms: Annotated[int, must("be a whole number of milliseconds, not negative", ge=0)] = 0
    input: bool = False
    link: str | None = None
    proof: str | None = None
    access: str | None = None


class ReportLimits(NamedTuple):
    """How many reports are counted from one network of visitors, and of one credential."""

    of_networks: NetworkLimit
    of_credentials: RateLimit


class Reports:
    """Takes in what trackers saw; `public_url` is this installation's address, without a trailing slash."""

    def __init__(
        self,
        showing: Showing,
        recorder: Recorder,
        tokens: PageTokens,
        links: RecipientLinks,
        limits: ReportLimits,
        public_url: str,
    ) -> None:
        self._showing = showing
        self._recorder = recorder
        self._tokens = tokens
        self._links = links
        self._limits = limits
        self._public_url = public_url

    async def take_interaction(self, request: Request) -> Response:
        """What the tracker saw: 204 when recorded, 204 with Credtrail-Set-Aside and the reason when not.

        Refuses what isn't a report (400, 413), and credentials without a page that the sender may see (404).
        """
        try:
            answer = await self._take(request)
        except Refusal as refusal:
            return JSONResponse(refusal.envelope(), refusal.status, dict(refusal.headers))
        return Response(answer.body, answer.status, dict(answer.headers))

    async def _take(self, request: Request) -> Answer:
        headers = dict(request.scope["headers"])
        report = parse_body(Report, await read_body(headers, request.receive, _LARGEST_REPORT_BYTES))
        public_id = request.path_params["public_id"]
        visitor = Visitor(report.access or "", report.proof or "")
        shown = await self._showing.find(public_id, visitor) or await self._find_verified(report, public_id)
        if shown is None:
            raise Refusal("not_found")
        credential, at = shown.view.credential, shown.at
        visit = self._tokens.read(report.token, credential.public_id, at)
        entry = Entry(
            credential.id,
            report.event_type,
            report.triggered_by,
            at,
            certainty=self._find_certainty(report, shown),
            visit_id=visit.id if isinstance(visit, Visit) else None,
            reason=self._judge(request, report, visit, credential, at),
        )
        return await self._recorder.record(Submission(None, (entry,), _present))

    async def _find_verified(self, report: Report, public_id: str) -> Shown | None:
        """A credential whose page isn't for the sender, but who has verified it from a file, as the token says."""
        if report.event_type != "credential_verified":
            return None
        shown = await self._showing.find_any(public_id, report.proof or "")
        if shown is None or not isinstance(self._tokens.read(report.token, public_id, shown.at), Visit):
            return None
        return shown

    def _judge(
        self, request: Request, report: Report, visit: Visit | Reason, credential: Credential, at: Moment
    ) -> Reason | None:
        """The first reason to set a report aside, or None for a person's; what the visit has left comes later."""
        if not is_same_origin(request.headers, self._public_url):
            return "wrong_origin"
        if not isinstance(visit, Visit):
            return visit
        return (
            find_reason(request.headers, automated=report.automated)
            or _find_doubt(report, at - visit.began_at, credential.sent_at, at)
            or self._find_excess(request, credential)
        )

    def _find_excess(self, request: Request, credential: Credential) -> Reason | None:
        """Counts what is otherwise a person's; a network that has had its share takes nothing of the credential's."""
        address = request.client.host if request.client else None
        if self._limits.of_networks.take(address) and self._limits.of_credentials.take(credential.id).granted:
            return None
        return "rate_limited"

    def _find_certainty(self, report: Report, shown: Shown) -> Certainty:
        if report.triggered_by == "guest":
            return "page"
        if shown.is_verified:
            return "verified"
        public_id = shown.view.credential.public_id
        return "link" if report.link and self._links.check(report.link, public_id) else "claimed"


def _find_doubt(report: Report, age_ms: int, sent_at: Moment | None, at: Moment) -> Reason | None:
    """Why nobody can have done this: too soon after the page was made, unseen, or without hands."""
    is_view = report.event_type == "credential_viewed"
    if age_ms < (SEEN_MS - CLOCKS_DIFFER_MS if is_view else SOONEST_MS):
        return "impossible_timing"
    if is_view and report.visible_ms < SEEN_MS:
        return "not_visible"
    if not report.input and sent_at is not None and at - sent_at < SCANNING_MS:
        return "unconfirmed"
    return None


def _present(outcomes: list[Outcome]) -> Answer:
    [outcome] = outcomes
    if isinstance(outcome, Refusal):  # deleted between the look-up and the commit
        raise Refusal("not_found")
    if isinstance(outcome, SetAside):
        return Answer(204, b"", (("credtrail-set-aside", outcome.reason),))
    return Answer(204, b"")
