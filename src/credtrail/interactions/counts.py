"""Counts kept beside the log, in the transaction that appends to it. Called by `record.py`.

`daily_counts` holds sums per workspace and group, without any id of a credential or a person, and so outlives
erasure; `credential_counts` and `credential_firsts` belong to one credential and go with it. Beside them, of
pages alone: `page_action_counts`, what people do there that is no interaction, and `set_aside_counts`, what wasn't
a person's doing; both are sums like the daily ones. A day is one in the workspace's time zone, of the time the
interaction was triggered.
"""

from collections import Counter

from sqlalchemy import BigInteger, Column, ForeignKey, Table, func, select

from credtrail.database import Key, RowSet, Transaction, Writes, metadata
from credtrail.interactions.model import Interaction, PageActed
from credtrail.interactions.visits import SetAside
from credtrail.values import Moment

daily_counts = Table(
    "daily_counts",
    metadata,
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", Key, primary_key=True),
    Column("day", Key, primary_key=True),
    Column("event_type", Key, primary_key=True),
    Column("triggered_by", Key, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

page_action_counts = Table(
    "page_action_counts",
    metadata,
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", Key, primary_key=True),
    Column("day", Key, primary_key=True),
    Column("action", Key, primary_key=True),
    Column("triggered_by", Key, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What people do on a page that the thirteen types of the wire have no name for."""

set_aside_counts = Table(
    "set_aside_counts",
    metadata,
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", Key, primary_key=True),
    Column("day", Key, primary_key=True),
    Column("reason", Key, primary_key=True),
    Column("event_type", Key, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""All that pages sent and that was set aside, whether its row was kept or not; outlives those rows."""

credential_counts = Table(
    "credential_counts",
    metadata,
    Column("credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Key, primary_key=True),
    Column("event_type", Key, primary_key=True),
    Column("triggered_by", Key, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

credential_firsts = Table(
    "credential_firsts",
    metadata,
    Column("credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), primary_key=True),
    Column("event_type", Key, primary_key=True),
    Column("triggered_by", Key, primary_key=True),
    Column("first_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

_ADD_DAILY = RowSet(
    "insert into daily_counts (workspace_id, group_id, day, event_type, triggered_by, count) "
    "select workspace_id, group_id, day, event_type, triggered_by, count from {rows} where true "
    "on conflict (workspace_id, group_id, day, event_type, triggered_by) "
    "do update set count = daily_counts.count + excluded.count",
    workspace_id="text",
    group_id="text",
    day="text",
    event_type="text",
    triggered_by="text",
    count="bigint",
)
_ADD_CREDENTIAL = RowSet(
    "insert into credential_counts (credential_id, day, event_type, triggered_by, count) "
    "select credential_id, day, event_type, triggered_by, count from {rows} where true "
    "on conflict (credential_id, day, event_type, triggered_by) "
    "do update set count = credential_counts.count + excluded.count",
    credential_id="text",
    day="text",
    event_type="text",
    triggered_by="text",
    count="bigint",
)
_ADD_FIRST = RowSet(
    "insert into credential_firsts (credential_id, event_type, triggered_by, first_at) "
    "select credential_id, event_type, triggered_by, first_at from {rows} "
    # Most are known to be earlier already: looking first is cheaper than a conflict, which locks the row.
    "where not exists (select 1 from credential_firsts known where known.credential_id = rows.credential_id "
    "and known.event_type = rows.event_type and known.triggered_by = rows.triggered_by "
    "and known.first_at <= rows.first_at) "
    "on conflict (credential_id, event_type, triggered_by) "
    "do update set first_at = excluded.first_at where excluded.first_at < credential_firsts.first_at",
    credential_id="text",
    event_type="text",
    triggered_by="text",
    first_at="bigint",
)

_ADD_PAGE_ACTION = RowSet(
    "insert into page_action_counts (workspace_id, group_id, day, action, triggered_by, count) "
    "select workspace_id, group_id, day, action, triggered_by, count from {rows} where true "
    "on conflict (workspace_id, group_id, day, action, triggered_by) "
    "do update set count = page_action_counts.count + excluded.count",
    workspace_id="text",
    group_id="text",
    day="text",
    action="text",
    triggered_by="text",
    count="bigint",
)
_ADD_SET_ASIDE = RowSet(
    "insert into set_aside_counts (workspace_id, group_id, day, reason, event_type, count) "
    "select workspace_id, group_id, day, reason, event_type, count from {rows} where true "
    "on conflict (workspace_id, group_id, day, reason, event_type) "
    "do update set count = set_aside_counts.count + excluded.count",
    workspace_id="text",
    group_id="text",
    day="text",
    reason="text",
    event_type="text",
    count="bigint",
)


def add_counts(counted: list[tuple[Interaction, str]]) -> Writes:
    """The statements that fold interactions, each with its day, into the three tables.

    Rows go in sorted by key, so that two transactions never wait for each other in a circle.
    """
    daily: Counter[tuple[str, str, str, str, str]] = Counter()
    single: Counter[tuple[str, str, str, str]] = Counter()
    firsts: dict[tuple[str, str, str], Moment] = {}
    for interaction, day in counted:
        _, workspace_id, group_id, credential_id, event_type, triggered_by, triggered_at, _ = interaction
        daily[workspace_id, group_id, day, event_type, triggered_by] += 1
        single[credential_id, day, event_type, triggered_by] += 1
        first = (credential_id, event_type, triggered_by)
        if triggered_at < firsts.get(first, triggered_at + 1):
            firsts[first] = triggered_at
    return (
        (_ADD_CREDENTIAL, [(*key, count) for key, count in sorted(single.items())]),
        (_ADD_FIRST, [(*key, at) for key, at in sorted(firsts.items())]),
        # Last, since these few rows are the ones that everybody waits for.
        (_ADD_DAILY, [(*key, count) for key, count in sorted(daily.items())]),
    )


def add_page_counts(acted: list[tuple[PageActed, str]], aside: list[tuple[SetAside, str, str]]) -> Writes:
    """The statements that count what pages sent beside interactions: acts, each with its day, and what was set
    aside, each with its group and day. Sorted like the others."""
    actions = Counter((*one, day) for one, day in acted)
    reasons = Counter(
        (one.workspace_id, group_id, day, one.reason, one.event_type) for one, group_id, day in aside
    )
    return (
        (
            _ADD_PAGE_ACTION,
            sorted(
                (workspace_id, group_id, day, action, triggered_by, count)
                for (workspace_id, group_id, action, triggered_by, day), count in actions.items()
            ),
        ),
        (_ADD_SET_ASIDE, [(*key, count) for key, count in sorted(reasons.items())]),
    )


def list_set_aside_counts(
    transaction: Transaction, workspace_id: str, first_day: str, last_day: str
) -> list[tuple[str, str, int]]:
    """Day, reason and how many, for each day and reason there is anything of between two days, both included."""
    table = set_aside_counts.c
    query = (
        select(table.day, table.reason, func.sum(table.count))
        .where(table.workspace_id == workspace_id, table.day >= first_day, table.day <= last_day)
        .group_by(table.day, table.reason)
        .order_by(table.day, table.reason)
    )
    return [(day, reason, int(count)) for day, reason, count in transaction.connection.execute(query)]


def find_audience(transaction: Transaction, credential_id: str) -> tuple[int, str | None]:
    """How often guests have viewed a credential, and the last day on which one did."""
    table = credential_counts.c
    query = select(func.coalesce(func.sum(table.count), 0), func.max(table.day)).where(
        table.credential_id == credential_id,
        table.event_type == "credential_viewed",
        table.triggered_by == "guest",
    )
    views, last_day = transaction.connection.execute(query).one()
    return int(views), last_day
