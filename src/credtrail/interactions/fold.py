"""PostgreSQL: from what was recorded to the sums of it, for many transactions at once.

There, to add to the sums is most of what recording takes, and transactions of several lanes and processes wait for
each other's few rows of days and hours. So a transaction that records adds one row to `pending_counts`, with all that
it has to add, as it was sent; the recorder folds such rows into the sums once a second, and each sum is written once
for hundreds of interactions. What is pending counts all the same: whoever asks for sums asks through `Counted`.

On SQLite, with its one writer, a fold costs about what it saves and makes others wait: there sums are added at once
(`counts.py: add_counts`), and nothing is ever pending.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from sqlalchemy import BigInteger, Column, Identity, Table, Text, exists, select
from sqlalchemy.dialects.postgresql import ARRAY

from credtrail import metrics
from credtrail.credentials.outcome_store import ACTS, FIRSTS, TOTALS
from credtrail.database import Database, RowSet, Transaction, Writes, metadata
from credtrail.errors import Refusal
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
# What goes with a credential is kept of those that are there, which then stay until the end of this. Rows go in sorted
# by key, so that nobody waits in a circle.
_FOLD = f"""
with taken as (delete from pending_counts where id = any($1) returning given),
folding as materialized (
  select workspace_id, group_id, credential_id, event_type, triggered_by, day, hour,
    count(*) as count, min(triggered_at) as first_at
  from taken, unnest({_ARRAYS}) as one ({", ".join(_LATER.columns)})
  group by 1, 2, 3, 4, 5, 6, 7),
there as materialized (
  select id from credentials where id in (select credential_id from folding) order by id for key share),
of_there as materialized (select * from folding where credential_id in (select id from there)),
by_credential as (
  select credential_id, day, event_type, triggered_by, sum(count) as count
  from of_there group by 1, 2, 3, 4 order by 1, 2, 3, 4),
acts as (
  select credential_id, event_type, triggered_by, sum(count) as count, min(first_at) as first_at,
    case event_type {_BITS} end as bit
  from of_there group by 1, 2, 3),
facts as (select credential_id, {_FACTS} from acts group by 1 order by 1),
both_groups as (
  select workspace_id, whose as group_id, day, hour, event_type, triggered_by, sum(count) as count
  from folding, unnest(array[group_id, '{WHOLE}']) as whose group by 1, 2, 3, 4, 5, 6),
by_hour as (
  select workspace_id, group_id, hour, event_type, triggered_by, sum(count) as count
  from both_groups group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5),
by_day as (
  select workspace_id, group_id, day, event_type, triggered_by, sum(count) as count
  from both_groups group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5),
add_facts as ({ADD_ENGAGEMENT.over("facts")}),
add_hourly as ({ADD_HOURLY.over("by_hour")}),
add_daily as ({ADD_DAILY.over("by_day")})
{ADD_CREDENTIAL.over("by_credential")}
"""  # noqa: S608 - our own words
_MOST_AT_ONCE = 1_000
"""Rows of a fold, each of one transaction."""


def count_later(counted: list[tuple[Interaction, str, Moment]]) -> Writes:
    """The statement that leaves interactions, each with its day and hour, to be folded."""
    return ((_LATER, [(*interaction[1:7], day, hour) for interaction, day, hour in counted]),)


class Counted:
    """A Database as those see it who read sums: nothing that was acknowledged before they ask is missing in these."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dialect = database.dialect
        self.look, self.write, self.write_bulk = database.look, database.write, database.write_bulk
        self.close = database.close

    async def read(self, question: Callable[[Transaction], T]) -> T:
        """Ask inside one read-only transaction, in which nothing is pending but what came in since this began."""
        if self.dialect == "sqlite":
            return await self._database.read(question)
        answers = await self._database.read(lambda transaction: _ask_if_folded(transaction, question))
        if answers:
            return answers[0]
        with suppress(Refusal):  # where nothing can be written, what is there can still be read
            await fold(self._database)
        return await self._database.read(question)


def _ask_if_folded(transaction: Transaction, question: Callable[[Transaction], T]) -> tuple[T, ...]:
    is_pending = transaction.connection.execute(select(exists().select_from(pending_counts))).scalar_one()
    return () if is_pending else (question(transaction),)


async def fold(database: Database) -> None:
    """Add all that is pending to the sums: in several transactions, each of which adds some and takes it from there.

    What several processes fold at the same time is added once. On SQLite there is nothing to be done. Refuses (503)
    when storage is down.
    """
    is_done = database.dialect == "sqlite"
    while not is_done:
        with metrics.FOLD_SECONDS.time():
            is_done = await database.write(_fold_some) < _MOST_AT_ONCE


def fold_here(transaction: Transaction) -> None:
    """The same within this transaction, for an act that moves sums, or deletes what they are of."""
    if transaction.dialect == "postgresql":
        while _fold_some(transaction) == _MOST_AT_ONCE:
            pass


def _fold_some(transaction: Transaction) -> int:
    """Fold the oldest rows; how many. Whoever comes second waits for the first, and finds what that has left."""
    table = pending_counts.c
    oldest = select(table.id).order_by(table.id).limit(_MOST_AT_ONCE).with_for_update()
    ids = transaction.connection.execute(oldest).scalars().all()
    if ids:
        transaction.connection.exec_driver_sql(_FOLD, (ids,))
    return len(ids)
