"""Writes many credentials and interactions in bulk, past the recorder, for `insights.py`.

The log comes row by row from a generator; all sums are counted from it in SQL, in the tables that recording keeps, and
gathered as a worker does.
`credential_counts` stays empty, since insights don't read it. Days and hours are those of UTC.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import text
from sqlalchemy.util import await_only

from credtrail.credentials.model import Credential
from credtrail.credentials.store import add_credentials
from credtrail.database import Transaction
from credtrail.database.open import open_database
from credtrail.interactions.counts import SHARES, bit_of, gather_engagements
from credtrail.settings import Settings
from credtrail.values import EVENT_TYPES, IdMaker, Moment

DAY_MS = 86_400_000
_CHUNK = 50_000
_REFRESH = {"sqlite": "analyze", "postgresql": "vacuum analyze"}
_COLUMNS = (
    "id", "workspace_id", "group_id", "credential_id", "event_type", "triggered_by", "triggered_at", "certainty"
)  # fmt: skip


def fill(
    transaction: Transaction,
    workspace_id: str,
    groups: list[str],
    days: int,
    credential_count: int,
    count: int,
    wrote: Callable[[int], object],
) -> None:
    """All of it, in one transaction; indexes of the log are made when it is whole. `wrote` hears of each part of the
    log."""
    run = transaction.connection.exec_driver_sql
    made = list(_credentials(transaction.at, workspace_id, groups, days, credential_count))
    for start in range(0, len(made), 10_000):
        add_credentials(transaction, made[start : start + 10_000])
    indexes = _indexes(transaction)
    for name, _ in indexes:
        run(f"drop index {name}")
    if transaction.dialect == "postgresql":
        run("set local work_mem = '256MB'")
        run("set local maintenance_work_mem = '512MB'")
    _load(transaction, "interactions", _COLUMNS, _interactions(transaction.at, made, count), wrote)
    for _, sql in indexes:
        run(sql)
    for sql in _sums(transaction.dialect):
        run(sql)
    while gather_engagements(transaction, 10_000):  # as a worker has by then
        pass
    _add_page_sums(transaction, workspace_id, groups, days)


def refresh(settings: Settings) -> None:
    """Statistics, and on PostgreSQL the map of what all may see, as a database has them that has run for a day."""

    async def run() -> None:
        database = open_database(settings)
        try:
            await database.look(lambda tx: tx.connection.execute(text(_REFRESH[tx.dialect])))
        finally:
            await database.close()

    asyncio.run(run())


def _credentials(
    at: Moment, workspace_id: str, groups: list[str], days: int, count: int
) -> Iterator[Credential]:
    ids = IdMaker()
    for n in range(count):
        issued_at = at - days * DAY_MS + n * days * DAY_MS // count
        yield Credential(
            id=ids.make(issued_at),
            public_id=f"public-{n}",
            workspace_id=workspace_id,
            group_id=groups[n * 7 % len(groups)],
            status="issued",
            recipient_id=f"r{n}",
            recipient_name=f"Learner {n}",
            recipient_email=f"learner{n}@school{n % 97}.example",
            issue_date=datetime.fromtimestamp(issued_at / 1_000, UTC).date().isoformat(),
            expiry_date=None,
            custom_attributes={},
            created_at=issued_at,
            updated_at=issued_at,
            evidence=[],
        )


def _interactions(at: Moment, made: list[Credential], count: int) -> Iterator[tuple[Any, ...]]:
    """A fifth of the credentials is never opened; of the others, few are seen much."""
    chance = random.Random(11)
    what = [("credential_viewed", "guest")] * 45 + [("credential_viewed", "recipient")] * 25
    what += [("credential_verified", "guest")] * 8 + [("credential_downloaded", "recipient")] * 7
    what += [("credential_link_copied", "recipient")] * 5
    what += [(chance.choice(SHARES), "recipient") for _ in range(10)]
    delays = [int(chance.expovariate(1 / (20 * DAY_MS))) for _ in range(4_099)]
    opened = [one for n, one in enumerate(made) if n % 5]
    ids, draw, began = IdMaker(), chance.random, made[0].created_at
    for n in range(count):
        one = opened[int(draw() ** 1.5 * len(opened))]
        then = one.created_at + delays[n % 4_099]
        if then > at:
            then = at - delays[n % 4_099] % (at - one.created_at + 1)
        event_type, by = what[int(draw() * 100)]
        id_ = ids.make(began + n * (at - began) // count)  # as they come in, whatever time they claim
        yield (id_, one.workspace_id, one.group_id, one.id, event_type, by, then, "api")


def _load(
    transaction: Transaction,
    table: str,
    columns: Sequence[str],
    rows: Iterator[tuple[Any, ...]],
    wrote: Callable[[int], object],
) -> None:
    driver: Any = transaction.connection.connection.driver_connection
    while chunk := list(islice(rows, _CHUNK)):
        if transaction.dialect == "sqlite":
            marks = ", ".join("?" * len(columns))
            driver.executemany(f"insert into {table} ({', '.join(columns)}) values ({marks})", chunk)
        else:
            await_only(driver.copy_records_to_table(table, records=chunk, columns=columns))
        wrote(len(chunk))


def _indexes(transaction: Transaction) -> list[tuple[str, str]]:
    """Name and statement of each index of the log but its primary key."""
    query = (
        "select name, sql from sqlite_master where type = 'index' and tbl_name = 'interactions' and sql is not null"
        if transaction.dialect == "sqlite"
        else "select indexname, indexdef from pg_indexes where tablename = 'interactions' "
        "and indexname <> 'interactions_pkey'"
    )
    return [(row[0], row[1]) for row in transaction.connection.exec_driver_sql(query)]


def _sums(dialect: str) -> Iterator[str]:
    """Each credential's engagement and hours from the log, days from hours, the whole from groups."""
    yield _engagements()
    day = (
        "strftime('%Y-%m-%d', hour / 1000, 'unixepoch')"
        if dialect == "sqlite"
        else "to_char(to_timestamp(hour / 1000) at time zone 'UTC', 'YYYY-MM-DD')"
    )
    yield (
        "insert into hourly_counts select workspace_id, group_id, triggered_at / 3600000 * 3600000 as hour, "
        "event_type, triggered_by, count(*) from interactions group by 1, 2, 3, 4, 5"
    )
    yield (
        f"insert into daily_counts select workspace_id, group_id, {day}, event_type, triggered_by, sum(count) "
        "from hourly_counts group by 1, 2, 3, 4, 5"
    )
    for table, key in (("hourly_counts", "hour"), ("daily_counts", "day")):
        yield (
            f"insert into {table} select workspace_id, '', {key}, event_type, triggered_by, sum(count) "
            f"from {table} group by 1, 2, 3, 4, 5"
        )


def _engagements() -> str:
    shares = ", ".join(f"'{one}'" for one in SHARES)
    opened = "triggered_by = 'recipient' and event_type = 'credential_viewed'"
    shared = f"triggered_by = 'recipient' and event_type in ({shares})"
    viewed = "triggered_by = 'guest' and event_type = 'credential_viewed'"
    verified = "triggered_by = 'guest' and event_type = 'credential_verified'"
    bits = " ".join(f"when '{one}' then {bit_of(one)}" for one in EVENT_TYPES)
    columns = [
        *(f"min(case when {which} then first_at end)" for which in (opened, shared, viewed, verified)),
        *(
            f"sum(case when triggered_by = '{actor}' then case event_type {bits} end else 0 end)"
            for actor in ("recipient", "guest")
        ),
        *(f"sum(case when {which} then count else 0 end)" for which in (viewed, shared, verified)),
    ]
    return (
        "insert into engagements (credential_id, opened_at, shared_at, guest_viewed_at, guest_verified_at, "
        "recipient_acts, guest_acts, guest_views, shares, guest_verifications) "
        f"select credential_id, {', '.join(columns)} from (select credential_id, event_type, triggered_by, "
        "min(triggered_at) as first_at, count(*) as count from interactions group by 1, 2, 3) as acts "
        "group by credential_id"
    )


def _add_page_sums(transaction: Transaction, workspace_id: str, groups: list[str], days: int) -> None:
    """What pages count beside: on each day something, in each group."""
    today = datetime.fromtimestamp(transaction.at / 1_000, UTC).date()
    rows = [
        {"w": workspace_id, "g": group_id, "d": (today - timedelta(days=n)).isoformat()}
        for n in range(days)
        for group_id in (*groups, "")
    ]
    for table, column, what in (
        ("page_action_counts", "action", ("printed", "qr_code_shown", "shared_by_email")),
        ("set_aside_counts", "reason", ("robot", "prefetch", "repeat", "unconfirmed")),
    ):
        last = "triggered_by" if column == "action" else "event_type"
        for one in what:
            value = "guest" if column == "action" else "credential_viewed"
            sql = (
                f"insert into {table} (workspace_id, group_id, day, {column}, {last}, count) "
                f"values (:w, :g, :d, '{one}', '{value}', 3)"
            )
            transaction.connection.execute(text(sql), rows)
