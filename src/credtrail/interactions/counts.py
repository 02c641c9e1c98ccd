"""Counts kept beside the log. Called by `record.py` in the transaction that appends to it; on PostgreSQL by `fold.py`,
with what such transactions have left.

`daily_counts` and `hourly_counts` hold sums, each twice: of a group, and of the whole workspace under `WHOLE` in place
of a group (what insights ask most is then a few rows). No id of a credential or a person is in them: they outlive
erasure. `credential_counts` and `engagements` belong to one credential and go with it; what is in `engagements` is
gathered from time to time in the outcomes of the credentials, which insights read. Beside them, of pages alone:
`page_action_counts`, what people do there that is no interaction, and `set_aside_counts`, what wasn't a person's
doing; both are sums like the daily ones. A day is one in the workspace's time zone, of the time the interaction was
triggered, and an hour is one that a clock on the wall shows there.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Table,
    case,
    delete,
    exists,
    func,
    select,
    update,
)

from credtrail.credentials.outcome_store import ACTS, FIRSTS, TOTALS, make_facts, outcomes
from credtrail.database import Key, RowSet, Transaction, Writes, metadata
from credtrail.interactions.model import Interaction, PageActed
from credtrail.interactions.visits import SetAside
from credtrail.values import ACTORS, EVENT_TYPES, Moment

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

engagements = Table(
    "engagements",
    metadata,
    Column("credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), primary_key=True),
    *make_facts(),
    sqlite_with_rowid=False,
)
"""What was recorded of one credential and isn't gathered in its outcome yet: opened and shared (or added to a profile)
by its recipient, viewed and verified by guests."""

hourly_counts = Table(
    "hourly_counts",
    metadata,
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", Key, primary_key=True),
    Column("hour", BigInteger, primary_key=True),  # the moment at which it begins
    Column("event_type", Key, primary_key=True),
    Column("triggered_by", Key, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

WHOLE = ""
"""In place of a group's id: the whole workspace."""
SHARES: tuple[str, ...] = tuple(one for one in EVENT_TYPES if "_shared_to_" in one or "_added_to_" in one)
"""The types that count as shared: to a network, or added to a profile."""


def bit_of(event_type: str) -> int:
    """What stands for the type in a sum of types."""
    return 1 << EVENT_TYPES.index(event_type)


_ENGAGEMENT = (*FIRSTS, *ACTS, *TOTALS)
_NOTHING: tuple[Moment | None, ...] = tuple(None if name in FIRSTS else 0 for name in _ENGAGEMENT)
FIRST_AND_TOTAL: dict[tuple[str, str], tuple[str, str | None]] = {
    ("credential_viewed", "recipient"): ("opened_at", None),
    ("credential_viewed", "guest"): ("guest_viewed_at", "guest_views"),
    ("credential_verified", "guest"): ("guest_verified_at", "guest_verifications"),
    **{(event_type, "recipient"): ("shared_at", "shares") for event_type in SHARES},
}


def _places_of(event_type: str, triggered_by: str) -> tuple[int, int, int | None, int | None]:
    """Where an interaction is told in a row of engagement: the sum of acts and what it adds to it, the first time, the
    total."""
    first, total = FIRST_AND_TOTAL.get((event_type, triggered_by), (None, None))
    return (
        _ENGAGEMENT.index(f"{triggered_by}_acts"),
        bit_of(event_type),
        _ENGAGEMENT.index(first) if first else None,
        _ENGAGEMENT.index(total) if total else None,
    )


_PLACES = {
    (event_type, triggered_by): _places_of(event_type, triggered_by)
    for event_type in EVENT_TYPES
    for triggered_by in ACTORS
}

ADD_DAILY = RowSet(
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
ADD_CREDENTIAL = RowSet(
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
_EARLIER = (
    "{0} = case when engagements.{0} <= coalesce(excluded.{0}, engagements.{0}) then engagements.{0} "
    "else coalesce(excluded.{0}, engagements.{0}) end"
)
ADD_ENGAGEMENT = RowSet(
    "insert into engagements (credential_id, opened_at, shared_at, guest_viewed_at, guest_verified_at, "  # noqa: S608 - our own words
    "recipient_acts, guest_acts, guest_views, shares, guest_verifications) "
    "select credential_id, opened_at, shared_at, guest_viewed_at, guest_verified_at, "
    "recipient_acts, guest_acts, guest_views, shares, guest_verifications from {rows} where true "
    f"on conflict (credential_id) do update set {', '.join(_EARLIER.format(first) for first in FIRSTS)}, "
    "recipient_acts = engagements.recipient_acts | excluded.recipient_acts, "
    "guest_acts = engagements.guest_acts | excluded.guest_acts, "
    "guest_views = engagements.guest_views + excluded.guest_views, "
    "shares = engagements.shares + excluded.shares, "
    "guest_verifications = engagements.guest_verifications + excluded.guest_verifications",
    credential_id="text",
    opened_at="bigint",
    shared_at="bigint",
    guest_viewed_at="bigint",
    guest_verified_at="bigint",
    recipient_acts="bigint",
    guest_acts="bigint",
    guest_views="bigint",
    shares="bigint",
    guest_verifications="bigint",
)
ADD_HOURLY = RowSet(
    "insert into hourly_counts (workspace_id, group_id, hour, event_type, triggered_by, count) "
    "select workspace_id, group_id, hour, event_type, triggered_by, count from {rows} where true "
    "on conflict (workspace_id, group_id, hour, event_type, triggered_by) "
    "do update set count = hourly_counts.count + excluded.count",
    workspace_id="text",
    group_id="text",
    hour="bigint",
    event_type="text",
    triggered_by="text",
    count="bigint",
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


def add_counts(counted: list[tuple[Interaction, str, Moment]]) -> Writes:
    """The statements that add interactions, each with its day and hour, to the four tables.

    Rows go in sorted by key, so that two transactions never wait for each other in a circle.
    """
    daily: Counter[tuple[str, str, str, str, str]] = Counter()
    hourly: Counter[tuple[str, str, Moment, str, str]] = Counter()
    single: Counter[tuple[str, str, str, str]] = Counter()
    engaged: dict[str, list[Moment | None]] = {}
    for interaction, day, hour in counted:
        _, workspace_id, group_id, credential_id, event_type, triggered_by, triggered_at, _ = interaction
        daily[workspace_id, group_id, day, event_type, triggered_by] += 1
        hourly[workspace_id, group_id, hour, event_type, triggered_by] += 1
        single[credential_id, day, event_type, triggered_by] += 1
        row = engaged.get(credential_id)
        if row is None:
            row = engaged[credential_id] = [*_NOTHING]
        acts, bit, first, total = _PLACES[event_type, triggered_by]
        row[acts] |= bit  # type: ignore[operator]  # numbers but for the firsts
        if first is not None:
            known = row[first]
            if known is None or triggered_at < known:
                row[first] = triggered_at
        if total is not None:
            row[total] += 1  # type: ignore[operator]
    return (
        (ADD_CREDENTIAL, [(*key, count) for key, count in sorted(single.items())]),
        (ADD_ENGAGEMENT, [(id_, *row) for id_, row in sorted(engaged.items())]),
        (ADD_HOURLY, _and_whole(hourly)),
        (ADD_DAILY, _and_whole(daily)),
    )


def _and_whole(counts: Counter[Any]) -> list[tuple[Any, ...]]:
    """The sums of groups, and of the whole workspaces, as rows."""
    whole: Counter[Any] = Counter()
    for (workspace_id, _, *rest), count in counts.items():
        whole[workspace_id, WHOLE, *rest] += count
    return [(*key, count) for key, count in sorted((counts | whole).items())]


Counted = tuple[str, Moment]
"""The day and the hour that an interaction counts for."""


def move_counts(moved: list[tuple[Interaction, Counted, Counted]]) -> Writes:
    """The statements that take interactions from where they were counted, and count them elsewhere instead.

    Firsts know no days and stay. Rows that count nothing any more are for `sweep_counts`.
    """
    daily: dict[tuple[Any, ...], int] = defaultdict(int)
    hourly: dict[tuple[Any, ...], int] = defaultdict(int)
    single: dict[tuple[Any, ...], int] = defaultdict(int)
    for interaction, before, after in moved:
        _, workspace_id, group_id, credential_id, *what = interaction[:6]
        for (day, hour), count in ((before, -1), (after, 1)):
            single[credential_id, day, *what] += count
            for whose in (group_id, WHOLE):
                daily[workspace_id, whose, day, *what] += count
                hourly[workspace_id, whose, hour, *what] += count
    return (
        (ADD_CREDENTIAL, [(*key, count) for key, count in sorted(single.items()) if count]),
        (ADD_HOURLY, [(*key, count) for key, count in sorted(hourly.items()) if count]),
        (ADD_DAILY, [(*key, count) for key, count in sorted(daily.items()) if count]),
    )


def sweep_counts(transaction: Transaction, workspace_id: str, credential_ids: Collection[str]) -> None:
    """Delete rows that count nothing any more: of the workspace, and of these credentials."""
    for table in (daily_counts, hourly_counts):
        transaction.connection.execute(
            delete(table).where(table.c.workspace_id == workspace_id, table.c.count == 0)
        )
    single = credential_counts.c
    transaction.connection.execute(
        delete(credential_counts).where(single.credential_id.in_(credential_ids), single.count == 0)
    )


def whole_outcome() -> dict[str, ColumnElement[Any]]:
    """What an outcome is with what isn't gathered yet: times, acts and totals of the two tables, joined, by column."""
    kept, more = outcomes.c, engagements.c
    firsts = {name: func.coalesce(more[name], kept[name]) for name in FIRSTS}
    return {
        **{name: case((kept[name] <= first, kept[name]), else_=first) for name, first in firsts.items()},
        **{name: kept[name].op("|")(more[name]) for name in ACTS},
        **{name: kept[name] + more[name] for name in TOTALS},
    }


def gather_engagements(transaction: Transaction, limit: int) -> int:
    """Add what was recorded of some credentials to their outcomes, and take it from where it was; of how many.

    What was recorded of a draft waits until it is issued.
    """
    table, kept = engagements.c, outcomes.c
    is_issued = exists().where(kept.credential_id == table.credential_id)
    # In the order in which they are recorded, so that nobody waits in a circle; who records one of them just now keeps it.
    some = select(table.credential_id).where(is_issued).order_by(table.credential_id).limit(limit)
    ids = transaction.connection.execute(some.with_for_update(skip_locked=True)).scalars().all()
    if ids:
        transaction.connection.execute(
            update(outcomes)
            .where(kept.credential_id == table.credential_id, table.credential_id.in_(ids))
            .values(whole_outcome())
        )
        transaction.connection.execute(delete(engagements).where(table.credential_id.in_(ids)))
    return len(ids)


def add_page_counts(acted: list[tuple[PageActed, str]], aside: list[tuple[SetAside, str, str]]) -> Writes:
    """The statements that count what pages sent beside interactions: acts, each with its day, and what was set
    aside, each with its group and day. Sorted like the others."""
    actions = Counter(
        (one.workspace_id, one.group_id, day, one.action, one.triggered_by) for one, day in acted
    )
    reasons = Counter(
        (one.workspace_id, group_id, day, one.reason, one.event_type) for one, group_id, day in aside
    )
    return ((_ADD_PAGE_ACTION, _and_whole(actions)), (_ADD_SET_ASIDE, _and_whole(reasons)))


def list_set_aside_counts(
    transaction: Transaction, workspace_id: str, first_day: str, last_day: str
) -> list[tuple[str, str, int]]:
    """Day, reason and how many, for each day and reason there is anything of between two days, both included."""
    table = set_aside_counts.c
    query = (
        select(table.day, table.reason, func.sum(table.count))
        .where(
            table.workspace_id == workspace_id,
            table.group_id == WHOLE,
            table.day >= first_day,
            table.day <= last_day,
        )
        .group_by(table.day, table.reason)
        .order_by(table.day, table.reason)
    )
    return [(day, reason, int(count)) for day, reason, count in transaction.connection.execute(query)]


def sum_interactions(
    transaction: Transaction, credential_ids: Iterable[str]
) -> dict[str, dict[tuple[str, str], int]]:
    """How many of each type by whom (`("credential_viewed", "guest")`), for each of these credentials that has any."""
    table = credential_counts.c
    query = (
        select(table.credential_id, table.event_type, table.triggered_by, func.sum(table.count))
        .where(table.credential_id.in_(list(credential_ids)))
        .group_by(table.credential_id, table.event_type, table.triggered_by)
    )
    sums: dict[str, dict[tuple[str, str], int]] = {}
    for id_, event_type, triggered_by, count in transaction.connection.execute(query):
        sums.setdefault(id_, {})[event_type, triggered_by] = int(count)
    return sums


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
