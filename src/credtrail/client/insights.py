"""What interactions say: the answers of /v1/insights, and how they are asked. All of it is ours.

Every number is defined in docs/metrics.md, under the name that it has here in camelCase.
"""

from datetime import date
from typing import Any, Generic, Literal, TypedDict, TypeVar, Unpack

from msgspec import Struct, field

from credtrail.client.call import Call, check
from credtrail.client.drive import Driver, Part, asks
from credtrail.client.model import Answer
from credtrail.values import Actor, EventType

N = TypeVar("N")

Bucket = Literal["hour", "day", "week", "month"]


class Days(Struct, rename={"first": "from", "last": "to"}):
    """Calendar days in the workspace's time zone, both included."""

    first: date
    last: date


class Figure(Struct, Generic[N]):
    """A number of the period, and of the period before; None where there was nothing to divide by."""

    value: N
    before: N


class InteractionFigure(Answer):
    """How many interactions of a type by an actor."""

    event_type: str
    triggered_by: str
    value: int
    before: int


class PageActionFigure(Answer):
    """How often people did what pages offer beyond the event types."""

    action: str
    triggered_by: str
    value: int
    before: int


class SetAsideFigure(Answer):
    """How much of what pages sent was set aside for a reason."""

    reason: str
    value: int
    before: int


class Summary(Answer):
    """The numbers of a period beside those of the period before."""

    period: Days
    period_before: Days
    time_zone: str
    issued_credentials: Figure[int]
    opened_credentials: Figure[int]
    shared_credentials: Figure[int]
    guest_viewed_credentials: Figure[int]
    guest_verified_credentials: Figure[int]
    open_rate: Figure[float | None]
    share_rate: Figure[float | None]
    median_seconds_to_open: Figure[int | None]
    median_seconds_to_share: Figure[int | None]
    recipient_views: Figure[int]
    shares: Figure[int]
    guest_views: Figure[int]
    guest_verifications: Figure[int]
    views_per_share: Figure[float | None]
    interactions: list[InteractionFigure]
    page_actions: list[PageActionFigure]
    set_aside: list[SetAsideFigure]


class Series(Answer):
    """Interactions of one type by one actor; `counts` has one for each of the columns."""

    event_type: str
    triggered_by: str
    total: int
    counts: list[int]


class Timeseries(Answer):
    """Columns by their `starts` (days; for hours, moments with their offset), and the series over them."""

    period: Days
    time_zone: str
    bucket: str
    starts: list[str]
    series: list[Series]


class Step(Answer):
    """A step of the funnel; `count` passed it and every step above, `reached` did it at all."""

    step: str
    count: int
    count_before: int
    rate: float | None
    reached: int


class Funnel(Answer):
    """The steps, widest first."""

    period: Days
    period_before: Days
    time_zone: str
    data: list[Step]


class Channel(Answer):
    """A channel: how often in the period, and by how many of the credentials issued in it."""

    event_type: str
    count: int
    count_before: int
    credentials: int


class Channels(Answer):
    """All channels, the most used first; and what pages offer beyond them."""

    period: Days
    period_before: Days
    time_zone: str
    data: list[Channel]
    page_actions: list[PageActionFigure]


class RankedCredential(Answer):
    """What became of a credential."""

    credential_id: str
    recipient_name: str
    group_id: str
    group_name: str
    issue_date: date
    guest_views: int
    shares: int
    guest_verifications: int


class RankedGroup(Answer):
    """What became of the credentials that a group issued."""

    group_id: str
    name: str
    issued: int
    opened: int
    shared: int
    guest_views: int
    shares: int
    guest_verifications: int


class Ranking(Answer):
    """The best credentials and groups of the period, best first."""

    period: Days
    time_zone: str
    data: list[RankedCredential] = field(default_factory=list)
    groups: list[RankedGroup] = field(default_factory=list)


class PeriodFilters(TypedDict, total=False):
    """Days in the workspace's time zone, both included (else the last thirty), and whose credentials."""

    day_from: date | str
    day_to: date | str
    group_id: str
    design_id: str


class Insights(Part[Driver]):
    """What interactions say: /v1/insights."""

    @asks
    def summary(self, **filters: Unpack[PeriodFilters]) -> Call[Summary]:
        """The numbers of a period beside those of the period before."""
        return Call("GET", "/insights/summary", Summary, _query(filters))

    @asks
    def timeseries(
        self,
        *,
        bucket: Bucket = "day",
        event_type: EventType | list[EventType] | None = None,
        triggered_by: Actor | None = None,
        **filters: Unpack[PeriodFilters],
    ) -> Call[Timeseries]:
        """Interactions over time, by type and actor."""
        more = {"bucket": bucket, "event_type": event_type, "triggered_by": triggered_by}
        return Call("GET", "/insights/timeseries", Timeseries, _query(filters) | more)

    @asks
    def funnel(self, **filters: Unpack[PeriodFilters]) -> Call[Funnel]:
        """From issued to verified."""
        return Call("GET", "/insights/funnel", Funnel, _query(filters))

    @asks
    def channels(
        self, *, triggered_by: Actor | None = None, **filters: Unpack[PeriodFilters]
    ) -> Call[Channels]:
        """Channels side by side."""
        return Call("GET", "/insights/channels", Channels, _query(filters) | {"triggered_by": triggered_by})

    @asks
    def credentials(
        self,
        *,
        sort: Literal["guestViews", "shares", "guestVerifications"] = "guestViews",
        limit: int = 20,
        **filters: Unpack[PeriodFilters],
    ) -> Call[Ranking]:
        """The best credentials and groups."""
        return Call("GET", "/insights/credentials", Ranking, _query(filters) | {"sort": sort, "limit": limit})


def _query(filters: PeriodFilters) -> dict[str, Any]:
    names = {"day_from": "from", "day_to": "to"}
    return {names.get(name, name): value for name, value in check(PeriodFilters, filters).items()}
