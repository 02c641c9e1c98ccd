"""What a million stored events change: rate, list pages, memory. Called by `bench.py`.

The server stays the same process throughout, so that its memory can be watched while the events go through it.
"""

import asyncio
import http.client
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from load import PATH, run_postgres, serving, wrk
from rich.console import Console
from rich.progress import Progress
from servers import SECRET_KEY, Postgres, Server, World, make_world

from credtrail.database.open import open_database
from credtrail.interactions.model import Filters
from credtrail.values import now, present_moment
from credtrail.web.paging import Cursors

_BATCH = 1_000
_DAY_MS = 86_400_000
_TYPES = (
    "credential_viewed",
    "credential_downloaded",
    "credential_verified",
    "credential_shared_to_linkedin",
)


@dataclass
class Look:
    """One look at the server: events a second at 64 connections, list pages, resident memory."""

    rates: list[float]
    first_page_ms: float
    deep_page_ms: float
    resident_mb: float


def measure_growth(
    folder: Path,
    postgres: Postgres,
    database: str,
    stored: int,
    seconds: int,
    console: Console,
) -> tuple[Look, Look, list[float]]:
    """A look at (nearly) nothing stored, a look at `stored`, and the resident memory on the way there."""
    name = f"growth_{database}"
    url = f"sqlite:///{folder}/{name}.db" if database == "sqlite" else postgres.create(name)
    world = make_world(url, 1_000)
    memory = []
    with serving(world, folder, database) as server:
        post_batches(server, world, 1_000)
        settle(postgres, database)
        pages = measure_pages(server, world)  # before the rate, which stores some tens of thousands itself
        before = _look(server, world, folder, seconds, pages)
        with Progress(console=console, transient=True) as progress:
            for _ in progress.track(range(10), description=f"Storing {stored:,} on {database} …"):
                post_batches(server, world, stored // 10)
                memory.append(resident_mb(server.pid))
        settle(postgres, database)
        after = _look(server, world, folder, seconds, measure_pages(server, world))
    return before, after, memory


def settle(postgres: Postgres, database: str) -> None:
    """Let PostgreSQL do now what it puts off (vacuum, statistics, checkpoint), so that a look sees every day's state."""
    if database == "postgresql":
        run_postgres(postgres, "psql", "-q", "-c", "vacuum analyze", "-c", "checkpoint", f"growth_{database}")


def _look(server: Server, world: World, folder: Path, seconds: int, pages: tuple[float, float]) -> Look:
    rates = [wrk(server, world, folder, 64, seconds).per_second for _ in range(3)]
    return Look(rates, *pages, resident_mb(server.pid))


def measure_pages(server: Server, world: World) -> tuple[float, float]:
    """Milliseconds of the newest page, and of one with nine tenths of all events before it; medians, in turn."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    deep = f"?limit=20&cursor={make_cursor(world)}"
    first_ms, deep_ms = [], []
    for _ in range(300):
        first_ms.append(_ask_ms(connection, world, "?limit=20"))
        deep_ms.append(_ask_ms(connection, world, deep))
    connection.close()
    return median(first_ms), median(deep_ms)


def _ask_ms(connection: http.client.HTTPConnection, world: World, query: str) -> float:
    began = time.perf_counter()
    connection.request("GET", PATH + query, headers=_headers(world))
    answer = connection.getresponse()
    found = json.loads(answer.read())
    took = (time.perf_counter() - began) * 1_000
    if len(found["data"]) != 20:
        raise RuntimeError(found)
    return took


def make_cursor(world: World) -> str:
    """A cursor to nine tenths of the list, as the server would have given it to one who had walked there."""

    async def ask() -> str:
        database = open_database(world.settings)
        try:
            return await database.read(
                lambda transaction: str(transaction.connection.exec_driver_sql(_NINE_TENTHS).scalar_one())
            )
        finally:
            await database.close()

    scope = ("credential-interactions", world.workspace_id, Filters())
    return Cursors(SECRET_KEY)._make("<", asyncio.run(ask()), scope)


_NINE_TENTHS = (
    "select id from interactions order by id limit 1 offset (select count(*) / 10 from interactions)"
)


def post_batches(server: Server, world: World, count: int) -> None:
    """Store so many through the server's own batch endpoint, over a month of days and all credentials."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    days = [present_moment(now() - n * _DAY_MS) for n in range(30)]
    for start in range(0, count, _BATCH):
        items = [
            {
                "credentialId": world.credential_ids[n * 7 % len(world.credential_ids)],
                "eventType": _TYPES[n % len(_TYPES)],
                "triggeredBy": "guest",
                "triggeredAt": days[n // 1_000 % len(days)],
            }
            for n in range(start, start + _BATCH)
        ]
        headers = {**_headers(world), "Content-Type": "application/json"}
        connection.request("POST", f"{PATH}/batch", json.dumps({"data": items}), headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(said)
    connection.close()


def _headers(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.token}", "Certifier-Version": "2022-10-26"}


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1_024
