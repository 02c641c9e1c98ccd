"""What insights can be asked, one function for each question; both faces ask here, so that they say the same.

The period before is as many days, just before. Sums of it are compared whole; what became of its credentials is
taken as it stood as long ago as the two periods lie apart, so that both had the same time to be opened and shared.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, NamedTuple, TypeVar

from credtrail.accounts.store import time_zone_of
from credtrail.credentials.store import find_credentials
from credtrail.database import Transaction
from credtrail.designs.store import find_designs
from credtrail.errors import invalid
from credtrail.groups.store import find_groups, find_groups_by_design
from credtrail.insights import store
from credtrail.insights.cohort_store import (
    Order,
    count_by_acts,
    find_cohort,
    find_steps,
    rank_credentials,
    rank_groups,
)
from credtrail.insights.figures import (
    Channel,
    Channels,
    Figure,
    Funnel,
    InteractionFigure,
    PageActionFigure,
    RankedCredential,
    RankedGroup,
    Ranking,
    Rate,
    Series,
    SetAside,
    SetAsideFigure,
    Span,
    Step,
    Summary,
    Timeseries,
    days_of,
    divide_counts,
)
from credtrail.insights.model import MOST_BUCKETS, Bucket, Part, Period, divide, read_period
from credtrail.insights.store import Both, DaysOfBoth, Scope
from credtrail.interactions.counts import SHARES, bit_of
from credtrail.values import EVENT_TYPES, day_of

STEPS = ("issued", "opened", "shared", "guestViewed", "guestVerified")
CHANNELS = (*SHARES, "credential_link_copied")

_VIEWED = ("credential_viewed",)

T = TypeVar("T")


class Question(NamedTuple):
    """What is asked about: which days, and which groups of which workspace."""

    period: Period
    scope: Scope


def read_question(
    transaction: Transaction,
    workspace_id: str,
    first: str | None,
    last: str | None,
    group_id: str | None,
    design_id: str | None,
) -> Question:
    """What was asked for, in the workspace's time zone; the last thirty days where nothing is said.

    A design stands for the groups that have it now. Refuses (400) what isn't a period, and a group or a design that
    the workspace doesn't have.
    """
    store.prepare(transaction)
    zone = time_zone_of(transaction, workspace_id)
    today = date.fromisoformat(day_of(transaction.at, zone))
    period = read_period(first, last, today, zone)
    group_ids: set[str] | None = None
    if group_id is not None:
        if not find_groups(transaction, workspace_id, [group_id]):
            raise invalid("groupId", "must be the id of a group of this workspace")
        group_ids = {group_id}
    if design_id is not None:
        if design_id not in find_designs(transaction, workspace_id, [design_id]):
            raise invalid("designId", "must be the id of a design of this workspace")
        found = find_groups_by_design(transaction, workspace_id, [design_id]).get(design_id, [])
        having = {id_ for id_, _ in found}
        group_ids = having if group_ids is None else group_ids & having
    return Question(period, Scope(workspace_id, None if group_ids is None else tuple(sorted(group_ids))))


def summarize(transaction: Transaction, question: Question) -> Summary:
    """The numbers of a period beside those of the period before."""
    now, then = _now_and_then(transaction, find_cohort, question)
    issued = Figure(now.issued, then.issued)
    opened, shared, viewed, verified = (Figure(*pair) for pair in zip(now.reached, then.reached, strict=True))
    scope, days = question.scope, _days_of_both(question)
    sums = store.sum_by_type(transaction, scope, days)
    guest_views, shares = _figure(sums, _VIEWED, "guest"), _figure(sums, SHARES, "recipient")
    aside = store.sum_set_aside(transaction, scope, days)
    period = question.period
    return Summary(
        period=days_of(period),
        period_before=days_of(period.before),
        time_zone=period.time_zone,
        issued_credentials=issued,
        opened_credentials=opened,
        shared_credentials=shared,
        guest_viewed_credentials=viewed,
        guest_verified_credentials=verified,
        open_rate=_divide(opened, issued),
        share_rate=_divide(shared, issued),
        median_seconds_to_open=Span(now.seconds_to_open, then.seconds_to_open),
        median_seconds_to_share=Span(now.seconds_to_share, then.seconds_to_share),
        recipient_views=_figure(sums, _VIEWED, "recipient"),
        shares=shares,
        guest_views=guest_views,
        guest_verifications=_figure(sums, ("credential_verified",), "guest"),
        views_per_share=_divide(guest_views, shares),
        interactions=[InteractionFigure(*what, *pair) for what, pair in _beside(sums)],
        page_actions=_page_actions(transaction, question),
        set_aside=[SetAsideFigure(*reason, *pair) for reason, pair in _beside(aside)],
    )


def find_funnel(transaction: Transaction, question: Question) -> Funnel:
    """The steps from issued to verified; each counts those that passed all above it, too."""
    period = question.period
    now, then = _now_and_then(transaction, find_steps, question)
    steps = zip(
        STEPS, (now.issued, *now.passed), (then.issued, *then.passed), (now.issued, *now.reached), strict=True
    )
    return Funnel(
        days_of(period),
        days_of(period.before),
        period.time_zone,
        [
            Step(step, count, before, divide_counts(count, now.issued), reached)
            for step, count, before, reached in steps
        ],
    )


def _now_and_then(transaction: Transaction, find: Callable[..., T], question: Question) -> tuple[T, T]:
    """Of the credentials issued in the period, and of those of the period before, as old as these are now."""
    period, scope = question
    before = period.before
    then = transaction.at - (period.from_at - before.from_at)
    return (
        find(transaction, scope, *_days(period)),
        find(transaction, scope, *_days(before), then),
    )


def trace(
    transaction: Transaction,
    question: Question,
    bucket: Bucket,
    event_types: Iterable[str] = (),
    actor: str | None = None,
) -> Timeseries:
    """Interactions over the columns of a period, by type and actor; refuses (400) too many columns."""
    period, scope = question
    parts = divide(period, bucket)
    columns: dict[tuple[str, str], list[int]] = {}
    for column, event_type, triggered_by, count in _counted(
        transaction, scope, period, bucket, parts, event_types, actor
    ):
        counts = columns.setdefault((event_type, triggered_by), [0] * len(parts))
        counts[column] += count
    return Timeseries(
        days_of(period),
        period.time_zone,
        bucket,
        [part.start for part in parts],
        [Series(*key, sum(columns[key]), columns[key]) for key in sorted(columns, key=_in_order)],  # type: ignore[arg-type]
    )


def _counted(
    transaction: Transaction,
    scope: Scope,
    period: Period,
    bucket: Bucket,
    parts: list[Part],
    event_types: Iterable[str],
    actor: str | None,
) -> Iterable[tuple[int, str, str, int]]:
    """Column, type, actor and how many."""
    if bucket == "hour":
        begins = [part.from_at for part in parts]
        sums = store.sum_by_hour(transaction, scope, period.from_at, period.to_at, event_types, actor)
        return [(bisect_right(begins, at) - 1, *what, count) for (at, *what), count in sums.items()]  # type: ignore[misc]
    days = [part.first_day.isoformat() for part in parts]
    found = store.sum_by_day(transaction, scope, *_days(period), event_types, actor)
    return [(bisect_right(days, day) - 1, *what, count) for (day, *what), count in found.items()]  # type: ignore[misc]


def compare_channels(transaction: Transaction, question: Question, actor: str | None = None) -> Channels:
    """The channels side by side, by both actors or by one."""
    period, scope = question
    sums = store.sum_by_type(transaction, scope, _days_of_both(question))
    profiles = count_by_acts(transaction, scope, *_days(period), actor, sum(map(bit_of, CHANNELS)))
    channels = []
    for one in CHANNELS:
        bit, figure = bit_of(one), _figure(sums, (one,), actor)
        users = sum(count for acts, count in profiles if acts & bit)
        channels.append(Channel(one, figure.value, figure.before, users))  # type: ignore[arg-type]
    return Channels(
        days_of(period),
        days_of(period.before),
        period.time_zone,
        sorted(channels, key=lambda one: (-one.count, CHANNELS.index(one.event_type))),
        [one for one in _page_actions(transaction, question) if actor in (None, one.triggered_by)],
    )


def rank(
    transaction: Transaction, question: Question, order: Order = "guestViews", limit: int = 20
) -> Ranking:
    """The best of the credentials issued in the period, and of the groups that issued them."""
    period, scope = question
    rows = rank_credentials(transaction, scope, *_days(period), order, limit)
    sums = rank_groups(transaction, scope, *_days(period), order)[:limit]
    found = find_credentials(transaction, [row[0] for row in rows])
    ids = {one.group_id for one in found.values()} | {row[0] for row in sums}
    groups = find_groups(transaction, scope.workspace_id, ids)
    return Ranking(
        days_of(period),
        period.time_zone,
        [_ranked(found[id_], groups, counts) for id_, *counts in rows],
        [RankedGroup(id_, groups[id_].name, *counts) for id_, *counts in sums],
    )


def _ranked(credential: Any, groups: dict[str, Any], counts: list[int]) -> RankedCredential:
    group = groups[credential.group_id]
    return RankedCredential(
        credential.id, credential.recipient_name, group.id, group.name, credential.issue_date, *counts
    )


def _page_actions(transaction: Transaction, question: Question) -> list[PageActionFigure]:
    sums = store.sum_page_actions(transaction, question.scope, _days_of_both(question))
    return [PageActionFigure(*what, *pair) for what, pair in _beside(sums)]


def _figure(sums: Both, event_types: Iterable[str], actor: str | None) -> Figure:
    actors = ("recipient", "guest") if actor is None else (actor,)
    return _add_up([sums.get((one, by), (0, 0)) for one in event_types for by in actors])


def _add_up(pairs: Iterable[tuple[int, int]]) -> Figure:
    now, before = (sum(each) for each in zip((0, 0), *pairs, strict=True))
    return Figure(now, before)


def _divide(number: Figure, by: Figure) -> Rate:
    return Rate(divide_counts(number.value, by.value), divide_counts(number.before, by.before))


def weigh_set_aside(transaction: Transaction, question: Question) -> SetAside:
    """What was set aside, and how much was recorded meanwhile, whichever way it came."""
    (period, scope), both = question, _days_of_both(question)
    reasons = store.sum_set_aside(transaction, scope, both)
    by_day = store.sum_set_aside_by_day(transaction, scope, *_days(period))
    days = [part.start for part in divide(period, "day")] if period.length <= MOST_BUCKETS else sorted(by_day)
    return SetAside(
        days_of(period),
        days_of(period.before),
        [SetAsideFigure(*reason, *pair) for reason, pair in _beside(reasons)],
        days,
        [by_day.get(day, 0) for day in days],
        _add_up(store.sum_by_type(transaction, scope, both).values()),
    )


def _days(period: Period) -> tuple[str, str]:
    return period.first_day.isoformat(), period.last_day.isoformat()


def _days_of_both(question: Question) -> DaysOfBoth:
    period = question.period
    return DaysOfBoth(period.before.first_day.isoformat(), *_days(period))


def _beside(sums: Both) -> list[tuple[Any, Any]]:
    """Both of each; the most first."""
    return sorted(sums.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))


def _in_order(key: tuple[str, str]) -> tuple[int, str]:
    """As the wire lists the types."""
    return EVENT_TYPES.index(key[0]), key[1]
