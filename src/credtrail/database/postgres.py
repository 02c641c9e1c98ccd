"""PostgreSQL: opening it, and running transactions. The only file that knows its driver.

Called by `open.py` and `migrate.py`. asyncpg under SQLAlchemy's async engine; stores stay plain functions
through `run_sync`.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, MissingGreenlet
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only, greenlet_spawn

from credtrail.database import Dialect, RowSet, Writes, number_rows
from credtrail.errors import UnwritableError, unavailable
from credtrail.values import IdMaker, Moment, now

T = TypeVar("T")

CONNECTIONS = 8
OLDEST_VERSION = 150_000  # server_version_num of PostgreSQL 15
_ATTEMPTS = 3


def engine_url(database_url: str) -> str:
    """The same address with the driver named, as SQLAlchemy wants it."""
    return "postgresql+asyncpg://" + database_url.split("://", 1)[1]


def open_engine(
    database_url: str, busy_timeout_seconds: float, connections: int = CONNECTIONS
) -> AsyncEngine:
    """An SQLAlchemy engine whose every wait is bounded, so that a silent server becomes a 503."""
    return create_async_engine(
        engine_url(database_url),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=busy_timeout_seconds,
        hide_parameters=True,  # an error's text goes to the log, and the parameters hold names of people
        connect_args=_driver_options(busy_timeout_seconds),
    )


def _driver_options(busy_timeout_seconds: float) -> dict[str, Any]:
    return {
        "timeout": busy_timeout_seconds,
        "command_timeout": busy_timeout_seconds * 2,
        "server_settings": {
            "application_name": "credtrail",
            "synchronous_commit": "on",  # acknowledged means on disk, whatever the server's default
            "lock_timeout": str(int(busy_timeout_seconds * 1_000)),
            "jit": "off",
        },
    }


class PostgresBulkTransaction:
    """A BulkTransaction on PostgreSQL: `driver` is an asyncpg.Connection; it begins with the first question."""

    dialect: Dialect = "postgresql"

    def __init__(self, driver: Any, at: Moment, ids: IdMaker) -> None:
        self._driver = driver
        self.at = at
        self.has_begun = False
        self._ids = ids

    def new_id(self) -> str:
        """An id of this moment, greater than all that this process made before."""
        return self._ids.make(self.at)

    def run(self, statement: RowSet, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Run the statement once, with an array per column."""
        if not rows:
            return []
        if not self.has_begun:
            await_only(self._driver.execute("begin"))
            self.has_begun = True
        found: list[tuple[Any, ...]] = await_only(
            self._driver.fetch(statement.postgresql, *_write_arrays(statement, rows))
        )
        return found


@lru_cache
def _join_statements(statements: tuple[tuple[RowSet, int], ...], sources: tuple[RowSet, ...]) -> str:
    """The first is the statement proper, and the others are its WITH queries; none sees what another does.

    Each takes its rows from the source with its number; of a source only the columns are looked at here.
    """
    parts, given, first = [], [], 1
    for number, source in enumerate(sources):
        parts.append(f"rows_{number} as {source.unnest_from(first)}")
        given.append(source.arrays_from(first))
        first += len(source.columns)
    proper, *others = [statement.over(f"rows_{number}", given[number]) for statement, number in statements]
    parts += [f"part_{number} as ({text})" for number, text in enumerate(others)]
    return f"with {', '.join(parts)} {proper}"


class PostgresTransaction(PostgresBulkTransaction):
    """A Transaction on PostgreSQL."""

    def __init__(self, connection: Connection, at: Moment, ids: IdMaker) -> None:
        super().__init__(connection.connection.driver_connection, at, ids)
        self.connection = connection
        self.has_begun = True  # by SQLAlchemy


class PostgresDatabase:
    """A Database on a PostgreSQL server."""

    dialect: Dialect = "postgresql"

    def __init__(
        self, database_url: str, busy_timeout_seconds: float = 5, ask: Callable[[], Moment] = now
    ) -> None:
        self._engine = open_engine(database_url, busy_timeout_seconds)
        self._reading = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._looking = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._connect = partial(asyncpg.connect, database_url, **_driver_options(busy_timeout_seconds))
        self._idle: list[Any] = []  # connections for bulk writes, as many as ever were needed at once
        self._ask = ask
        self._ids = IdMaker()

    async def read(self, question: Callable[[PostgresTransaction], T]) -> T:
        """Ask in a transaction that sees one state of the database throughout."""
        return await _persist(partial(self._ask_in, self._reading, question))

    async def look(self, question: Callable[[PostgresTransaction], T]) -> T:
        """Ask in a statement that needs no BEGIN and no COMMIT."""
        return await _persist(partial(self._ask_in, self._looking, question))

    async def write(self, act: Callable[[PostgresTransaction], T]) -> T:
        """Act and commit. A lost connection, deadlock or serialization failure before the commit is retried."""
        return await _persist(partial(self._transact, act))

    async def write_bulk(self, act: Callable[[PostgresBulkTransaction], tuple[Writes, T]]) -> T:
        """The same on a bare connection; the act's writes are one statement, which needs no BEGIN where it is all."""
        return await _persist(partial(self._transact_bulk, act))

    async def close(self) -> None:
        """Let go of all connections."""
        await self._engine.dispose()
        while self._idle:
            await self._idle.pop().close()

    async def _ask_in(self, engine: AsyncEngine, question: Callable[[PostgresTransaction], T]) -> T:
        async with engine.connect() as connection:
            try:
                return await connection.run_sync(self._act, question)
            except BaseException as error:
                if is_outage(error):
                    await connection.invalidate(error)
                raise

    async def _transact(self, act: Callable[[PostgresTransaction], T]) -> T:
        async with self._engine.connect() as connection:
            try:
                # SQLAlchemy's adapter begins with its first statement; the bare driver needs it begun before.
                await connection.exec_driver_sql("select 1")
                result = await connection.run_sync(self._act, act)
            except BaseException as error:
                if is_outage(error):
                    await connection.invalidate(error)
                raise
            with _commit_in_doubt():
                await connection.commit()
            return result

    def _act(self, connection: Connection, act: Callable[[PostgresTransaction], T]) -> T:
        return act(PostgresTransaction(connection, self._at(), self._ids))

    async def _transact_bulk(self, act: Callable[[PostgresBulkTransaction], tuple[Writes, T]]) -> T:
        driver = self._find_idle() or await self._connect()
        transaction = PostgresBulkTransaction(driver, self._at(), self._ids)
        try:
            try:
                writes, result = act(transaction)
            except MissingGreenlet:  # it asks: once more, where its questions can wait for their answers
                writes, result = await greenlet_spawn(act, transaction)
            with _commit_in_doubt():
                await _write_last(driver, writes)
                if transaction.has_begun:
                    await driver.execute("commit")
        except BaseException as error:
            if is_outage(error) or not isinstance(error, Exception):
                driver.terminate()  # PostgreSQL rolls back what a lost connection leaves
            else:
                if transaction.has_begun:
                    await driver.execute("rollback")
                self._idle.append(driver)
            raise
        self._idle.append(driver)
        return result

    def _find_idle(self) -> Any:
        """A connection from before, or None. One that is closed by now must not be used for a commit: it would look
        as if the commit were in doubt, though nothing was sent."""
        while self._idle:
            driver = self._idle.pop()
            if not driver.is_closed():
                return driver
        return None

    def _at(self) -> Moment:
        return max(self._ask(), self._ids.last)


async def _write_last(driver: Any, writes: Writes) -> None:
    statements, sources = number_rows(writes)
    if statements:
        text = _join_statements(tuple(statements), tuple(source for source, _ in sources))
        await driver.fetch(
            text, *[array for source, rows in sources for array in _write_arrays(source, rows)]
        )


def _write_arrays(statement: RowSet, rows: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    """Each column as the text of an array. The driver would encode arrays too, but looks at each item several times,
    which took more processor time than all else that a row costs this process."""
    for kind, column in zip(statement.columns.values(), zip(*rows, strict=True), strict=True):
        yield _write_numbers(column) if kind == "bigint" else _write_texts(column)


def _write_numbers(column: Sequence[int | None]) -> str:
    return "{" + ",".join(map(str, column)).replace("None", "null") + "}"


def _write_texts(column: Sequence[str | None]) -> str:
    if None in column:
        return "{" + ",".join(["null" if one is None else _write_texts([one])[1:-1] for one in column]) + "}"
    joined = "\0".join(column)  # type: ignore[arg-type]  # PostgreSQL's text can't hold U+0000
    if joined.count("\0") >= len(column):
        raise ValueError("U+0000 in a text")
    escaped = joined.replace("\\", "\\\\").replace('"', '\\"')
    return '{"' + escaped.replace("\0", '","') + '"}'


class _InDoubtError(Exception):
    """The connection was lost while committing: whether the transaction is kept, nobody can say."""


@contextmanager
def _commit_in_doubt() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if is_lost_connection(error) or isinstance(error, TimeoutError):
            raise _InDoubtError from error
        raise


async def _persist(transact: Callable[[], Awaitable[T]]) -> T:
    """Try again what certainly left nothing behind; tell what is an outage as 503."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await transact()
        except Exception as error:
            if attempt < _ATTEMPTS and (is_conflict(error) or is_lost_connection(error)):
                continue
            if _sqlstate(error) in ("25006", "53100"):  # read-only; disk full
                raise UnwritableError from error
            if is_outage(error) or is_conflict(error):
                raise unavailable() from error
            raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _sqlstate(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(cause, "sqlstate", None) or "")


def is_conflict(error: BaseException) -> bool:
    """Deadlock, serialization failure, or an Idempotency-Key kept meanwhile: the same act may succeed at once."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return _sqlstate(error).startswith("40") or (
        _sqlstate(error) == "23505" and "idempotency_keys_pkey" in str(cause)
    )


def is_lost_connection(error: BaseException) -> bool:
    """The server went away, or a connection of the pool was stale."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(cause, OSError | asyncpg.InterfaceError) or _sqlstate(error).startswith(
        ("08", "57P01", "57P02", "57P03")
    )


def is_outage(error: BaseException) -> bool:
    """Whether the server failed (gone, silent, full, read-only, overloaded), rather than the statement being wrong."""
    # 25006 read-only, 53 resources (disk full, connections), 55P03 lock timeout, 57 operator, 58 system
    return (
        is_lost_connection(error)
        or isinstance(error, TimeoutError | PoolTimeout | _InDoubtError)
        or _sqlstate(error).startswith(("25006", "53", "55P03", "57", "58"))
    )
