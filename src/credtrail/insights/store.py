"""SQL of insights: sums of what was counted, and facts of the credentials issued in a period. Called by `ask.py`.

Sums are read under the group, or for a whole workspace under `WHOLE`. Of credentials, only issued ones that still
are there count; a period of theirs goes by the issue date.
"""

from collections.abc import Iterable, Sequence
from statistics import median_low
from typing import Any, Literal, NamedTuple

from msgspec.json import decode
from sqlalchemy import ColumnElement, FromClause, Select, Table, case, func, select

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
        return [table.c.workspace_id == self.workspace_id, table.c.group_id.in_(groups)]


class Cohort(NamedTuple):
    """What became of the credentials issued in a period: how many were opened, shared, viewed by guests, verified by
    guests. The delays are medians in milliseconds, None where nobody did."""

    issued: int
    reached: tuple[int, ...]
    open_delay_ms: int | None
    share_delay_ms: int | None


class Steps(NamedTuple):
    """The same as a funnel: how many did a step and all before it, and how many did it at all."""

    issued: int
    passed: tuple[int, ...]
    reached: tuple[int, ...]


def sum_by_type(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str
) -> dict[tuple[str, str], int]:
    """Interactions of these days by type and actor."""
    table = daily_counts.c
    return _sum(
        transaction, _of_days(daily_counts, scope, first_day, last_day), table.event_type, table.triggered_by
    )


def sum_page_actions(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str
) -> dict[tuple[str, str], int]:
    """Page actions of these days by action and actor."""
    table = page_action_counts.c
    return _sum(
        transaction,
        _of_days(page_action_counts, scope, first_day, last_day),
        table.action,
        table.triggered_by,
    )


def sum_set_aside(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str
) -> dict[tuple[str, str], int]:
    """What was set aside on these days, by day and reason."""
    table = set_aside_counts.c
    return _sum(transaction, _of_days(set_aside_counts, scope, first_day, last_day), table.day, table.reason)


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
    issued, *reached, open_delay, share_delay = transaction.connection.execute(query).one()
    return Cohort(issued, tuple(reached), _read_median(open_delay), _read_median(share_delay))


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


def _median(transaction: Transaction, delay: ColumnElement[int]) -> ColumnElement[Any]:
    """The lower median of what isn't negative; SQLite has none, and gives all as one text."""
    if transaction.dialect == "sqlite":
        return func.json_group_array(delay).filter(delay >= 0)
    return func.percentile_disc(0.5).within_group(delay).filter(delay >= 0)


def _read_median(found: str | int | None) -> int | None:
    if isinstance(found, str):
        delays = decode(found, type=list[int])
        return median_low(delays) if delays else None
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
    sums = [
        func.coalesce(func.sum(column), 0)
        for column in (table.guest_views, table.shares, table.guest_verifications)
    ]
    counts = (func.count(), func.count(table.opened_at), func.count(table.shared_at))
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
