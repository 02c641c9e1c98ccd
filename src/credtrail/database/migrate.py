"""Brings a database to this version's tables, by the numbered steps in `migrations/`.

Called by the command line (`migrate`, `serve` on SQLite, `check`) and by `/readyz`. Repeatable: a database that
is current is left alone. Only steps forward. Alembic, which takes longer to load than to ask, is loaded when there is
something to do.
"""

import asyncio
import re
from functools import lru_cache, partial
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from credtrail.database import Database, Transaction, sqlite
from credtrail.settings import Settings


class MigrationError(Exception):
    """The database can't be brought to this version; the text says why and what to do."""


_FOLDER = Path(__file__).parent / "migrations"
_REVISION = re.compile(r'^revision = "(\w+)"\ndown_revision = (?:None|"(\w+)")$', re.MULTILINE)


@lru_cache
def known_revisions() -> tuple[str, ...]:
    """The steps of this version, oldest first: each one's file names the one before it."""
    following: dict[str, str] = {}
    for file in (_FOLDER / "versions").glob("m*.py"):
        [(revision, before)] = _REVISION.findall(file.read_text("utf-8"))
        following[before] = revision
    chain = [following.pop("")]
    while following:
        chain.append(following.pop(chain[-1]))
    return tuple(chain)


def migrate(settings: Settings) -> list[str]:
    """Apply the missing steps, all in one transaction; the revisions applied, oldest first.

    Raises MigrationError for a database of a newer version, or of an engine too old.
    """
    if settings.sqlite_path is None:
        return asyncio.run(_migrate_postgres(settings))
    if sqlite.VERSION < sqlite.OLDEST_VERSION:
        raise MigrationError(f"SQLite 3.35 or newer is needed; this Python comes with {sqlite.VERSION}")
    settings.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
    engine = sqlite.open_engine(partial(sqlite.connect, settings.sqlite_path, 60), connections=1)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("begin immediate")  # several processes may start at once
            applied = _upgrade(connection)
            connection.commit()
        return applied
    finally:
        engine.dispose()


async def _migrate_postgres(settings: Settings) -> list[str]:
    from credtrail.database import postgres

    engine = postgres.open_engine(settings.database_url, settings.busy_timeout_seconds, connections=1)
    try:
        async with engine.begin() as connection:
            version = int((await connection.execute(text("show server_version_num"))).scalar_one())
            if version < postgres.OLDEST_VERSION:
                raise MigrationError(f"PostgreSQL 15 or newer is needed; this server is {version // 10_000}")
            # One migration at a time, whoever starts it; the number is ours alone: "cred" as ASCII.
            await connection.execute(text("select pg_advisory_xact_lock(1668441444)"))
            return await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> list[str]:
    before = _current_revision(connection)
    _refuse_newer(before)
    missing = known_revisions()[known_revisions().index(before) + 1 if before else 0 :]
    if missing:
        _apply(connection)
    return list(missing)


def _apply(connection: Connection) -> None:
    from alembic.command import upgrade
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    upgrade(config, "head")


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision not in known_revisions():
        raise MigrationError(
            f"This database was made by a newer version of Credtrail (its revision {revision} is not known here). "
            "Install that version or a later one; going back is not possible."
        )


def _current_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("select version_num from alembic_version")).scalar()


def refuse_stale(settings: Settings) -> None:
    """Raise MigrationError unless the database has exactly this version's tables (PostgreSQL before serving)."""
    from credtrail.database import postgres

    async def ask() -> str | None:
        engine = postgres.open_engine(settings.database_url, settings.busy_timeout_seconds, connections=1)
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(_current_revision)
        finally:
            await engine.dispose()

    revision = asyncio.run(ask())
    _refuse_newer(revision)
    if revision != known_revisions()[-1]:
        raise MigrationError(
            "The database does not have this version's tables yet; run `credtrail migrate` first."
        )


async def is_current(database: Database) -> bool:
    """Whether the database has this version's tables and takes a write (which is rolled back by SQL itself)."""

    def ask(transaction: Transaction) -> bool:
        if _current_revision(transaction.connection) != known_revisions()[-1]:
            return False
        # Deleting no row still takes the write lock, and fails on a read-only database.
        transaction.connection.execute(text("delete from alembic_version where version_num = ''"))
        return True

    return await database.write(ask)
