"""Workers killed again and again while webhooks are delivered: nothing may be lost. Called by `soak.py`.

Two workers, some endpoints, interactions recorded all the while; every few seconds one worker is killed with SIGKILL
and started again. In the end everything recorded must have come to every endpoint, and what came twice must have come
under the same id in the same bytes.
"""

import asyncio
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from hashlib import sha256
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty

from hooks import _add_endpoints
from rich.console import Console
from servers import SECRET_KEY, Server, World, post_views

ENDPOINTS = 3
_BETWEEN_SECONDS = 4.0
_PATIENCE_SECONDS = 180
_AT_A_TIME = 5
_ANSWERED_AFTER_SECONDS = 0.03


def soak_webhooks(world: World, folder: Path, kills: int, console: Console) -> list[str]:
    """What was found wrong, in sentences; nothing, if all is well."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    came: Queue[tuple[str, str, str, str]] = multiprocessing.Queue()
    receiver = multiprocessing.Process(target=_receive, args=(port, came), daemon=True)
    receiver.start()
    _add_endpoints(world, port, ENDPOINTS)
    server = Server(world.settings, folder)
    server.start()
    workers = [_start_worker(world, folder), _start_worker(world, folder)]
    recorded: list[str] = []
    try:
        for kill in range(kills):
            until = time.monotonic() + _BETWEEN_SECONDS
            while time.monotonic() < until:
                recorded += post_views(server, world, random.choices(world.credential_ids[:20], k=_AT_A_TIME))
                time.sleep(0.02)
            victim = workers[kill % 2]
            victim.send_signal(signal.SIGKILL)
            victim.wait(10)
            workers[kill % 2] = _start_worker(world, folder)
            console.print(f"  killed {kill + 1} of {kills}, recorded {len(recorded):,}")
        return _judge(recorded, came, console)
    finally:
        server.stop()
        for worker in workers:
            worker.terminate()
            worker.wait(60)
        receiver.terminate()


def _judge(recorded: list[str], came: "Queue[tuple[str, str, str, str]]", console: Console) -> list[str]:
    """Wait until all has come, or patience ends."""
    told: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    wanted, deadline = set(recorded), time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            path, id_, credential_id, digest = came.get(timeout=1)
            told[path].append((id_, credential_id, digest))
        except Empty:
            if len(told) == ENDPOINTS and all(wanted <= {id_ for id_, *_ in one} for one in told.values()):
                break
    wrong = []
    for path, messages in sorted(told.items()):
        ids = [id_ for id_, *_ in messages]
        lost = len(wanted - set(ids))
        bytes_of = defaultdict(set)
        for id_, _, digest in messages:
            bytes_of[id_].add(digest)
        changed = sum(len(digests) > 1 for digests in bytes_of.values())
        disorder = _count_disorder(messages)
        console.print(
            f"  endpoint {path}: {len(ids):,} came, {len(ids) - len(set(ids)):,} of them again, {lost} lost, "
            f"{changed} in other bytes, {disorder} out of order"
        )
        if lost or changed or disorder or set(ids) - wanted:
            wrong.append(f"webhooks: endpoint {path} wasn't told truthfully")
    return wrong if len(told) == ENDPOINTS else [*wrong, "webhooks: an endpoint was told nothing"]


def _count_disorder(messages: list[tuple[str, str, str]]) -> int:
    """How many messages came for the first time before an earlier one of the same credential had."""
    latest: dict[str, str] = {}
    seen, count = set(), 0
    for id_, credential_id, _ in messages:
        if id_ in seen:
            continue
        seen.add(id_)
        count += id_ < latest.get(credential_id, "")
        latest[credential_id] = max(id_, latest.get(credential_id, ""))
    return count


def _receive(port: int, came: "Queue[tuple[str, str, str, str]]") -> None:
    """Answer 204 to everything, a little later, so that a kill finds something under way; and tell what came."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
                body = await reader.readexactly(int(length))
                told = json.loads(body)
                path = head.split(b" ")[1].decode()
                came.put((path, told["id"], told["data"]["resource"]["id"], sha256(body).hexdigest()))
                await asyncio.sleep(_ANSWERED_AFTER_SECONDS)
                writer.write(b"HTTP/1.1 204 x\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(run())


def _start_worker(world: World, folder: Path) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "CREDTRAIL_DATABASE_URL": world.settings.database_url,
        "CREDTRAIL_SECRET_KEY": SECRET_KEY,
        "CREDTRAIL_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
        "CREDTRAIL_LOG_LEVEL": "error",
    }
    return subprocess.Popen([sys.executable, "-m", "credtrail", "work"], env=environment, cwd=folder)
