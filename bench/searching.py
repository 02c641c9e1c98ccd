"""How fast credentials are searched, and imported. `python bench/searching.py`; called by `bench.py` too.

A workspace with many credentials (a million, or a hundred thousand with --quick), created through the same code as
an import; then each filter is sent to a real server, again and again, and the median of the answers counts.
"""

import json
import random
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from servers import Postgres, Server, World, make_world

from credtrail.credentials.model import Credential
from credtrail.credentials.store import add_credentials, refresh_statistics
from credtrail.database import Transaction
from credtrail.database.open import write_once
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group

SLOWEST_MS = 50
CREATED_PER_SECOND = 5_000
SCANS = ("name contains, never found",)
"""Filters that no index answers: every name of the workspace is looked at."""
_CHUNK = 20_000
_REPEATS = 15
_GROUPS = 200
_SYLLABLES = tuple("an be ci do el fu ga ha io ka li mo na or pa ro sa ti um vi wo yu ze".split())  # noqa: SIM905 - to be read


@dataclass
class Searched:
    """Milliseconds of each filter's answer (median), and rows a second while the credentials were created."""

    count: int
    filters: dict[str, float]
    created_per_second: float


def measure_search(database_url: str, folder: Path, count: int, console: Console) -> Searched:
    """Fill a fresh database and search it."""
    world = make_world(database_url, 1)
    began = time.perf_counter()
    groups = _fill(world, count, console)
    created = count / (time.perf_counter() - began)
    server = Server(world.settings, folder)
    server.start()
    try:
        filters = {name: _time(server, world, asked) for name, asked in _filters(groups[3]).items()}
    finally:
        server.stop()
    return Searched(count, filters, created)


def _fill(world: World, count: int, console: Console) -> list[str]:
    def make_groups(transaction: Transaction) -> list[str]:
        design_ids = [BUILT_IN[0].id]
        return [
            add_group(transaction, world.workspace_id, f"Course {n}", design_ids).id for n in range(_GROUPS)
        ]

    groups = write_once(world.settings, make_groups)
    people = _people(random.Random(7))
    with Progress(console=console) as progress:
        task = progress.add_task(f"Creating {count:,} credentials …", total=count)
        for done in range(0, count, _CHUNK):

            def act(transaction: Transaction, done: int = done) -> None:
                rows = [
                    _credential(transaction, world, groups, *next(people))
                    for _ in range(min(_CHUNK, count - done))
                ]
                add_credentials(transaction, rows)

            write_once(world.settings, act)
            progress.advance(task, _CHUNK)
    write_once(world.settings, refresh_statistics)
    return groups


def _people(chance: random.Random) -> Iterator[tuple[int, str, str, str]]:
    n = 0
    while True:
        first, last = ("".join(chance.choices(_SYLLABLES, k=k)) for k in (2, 3))
        day = date(2020, 1, 1) + timedelta(days=chance.randrange(2_400))
        yield (
            n,
            f"{first.title()} {last.title()}",
            f"{first}.{last}{n}@school{n % 997}.example",
            day.isoformat(),
        )
        n += 1


def _credential(
    transaction: Transaction, world: World, groups: list[str], n: int, name: str, email: str, day: str
) -> Credential:
    return Credential(
        id=transaction.new_id(),
        public_id=str(UUID(int=random.Random(n).getrandbits(128))),
        workspace_id=world.workspace_id,
        group_id=groups[n * 7 % _GROUPS],
        status=("issued", "issued", "issued", "draft")[n % 4],
        recipient_id=f"r{n}",
        recipient_name=name,
        recipient_email=email,
        issue_date=day,
        expiry_date=None
        if n % 3
        else day.replace(day[:4], str(int(day[:4]) + 2), 1).replace("-02-29", "-02-28"),
        custom_attributes={},
        created_at=transaction.at,
        updated_at=transaction.at,
        evidence=[],
    )


def _filters(group_id: str) -> dict[str, dict[str, Any]]:
    """What dashboards and integrations ask for, found and not found."""
    recipient = {"name": "nobody at all", "email": "nobody@nowhere.example"}
    return {
        "no filter": {},
        "e-mail equals": {"filter": {"recipient": {"email": {"equals": recipient["email"]}}}},
        "e-mail ends with a domain": {"filter": {"recipient": {"email": {"endsWith": "@school500.example"}}}},
        "e-mail starts with": {"filter": {"recipient": {"email": {"startsWith": "lido."}}}},
        "name equals": {"filter": {"recipient": {"name": {"equals": recipient["name"]}}}},
        "name starts with": {"filter": {"recipient": {"name": {"startsWith": "Lido"}}}},
        "name contains, often found": {"filter": {"recipient": {"name": {"contains": "rosa"}}}},
        "name contains, never found": {"filter": {"recipient": {"name": {"contains": "qqx"}}}},
        "public id": {"filter": {"publicId": {"equals": "00000000-0000-4000-8000-000000000000"}}},
        "drafts": {"filter": {"status": {"equals": "draft"}}},
        "expired, by issue date": {
            "filter": {"status": {"equals": "expired"}},
            "sort": {"property": "issueDate", "order": "asc"},
        },
        "issued in a month": {
            "filter": {"AND": [{"issueDate": {"gte": "2024-03-01"}}, {"issueDate": {"lt": "2024-04-01"}}]}
        },
        "about to expire": {
            "filter": {"expiryDate": {"gte": "2024-03-01", "lte": "2024-03-31"}},
            "sort": {"property": "expiryDate", "order": "asc"},
        },
        "latest changed of a group": {
            "filter": {"groupId": {"equals": group_id}},
            "sort": {"property": "updatedAt", "order": "desc"},
        },
    }


def _time(server: Server, world: World, asked: dict[str, Any]) -> float:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/v1/credentials/search",
        json.dumps(asked).encode(),
        {
            "Authorization": f"Bearer {world.token}",
            "Certifier-Version": "2022-10-26",
            "Content-Type": "application/json",
        },
    )
    took = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
        took.append((time.perf_counter() - began) * 1_000)
    return median(took)


def show_search(database: str, searched: Searched, console: Console) -> None:
    """Print the answers' times."""
    table = Table("filter", "ms", title=f"{database}: search among {searched.count:,} credentials")
    for name, ms in searched.filters.items():
        table.add_row(name, f"{ms:.1f}")
    table.add_row("(created a second)", f"{searched.created_per_second:,.0f}")
    console.print(table)


def main() -> None:
    """Measure on both databases and print."""
    count = 100_000 if "--quick" in sys.argv[1:] else 1_000_000
    console = Console()
    with tempfile.TemporaryDirectory(prefix="credtrail-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
        show_search("sqlite", measure_search(f"sqlite:///{folder}/s.db", folder, count, console), console)
        postgres = Postgres(folder)
        try:
            show_search("postgresql", measure_search(postgres.create("s"), folder, count, console), console)
        finally:
            postgres.close()


if __name__ == "__main__":
    main()
