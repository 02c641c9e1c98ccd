"""How fast insights answer. `python bench/insights.py`; called by `bench.py` too.

A workspace with a hundred thousand credentials and a million interactions over two years (`--interactions` for more),
written in bulk past the recorder: the log, and the sums counted from it in SQL. Then every page of the dashboard's
insights and every endpoint is asked of a real server, again and again; what counts is the median of the server's own
time, which it logs for each request, in a quiet order: one request at a time.
"""

import argparse
import json
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from insights_world import fill, refresh
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from servers import Postgres, Server, World, make_world

from credtrail.accounts.people import digest_secret, make_secret
from credtrail.accounts.people_store import add_user, set_member
from credtrail.accounts.session_store import add_session
from credtrail.database import Transaction
from credtrail.database.open import write_once
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group

SLOWEST_MS = 100
CREDENTIALS = 100_000
USUAL, TENFOLD = 1_000_000, 10_000_000
_GROUPS = 50
_DAYS = 730
_REPEATS = 15
_PAGES = ("", "/funnel", "/series", "/channels", "/best", "/set-aside", "/definitions")
_ENDPOINTS = ("summary", "timeseries", "funnel", "channels", "credentials")


@dataclass
class Answered:
    """Milliseconds of the server for each question (median), by page or endpoint and period; and of these, how many the
    processors of server and database worked, which is what counts where others want the machine as well."""

    interactions: int
    ms: dict[str, float] = field(default_factory=dict)
    worked_ms: dict[str, float] = field(default_factory=dict)

    @property
    def slowest(self) -> str:
        """The question that took longest."""
        return max(self.ms, key=lambda name: self.ms[name])


def measure_insights(database_url: str, folder: Path, interactions: int, console: Console) -> Answered:
    """Fill a fresh database and ask it."""
    world = make_world(database_url, 0)
    groups = write_once(world.settings, lambda tx: _make_groups(tx, world))
    _fill(world, groups, interactions, console)
    secret = make_secret()
    write_once(world.settings, lambda tx: _sign_in(tx, world, secret))
    server = Server(world.settings, folder, CREDTRAIL_LOG_REQUESTS="all")
    server.start()
    try:
        answered = Answered(interactions)
        with Progress(console=console, transient=True) as progress:
            for name, path, headers in progress.track(
                list(_questions(world, groups[0], secret)), description="Asking …"
            ):
                before = processor_ms(folder)
                answered.ms[name] = _time(server, path, headers)
                answered.worked_ms[name] = (processor_ms(folder) - before) / (_REPEATS + 1)
        return answered
    finally:
        server.stop()


def _fill(world: World, groups: list[str], interactions: int, console: Console) -> None:
    patient = world.settings.model_copy(update={"busy_timeout_seconds": 3_600})
    with Progress(console=console, transient=True) as progress:
        writing = progress.add_task(f"Writing {interactions:,} interactions …", total=interactions)
        counting = progress.add_task("Indexes, sums and statistics …", total=None)

        def act(transaction: Transaction) -> None:
            fill(
                transaction,
                world.workspace_id,
                groups,
                _DAYS,
                CREDENTIALS,
                interactions,
                lambda count: progress.advance(writing, count),
            )

        write_once(patient, act)
        refresh(patient)
        progress.update(counting, total=1, completed=1)


def _make_groups(transaction: Transaction, world: World) -> list[str]:
    return [
        add_group(transaction, world.workspace_id, f"Course {n}", [BUILT_IN[n % 4].id]).id
        for n in range(_GROUPS)
    ]


def _sign_in(transaction: Transaction, world: World, secret: str) -> None:
    user = add_user(transaction, "ada@measured.example", "Ada")
    set_member(transaction, world.workspace_id, user.id, "owner")
    add_session(transaction, digest_secret(secret), user.id, "bench", 14)


def _questions(world: World, group_id: str, secret: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Name, path and headers of each."""
    today = date.today()
    spans = {
        "30 days": "",
        "90 days": f"from={today - timedelta(days=89)}&to={today}",
        "a year": f"from={today - timedelta(days=364)}&to={today}",
        "two years": f"from={today - timedelta(days=_DAYS)}&to={today}",
    }
    page = {"Cookie": f"credtrail_session={secret}"}
    api = {"Authorization": f"Bearer {world.token}", "Certifier-Version": "2022-10-26"}
    home = f"/dashboard/w/{world.workspace_id}"
    hours = f"from={today - timedelta(days=14)}&to={today}&bucket=hour"
    yield "home", home, page
    for span, query in spans.items():
        for name in _PAGES:
            yield f"page {name or '/'}, {span}", f"{home}/insights{name}?{query}", page
        for name in _ENDPOINTS:
            yield f"GET {name}, {span}", f"/v1/insights/{name}?{query}", api
    for name in ("", "/series", "/best"):
        path = f"{home}/insights{name}?{spans['a year']}&group={group_id}"
        yield f"page {name or '/'}, a year of a group", path, page
    yield "page /series, hours of 15 days", f"{home}/insights/series?{hours}", page
    yield (
        "GET timeseries, hours of a design",
        f"/v1/insights/timeseries?{hours}&designId={BUILT_IN[0].id}",
        api,
    )


def processor_ms(folder: Path) -> float:
    """What all processes have worked by now that run in this folder: our server, and PostgreSQL's, with those that it
    started for a part of a question and that have ended since."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            at_home = (process / "cwd").resolve().is_relative_to(folder) or str(folder) in (
                process / "cmdline"
            ).read_text()
            stat = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if at_home and int(process.name) != os.getpid():
            ticks += sum(map(int, stat[11:15]))  # its own, and that of children it waited for
    return ticks * 1_000 / os.sysconf("SC_CLK_TCK")


def _time(server: Server, path: str, headers: dict[str, str]) -> float:
    """The median of what the server says it took."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
    asked = []
    for _ in range(_REPEATS + 1):
        with urllib.request.urlopen(request, timeout=120) as answer:
            answer.read()
            asked.append(answer.headers["X-Request-Id"])
    told = {}
    while asked[-1] not in told:  # the log is written a moment after the answer
        lines = map(json.loads, server.log.read_text().splitlines()[-4 * _REPEATS :])
        told = {line["request_id"]: float(line["ms"]) for line in lines if "request_id" in line}
    return median(told[id_] for id_ in asked[1:])


def show_insights(database: str, answered: Answered, console: Console) -> None:
    """Print the answers' times."""
    table = Table(
        "question", "ms", "worked ms", title=f"{database}: insights of {answered.interactions:,} interactions"
    )
    for name, ms in answered.ms.items():
        table.add_row(name, f"{ms:.1f}", f"{answered.worked_ms[name]:.1f}")
    console.print(table)


def main() -> None:
    """Measure on both databases and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--interactions", type=int, default=USUAL, metavar="N")
    parser.add_argument("--on", choices=["sqlite", "postgresql"], help="one database instead of both")
    given = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="credtrail-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
        count = given.interactions
        if given.on != "postgresql":
            answered = measure_insights(f"sqlite:///{folder}/i.db", folder, count, console)
            show_insights("sqlite", answered, console)
        if given.on != "sqlite":
            postgres = Postgres(folder)
            try:
                answered = measure_insights(postgres.create("i"), folder, count, console)
                show_insights("postgresql", answered, console)
            finally:
                postgres.close()


if __name__ == "__main__":
    main()
