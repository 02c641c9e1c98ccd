"""Measures recording, beside what the same machine can do at the same hour, and holds it against the targets.

`make bench`; `--quick` for two minutes instead of fifteen, `--only` for a part. Load comes from wrk, one event per
request, the full path on: token, version, limit, validation, referential check, counts, commit with fsync. Since
machines differ and are noisy, what counts are ratios within one run; each figure is the median of runs that take
turns, with their range.
"""

import argparse
import json
import os
import sqlite3
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from growth import Look, measure_growth
from hooks import LEAST_OF_BARE, MOST_SLOWER, Delivered, all_urls, measure_webhooks
from load import NO_STORAGE, Load, find_wrk, pgbench, prepare_pgbench, serving, sqlite_commits, wrk
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from searching import CREATED_PER_SECOND, SCANS, SLOWEST_MS, Searched, measure_search, show_search
from servers import Postgres, make_world

from badges import LEAST_A_SECOND, STATUS_MS, Signed, measure_served, measure_signing, show_signed
from documents import FORMATS, WARM_MS, Served, measure_drawing, measure_serving, show
from insights import CREDENTIALS, TENFOLD, USUAL, Answered, measure_insights, show_insights
from insights import SLOWEST_MS as INSIGHTS_MS
from pages import Pages, measure_pages

console = Console()
CONNECTIONS = (1, 16, 64)
DATABASES = ("sqlite", "postgresql")


@dataclass
class Rates:
    """All runs: loads by (server, connections), bare commits by (program, clients)."""

    loads: dict[tuple[str, int], list[Load]] = field(default_factory=dict)
    bare: dict[tuple[str, int], list[Load]] = field(default_factory=dict)

    def per_second(self, kind: str, connections: int) -> float:
        """The median rate of a server or program."""
        return median(load.per_second for load in (self.loads | self.bare)[kind, connections])


@dataclass
class Target:
    """A promise, what was found, and whether it was kept."""

    promise: str
    found: str
    kept: bool


def main() -> None:
    """Run what the command line asks for; print figures and targets."""
    given = read_arguments()
    find_wrk()
    seconds, runs, stored = (2, 2, 100_000) if given.quick else (8, 3, 1_000_000)
    figures: dict[str, object] = {"machine": describe_machine()}
    targets: list[Target] = []
    with tempfile.TemporaryDirectory(prefix="credtrail-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
        postgres = Postgres(folder)
        try:
            if given.only in (None, "rates"):
                rates = measure_rates(folder, postgres, seconds, runs)
                show_rates(rates)
                targets += judge_rates(rates)
                figures |= {
                    f"{name}, {c}": [asdict(one) for one in many]
                    for (name, c), many in (rates.loads | rates.bare).items()
                }
            if given.only in (None, "pages"):
                targets += bench_pages(folder, postgres, seconds, 5 if given.quick else 20, figures)
            if given.only in (None, "search"):
                targets += bench_search(folder, postgres, stored, figures)
            if given.only in (None, "insights"):
                targets += bench_insights(folder, postgres, given.quick, given.tenfold, figures)
            if given.only in (None, "badges"):
                targets += bench_badges(folder, postgres, given.quick, figures)
            if given.only in (None, "webhooks"):
                targets += bench_webhooks(folder, postgres, seconds, runs, figures)
            if given.only in (None, "growth"):
                targets += bench_growth(folder, postgres, stored, seconds, figures)
        finally:
            postgres.close()
    show_targets(targets)
    if given.json:
        given.json.write_text(json.dumps({**figures, "targets": [asdict(one) for one in targets]}, indent=1))
    if given.strict and not all(target.kept for target in targets):
        sys.exit(1)


def bench_growth(
    folder: Path, postgres: Postgres, stored: int, seconds: int, figures: dict[str, object]
) -> list[Target]:
    """What grows with what is stored."""
    targets = []
    for database in DATABASES:
        before, after, memory = measure_growth(folder, postgres, database, stored, seconds, console)
        targets += judge_growth(database, stored, before, after, memory)
        figures[f"growth {database}"] = [asdict(before), asdict(after), memory]
    return targets


def bench_pages(
    folder: Path, postgres: Postgres, seconds: int, drawings: int, figures: dict[str, object]
) -> list[Target]:
    """Credential pages and documents."""
    targets = []
    for database in DATABASES:
        url = postgres.create("pages") if database == "postgresql" else f"sqlite:///{folder}/pages.db"
        pages = measure_pages(make_world(url, 10), folder, database, seconds)
        targets += judge_pages(database, pages)
        figures[f"pages {database}"] = asdict(pages)
    drawing, served = measure_drawing(drawings), measure_serving(folder, seconds)
    show(drawing, served, console)
    targets += judge_documents(drawing, served)
    figures["documents"] = {" ".join(name): ms for name, ms in drawing.items()} | asdict(served)
    return targets


def bench_search(folder: Path, postgres: Postgres, stored: int, figures: dict[str, object]) -> list[Target]:
    """Searches among many credentials."""
    targets = []
    for database in DATABASES:
        url = postgres.create("search") if database == "postgresql" else f"sqlite:///{folder}/search.db"
        searched = measure_search(url, folder, stored, console)
        show_search(database, searched, console)
        targets += judge_search(database, searched)
        figures[f"search {database}"] = asdict(searched)
    return targets


def bench_badges(folder: Path, postgres: Postgres, quick: bool, figures: dict[str, object]) -> list[Target]:
    """Signed credentials and their status lists."""
    signed = measure_signing(500 if quick else 3_000)
    for database in DATABASES:
        url = postgres.create("badges") if database == "postgresql" else f"sqlite:///{folder}/badges.db"
        measure_served(signed, database, url, folder)
    show_signed(signed, console)
    figures["badges"] = asdict(signed)
    return judge_badges(signed)


def bench_insights(
    folder: Path, postgres: Postgres, quick: bool, tenfold: bool, figures: dict[str, object]
) -> list[Target]:
    """Insights of a million interactions; of ten million, too, if wanted."""
    targets = []
    usual = USUAL // 10 if quick else USUAL
    for database in DATABASES:
        for count in (usual, TENFOLD) if tenfold else (usual,):
            name = f"insights_{count}"
            url = postgres.create(name) if database == "postgresql" else f"sqlite:///{folder}/{name}.db"
            answered = measure_insights(url, folder, count, console)
            show_insights(database, answered, console)
            targets += judge_insights(database, answered, INSIGHTS_MS * (2 if count == TENFOLD else 1))
            figures[f"insights {count} {database}"] = asdict(answered)
    return targets


def bench_webhooks(
    folder: Path, postgres: Postgres, seconds: int, runs: int, figures: dict[str, object]
) -> list[Target]:
    """Deliveries, and recording beside them."""
    targets = []
    for database, urls in zip(DATABASES, all_urls(folder, postgres), strict=True):
        console.print(f"[bold]Webhooks, {database}[/bold]")
        delivered = measure_webhooks(urls, folder, seconds, runs, console)
        targets += judge_webhooks(database, delivered)
        figures[f"webhooks {database}"] = asdict(delivered)
    return targets


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="short runs, and 100 000 stored instead of a million"
    )
    parser.add_argument(
        "--only",
        choices=["rates", "pages", "search", "insights", "badges", "webhooks", "growth"],
        help="one part instead of all",
    )
    parser.add_argument(
        "--tenfold", action="store_true", help="ask insights of ten million interactions as well"
    )
    parser.add_argument("--strict", action="store_true", help="exit with status 1 when a target is missed")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures of all runs to a file, too"
    )
    return parser.parse_args()


def describe_machine() -> str:
    """What the figures were measured on."""
    return f"{os.cpu_count()} processors, Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}"


def measure_rates(folder: Path, postgres: Postgres, seconds: int, runs: int) -> Rates:
    """Every server at every number of connections, in turn, and the machine's own limits between them."""
    worlds = {
        "sqlite": make_world(f"sqlite:///{folder}/rates.db", 1_000),
        "postgresql": make_world(postgres.create("rates"), 1_000),
        NO_STORAGE: make_world(f"sqlite:///{folder}/none.db", 1_000),
    }
    prepare_pgbench(postgres)
    rates = Rates()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Measuring rates …", total=runs * (len(CONNECTIONS) * (len(worlds) + 1) + 1))
        for _ in range(runs):
            rates.bare.setdefault(("sqlite3", 1), []).append(sqlite_commits(folder, seconds))
            progress.advance(task)
            for connections in CONNECTIONS:
                bare = pgbench(postgres, connections, seconds)
                rates.bare.setdefault(("pgbench", connections), []).append(bare)
                progress.advance(task)
                for kind, world in worlds.items():
                    with serving(world, folder, kind) as server:
                        wrk(server, world, folder, connections, 1)  # warm, and not counted
                        load = wrk(server, world, folder, connections, seconds)
                    rates.loads.setdefault((kind, connections), []).append(load)
                    progress.advance(task)
    return rates


def judge_rates(rates: Rates) -> list[Target]:
    """The promises about rates and latencies."""
    sqlite = rates.per_second("sqlite", 64) / rates.per_second(NO_STORAGE, 64)
    postgresql = rates.per_second("postgresql", 64) / rates.per_second("pgbench", 64)
    targets = [
        Target(
            "sqlite at 64 connections ≥ 0.45 of the same server without storage",
            f"{sqlite:.2f}",
            sqlite >= 0.45,
        ),
        Target(
            "postgresql at 64 connections ≥ 0.8 of pgbench's commits of one row",
            f"{postgresql:.2f}",
            postgresql >= 0.8,
        ),
    ]
    for kind in DATABASES:
        for connections in CONNECTIONS:
            p99_ms = median(load.p99_ms for load in rates.loads[kind, connections])
            targets.append(
                Target(f"{kind}: p99 < 25 ms at {connections} connections", f"{p99_ms:.1f} ms", p99_ms < 25)
            )
    return targets


def judge_pages(database: str, pages: Pages) -> list[Target]:
    """The promises about credential pages."""
    ratio = pages.many.per_second / pages.static.per_second
    return [
        Target(
            f"{database}: a credential's page in less than 5 ms (p50, warm)",
            f"{pages.alone.p50_ms:.2f} ms",
            pages.alone.p50_ms < 5,
        ),
        Target(
            f"{database}: credential pages ≥ 0.5 of the same server's static page",
            f"{ratio:.2f} ({pages.many.per_second:,.0f}/s of {pages.static.per_second:,.0f}/s)",
            ratio >= 0.5,
        ),
    ]


def judge_search(database: str, searched: Searched) -> list[Target]:
    """The promise about searching; what has to look at every name is shown, and isn't part of it."""
    common = {name: ms for name, ms in searched.filters.items() if name not in SCANS}
    slowest = max(common, key=lambda name: common[name])
    return [
        Target(
            f"{database}: common searches among {searched.count:,} credentials in less than {SLOWEST_MS} ms",
            f"{common[slowest]:.0f} ms ({slowest})",
            common[slowest] < SLOWEST_MS,
        ),
        Target(
            f"{database}: at least {CREATED_PER_SECOND:,} credentials created a second",
            f"{searched.created_per_second:,.0f}",
            searched.created_per_second >= CREATED_PER_SECOND,
        ),
    ]


def judge_insights(database: str, answered: Answered, slowest_ms: int) -> list[Target]:
    """The promise about insights: of the usual thirty days, and of two years in which all was issued."""
    targets = []
    for words, is_of in (
        ("30 days", lambda name: "30 days" in name or name == "home"),
        ("any period", lambda _: True),
    ):
        slowest = max(filter(is_of, answered.ms), key=lambda name: answered.ms[name])
        ms, worked_ms = answered.ms[slowest], answered.worked_ms[slowest]
        targets.append(
            Target(
                f"{database}: insights of {words} of {CREDENTIALS:,} credentials and {answered.interactions:,} "
                f"interactions in less than {slowest_ms} ms of the server",
                f"{ms:.0f} ms, {worked_ms:.0f} of them worked ({slowest})",
                ms < slowest_ms,
            )
        )
    return targets


def judge_webhooks(database: str, delivered: Delivered) -> list[Target]:
    """The promises about deliveries, and about what they cost recording."""
    return [
        *(
            Target(
                f"{database}: deliveries with {name} ≥ {LEAST_OF_BARE} of a bare loop",
                f"{rate / bare:.2f} ({rate:,.0f} a second)",
                rate / bare >= LEAST_OF_BARE,
            )
            for name, rate, bare in (
                ("one endpoint", delivered.one, delivered.bare_of_one),
                ("50 endpoints", delivered.fifty, delivered.bare_of_fifty),
            )
        ),
        Target(
            f"{database}: recording with an endpoint slower by less than {MOST_SLOWER:.0%}",
            f"{1 - delivered.recorded_with / delivered.recorded_without:.0%}",
            delivered.recorded_with > (1 - MOST_SLOWER) * delivered.recorded_without,
        ),
    ]


def judge_badges(signed: Signed) -> list[Target]:
    """The promises about signed credentials."""
    slowest = max(signed.status_list_ms.values())
    return [
        Target(
            f"credentials signed on one processor ≥ {LEAST_A_SECOND} a second",
            f"{signed.signed_a_second:,.0f}",
            signed.signed_a_second >= LEAST_A_SECOND,
        ),
        Target(f"a status list in less than {STATUS_MS} ms", f"{slowest:.1f} ms", slowest < STATUS_MS),
    ]


def judge_documents(drawing: dict[tuple[str, str], float], served: Served) -> list[Target]:
    """The promises about documents."""
    slowest = max(drawing, key=lambda name: drawing[name])
    least = min(served.ratio(name) for name in FORMATS)
    return [
        Target(
            f"a document drawn in less than {WARM_MS} ms (warm, the slowest)",
            f"{drawing[slowest]:.0f} ms ({' '.join(slowest)})",
            drawing[slowest] < WARM_MS,
        ),
        Target(
            "a cached document as fast as a static file of its size (≥ 0.9, the slowest)",
            f"{least:.2f}",
            least >= 0.9,
        ),
    ]


def judge_growth(database: str, stored: int, before: Look, after: Look, memory: list[float]) -> list[Target]:
    """The promises about what grows, and what doesn't."""
    cost = median(before.rates) / median(after.rates)
    first = after.first_page_ms / before.first_page_ms
    deep = after.deep_page_ms / before.deep_page_ms
    largest, later_growth = max(*memory, after.resident_mb), memory[-1] - memory[len(memory) // 2 - 1]
    way = " → ".join(f"{value:.0f}" for value in (before.resident_mb, memory[0], memory[4], memory[-1]))
    return [
        Target(
            f"{database}: cost per event at {stored:,} stored ≤ 1.3 × that at 0",
            f"{cost:.2f} ({_spread(before.rates)}/s → {_spread(after.rates)}/s)",
            cost <= 1.3,
        ),
        Target(
            f"{database}: first page at {stored:,} ≤ 2 × that at 1,000",
            f"{first:.2f} ({before.first_page_ms:.2f} → {after.first_page_ms:.2f} ms)",
            first <= 2,
        ),
        Target(
            f"{database}: a page deep in {stored:,} ≤ 2 × that in 1,000",
            f"{deep:.2f} ({before.deep_page_ms:.2f} → {after.deep_page_ms:.2f} ms)",
            deep <= 2,
        ),
        Target(f"{database}: resident memory < 200 MB", f"{largest:.0f} MB", largest < 200),
        Target(f"{database}: memory flat, its second half within 10 MB", f"{way} MB", abs(later_growth) < 10),
    ]


def show_rates(rates: Rates) -> None:
    """The figures as tables: median and range."""
    for title, runs in (("servers", rates.loads), ("bare limit: commits of one row", rates.bare)):
        table = Table(title, "connections", "rows/s", "p50 ms", "p99 ms")
        for (kind, connections), loads in runs.items():
            columns = [[getattr(load, name) for load in loads] for name in ("per_second", "p50_ms", "p99_ms")]
            table.add_row(
                kind, str(connections), _spread(columns[0]), *(_spread(one, ".1f") for one in columns[1:])
            )
        console.print(table)


def _spread(values: list[float], digits: str = ",.0f") -> str:
    return f"{median(values):{digits}} ({min(values):{digits}}–{max(values):{digits}})"


def show_targets(targets: list[Target]) -> None:
    """Each promise, what was found, and whether it was kept."""
    table = Table("target", "found", "")
    for target in targets:
        table.add_row(
            target.promise, target.found, "[green]met[/green]" if target.kept else "[red]MISSED[/red]"
        )
    console.print(table)
    console.print(describe_machine())


if __name__ == "__main__":
    main()
