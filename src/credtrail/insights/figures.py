"""What insights answer, as values; the wire shows them as they are. Pure.

Every figure has its definition in `definitions.py`, under the name that it has on the wire.
"""

from msgspec import Struct

from credtrail.insights.model import Bucket, Period
from credtrail.interactions.model import PageAction, Reason
from credtrail.values import Actor, EventType


class Days(Struct, rename={"first": "from", "last": "to"}):
    """Calendar days, both included."""

    first: str
    last: str


class Figure(Struct):
    """A count, of the period and of the period before."""

    value: int
    before: int


class Rate(Struct):
    """A quotient, of the period and of the period before; null where there is nothing to divide by."""

    value: float | None
    before: float | None


class Span(Struct):
    """Seconds, of the period and of the period before; null where there is nothing to take a median of."""

    value: int | None
    before: int | None


class InteractionFigure(Struct, rename="camel"):
    """How many interactions of a type by an actor."""

    event_type: EventType
    triggered_by: Actor
    value: int
    before: int


class PageActionFigure(Struct, rename="camel"):
    """How often people did what pages offer beyond the event types."""

    action: PageAction
    triggered_by: Actor
    value: int
    before: int


class SetAsideFigure(Struct):
    """How much of what pages sent was set aside for a reason."""

    reason: Reason
    value: int
    before: int


class Summary(Struct, rename="camel"):
    """The numbers of a period beside those of the period before."""

    period: Days
    period_before: Days
    time_zone: str
    issued_credentials: Figure
    opened_credentials: Figure
    shared_credentials: Figure
    guest_viewed_credentials: Figure
    guest_verified_credentials: Figure
    open_rate: Rate
    share_rate: Rate
    median_seconds_to_open: Span
    median_seconds_to_share: Span
    recipient_views: Figure
    shares: Figure
    guest_views: Figure
    guest_verifications: Figure
    views_per_share: Rate
    interactions: list[InteractionFigure]
    page_actions: list[PageActionFigure]
    set_aside: list[SetAsideFigure]


class Series(Struct, rename="camel"):
    """Interactions of one type by one actor, column by column."""

    event_type: EventType
    triggered_by: Actor
    total: int
    counts: list[int]


class Timeseries(Struct, rename="camel"):
    """Columns, and the series over them; a series that would be all zeros is left out."""

    period: Days
    time_zone: str
    bucket: Bucket
    starts: list[str]
    series: list[Series]


class Step(Struct, rename="camel"):
    """A step of the funnel: how many credentials passed it and all steps above, and how many did it at all."""

    step: str
    count: int
    count_before: int
    rate: float | None
    reached: int


class Funnel(Struct, rename="camel"):
    """The steps, widest first; each is a subset of the one above."""

    period: Days
    period_before: Days
    time_zone: str
    data: list[Step]


class Channel(Struct, rename="camel"):
    """A way on which credentials are passed on: how often in the period, and by how many of its credentials."""

    event_type: EventType
    count: int
    count_before: int
    credentials: int


class Channels(Struct, rename="camel"):
    """All channels, the most used first, those never used too; and what pages offer beyond them."""

    period: Days
    period_before: Days
    time_zone: str
    data: list[Channel]
    page_actions: list[PageActionFigure]


class RankedGroup(Struct, rename="camel"):
    """What became of the credentials that a group issued in the period."""

    group_id: str
    name: str
    issued: int
    opened: int
    shared: int
    guest_views: int
    shares: int
    guest_verifications: int


class RankedCredential(Struct, rename="camel"):
    """What became of a credential that was issued in the period."""

    credential_id: str
    recipient_name: str
    group_id: str
    group_name: str
    issue_date: str
    guest_views: int
    shares: int
    guest_verifications: int


class Ranking(Struct, rename="camel"):
    """The best of the period, best first."""

    period: Days
    time_zone: str
    data: list[RankedCredential]
    groups: list[RankedGroup]


class SetAside(Struct):
    """What was set aside, by reason and by day, beside what was recorded. Shown by the dashboard alone."""

    period: Days
    period_before: Days
    reasons: list[SetAsideFigure]
    days: list[str]
    counts: list[int]
    recorded: Figure


def days_of(period: Period) -> Days:
    """A period as it is shown."""
    return Days(period.first_day.isoformat(), period.last_day.isoformat())


def divide_counts(count: int, by: int) -> float | None:
    """A quotient with four digits after the point; None where there is nothing to divide by."""
    return round(count / by, 4) if by else None
