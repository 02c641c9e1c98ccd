"""Load from outside, and what the machine can do without us. Called by `bench.py` and `growth.py`.

Every figure here is of one run; medians and ranges are made by those who call.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers import Postgres, Server, World

from credtrail.database.sqlite import connect
from credtrail.values import IdMaker, now, present_moment

PATH = "/v1/credential-interactions"
NO_STORAGE = "no storage"


@dataclass
class Load:
    """What one run of wrk found."""

    per_second: float
    p50_ms: float
    p99_ms: float


def find_wrk() -> None:
    """wrk from the PATH, or from Debian where we may install it; else ends with a sentence."""
    if shutil.which("wrk") is None and shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run("apt-get -qq update && apt-get -qq install -y wrk", shell=True, check=False)
    if shutil.which("wrk") is None:
        sys.exit("bench: the load generator wrk is needed (Debian, Ubuntu, Homebrew: package wrk)")


@contextmanager
def serving(world: World, folder: Path, kind: str) -> Iterator[Server]:
    """The server of this world, or the same without storage; stopped afterwards."""
    program = ("-m", "credtrail", "serve")
    server = Server(
        world.settings,
        folder,
        (str(Path(__file__).with_name("no_storage.py")),) if kind == NO_STORAGE else program,
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


def wrk(server: Server, world: World, folder: Path, connections: int, seconds: int) -> Load:
    """POST events to credentials taken at random, for so long; every answer must be a 201."""
    script = folder / "post.lua"
    script.write_text(_LUA % (json.dumps(world.credential_ids)[1:-1], world.token, present_moment(now())))
    command = ["wrk", "-t", str(min(connections, 2)), "-c", str(connections), "-d", str(seconds), "--latency"]
    command += ["-s", str(script), f"http://127.0.0.1:{server.port}{PATH}"]
    return _read(subprocess.run(command, check=True, capture_output=True, text=True).stdout, server)


def wrk_get(server: Server, path: str, connections: int, seconds: int) -> Load:
    """GET one address again and again; every answer must be a 200."""
    command = ["wrk", "-t", str(min(connections, 2)), "-c", str(connections), "-d", str(seconds), "--latency"]
    command.append(f"http://127.0.0.1:{server.port}{path}")
    return _read(subprocess.run(command, check=True, capture_output=True, text=True).stdout, server)


def _read(out: str, server: Server) -> Load:
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(f"{out}\n{server.log.read_text()[-2_000:]}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    assert rate
    return Load(float(rate[1]), _percentile(out, 50), _percentile(out, 99))


# Requests are put together before the run, so that the generator takes as little as can be from the two of us.
_LUA = """
local count = 0
function setup(thread)
  count = count + 1
  thread:set("seed", count)
end
local ids = {%s}
local headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer %s",
  ["Certifier-Version"] = "2022-10-26"}
local types = {"credential_viewed", "credential_downloaded", "credential_verified", "credential_shared_to_linkedin"}
local requests = {}
function init()
  math.randomseed(seed)
  for _, id in ipairs(ids) do
    for _, type in ipairs(types) do
      local body = '{"credentialId":"' .. id .. '","eventType":"' .. type ..
        '","triggeredBy":"guest","triggeredAt":"%s"}'
      requests[#requests + 1] = wrk.format("POST", nil, headers, body)
    end
  end
end
function request()
  return requests[math.random(#requests)]
end
"""


def _percentile(out: str, percent: int) -> float:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", out)
    assert found
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1_000}[found[2]]


def sqlite_commits(folder: Path, seconds: int) -> Load:
    """The bare limit: rows a second, one commit with fsync each, in a table with the log's columns and indexes.

    Its latencies, taken as wrk takes them, show how long the disk itself pauses now and then.
    """
    path = folder / "commits.db"
    connection = connect(path, 5)
    connection.executescript(_BARE_TABLE.replace("-- rowid", "without rowid"))
    ids, count, began, took = IdMaker(), 0, time.perf_counter(), []
    fixed = ("w" * 26, "g" * 26)
    while time.perf_counter() - began < seconds:
        before = time.perf_counter()
        credential_id = f"{count * 7 % 1_000:026}"
        row = (ids.make(now()), *fixed, credential_id, "credential_viewed", "guest", now(), "api")
        connection.execute("insert into bare values (?, ?, ?, ?, ?, ?, ?, ?)", row)
        count += 1
        took.append((time.perf_counter() - before) * 1_000)
    connection.close()
    path.unlink()
    return Load(count / (sum(took) / 1_000), *_percentiles(took))


def _percentiles(took_ms: list[float]) -> tuple[float, float]:
    """The 50th and 99th, each long pause counted as all the requests that would have met it (as wrk does)."""
    usual = sum(took_ms) / len(took_ms)
    met = sorted(left - usual * n for left in took_ms for n in range(max(1, int(left / usual))))
    return met[len(met) // 2], met[len(met) * 99 // 100]


_BARE_TABLE = """
create table bare (id text primary key, workspace_id text, group_id text, credential_id text, event_type text,
  triggered_by text, triggered_at bigint, certainty text) -- rowid
;
create index bare_a on bare (workspace_id, id);
create index bare_b on bare (workspace_id, event_type, id);
create index bare_c on bare (group_id, id);
create index bare_d on bare (credential_id, id);
"""
# Ids grow, as ours do: random ones would make it slower than it has to be.
_BARE_INSERT = r"""
\set group random(1, 5)
\set credential random(1, 1000)
insert into bare values (lpad(nextval('bare_ids')::text, 26, '0'), 'wwwwwwwwwwwwwwwwwwwwwwwwww',
  lpad(:group::text, 26, '0'), lpad(:credential::text, 26, '0'), 'credential_viewed', 'guest', 1700000000000, 'api');
"""


def prepare_pgbench(postgres: Postgres) -> None:
    """The same table in PostgreSQL, in a database of its own."""
    postgres.create("bare")
    text = _BARE_TABLE.replace("text", 'text collate "C"') + "create sequence bare_ids cache 1000;"
    run_postgres(postgres, "psql", "-q", "-c", text, "bare")
    (postgres.folder / "insert.sql").write_text(_BARE_INSERT)


def pgbench(postgres: Postgres, clients: int, seconds: int) -> Load:
    """The bare limit: transactions a second that insert one row, prepared, by PostgreSQL's own tool."""
    jobs = str(min(clients, 2))
    script = str(postgres.folder / "insert.sql")
    log = str(postgres.folder / "pgbench")
    options = ("-n", "-M", "prepared", "-c", str(clients), "-j", jobs, "-T", str(seconds), "-f", script)
    rate = re.search(
        r"tps = ([\d.]+)", run_postgres(postgres, "pgbench", *options, "-l", "--log-prefix", log, "bare")
    )
    assert rate
    took_ms = []
    for part in postgres.folder.glob("pgbench.*"):
        took_ms += [int(line.split()[2]) / 1_000 for line in part.read_text().splitlines()]
        part.unlink()
    return Load(float(rate[1]), *_percentiles(took_ms))


def run_postgres(postgres: Postgres, program: str, *arguments: str) -> str:
    """Run one of PostgreSQL's own programs against the server; what it printed."""
    where = ("-h", postgres.socket_folder, "-U", "postgres")
    command = [str(postgres.binaries / program), *where, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
