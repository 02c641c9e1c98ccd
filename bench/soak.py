"""Kills the server, and PostgreSQL, under load, again and again; then holds what is stored against what was told.

`make soak`. Of every request it is known what was sent (noted before sending) and what was acknowledged (noted
after the 201). In the end: nothing acknowledged is missing, nothing is stored that was not sent, requests sent
again under their Idempotency-Key are there once, and the counts equal a recount. Exit status 1 otherwise.
"""

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from servers import Postgres, Server, World, in_transaction, make_world
from sqlalchemy import select

from credtrail.database import Transaction
from credtrail.interactions.counts import credential_counts, credential_firsts, daily_counts
from credtrail.interactions.log_sql import interactions
from credtrail.interactions.model import ACTORS, EVENT_TYPES, Interaction
from credtrail.values import day_of, parse_moment, present_moment

console = Console()
EPOCH = parse_moment("2024-01-01T00:00:00Z")


@dataclass
class Ledger:
    """What was sent and what was acknowledged, by the number that is in each event's triggeredAt."""

    sent: dict[int, bytes] = field(default_factory=dict)
    acknowledged: dict[int, str] = field(default_factory=dict)
    refused: Counter[int] = field(default_factory=Counter)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20, help="how often to kill (default 20)")
    parser.add_argument("--connections", type=int, default=32, help="requests under way at once (default 32)")
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="longest time between two kills (default 2)"
    )
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    given = parser.parse_args()
    wanted = ["sqlite", "postgresql"] if given.database == "both" else [given.database]
    table = Table("", *wanted)
    columns = [soak(name, given.kills, given.connections, given.seconds) for name in wanted]
    for row in zip(*(column.items() for column in columns), strict=True):
        table.add_row(row[0][0], *(f"{value:,}" for _, value in row))
    console.print(table)
    wrong = [key for column in columns for key, value in column.items() if key.startswith("! ") and value]
    if wrong:
        console.print(f"[red]Not as it must be:[/red] {', '.join(wrong)}")
        sys.exit(1)
    console.print("Nothing acknowledged was lost, nothing was invented, and the counts are right.")


def soak(database: str, kills: int, connections: int, seconds: float) -> dict[str, int]:
    """One database through all its kills; the findings by name, those that must be zero marked with "! "."""
    with tempfile.TemporaryDirectory(prefix="credtrail-soak-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
        postgres = Postgres(folder) if database == "postgresql" else None
        url = postgres.create("soak") if postgres else f"sqlite:///{folder}/soak.db"
        world = make_world(url, 50)
        server = Server(world.settings, folder)
        ledger = Ledger()
        try:
            with Progress(console=console, transient=True) as progress:
                for number in progress.track(range(kills), description=f"Killing on {database} …"):
                    cut_postgres = postgres if number % 2 else None
                    asyncio.run(_round(server, world, ledger, connections, seconds, cut_postgres))
            server.start()
            asyncio.run(_send_again(server, world, ledger))
            server.stop()
            return {"kills": kills, **compare(world, ledger)}
        finally:
            server.stop(signal.SIGKILL)
            if postgres:
                postgres.close()


async def _round(
    server: Server, world: World, ledger: Ledger, connections: int, seconds: float, postgres: Postgres | None
) -> None:
    await asyncio.to_thread(server.start)
    senders = [asyncio.create_task(_send(server.port, world, ledger)) for _ in range(connections)]
    await asyncio.sleep(random.uniform(0.3, seconds))
    if postgres is not None:  # the database first, and the server while it tries to reach it again
        await asyncio.to_thread(postgres.stop_immediately)
        await asyncio.sleep(random.uniform(0, 0.3))
    server.stop(signal.SIGKILL)
    await asyncio.gather(*senders)
    if postgres is not None:
        await asyncio.to_thread(postgres.start)


async def _send(port: int, world: World, ledger: Ledger) -> None:
    """Send one event after the other on one connection, until it breaks."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            number = len(ledger.sent)
            ledger.sent[number] = make_request(world, number)
            status, answer = await exchange(reader, writer, ledger.sent[number])
            if status == 201:
                ledger.acknowledged[number] = answer["id"]
            else:
                ledger.refused[status] += 1
    except (OSError, asyncio.IncompleteReadError):
        return


async def _send_again(server: Server, world: World, ledger: Ledger) -> None:
    """Send everything unacknowledged once more, and some of the acknowledged, each with its first key."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    again = [number for number in ledger.sent if number not in ledger.acknowledged]
    for number in again + random.sample(sorted(ledger.acknowledged), min(500, len(ledger.acknowledged))):
        status, answer = await exchange(reader, writer, ledger.sent[number])
        if status != 201 or ledger.acknowledged.setdefault(number, answer["id"]) != answer["id"]:
            raise SystemExit(f"A request sent again was answered {status} {answer}")
    writer.close()


def make_request(world: World, number: int) -> bytes:
    """A POST whose triggeredAt, in milliseconds, is its number, and whose key is too."""
    chance = random.Random(number)
    body = json.dumps(
        {
            "credentialId": chance.choice(world.credential_ids),
            "eventType": chance.choice(EVENT_TYPES),
            "triggeredBy": chance.choice(ACTORS),
            "triggeredAt": present_moment(EPOCH + number),
        }
    )
    return (
        "POST /v1/credential-interactions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {world.token}\r\nCertifier-Version: 2022-10-26\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: {number}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, dict[str, str]]:
    """One request and its answer: status and JSON body."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    return int(head.split(" ")[1]), json.loads(await reader.readexactly(length))


def compare(world: World, ledger: Ledger) -> dict[str, int]:
    """The findings: what is stored against the ledger, and the counts against a recount."""

    def ask(transaction: Transaction) -> dict[str, int]:
        rows = [Interaction(*row) for row in transaction.connection.execute(select(interactions))]
        by_number = Counter(row.triggered_at - EPOCH for row in rows)
        ids = {row.id for row in rows}
        return {
            "sent": len(ledger.sent),
            "acknowledged": len(ledger.acknowledged),
            "stored": len(rows),
            "refused with 503": ledger.refused[503],
            "! acknowledged but not stored": sum(id_ not in ids for id_ in ledger.acknowledged.values()),
            "! stored but not sent": sum(number not in ledger.sent for number in by_number),
            "! stored twice": sum(count - 1 for count in by_number.values()),
            "! refused otherwise": sum(ledger.refused.values()) - ledger.refused[503],
            "! counts that differ from a recount": _count_differences(transaction, rows),
        }

    return in_transaction(world.settings, ask)


def _count_differences(transaction: Transaction, rows: list[Interaction]) -> int:
    daily: Counter[tuple[str, ...]] = Counter()
    single: Counter[tuple[str, ...]] = Counter()
    firsts: dict[tuple[str, ...], int] = {}
    for row in rows:
        day = day_of(row.triggered_at, "UTC")
        daily[row.workspace_id, row.group_id, day, row.event_type, row.triggered_by] += 1
        single[row.credential_id, day, row.event_type, row.triggered_by] += 1
        key = (row.credential_id, row.event_type, row.triggered_by)
        firsts[key] = min(row.triggered_at, firsts.get(key, row.triggered_at))
    different = 0
    for table, counted in ((daily_counts, daily), (credential_counts, single), (credential_firsts, firsts)):
        stored = {tuple(row[:-1]): row[-1] for row in transaction.connection.execute(select(table))}
        different += len(set(stored.items()) ^ set(counted.items()))
    return different


if __name__ == "__main__":
    main()
