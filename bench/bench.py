"""Measures recording, beside what the same machine can do at the same hour, and holds it against the targets.

`make bench`; `--quick` for two minutes instead of fifteen. Load comes from wrk, one event per request, the full
path on: token, version, limit, validation, referential check, counts, commit with fsync. Since machines differ
and are noisy, what counts are ratios within one run; each figure is the median of interleaved runs.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from servers import SECRET_KEY, Postgres, Server, World, make_world

from credtrail.database.open import open_database
from credtrail.database.sqlite import connect
from credtrail.interactions.log_sql import SqlLog
from credtrail.interactions.record import Entry, Recorder, Submission
from credtrail.values import Answer, IdMaker, now, present_moment
from credtrail.web.paging import Cursors

console = Console()
CONNECTIONS = (1, 16, 64)
CREDENTIALS = 1_000
PATH = "/v1/credential-interactions"


@dataclass
class Load:
    """What one run of wrk found."""

    per_second: float
    p50_ms: float
    p99_ms: float


@dataclass
class Target:
    """A promise, what was found, and whether it was kept."""

    promise: str
    found: str
    kept: bool


def main() -> None:
    """Run all parts and print figures and targets."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="shorter runs, 100 000 instead of a million stored"
    )
    parser.add_argument("--strict", action="store_true", help="exit with status 1 when a target is missed")
    parser.add_argument("--json", type=Path, help="write all figures to this file, too")
    given = parser.parse_args()
    find_wrk()
    seconds, runs, stored = (3, 2, 100_000) if given.quick else (8, 3, 1_000_000)
    with tempfile.TemporaryDirectory(prefix="credtrail-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as another user where we are root
        postgres = Postgres(folder)
        try:
            rates, limits = measure_rates(folder, postgres, seconds, runs)
            targets = judge_rates(rates, limits)
            for database in ("sqlite", "postgresql"):
                targets += measure_growth(folder, postgres, database, stored, seconds)
        finally:
            postgres.close()
    show(rates, limits, targets)
    if given.json:
        figures = {f"{kind} {c}": vars(load) for (kind, c), load in rates.items()}
        given.json.write_text(
            json.dumps({"rates": figures, "limits": limits, "targets": [vars(t) for t in targets]})
        )
    if given.strict and not all(target.kept for target in targets):
        sys.exit(1)


def find_wrk() -> None:
    """wrk from the PATH, or from Debian where we may install it."""
    if shutil.which("wrk") is None and shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run("apt-get -qq update && apt-get -qq install -y wrk", shell=True, check=True)
    if shutil.which("wrk") is None:
        sys.exit("bench: the load generator wrk is needed (Debian, Ubuntu, Homebrew: package wrk)")


def measure_rates(
    folder: Path, postgres: Postgres, seconds: int, runs: int
) -> tuple[dict[tuple[str, int], Load], dict[str, float]]:
    """Every server at every number of connections, in turn, and the machine's own limits between them."""
    worlds = {
        "sqlite": make_world(f"sqlite:///{folder}/rates.db", CREDENTIALS),
        "postgresql": make_world(postgres.create("rates"), CREDENTIALS),
        "no storage": make_world(f"sqlite:///{folder}/none.db", CREDENTIALS),
    }
    found: dict[tuple[str, int], list[Load]] = {}
    limits: dict[str, list[float]] = {}
    prepare_pgbench(postgres)
    total = runs * (len(worlds) * len(CONNECTIONS) + 1 + len(CONNECTIONS))
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Measuring rates …", total=total)
        for _ in range(runs):
            limits.setdefault("SQLite commits of one row", []).append(sqlite_commits(folder, seconds))
            progress.advance(task)
            for connections in CONNECTIONS:
                name = f"pgbench commits of one row, {connections}"
                limits.setdefault(name, []).append(pgbench(postgres, connections, seconds))
                progress.advance(task)
                for kind, world in worlds.items():
                    with running(world, folder, kind) as server:
                        load = wrk(server, world, folder, connections, seconds)
                    found.setdefault((kind, connections), []).append(load)
                    progress.advance(task)
    rates = {key: _median_load(loads) for key, loads in found.items()}
    return rates, {name: median(values) for name, values in limits.items()}


@contextmanager
def running(world: World, folder: Path, kind: str) -> Iterator[Server]:
    """A server of this kind, stopped afterwards."""
    no_storage = (str(Path(__file__).with_name("no_storage.py")),)
    server = Server(
        world.settings, folder, no_storage if kind == "no storage" else ("-m", "credtrail", "serve")
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


def wrk(server: Server, world: World, folder: Path, connections: int, seconds: int) -> Load:
    """POST events to random credentials for so long; every answer must be a 201."""
    script = folder / "post.lua"
    script.write_text(_LUA % (json.dumps(world.credential_ids)[1:-1], world.token, present_moment(now())))
    command = ["wrk", "-t", str(min(connections, 2)), "-c", str(connections), "-d", str(seconds), "--latency"]
    command += ["-s", str(script), f"http://127.0.0.1:{server.port}{PATH}"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    assert rate
    return Load(float(rate[1]), _percentile(out, 50), _percentile(out, 99))


_LUA = """
local ids = {%s}
local headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer %s",
  ["Certifier-Version"] = "2022-10-26"}
local types = {"credential_viewed", "credential_downloaded", "credential_verified", "credential_shared_to_linkedin"}
request = function()
  local body = '{"credentialId":"' .. ids[math.random(#ids)] .. '","eventType":"' .. types[math.random(4)] ..
    '","triggeredBy":"guest","triggeredAt":"%s"}'
  return wrk.format("POST", nil, headers, body)
end
"""


def _percentile(out: str, percent: int) -> float:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", out)
    assert found
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1_000}[found[2]]


def _median_load(loads: list[Load]) -> Load:
    return Load(
        *(median(getattr(load, name) for load in loads) for name in ("per_second", "p50_ms", "p99_ms"))
    )


def sqlite_commits(folder: Path, seconds: int) -> float:
    """The bare limit: rows a second, one commit with fsync each, in a table with the log's columns and indexes."""
    path = folder / "commits.db"
    connection = connect(path, 5)
    connection.executescript(_BARE_TABLE)
    ids, count, began = IdMaker(), 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        row = (
            ids.make(now()),
            "w" * 26,
            "g" * 26,
            f"c{count % CREDENTIALS}",
            "credential_viewed",
            "guest",
            now(),
            "api",
        )
        connection.execute("insert into bare values (?, ?, ?, ?, ?, ?, ?, ?)", row)
        count += 1
    connection.close()
    path.unlink()
    return count / (time.perf_counter() - began)


_BARE_TABLE = """
create table bare (id text primary key, workspace_id text, group_id text, credential_id text, event_type text,
  triggered_by text, triggered_at bigint, certainty text);
create index bare_a on bare (workspace_id, id);
create index bare_b on bare (workspace_id, event_type, id);
create index bare_c on bare (group_id, id);
create index bare_d on bare (credential_id, id);
"""


def prepare_pgbench(postgres: Postgres) -> None:
    """The same table in PostgreSQL, in a database of its own."""
    postgres.create("bare")
    _run_postgres(postgres, "psql", "-q", "-c", _BARE_TABLE, "bare")


def pgbench(postgres: Postgres, clients: int, seconds: int) -> float:
    """The bare limit: transactions a second that insert one row, prepared, by PostgreSQL's own tool."""
    script = postgres.folder / "insert.sql"
    script.write_text(
        "insert into bare values (replace(gen_random_uuid()::text, '-', ''), 'wwwwwwwwwwwwwwwwwwwwwwwwww', "
        "'g' || (random() * 5)::int, 'c' || (random() * 1000)::int, 'credential_viewed', 'guest', 1, 'api');"
    )
    jobs = str(min(clients, 2))
    options = ("-n", "-M", "prepared", "-c", str(clients), "-j", jobs, "-T", str(seconds), "-f", str(script))
    out = _run_postgres(postgres, "pgbench", *options, "bare")
    rate = re.search(r"tps = ([\d.]+)", out)
    assert rate
    return float(rate[1])


def _run_postgres(postgres: Postgres, program: str, *arguments: str) -> str:
    where = ("-h", postgres.socket_folder, "-U", "postgres")
    command = [str(postgres.binaries / program), *where, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def judge_rates(rates: dict[tuple[str, int], Load], limits: dict[str, float]) -> list[Target]:
    """The promises about rates and latencies."""
    sqlite = rates["sqlite", 64].per_second / rates["no storage", 64].per_second
    ratio = rates["postgresql", 64].per_second / limits["pgbench commits of one row, 64"]
    targets = [
        Target(
            "SQLite at 64 connections: ≥ 0.45 of the same server without storage",
            f"{sqlite:.2f}",
            sqlite >= 0.45,
        ),
        Target(
            "PostgreSQL at 64 connections: ≥ 0.8 of pgbench's single-row commits",
            f"{ratio:.2f}",
            ratio >= 0.8,
        ),
    ]
    for kind in ("sqlite", "postgresql"):
        worst = max(rates[kind, connections].p99_ms for connections in CONNECTIONS)
        targets.append(
            Target(f"{kind}: p99 below 25 ms at 1, 16 and 64 connections", f"{worst:.1f} ms", worst < 25)
        )
    return targets


def measure_growth(
    folder: Path, postgres: Postgres, database: str, stored: int, seconds: int
) -> list[Target]:
    """Memory, cost per event and list pages, at (nearly) nothing stored and at `stored`."""
    name = f"growth_{database}"
    url = f"sqlite:///{folder}/{name}.db" if database == "sqlite" else postgres.create(name)
    world = make_world(url, CREDENTIALS)
    asyncio.run(fill(world, 1_000, lambda _: None))
    server = Server(world.settings, folder)
    server.start()
    try:
        small = _look(server, world, folder, seconds)
        resident_before = resident_mb(server.pid)
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(f"Storing {stored:,} on {database} …", total=stored)
            batches(server, world, stored, lambda count: progress.advance(task, count))
        resident_middle = resident_mb(server.pid)
        large = _look(server, world, folder, seconds)
        resident = resident_mb(server.pid)
    finally:
        server.stop()
    cost = small["rate"] / large["rate"]
    first, later = large["first"] / small["first"], large["later"] / small["later"]
    flat = resident - resident_middle
    return [
        Target(f"{database}: resident memory below 200 MB", f"{resident:.0f} MB", resident < 200),
        Target(
            f"{database}: memory flat over {stored:,} events",
            f"{resident_before:.0f} → {resident_middle:.0f} → {resident:.0f} MB",
            flat < 15 and resident_middle - resident_before < 60,
        ),
        Target(f"{database}: cost per event at {stored:,} ≤ 1.3 × that at 0", f"{cost:.2f}", cost <= 1.3),
        Target(
            f"{database}: first page at {stored:,} ≤ 2 × that at 1,000",
            f"{first:.2f} ({large['first']:.2f} ms)",
            first <= 2,
        ),
        Target(
            f"{database}: a later page at {stored:,} ≤ 2 × that at 1,000",
            f"{later:.2f} ({large['later']:.2f} ms)",
            later <= 2,
        ),
    ]


def _look(server: Server, world: World, folder: Path, seconds: int) -> dict[str, float]:
    cursor = middle_cursor(world)
    pages = [list_page_ms(server, world, query) for query in ("?limit=20", f"?limit=20&cursor={cursor}")]
    rates = [wrk(server, world, folder, 64, seconds).per_second for _ in range(3)]
    return {"first": pages[0], "later": pages[1], "rate": median(rates)}


def list_page_ms(server: Server, world: World, query: str) -> float:
    """The median time of one list page on one connection."""
    times = []
    for _ in range(200):
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}{PATH}{query}",
            headers={"Authorization": f"Bearer {world.token}", "Certifier-Version": "2022-10-26"},
        )
        began = time.perf_counter()
        with urllib.request.urlopen(request) as answer:
            answer.read()
        times.append((time.perf_counter() - began) * 1_000)
    return median(times)


def middle_cursor(world: World) -> str:
    """A cursor to the middle of the list, made as the server makes it, instead of walking there page by page."""

    async def ask() -> str:
        database = open_database(world.settings)
        try:
            return await database.read(
                lambda transaction: str(
                    transaction.connection.exec_driver_sql(
                        "select id from interactions order by id limit 1 "
                        "offset (select count(*) / 2 from interactions)"
                    ).scalar_one()
                )
            )
        finally:
            await database.close()

    from credtrail.interactions.model import Filters

    scope = ("credential-interactions", world.workspace_id, Filters())
    return Cursors(SECRET_KEY)._make("<", asyncio.run(ask()), scope)


async def fill(world: World, count: int, tell: Callable[[int], None]) -> None:
    """Store so many through the product's own recorder, without HTTP."""
    database = open_database(world.settings)
    recorder = Recorder(database, SqlLog(), batch_size=1_000, queue_limit=10_000)
    recorder.start()
    for start in range(0, count, 1_000):
        entries = [
            Entry(world.credential_ids[(start + n * 7) % CREDENTIALS], "credential_viewed", "guest", now())
            for n in range(1_000)
        ]
        await recorder.record(Submission(world.workspace_id, entries, lambda _: Answer(200, b"")))
        tell(1_000)
    await recorder.close()
    await database.close()


def batches(server: Server, world: World, count: int, tell: Callable[[int], None]) -> None:
    """Store so many through the server's own batch endpoint."""
    at = present_moment(now())
    for start in range(0, count, 1_000):
        items = [
            {
                "credentialId": world.credential_ids[(start + n * 7) % CREDENTIALS],
                "eventType": "credential_viewed",
                "triggeredBy": "guest",
                "triggeredAt": at,
            }
            for n in range(1_000)
        ]
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}{PATH}/batch",
            data=json.dumps({"data": items}).encode(),
            headers={
                "Authorization": f"Bearer {world.token}",
                "Certifier-Version": "2022-10-26",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request) as answer:
            answer.read()
        tell(1_000)


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1_024


def show(rates: dict[tuple[str, int], Load], limits: dict[str, float], targets: list[Target]) -> None:
    """Figures and targets as tables."""
    figures = Table("server", *(f"{c} connections: /s, p50, p99 ms" for c in CONNECTIONS))
    for kind in ("sqlite", "postgresql", "no storage"):
        loads = [rates[kind, connections] for connections in CONNECTIONS]
        figures.add_row(
            kind, *(f"{one.per_second:,.0f}   {one.p50_ms:.1f}   {one.p99_ms:.1f}" for one in loads)
        )
    console.print(figures)
    bare = Table("bare limit", "/s")
    for name, value in limits.items():
        bare.add_row(name, f"{value:,.0f}")
    console.print(bare)
    promises = Table("target", "found", "")
    for target in targets:
        promises.add_row(
            target.promise, target.found, "[green]met[/green]" if target.kept else "[red]MISSED[/red]"
        )
    console.print(promises)
    console.print(
        f"SQLite {sqlite3.sqlite_version}, Python {sys.version.split()[0]}, {os.cpu_count()} processors."
    )


if __name__ == "__main__":
    main()
