"""PostgreSQL: from what was recorded to the sums of it, for many transactions at once.

There, to add to the sums is most of what recording takes, and transactions of several lanes and processes wait for
each other's few rows of days and hours. So a transaction that records adds one row to `pending_counts`, with all that
it has to add, as it was sent; the recorder folds such rows into the sums once a second, and each sum is written once
for many interactions. What is pending counts all the same: whoever asks for sums asks through `FoldedDatabase`.

On SQLite, with its one writer, a fold costs about what it saves and makes others wait: there sums are added at once
(`counts.py: add_counts`), and nothing is ever pending.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import TypeVar

import structlog
from sqlalchemy import BigInteger, Column, Identity, Table, Text, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from credtrail import metrics
from credtrail.credentials.outcome_store import ACTS, FIRSTS, TOTALS
from credtrail.database import Database, RowSet, Transaction, Writes, metadata
from credtrail.errors import Refusal, UnwritableError
from credtrail.interactions.counts import (
    ADD_CREDENTIAL,
    ADD_DAILY,
    ADD_ENGAGEMENT,
    ADD_HOURLY,
    FIRST_AND_TOTAL,
    WHOLE,
    bit_of,
)
from credtrail.interactions.model import Interaction
from credtrail.values import EVENT_TYPES, Moment

log = structlog.get_logger("credtrail.fold")

T = TypeVar("T")

pending_counts = Table(
    "pending_counts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    # Of one transaction: the text of an array for each of the columns of `_LATER`.
    Column("given", ARRAY(Text).with_variant(Text(), "sqlite"), nullable=False),
)
_LATER = RowSet(
    "insert into pending_counts (given) values ({given})",
    workspace_id="text",
    group_id="text",
    credential_id="text",
    event_type="text",
    triggered_by="text",
    triggered_at="bigint",
    day="text",
    hour="bigint",
)


def _tells(column: str) -> str:
    """Which interactions this column of an engagement is about."""
    return " or ".join(
        f"event_type = '{event_type}' and triggered_by = '{triggered_by}'"
        for (event_type, triggered_by), columns in FIRST_AND_TOTAL.items()
        if column in columns
    )


_ARRAYS = ", ".join(f"given[{n}]::{kind}[]" for n, kind in enumerate(_LATER.columns.values(), 1))
_BITS = " ".join(f"when '{event_type}' then {bit_of(event_type)}" for event_type in EVENT_TYPES)
_FACTS = ", ".join(
    [
        *(f"min(first_at) filter (where {_tells(first)}) as {first}" for first in FIRSTS),
        *(
            f"coalesce(sum(bit) filter (where triggered_by || '_acts' = '{acts}'), 0) as {acts}"
            for acts in ACTS
        ),
        *(f"coalesce(sum(count) filter (where {_tells(total)}), 0) as {total}" for total in TOTALS),
    ]
)
# Sums are kept of workspaces and credentials that are there; these are locked in the order in which they are deleted,
# and stay until the end of this. Rows go in sorted by key, as elsewhere. (PostgreSQL runs the last of these first.)
_FOLD = f"""
with taken as (delete from pending_counts where id = any($1) returning given),
folding as materialized (
  select workspace_id, group_id, credential_id, event_type, triggered_by, day, hour,
    count(*) as count, min(triggered_at) as first_at
  from taken, unnest({_ARRAYS}) as one ({", ".join(_LATER.columns)})
  group by 1, 2, 3, 4, 5, 6, 7),
workspaces_there as materialized (
  select id from workspaces where id in (select workspace_id from folding) order by id for key share),
credentials_there as materialized (
  select id from credentials where id in (
    select credential_id from folding where workspace_id in (select id from workspaces_there))
  order by id for key share),
of_credentials as materialized (
  select * from folding where credential_id in (select id from credentials_there)),
by_credential as (
  select credential_id, day, event_type, triggered_by, sum(count) as count
  from of_credentials group by 1, 2, 3, 4 order by 1, 2, 3, 4),
acts as (
  select credential_id, event_type, triggered_by, sum(count) as count, min(first_at) as first_at,
    case event_type {_BITS} end as bit
  from of_credentials group by 1, 2, 3),
facts as (select credential_id, {_FACTS} from acts group by 1 order by 1),
both_groups as (
  select workspace_id, whose as group_id, day, hour, event_type, triggered_by, sum(count) as count
  from folding, unnest(array[group_id, '{WHOLE}']) as whose
  where workspace_id in (select id from workspaces_there)
  group by 1, 2, 3, 4, 5, 6),
by_hour as (
  select workspace_id, group_id, hour, event_type, triggered_by, sum(count) as count
  from both_groups group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5),
by_day as (
  select workspace_id, group_id, day, event_type, triggered_by, sum(count) as count
  from both_groups group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5),
add_daily as ({ADD_DAILY.over("by_day")}),
add_hourly as ({ADD_HOURLY.over("by_hour")}),
add_facts as ({ADD_ENGAGEMENT.over("facts")})
{ADD_CREDENTIAL.over("by_credential")}
"""  # noqa: S608 - our own words
_MOST_ROWS = 1_000
_MOST_CHARACTERS = 1_000_000
"""Of a fold: rows, each of one transaction, and the ids of workspaces in them; so much is 35,000 interactions."""
_LATE = 10_000
"""A transaction that was given its number so many numbers ago has come to its end."""
FOLD_SECONDS = 1
_THOROUGHLY = 60
"""Each so-manieth time all is looked at."""


def count_later(counted: list[tuple[Interaction, str, Moment]]) -> Writes:
    """The statement that leaves interactions, each with its day and hour, to be folded."""
    return ((_LATER, [(*interaction[1:7], day, hour) for interaction, day, hour in counted]),)


class FoldedDatabase:
    """A Database as those see it who read sums: nothing that was acknowledged before they ask is missing in these.

    One for each process. On SQLite it is the database, and nothing else.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dialect = database.dialect
        self.look, self.write, self.write_bulk = database.look, database.write, database.write_bulk
        self.close = database.close
        self._folding = asyncio.Lock()  # who waits for it holds no connection
        # What was folded lies about until PostgreSQL clears it away, for as long as a dump runs, say. It isn't walked
        # again and again: only what comes after this number is looked at.
        self._after = 0

    async def read(self, question: Callable[[Transaction], T]) -> T:
        """Ask inside one read-only transaction, in which nothing is pending but what came in since this began.

        Where storage takes no writes, sums are read as they are. Refuses (503) when it can't be folded otherwise.
        """
        if self.dialect == "sqlite":
            return await self._database.read(question)
        answers = await self._database.read(partial(self._ask_if_folded, question))
        if answers:
            return answers[0]
        with suppress(UnwritableError):
            await self.fold()
        return await self._database.read(question)

    def _ask_if_folded(self, question: Callable[[Transaction], T], transaction: Transaction) -> tuple[T, ...]:
        pending = select(pending_counts.c.id).where(pending_counts.c.id > self._after).limit(1)
        is_pending = transaction.connection.execute(pending).first() is not None
        return () if is_pending else (question(transaction),)

    async def fold(self, *, thoroughly: bool = False) -> None:
        """Add what is pending to the sums: in several transactions, each of which adds some and takes it away.

        What several processes fold at the same time is added once. Refuses (503) when storage is down.
        """
        async with self._folding:
            if thoroughly:
                self._after = 0
            is_done = self.dialect == "sqlite"
            while not is_done:
                began = perf_counter()
                last_id, is_done = await self._database.write(partial(_fold_some, after=self._after))
                if last_id is not None:
                    self._after = max(self._after, last_id - _LATE)
                    metrics.FOLD_SECONDS.observe(perf_counter() - began)

    async def keep_folding(self, stopping: asyncio.Event) -> None:
        """Fold each second, beginning now, and a last time when it is to stop."""
        times, is_last = 0, self.dialect == "sqlite"
        while not is_last:
            is_last = stopping.is_set()
            try:
                await self.fold(thoroughly=times % _THOROUGHLY == 0)
            except Refusal:  # what is pending stays until the next time
                log.warning("not_folded")
            except Exception:  # ours to mend
                log.exception("not_folded")
            times += 1
            if not is_last:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), FOLD_SECONDS)


def fold_here(transaction: Transaction) -> None:
    """Fold all that is pending within this transaction, for an act that moves sums. Once in a transaction."""
    is_done = transaction.dialect == "sqlite"
    while not is_done:
        _, is_done = _fold_some(transaction, after=0)


def _fold_some(transaction: Transaction, after: int) -> tuple[int | None, bool]:
    """Fold the oldest rows after this one; the last one's number, and whether they were all.

    Whoever comes second waits for the first, and finds what that has left.
    """
    table = pending_counts.c
    oldest = select(table.id, func.length(table.given[1])).where(table.id > after).order_by(table.id)
    found = transaction.connection.execute(oldest.limit(_MOST_ROWS).with_for_update()).all()
    ids: list[int] = []
    size = 0
    for id_, characters in found:
        size += characters
        if ids and size > _MOST_CHARACTERS:
            break
        ids.append(id_)
    if ids:
        transaction.connection.exec_driver_sql(_FOLD, (ids,))
    return (ids[-1] if ids else None), len(ids) == len(found) < _MOST_ROWS
