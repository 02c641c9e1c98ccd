"""The only way to SQL; knows no feature.

A store's function takes a Transaction and runs SQLAlchemy Core statements in it; a face hands such functions
to `Database.read` or `Database.write`. The functions are plain (not async): on SQLite they run in a thread,
on PostgreSQL inside SQLAlchemy's greenlet bridge, so that the same text serves both.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, MetaData, Select, Text

from credtrail.values import Moment

T = TypeVar("T")

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
    }
)
"""Every table of the house; each slice's store adds its own, migrations create them."""

Key = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared but never read by people (ids, names of types, days): byte order on both databases."""

Dialect = Literal["sqlite", "postgresql"]


class RowSet:
    """One SQL statement over many rows at once, written one time for both databases.

    In `text`, `{rows}` stands for the rows given: a table named `rows` with the named columns (a SQL type
    each: text or bigint), and `{given}` for all of them as one value, as it is sent, to be read later.
    PostgreSQL gets one array per column, SQLite one JSON text of all rows. One statement,
    and not one per row, matters in SQLite as much: its driver lets the interpreter go for each statement, and
    to get it back, row by row, from a busy event loop took five times as long as the rows themselves. For the
    same reason a select names the columns it `returns`, and SQLite hands all of its rows back as one text.
    """

    def __init__(
        self, text: str, returns: tuple[str, ...] = (), **columns: Literal["text", "bigint"]
    ) -> None:
        self._text = text
        self.columns = columns
        self.returns = returns
        self.sqlite = self.over_json("?")
        if returns:
            found = f"json_array({', '.join(returns)})"
            self.sqlite = f"select json_group_array({found}) from ({self.sqlite})"  # noqa: S608 - our own words
        self.postgresql = self.over(self.unnest_from(1), self.arrays_from(1))

    def over(self, source: str, given: str = "null") -> str:
        """The text that takes its rows from this source, which has the named columns, or all from this one value."""
        return self._text.replace("{rows}", f"{source} as rows").replace("{given}", given)

    def over_json(self, source: str) -> str:
        """The SQLite text that takes its rows from this expression, a JSON text."""
        values = ", ".join(f"json_extract(value, '$[{n}]') as {name}" for n, name in enumerate(self.columns))
        return self.over(f"(select {values} from json_each({source}))", source)  # noqa: S608 - our own words

    def unnest_from(self, first: int) -> str:
        """The rows in PostgreSQL: an array per column, as text, in parameters whose numbers begin with this one."""
        kinds = enumerate(self.columns.values(), first)
        arrays = ", ".join(f"${number}::text::{kind}[]" for number, kind in kinds)
        return f"(select * from unnest({arrays}) as given ({', '.join(self.columns)}))"  # noqa: S608 - our own words

    def arrays_from(self, first: int) -> str:
        """The same as one value: an array of those texts, which PostgreSQL doesn't look into."""
        return f"array[{', '.join(f'${number}::text' for number, _ in enumerate(self.columns, first))}]"


Writes = tuple[tuple[RowSet, Sequence[tuple[Any, ...]]], ...]
"""Statements that write different tables, each with its rows. Statements of the same columns that are given the very
same list take its rows from one place: they are sent once."""


def number_rows(
    writes: Writes,
) -> tuple[list[tuple[RowSet, int]], list[tuple[RowSet, Sequence[tuple[Any, ...]]]]]:
    """The statements that have rows, each with the place of its rows among the different ones, and these, each with
    a statement that has their columns."""
    given = [(statement, rows) for statement, rows in writes if rows]
    different = {id(rows): (statement, rows) for statement, rows in given}
    places = {rows_id: place for place, rows_id in enumerate(different)}
    return [(statement, places[id(rows)]) for statement, rows in given], list(different.values())


class BulkTransaction(Protocol):
    """One transaction of set-based statements on the bare driver: all of it is kept, or nothing."""

    dialect: Dialect
    at: Moment
    """When it began; the one "now" of everything done in it."""

    def new_id(self) -> str:
        """An id of this moment, greater than all that this process made before."""

    def run(self, statement: RowSet, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Run one statement; what it returns, in no set order. No rows, no statement."""


class Transaction(BulkTransaction, Protocol):
    """A transaction that takes SQLAlchemy Core statements too. Reads inside see one state of the database."""

    connection: Connection


class Database(Protocol):
    """A database that is open. Every method raises `errors.Refusal` 503 when storage is down, full or locked.

    After such a failure nothing of the transaction is kept (only when PostgreSQL is lost during the commit
    itself can it have been kept all the same: the caller can't know, and may send again with its
    Idempotency-Key). The next call works again as soon as the fault is gone.
    """

    dialect: Dialect

    async def read(self, question: Callable[[Transaction], T]) -> T:
        """Ask inside one read-only transaction."""

    async def look(self, question: Callable[[Transaction], T]) -> T:
        """Ask with one single SQLAlchemy statement, which sees one state of the database by itself."""

    async def write(self, act: Callable[[Transaction], T]) -> T:
        """Act inside one transaction and commit; the act may be run again, so it does nothing but SQL."""

    async def write_bulk(self, act: Callable[[BulkTransaction], tuple[Writes, T]]) -> T:
        """The same for set-based statements alone, past SQLAlchemy: the act asks what it needs to know, and returns
        what to write last, none of it depending on another's effect, along with its result.

        On PostgreSQL those writes are one statement; when the act asked nothing, that is the whole transaction.
        """

    async def close(self) -> None:
        """Finish what runs, then let go of all connections."""


def run_all(transaction: BulkTransaction, writes: Writes) -> None:
    """Run one after the other."""
    for statement, rows in writes:
        transaction.run(statement, rows)


def cut(
    query: Select[Any], id_column: ColumnElement[str], *, edge: str | None, newer: bool, limit: int
) -> Select[Any]:
    """A page of a list by id: up to `limit` rows before the edge, newest first; with `newer` those after it,
    oldest first. The edge itself is left out; None is the newest end."""
    if edge is not None:
        query = query.where(id_column > edge if newer else id_column < edge)
    return query.order_by(id_column if newer else id_column.desc()).limit(limit)
