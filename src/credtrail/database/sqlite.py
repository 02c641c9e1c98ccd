"""SQLite: opening it, and running transactions in threads. The only file that knows its driver.

Called by `open.py` and `migrate.py`. One writing thread per process takes transactions in turn, so that
writers of one process never wait on each other's locks; readers run beside it (write-ahead log).
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec.json import decode, encode
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from credtrail.database import BulkTransaction, Dialect, RowSet, Writes, number_rows
from credtrail.errors import unavailable
from credtrail.values import IdMaker, Moment, now

T = TypeVar("T")

READERS = 4
VERSION = sqlite3.sqlite_version_info
OLDEST_VERSION = (3, 35, 0)  # the first with RETURNING


def connect(path: Path, busy_timeout_seconds: float) -> sqlite3.Connection:
    """Open the file with the pragmas everything here relies on; creates the file, not its folder."""
    connection = sqlite3.connect(
        path, timeout=busy_timeout_seconds, isolation_level=None, check_same_thread=False
    )
    # WAL: readers never wait for the writer. FULL: a commit is on disk (fsync) before it is answered.
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma cache_size = -32768")  # KiB: a page cache of 32 MiB per connection
    connection.execute("pragma temp_store = memory")
    # A checkpoint every 8 MiB of log. Each pauses the writer for about ten milliseconds, since the same pages are written
    # again and again: after 4 MiB they take a tenth of its time, and after 16 they are what most waits are.
    connection.execute("pragma wal_autocheckpoint = 2000")
    return connection


def open_engine(creator: Callable[[], sqlite3.Connection], connections: int) -> Engine:
    """An SQLAlchemy engine over `connect`; transactions are begun by us, since IMMEDIATE must be said."""
    return create_engine(
        "sqlite://",
        creator=creator,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_reset_on_return=None,
        hide_parameters=True,  # an error's text goes to the log, and the parameters hold names of people
    )


class SqliteTransaction:
    """A Transaction on SQLite."""

    dialect: Dialect = "sqlite"

    def __init__(self, connection: Connection, at: Moment, ids: IdMaker) -> None:
        self.connection = connection
        self.at = at
        self._ids = ids
        self._driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]

    def new_id(self) -> str:
        """An id of this moment, greater than all that this process made before."""
        return self._ids.make(self.at)

    def run(self, statement: RowSet, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Run the statement once, with all rows as one JSON text."""
        if not rows:
            return []
        found = self._driver.execute(statement.sqlite, (encode(rows).decode(),)).fetchall()
        return [tuple(row) for row in decode(found[0][0])] if statement.returns else found


class _AsksError(Exception):
    """An act wants to know something of the database."""


class _Silent:
    """A BulkTransaction outside of any transaction: it serves an act that asks nothing."""

    dialect: Dialect = "sqlite"

    def __init__(self, at: Moment, ids: IdMaker) -> None:
        self.at = at
        self._ids = ids

    def new_id(self) -> str:
        """An id of this moment, greater than all that this process made for bulk writes before."""
        return self._ids.make(self.at)

    def run(self, statement: RowSet, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Only no rows have an answer here."""
        if rows:
            raise _AsksError
        return []


class SqliteDatabase:
    """A Database in one SQLite file."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: Path, busy_timeout_seconds: float = 5, ask: Callable[[], Moment] = now) -> None:
        connect_here = partial(connect, path, busy_timeout_seconds)
        self._connect_writer = cache(connect_here)  # one connection, for SQLAlchemy and without it
        self._writing = open_engine(self._connect_writer, 1)
        self._reading = open_engine(connect_here, READERS)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._ask = ask
        self._ids = IdMaker()  # touched by the writing thread alone
        self._bulk_ids = IdMaker()  # touched by the event loop alone
        self._joined: dict[tuple[tuple[RowSet, int], ...], str] = {}

    async def read(self, question: Callable[[SqliteTransaction], T]) -> T:
        """Ask in one of the reading threads."""
        return await self._in(self._readers, self._transact, self._reading, "begin", question)

    async def look(self, question: Callable[[SqliteTransaction], T]) -> T:
        """The same: here a transaction costs next to nothing."""
        return await self.read(question)

    async def write(self, act: Callable[[SqliteTransaction], T]) -> T:
        """Act in the writing thread, holding SQLite's write lock from the start."""
        return await self._in(self._writer, self._transact, self._writing, "begin immediate", act)

    async def write_bulk(self, act: Callable[[BulkTransaction], tuple[Writes, T]]) -> T:
        """An act that asks nothing runs here, in the event loop, and its writes are one call in the writing thread:
        a thread that computes beside the event loop waits for the interpreter longer than it computes. An act that
        asks is run again in that thread, where its transaction is."""
        try:
            writes, result = act(_Silent(max(self._ask(), self._bulk_ids.last), self._bulk_ids))
        except _AsksError:
            return await self.write(partial(self._act_and_write, act))
        await self._in(self._writer, self._write_joined, writes)
        return result

    async def close(self) -> None:
        """Let running transactions end, fold the log into the file, close."""
        for threads, engine in ((self._readers, self._reading), (self._writer, self._writing)):
            await asyncio.to_thread(threads.shutdown)
            engine.dispose()

    async def _in(self, threads: ThreadPoolExecutor, function: Callable[..., T], *given: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, function, *given)
        except (DBAPIError, sqlite3.Error) as error:
            if is_outage(error):
                raise unavailable() from error
            raise

    def _transact(self, engine: Engine, begin: str, act: Callable[[SqliteTransaction], T]) -> T:
        with engine.connect() as connection:
            driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
            driver.execute(begin)
            try:
                result = act(SqliteTransaction(connection, max(self._ask(), self._ids.last), self._ids))
                driver.execute("commit")
            except BaseException:
                if driver.in_transaction:  # SQLite itself rolls back on some faults, a full disk for one
                    driver.execute("rollback")
                raise
            return result

    def _act_and_write(
        self, act: Callable[[BulkTransaction], tuple[Writes, T]], transaction: SqliteTransaction
    ) -> T:
        writes, result = act(transaction)
        self._write_joined(writes)
        return result

    def _write_joined(self, writes: Writes) -> None:
        """All writes as one statement; outside of a transaction it is one by itself."""
        statements, sources = number_rows(writes)
        if statements:
            driver, key = self._connect_writer(), tuple(statements)
            if key not in self._joined:
                self._joined[key] = _join_statements(driver, key, len(sources), f"joined_{len(self._joined)}")
            driver.execute(self._joined[key], [encode(rows).decode() for _, rows in sources])


def _join_statements(
    driver: sqlite3.Connection, statements: tuple[tuple[RowSet, int], ...], source_count: int, name: str
) -> str:
    """One statement that takes all rows, one JSON text from each source, and runs these in order, each over the source
    with its number.

    It inserts into a view of this connection whose trigger they are. The driver lets the interpreter go once for
    all of them and for the commit, instead of once for each.
    """
    columns = [f"rows_{number}" for number in range(source_count)]
    body = "; ".join(one.over_json(f"new.{columns[number]}") for one, number in statements)
    driver.execute(f"create temp view {name} as select {', '.join(f'null as {one}' for one in columns)}")
    driver.execute(f"create temp trigger {name}_insert instead of insert on {name} begin {body}; end")
    return f"insert into {name} values ({', '.join('?' * len(columns))})"  # noqa: S608 - our own words


def is_outage(error: BaseException) -> bool:
    """Whether storage failed (locked, full, unreadable, read-only), rather than the statement being wrong."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, sqlite3.Error):
        return False
    name = getattr(cause, "sqlite_errorname", "")
    return name.startswith(
        ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY",
         "SQLITE_NOMEM", "SQLITE_PROTOCOL", "SQLITE_CORRUPT", "SQLITE_NOTADB")
    )  # fmt: skip


def read_pragmas(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Name and value of the pragmas durability rests on, for `credtrail check`."""
    for name in ("journal_mode", "synchronous", "foreign_keys"):
        yield name, str(connection.execute(f"pragma {name}").fetchone()[0])
