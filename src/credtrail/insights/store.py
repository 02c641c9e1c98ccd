"""SQL of insights: sums of what was counted. Called by `ask.py`; what became of credentials is in `cohort_store.py`.

Sums are read under the group, or for a whole workspace under `WHOLE`.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, case, func, select, true

from credtrail.database import Transaction
from credtrail.interactions.counts import (
    WHOLE,
    daily_counts,
    hourly_counts,
    page_action_counts,
    set_aside_counts,
)
from credtrail.values import Moment


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


_SETTINGS = (
    # What isn't gathered yet is joined in memory, a few megabytes at most, not on disk.
    ("work_mem", "32MB"),
    # What is asked for is in memory: those of some weeks are cheaper read by their index, those of half a year all in
    # a row.
    ("random_page_cost", "1.5"),
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
