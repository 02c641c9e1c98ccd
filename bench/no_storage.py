"""Our own server with everything on but storage: what recording costs beyond HTTP, tokens, limits and checks.

Called by `bench.py` as a command. The group writer, the recorder and every check run as ever; only the database
takes statements and does nothing.
"""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import uvicorn

from credtrail import app, serve
from credtrail.credentials.store import _WHOSE, Owner
from credtrail.database import BulkTransaction, Database, RowSet, Transaction, Writes
from credtrail.database.open import open_database
from credtrail.settings import Settings, read_settings
from credtrail.values import IdMaker, now

T = TypeVar("T")


class NowhereTransaction:
    """A transaction that keeps nothing and finds every credential in the one workspace there is."""

    dialect = "sqlite"

    def __init__(self, ids: IdMaker, owner: Owner) -> None:
        self.at = now()
        self._ids = ids
        self._owner = owner

    def new_id(self) -> str:
        """An id as ever."""
        return self._ids.make(self.at)

    def run(self, statement: RowSet, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Answer the one question that recording asks."""
        return [(row[0], *self._owner) for row in rows] if statement is _WHOSE else []


class Nowhere:
    """A database whose bulk writes go nowhere; the rest is the real one's."""

    def __init__(self, real: Database) -> None:
        self._real = real
        self._ids = IdMaker()
        self._owner: Owner | None = None
        self.dialect = real.dialect
        self.read, self.look = real.read, real.look
        self.write, self.close = real.write, real.close

    async def write_bulk(self, act: Callable[[BulkTransaction], tuple[Writes, T]]) -> T:
        """Let those who arrive meanwhile join the group, as a commit would, then run the act on nothing."""
        if self._owner is None:
            self._owner = await self._real.read(_find_owner)
        await asyncio.sleep(0)
        _, result = act(NowhereTransaction(self._ids, self._owner))  # type: ignore[arg-type]
        return result


def _find_owner(transaction: Transaction) -> Owner:
    row = transaction.connection.exec_driver_sql(
        "select workspace_id, group_id from credentials limit 1"
    ).one()
    return Owner(row[0], row[1], "UTC", None, None)


def create_app() -> Any:
    """The server's own application, with the database exchanged."""

    def build(settings: Settings) -> app.Parts:
        return app.build(settings, Nowhere(open_database(settings)))  # type: ignore[arg-type]

    serve.build = build
    return serve.create_app()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    read_settings()
    uvicorn.run(
        create_app(),
        host="127.0.0.1",
        port=parser.parse_args().port,
        http=serve.DirectProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
