"""Opens the database that the settings name. Called by `app`, `work`, `demo` and the command line."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from credtrail.database import Database, Transaction
from credtrail.database.sqlite import SqliteDatabase
from credtrail.settings import Settings

T = TypeVar("T")


def open_database(settings: Settings) -> Database:
    """The database, not yet asked anything: a wrong address shows at the first transaction."""
    if settings.sqlite_path is not None:
        return SqliteDatabase(settings.sqlite_path, settings.busy_timeout_seconds)
    from credtrail.database.postgres import PostgresDatabase  # whose driver is loaded where it is needed

    return PostgresDatabase(settings.database_url, settings.busy_timeout_seconds)


def write_once(settings: Settings, act: Callable[[Transaction], T]) -> T:
    """Open the database, act in one write transaction, close it; for programs that come and go."""

    async def run() -> T:
        database = open_database(settings)
        try:
            return await database.write(act)
        finally:
            await database.close()

    return asyncio.run(run())
