"""How fast webhooks are delivered, and what they cost recording. `python bench/hooks.py`; called by `bench.py` too.

The receiver is a process of its own that answers 204 to everything; the bare limit is a loop of the same HTTP library
family (httpx) that posts the same bodies to it, sixteen at a time, and does nothing else.
"""

import asyncio
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from statistics import mean, median
from typing import Any

import httpx2 as httpx
from load import wrk
from rich.console import Console
from servers import SECRET_KEY, Postgres, Server, World, make_world, post_views

from credtrail.database.open import write_once
from credtrail.seal import Seal
from credtrail.webhooks.manage import create_endpoint
from credtrail.webhooks.model import TYPES, NewEndpoint

AT_ONCE = 16
MOST_SLOWER = 0.20
LEAST_OF_BARE = 0.5
_DELIVERIES = 5_000


@dataclass
class Delivered:
    """Deliveries a second with one endpoint and with fifty, what a bare loop made of it before and after each, and
    recording without and with an endpoint that wants everything, in interactions a second at 64 connections."""

    bare_of_one: float
    bare_of_fifty: float
    one: float
    fifty: float
    recorded_without: float
    recorded_with: float


def measure_webhooks(
    database_urls: list[str], folder: Path, seconds: int, runs: int, console: Console
) -> Delivered:
    """Three fresh databases of one kind: for one endpoint, for fifty, and for recording."""
    count = multiprocessing.Value("i", 0)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    receiver = multiprocessing.Process(target=_receive, args=(port, count), daemon=True)
    receiver.start()
    try:
        time.sleep(0.5)
        bare = [_bare(port)]
        one = _deliver(make_world(database_urls[0], 500), folder, port, count, 1)
        bare.append(_bare(port))
        console.print(f"  one endpoint {one:,.0f} a second, a bare loop {bare[0]:,.0f} and {bare[1]:,.0f}")
        fifty = _deliver(make_world(database_urls[1], 500), folder, port, count, 50)
        bare.append(_bare(port))
        console.print(f"  fifty endpoints {fifty:,.0f}, a bare loop {bare[1]:,.0f} and {bare[2]:,.0f}")
        without, with_one = _record(make_world(database_urls[2], 1_000), folder, port, seconds, runs)
        console.print(f"  recording {without:,.0f}, with an endpoint {with_one:,.0f}")
    finally:
        receiver.terminate()
        receiver.join()
    return Delivered(mean(bare[:2]), mean(bare[1:]), one, fifty, without, with_one)


def _receive(port: int, count: "Synchronized[int]") -> None:
    """Answer 204 to every request, and count."""
    answer = b"HTTP/1.1 204 x\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
                await reader.readexactly(int(length))
                writer.write(answer)
                count.value += 1  # the only writer
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(run())


def _bare(port: int) -> float:
    return asyncio.run(_post_bare(port, _DELIVERIES // 2))


async def _post_bare(port: int, many: int) -> float:
    body = json.dumps({"id": "0" * 26, "data": {"credential": "x" * 600}}).encode()
    headers = {"Content-Type": "application/json", "webhook-id": "0" * 26}
    left = iter(range(many))
    async with httpx.AsyncClient() as client:

        async def loop() -> None:
            for _ in left:
                answer = await client.post(f"http://127.0.0.1:{port}/", headers=headers, content=body)
                answer.raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(loop() for _ in range(AT_ONCE)))
        return many / (time.perf_counter() - began)


def _add_endpoints(world: World, port: int, many: int) -> None:
    seal = Seal(SECRET_KEY, "webhooks")

    def act(transaction: Any) -> None:
        for number in range(many):
            new = NewEndpoint(f"http://127.0.0.1:{port}/{number}", list(TYPES))
            create_endpoint(transaction, world.workspace_id, new, seal, frozenset({"127.0.0.1"}))

    write_once(world.settings, act)


def _deliver(world: World, folder: Path, port: int, count: "Synchronized[int]", endpoints: int) -> float:
    """Record first, then let a worker deliver it all: from the first that comes to the last."""
    _add_endpoints(world, port, endpoints)
    wanted = _DELIVERIES // endpoints
    server = Server(world.settings, folder)
    server.start()
    try:
        for first in range(0, wanted, 1_000):
            post_views(server, world, islice(cycle(world.credential_ids), min(1_000, wanted - first)))
    finally:
        server.stop()
    count.value = 0
    environment = {
        **os.environ,
        "CREDTRAIL_DATABASE_URL": world.settings.database_url,
        "CREDTRAIL_SECRET_KEY": SECRET_KEY,
        "CREDTRAIL_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
        "CREDTRAIL_LOG_LEVEL": "error",
    }
    worker = subprocess.Popen([sys.executable, "-m", "credtrail", "work"], env=environment, cwd=folder)
    try:
        _wait_until(count, 1)
        began, before = time.perf_counter(), count.value
        _wait_until(count, wanted * endpoints)
        return (wanted * endpoints - before) / (time.perf_counter() - began)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)


def _wait_until(count: "Synchronized[int]", wanted: int) -> None:
    deadline = time.monotonic() + 300
    while count.value < wanted:
        if time.monotonic() > deadline:
            raise SystemExit(f"only {count.value:,} of {wanted:,} deliveries came within five minutes")
        time.sleep(0.01)


def _record(world: World, folder: Path, port: int, seconds: int, runs: int) -> tuple[float, float]:
    """Interactions a second without an endpoint and with one, in turns; no worker takes the processor meanwhile."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    server = Server(world.settings, folder)
    server.start()
    try:
        wrk(server, world, folder, 64, 1)
        for run in range(runs * 2):
            has_endpoint = bool(run % 2)
            if has_endpoint:
                _add_endpoints(world, port, 1)
            else:
                write_once(world.settings, _delete_endpoints)
            rates[has_endpoint].append(wrk(server, world, folder, 64, seconds).per_second)
    finally:
        server.stop()
    return median(rates[False]), median(rates[True])


def _delete_endpoints(transaction: Any) -> None:
    from sqlalchemy import delete

    from credtrail.webhooks.store import webhook_endpoints

    transaction.connection.execute(delete(webhook_endpoints))


def main() -> None:
    """Both databases."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="credtrail-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        for urls in all_urls(folder, postgres := Postgres(folder)):
            console.print(urls[0].partition(":")[0])
            measure_webhooks(urls, folder, 4, 2, console)
        postgres.close()


def all_urls(folder: Path, postgres: Postgres) -> list[list[str]]:
    """Three databases of each kind."""
    return [
        [f"sqlite:///{folder}/hooks{n}.db" for n in range(3)],
        [postgres.create(f"hooks{n}") for n in range(3)],
    ]


if __name__ == "__main__":
    main()
