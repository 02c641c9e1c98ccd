"""Kills the server, and PostgreSQL, under load, again and again; then holds what is stored against what was told.

`make soak`. Of every request it is known what was sent (noted before sending) and what was acknowledged (noted
after the 201). Every second one carries an Idempotency-Key, and is sent again in the end when it got no 201. Then:
nothing acknowledged is missing, nothing is stored that was not sent just so, nothing is stored twice, and the
counts equal a recount. Exit status 1 otherwise.
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
from servers import Postgres, Server, World, make_world
from soak_webhooks import soak_webhooks
from sqlalchemy import select

from credtrail.database import Transaction
from credtrail.database.open import write_once
from credtrail.interactions.counts import WHOLE, credential_counts, daily_counts, engagements
from credtrail.interactions.fold import fold_here
from credtrail.interactions.log_sql import interactions
from credtrail.interactions.model import (
    Interaction,
)
from credtrail.values import ACTORS, EVENT_TYPES, day_of, parse_moment, present_moment

console = Console()
EPOCH = parse_moment("2024-01-01T00:00:00Z")
STEP_MS = 7_919  # a prime number: a hundred thousand events spread over nine days, at every time of day


@dataclass
class Ledger:
    """What was sent and what became of it, by the number that is in each event's triggeredAt."""

    world: World
    sent: set[int] = field(default_factory=set)
    acknowledged: dict[int, str] = field(default_factory=dict)
    refused: Counter[int] = field(default_factory=Counter)
    sent_again: int = 0


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20, help="how often to kill (default 20)")
    parser.add_argument("--connections", type=int, default=32, help="requests under way at once (default 32)")
    parser.add_argument("--workers", type=int, default=1, help="server processes (default 1)")
    parser.add_argument(
        "--seconds-per-run", type=float, default=3.0, help="longest time between two kills (default 3)"
    )
    parser.add_argument(
        "--only", choices=["recording", "webhooks"], help="kill servers, or workers that deliver; else both"
    )
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    given = parser.parse_args()
    wanted = ["sqlite", "postgresql"] if given.database == "both" else [given.database]
    wrong = []
    if given.only != "recording":
        for name in wanted:
            console.print(f"Webhooks on {name}")
            wrong += soak_delivering(name, given.kills)
    columns = [soak(name, given) for name in wanted] if given.only != "webhooks" else []
    table = Table("", *wanted)
    for row in zip(*(column.items() for column in columns), strict=True):
        table.add_row(row[0][0], *(f"{value:,}" for _, value in row))
    if columns:
        console.print(table)
    wrong += [key for column in columns for key, value in column.items() if key.startswith("! ") and value]
    if wrong:
        console.print(f"[red]Not as it must be:[/red] {', '.join(wrong)}")
        sys.exit(1)
    console.print("Nothing acknowledged was lost, nothing was invented, and the counts are right.")


def soak_delivering(database: str, kills: int) -> list[str]:
    """Webhooks on one database, through all the kills of workers; what was wrong."""
    with tempfile.TemporaryDirectory(prefix="credtrail-soak-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = Postgres(folder) if database == "postgresql" else None
        try:
            url = postgres.create("soak") if postgres else f"sqlite:///{folder}/soak.db"
            return soak_webhooks(make_world(url, 50), folder, kills, console)
        finally:
            if postgres:
                postgres.close()


def soak(database: str, given: argparse.Namespace) -> dict[str, int]:
    """One database through all its kills; the findings by name, those that must be zero marked with "! "."""
    with tempfile.TemporaryDirectory(prefix="credtrail-soak-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
        postgres = Postgres(folder) if database == "postgresql" else None
        url = postgres.create("soak") if postgres else f"sqlite:///{folder}/soak.db"
        ledger = Ledger(make_world(url, 50))
        program = ("-m", "credtrail", "serve", "--workers", str(given.workers))
        server = Server(ledger.world.settings, folder, program)
        try:
            with Progress(console=console, transient=True) as progress:
                task = progress.add_task("", total=given.kills)
                for number in range(given.kills):
                    progress.update(
                        task,
                        description=f"Killing on {database}; {len(ledger.acknowledged):,} acknowledged …",
                    )
                    asyncio.run(_round(server, ledger, given, postgres, number))
                    progress.advance(task)
            server.start()
            asyncio.run(_send_again(server, ledger))
            server.stop()
            return {"kills": given.kills, **compare(ledger)}
        finally:
            server.stop(signal.SIGKILL)
            if postgres:
                postgres.close()


async def _round(
    server: Server, ledger: Ledger, given: argparse.Namespace, postgres: Postgres | None, number: int
) -> None:
    """Load, then a kill at a random moment. Every second time PostgreSQL goes first: the server is killed while it
    looks for it, or, by turns, finds it again and is killed later."""

    async def let_run() -> None:
        await asyncio.sleep(random.uniform(0.2, given.seconds_per_run))

    await asyncio.to_thread(server.start)
    senders = [asyncio.create_task(_send(server.port, ledger)) for _ in range(given.connections)]
    await let_run()
    if postgres is not None and number % 2:
        await asyncio.to_thread(postgres.stop_immediately)
        await asyncio.sleep(random.uniform(0, 0.3))
        if number % 4 == 3:
            await asyncio.to_thread(postgres.start)
            await let_run()
    server.stop(signal.SIGKILL)
    await asyncio.gather(*senders)
    if postgres is not None:
        await asyncio.to_thread(postgres.start)


async def _send(port: int, ledger: Ledger) -> None:
    """Send one event after the other on one connection, until it breaks."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            number = len(ledger.sent)
            ledger.sent.add(number)
            status, answer = await exchange(reader, writer, make_request(ledger.world, number))
            if status == 201:
                ledger.acknowledged[number] = answer["id"]
            else:
                ledger.refused[status] += 1
                await asyncio.sleep(0.02)
    except (OSError, asyncio.IncompleteReadError):
        return


async def _send_again(server: Server, ledger: Ledger) -> None:
    """Send all that has a key and was not acknowledged once more, and some that was: the answer must be the first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    with_key = [number for number in ledger.sent if has_key(number)]
    again = [number for number in with_key if number not in ledger.acknowledged]
    known = [number for number in with_key if number in ledger.acknowledged]
    ledger.sent_again = len(again)
    for number in again + random.sample(known, min(500, len(known))):
        status, answer = await exchange(reader, writer, make_request(ledger.world, number))
        if status != 201 or ledger.acknowledged.setdefault(number, answer["id"]) != answer["id"]:
            raise SystemExit(f"A request sent again was answered {status} {answer}")
    writer.close()


def make_event(world: World, number: int) -> tuple[str, str, str, int]:
    """The event of that number, always the same: credential, type, actor, and triggeredAt, which no other has."""
    chance = random.Random(number)
    return (
        chance.choice(world.credential_ids),
        chance.choice(EVENT_TYPES),
        chance.choice(ACTORS),
        EPOCH + number * STEP_MS,
    )


def has_key(number: int) -> bool:
    """Whether the request of that number carries an Idempotency-Key."""
    return number % 2 == 0


def make_request(world: World, number: int) -> bytes:
    """The POST of that number."""
    credential_id, event_type, triggered_by, triggered_at = make_event(world, number)
    body = json.dumps(
        {
            "credentialId": credential_id,
            "eventType": event_type,
            "triggeredBy": triggered_by,
            "triggeredAt": present_moment(triggered_at),
        }
    )
    key = f"Idempotency-Key: {number}\r\n" if has_key(number) else ""
    return (
        "POST /v1/credential-interactions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {world.token}\r\nCertifier-Version: 2022-10-26\r\n"
        f"Content-Type: application/json\r\n{key}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, dict[str, str]]:
    """One request and its answer: status and JSON body."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    return int(head.split(" ")[1]), json.loads(await reader.readexactly(length))


def compare(ledger: Ledger) -> dict[str, int]:
    """The findings: what is stored against the ledger, and the counts against a recount."""

    def ask(transaction: Transaction) -> dict[str, int]:
        fold_here(transaction)  # as for everybody who asks for counts
        rows = [Interaction(*row) for row in transaction.connection.execute(select(interactions))]
        stored = Counter((row[3], row[4], row[5], row[6]) for row in rows)
        sent = {make_event(ledger.world, number) for number in ledger.sent}
        ids = {row.id for row in rows}
        return {
            "sent": len(ledger.sent),
            "sent again": ledger.sent_again,
            "acknowledged": len(ledger.acknowledged),
            "stored": len(rows),
            "refused with 503": ledger.refused[503],
            "! acknowledged but not stored": sum(id_ not in ids for id_ in ledger.acknowledged.values()),
            "! stored but not sent": len(stored.keys() - sent),
            "! stored twice": sum(count - 1 for count in stored.values()),
            "! refused otherwise": sum(ledger.refused.values()) - ledger.refused[503],
            "! counts that differ from a recount": _count_differences(transaction, rows),
        }

    return write_once(ledger.world.settings, ask)


def _count_differences(transaction: Transaction, rows: list[Interaction]) -> int:
    daily: Counter[tuple[str, ...]] = Counter()
    single: Counter[tuple[str, ...]] = Counter()
    views: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        day = day_of(row.triggered_at, "UTC")
        for group_id in (row.group_id, WHOLE):
            daily[row.workspace_id, group_id, day, row.event_type, row.triggered_by] += 1
        single[row.credential_id, day, row.event_type, row.triggered_by] += 1
        views[(row.credential_id,)] += (row.event_type, row.triggered_by) == ("credential_viewed", "guest")
    different = 0
    viewed = select(engagements.c.credential_id, engagements.c.guest_views)
    for query, counted in (
        (select(daily_counts), daily),
        (select(credential_counts), single),
        (viewed, views),
    ):
        stored = {tuple(row[:-1]): row[-1] for row in transaction.connection.execute(query)}
        different += len(set(stored.items()) ^ set(counted.items()))
    return different


if __name__ == "__main__":
    main()
