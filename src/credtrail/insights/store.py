"""SQL of insights: sums of what was counted, and facts of the credentials issued in a period. Called by `ask.py`.

Sums are read under the group, or for a whole workspace under `WHOLE`. Of credentials, only issued ones that still
are there count; a period of theirs goes by the issue date.
"""

from collections.abc import Iterable, Sequence
from statistics import median_low
from typing import Any, Literal, NamedTuple

from msgspec.json import decode
from sqlalchemy import ColumnElement, FromClause, Select, Table, case, func, select, true

from credtrail.credentials.store import credentials
from credtrail.database import Transaction
from credtrail.interactions.counts import (
    WHOLE,
    daily_counts,
    engagements,
    hourly_counts,
    page_action_counts,
    set_aside_counts,
)
from credtrail.values import Moment

Order = Literal["guestViews", "shares", "guestVerifications"]

_ORDERS = {
    "guestViews": engagements.c.guest_views,
    "shares": engagements.c.shares,
    "guestVerifications": engagements.c.guest_verifications,
}


class Scope(NamedTuple):
    """Of which workspace, and of which of its groups; None: of all."""

    workspace_id: str
    group_ids: tuple[str, ...] | None = None

    def of_sums(self, table: Table) -> list[ColumnElement[bool]]:
        """Which rows of a table of sums."""
        groups = (WHOLE,) if self.group_ids is None else self.group_ids
        # Of a single one the rows come in the order of their key, which saves sorting them by day.
        of_groups = table.c.group_id == groups[0] if len(groups) == 1 else table.c.group_id.in_(groups)
        return [table.c.workspace_id == self.workspace_id, of_groups]


class DaysOfBoth(NamedTuple):
    """Of a period and of the one just before it: the first days, and the last of the period."""

    before: str
    first: str
    last: str


Both = dict[tuple[str, ...], tuple[int, int]]
"""Sums of the period, and of the one before."""


class Cohort(NamedTuple):
    """What became of the credentials issued in a period: how many were opened, shared, viewed by guests, verified by
    guests. The delays are medians in whole seconds, None where nobody did."""

    issued: int
    reached: tuple[int, ...]
    seconds_to_open: int | None
    seconds_to_share: int | None


class Steps(NamedTuple):
    """The same as a funnel: how many did a step and all before it, and how many did it at all."""

    issued: int
    passed: tuple[int, ...]
    reached: tuple[int, ...]


_SETTINGS = (
    # A cohort is joined in memory, a few megabytes, not on disk.
    ("work_mem", "32MB"),
    # The index has all that is asked of a credential; by default, its far wider rows are thought cheaper to read.
    ("random_page_cost", "1.1"),
    # A plan for any days takes every period for a short one.
    ("plan_cache_mode", "force_custom_plan"),
    # Further processes for one question take more time to be begun than they save.
    ("max_parallel_workers_per_gather", "0"),
)


def prepare(transaction: Transaction) -> None:
    """Tell PostgreSQL what is asked next, until the transaction's end: of whole cohorts. SQLite has nothing to be told."""
    if transaction.dialect == "postgresql":
        transaction.connection.execute(select(*(func.set_config(*one, true()) for one in _SETTINGS)))


def sum_by_type(transaction: Transaction, scope: Scope, days: DaysOfBoth) -> Both:
    """Interactions of these days by type and actor."""
    return _sum_both(
        transaction, daily_counts, scope, days, daily_counts.c.event_type, daily_counts.c.triggered_by
    )


def sum_page_actions(transaction: Transaction, scope: Scope, days: DaysOfBoth) -> Both:
    """Page actions of these days by action and actor."""
    table = page_action_counts
    return _sum_both(transaction, table, scope, days, table.c.action, table.c.triggered_by)


def sum_set_aside(transaction: Transaction, scope: Scope, days: DaysOfBoth) -> Both:
    """What was set aside on these days, by reason."""
    return _sum_both(transaction, set_aside_counts, scope, days, set_aside_counts.c.reason)


def _sum_both(
    transaction: Transaction, table: Table, scope: Scope, days: DaysOfBoth, *by: ColumnElement[Any]
) -> Both:
    """One look at both periods, which touch."""
    now, before = (
        func.sum(case((is_of, table.c.count), else_=0))
        for is_of in (table.c.day >= days.first, table.c.day < days.first)
    )
    query = select(now, before, *by).where(
        *scope.of_sums(table), table.c.day >= days.before, table.c.day <= days.last
    )
    rows = transaction.connection.execute(query.group_by(*by))
    return {tuple(key): (int(now), int(before)) for now, before, *key in rows}


def sum_set_aside_by_day(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str
) -> dict[str, int]:
    """What was set aside, whatever the reason, by day."""
    table = set_aside_counts.c
    found = _sum(transaction, _of_days(set_aside_counts, scope, first_day, last_day), table.day)
    return {day: count for (day,), count in found.items()}


def sum_by_day(
    transaction: Transaction,
    scope: Scope,
    first_day: str,
    last_day: str,
    event_types: Iterable[str],
    actor: str | None,
) -> dict[tuple[str, str, str], int]:
    """Interactions by day, type and actor; of these types alone, where there are any."""
    table = daily_counts.c
    query = _of_series(_of_days(daily_counts, scope, first_day, last_day), daily_counts, event_types, actor)
    return _sum(transaction, query, table.day, table.event_type, table.triggered_by)


def sum_by_hour(
    transaction: Transaction,
    scope: Scope,
    from_at: Moment,
    to_at: Moment,
    event_types: Iterable[str],
    actor: str | None,
) -> dict[tuple[Moment, str, str], int]:
    """Interactions by the moment at which their hour begins, type and actor; `to_at` is exclusive."""
    table = hourly_counts.c
    query = select(func.sum(table.count)).where(
        *scope.of_sums(hourly_counts), table.hour >= from_at, table.hour < to_at
    )
    query = _of_series(query, hourly_counts, event_types, actor)
    return _sum(transaction, query, table.hour, table.event_type, table.triggered_by)


def _of_days(table: Table, scope: Scope, first_day: str, last_day: str) -> Select[Any]:
    return select(func.sum(table.c.count)).where(
        *scope.of_sums(table), table.c.day >= first_day, table.c.day <= last_day
    )


def _of_series(
    query: Select[Any], table: Table, event_types: Iterable[str], actor: str | None
) -> Select[Any]:
    if types := sorted(set(event_types)):
        query = query.where(table.c.event_type.in_(types))
    return query if actor is None else query.where(table.c.triggered_by == actor)


def _sum(transaction: Transaction, query: Select[Any], *by: ColumnElement[Any]) -> dict[Any, int]:
    rows = transaction.connection.execute(query.add_columns(*by).group_by(*by))
    return {tuple(key): int(count) for count, *key in rows}


def find_cohort(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str, until: Moment | None = None
) -> Cohort:
    """What became of the credentials issued on these days; with `until`, as it stood at that moment."""
    firsts = _firsts(until)
    medians = (_median(transaction, first - credentials.c.issued_at) for first in firsts[:2])
    query = _issued(scope, first_day, last_day, func.count(), *map(func.count, firsts), *medians)
    issued, *reached, to_open, to_share = transaction.connection.execute(query).one()
    return Cohort(issued, tuple(reached), _read_median(to_open), _read_median(to_share))


def find_steps(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str, until: Moment | None = None
) -> Steps:
    """The same as steps of a funnel."""
    opened, shared, viewed, verified = _firsts(until)
    # A sum with NULL in it is NULL, which isn't counted: so each counts those that have all of its parts.
    passed = (opened, opened + shared, opened + shared + viewed, opened + shared + viewed + verified)
    counts = map(func.count, (*passed, shared, viewed, verified))
    issued, *found = transaction.connection.execute(
        _issued(scope, first_day, last_day, func.count(), *counts)
    ).one()
    return Steps(issued, tuple(found[:4]), (found[0], *found[4:]))


def _firsts(until: Moment | None) -> tuple[ColumnElement[Any], ...]:
    """When a credential was first opened, shared, viewed, verified; NULL where it wasn't by then."""
    table = engagements.c
    columns = (table.opened_at, table.shared_at, table.guest_viewed_at, table.guest_verified_at)
    return columns if until is None else tuple(case((first < until, first)) for first in columns)


def _median(transaction: Transaction, delay_ms: ColumnElement[int]) -> ColumnElement[Any]:
    """The lower median of what isn't negative, in whole seconds; SQLite has none, and gives all as one text.

    Cut before it is taken, the median is the same as cut afterwards, and small numbers are sorted faster.
    """
    seconds = delay_ms // 1_000
    if transaction.dialect == "sqlite":
        return func.json_group_array(seconds).filter(delay_ms >= 0)
    return func.percentile_disc(0.5).within_group(seconds).filter(delay_ms >= 0)


def _read_median(found: str | int | None) -> int | None:
    if isinstance(found, str):
        seconds = decode(found, type=list[int])
        return median_low(seconds) if seconds else None
    return found


def count_by_acts(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str, actor: str | None
) -> list[tuple[int, int]]:
    """How many credentials issued on these days have had these acts, by one actor or by both: a sum of
    `counts.bit_of`, and how many have it. Those that nobody did anything with are left out."""
    table = engagements.c
    by_one = {"recipient": table.recipient_acts, "guest": table.guest_acts}
    acts = by_one[actor] if actor else table.recipient_acts.op("|")(table.guest_acts)
    query = _issued(scope, first_day, last_day, acts.label("acts"), func.count(), inner=True).group_by("acts")
    return [tuple(row) for row in transaction.connection.execute(query)]


def rank_groups(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str, order: Order
) -> list[tuple[Any, ...]]:
    """Of each group that issued on these days: id, how many it issued, how many were opened, shared, and the sums of
    guests' views, shares and guests' verifications of these credentials; those of which there is most first."""
    table, group_id = engagements.c, credentials.c.group_id
    counts = (func.count(), func.count(table.opened_at), func.count(table.shared_at))
    sums = [func.coalesce(func.sum(column), 0) for column in _ORDERS.values()]
    query = _issued(scope, first_day, last_day, group_id, *counts, *sums).group_by(group_id)
    rows = [(id_, *map(int, figures)) for id_, *figures in transaction.connection.execute(query)]
    by = 4 + list(_ORDERS).index(order)
    return sorted(rows, key=lambda row: (-row[by], -row[1], row[0]))


def rank_credentials(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str, order: Order, limit: int
) -> Sequence[Any]:
    """The credentials issued on these days of which there is most: rows of id, guest views, shares and guest
    verifications. Those with none of it are left out."""
    table, by = engagements.c, _ORDERS[order]
    columns = (table.credential_id, table.guest_views, table.shares, table.guest_verifications)
    query = _issued(scope, first_day, last_day, *columns, inner=True).where(by > 0)
    return transaction.connection.execute(query.order_by(by.desc(), table.credential_id).limit(limit)).all()


def _issued(scope: Scope, first_day: str, last_day: str, *columns: Any, inner: bool = False) -> Select[Any]:
    """Of the credentials issued on these days, with their engagement where there is one."""
    table = credentials.c
    joined: FromClause = credentials.join(
        engagements, engagements.c.credential_id == table.id, isouter=not inner
    )
    query = (
        select(*columns)
        .select_from(joined)
        .where(
            table.workspace_id == scope.workspace_id,
            table.issue_date >= first_day,
            table.issue_date <= last_day,
            table.status == "issued",
        )
    )
    return query if scope.group_ids is None else query.where(table.group_id.in_(scope.group_ids))
