"""PostgreSQL: opening it, and running transactions. The only file that knows its driver.

Called by `open.py` and `migrate.py`. asyncpg under SQLAlchemy's async engine; stores stay plain functions
through `run_sync`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from credtrail.database import Dialect, RowSet
from credtrail.errors import unavailable
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
        connect_args={
            "timeout": busy_timeout_seconds,
            "command_timeout": busy_timeout_seconds * 2,
            "server_settings": {
                "application_name": "credtrail",
                "synchronous_commit": "on",  # acknowledged means on disk, whatever the server's default
                "lock_timeout": str(int(busy_timeout_seconds * 1_000)),
                "jit": "off",
            },
        },
    )


class PostgresTransaction:
    """A Transaction on PostgreSQL."""

    dialect: Dialect = "postgresql"

    def __init__(self, connection: Connection, at: Moment, ids: IdMaker) -> None:
        self.connection = connection
        self.at = at
        self._ids = ids
        self._driver: Any = connection.connection.driver_connection  # an asyncpg.Connection

    def new_id(self) -> str:
        """An id of this moment, greater than all that this process made before."""
        return self._ids.make(self.at)

    def run(self, statement: RowSet, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Run the statement once, with an array per column."""
        if not rows:
            return []
        found: list[tuple[Any, ...]] = await_only(
            self._driver.fetch(statement.postgresql, *zip(*rows, strict=True))
        )
        return found


class PostgresDatabase:
    """A Database on a PostgreSQL server."""

    dialect: Dialect = "postgresql"

    def __init__(
        self, database_url: str, busy_timeout_seconds: float = 5, ask: Callable[[], Moment] = now
    ) -> None:
        self._engine = open_engine(database_url, busy_timeout_seconds)
        self._ask = ask
        self._ids = IdMaker()

    async def read(self, question: Callable[[PostgresTransaction], T]) -> T:
        """Ask in a transaction that sees one state of the database throughout."""
        return await self._transact(question, read_only=True)

    async def write(self, act: Callable[[PostgresTransaction], T]) -> T:
        """Act and commit. A lost connection, deadlock or serialization failure before the commit is retried."""
        return await self._transact(act, read_only=False)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._engine.dispose()

    async def _transact(self, act: Callable[[PostgresTransaction], T], *, read_only: bool) -> T:
        for attempt in range(1, _ATTEMPTS + 1):
            committing = False
            try:
                async with self._engine.connect() as connection:
                    try:
                        await _begin(connection, read_only=read_only)
                        result = await connection.run_sync(self._act, act)
                        committing = True
                        await connection.commit()
                        return result
                    except BaseException as error:
                        if is_outage(error):
                            await connection.invalidate(error)
                        raise
            except Exception as error:
                again = is_conflict(error) or (is_lost_connection(error) and not committing)
                if again and attempt < _ATTEMPTS:
                    continue
                if is_outage(error) or is_conflict(error):
                    raise unavailable() from error
                raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _act(self, connection: Connection, act: Callable[[PostgresTransaction], T]) -> T:
        return act(PostgresTransaction(connection, max(self._ask(), self._ids.last), self._ids))


async def _begin(connection: AsyncConnection, *, read_only: bool) -> None:
    if read_only:
        await connection.exec_driver_sql("set transaction isolation level repeatable read, read only")
    else:
        # SQLAlchemy's adapter begins with its first statement; the bare driver needs it begun before.
        await connection.exec_driver_sql("select 1")


def _sqlstate(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(cause, "sqlstate", None) or "")


def is_conflict(error: BaseException) -> bool:
    """Deadlock or serialization failure: the same act may succeed at once."""
    return _sqlstate(error).startswith("40")


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
        or isinstance(error, TimeoutError | PoolTimeout)
        or _sqlstate(error).startswith(("25006", "53", "55P03", "57", "58"))
    )
