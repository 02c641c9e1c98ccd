"""What an operator can watch: /healthz, /readyz, /metrics, the log; and that nothing private is in any of it."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from conftest import ON_ONE, Server, headers, in_transaction
from credtrail.app import build
from credtrail.settings import Settings

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
REPORT = {"eventType": "credential_viewed", "triggeredBy": "guest", "token": "made-up"}


def interaction(cast, **more):
    return {
        "credentialId": cast.credential_id,
        "eventType": "credential_downloaded",
        "triggeredBy": "recipient",
        "triggeredAt": "2024-03-12T17:33:05.784Z",
        **more,
    }


def read_numbers(client):
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        name: float(value)
        for name, value in (
            line.rsplit(" ", 1) for line in answer.text.splitlines() if line[:1] not in ("", "#")
        )
    }


def test_healthz_asks_nothing_of_the_database(tmp_path):
    nowhere = Settings(database_url=f"sqlite:///{tmp_path}/no/such/folder/x.db", secret_key="k" * 32)
    with TestClient(build(nowhere).application) as client:
        alive, ready = client.get("/healthz"), client.get("/readyz")
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
    assert ready.status_code == 503
    assert ready.json() == {"status": "not ready", "reason": "the database can't be written"}
    assert ready.headers["retry-after"] == "5"


def test_readyz_is_ready_on_a_current_database(client):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize(
    "statement", ["drop table alembic_version", "update alembic_version set version_num = '0000'"]
)
def test_readyz_names_a_database_that_is_not_migrated(client, settings, statement):
    in_transaction(settings, lambda transaction: transaction.connection.execute(text(statement)))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "reason": "the database needs `credtrail migrate`"}


def test_metrics_count_requests_by_pattern_and_commits_and_what_was_set_aside(server, cast):
    with httpx.Client(base_url=server.url, headers=headers(cast.ada), trust_env=False) as client:
        before = read_numbers(client)
        for _ in range(3):
            assert client.post("/v1/credential-interactions", json=interaction(cast)).status_code == 201
        assert client.get(f"/v1/credentials/{cast.credential_id}").status_code == 200
        reported = client.post(
            f"/credentials/{cast.public_id}/interactions",
            json=REPORT,
            headers={"Origin": server.url, "User-Agent": BROWSER},
        )
        assert reported.headers["credtrail-set-aside"] == "invalid_token"
        after = read_numbers(client)

    def grown(name):
        return after.get(name, 0) - before.get(name, 0)

    posts = 'credtrail_requests_total{method="POST",route="/credential-interactions",status="201"}'
    assert grown(posts) == 3
    assert grown('credtrail_requests_total{method="GET",route="/credentials/{id}",status="200"}') == 1
    assert grown('credtrail_set_aside_total{reason="invalid_token"}') == 1
    assert grown("credtrail_commit_items_sum") == 4
    assert grown("credtrail_commit_seconds_count") == grown("credtrail_commit_items_count") >= 1
    assert after["credtrail_queue_depth"] == 0


def test_metrics_of_several_processes_are_told_together(settings, cast):
    running = Server(settings, "--workers", "2").start()
    try:

        def post(_):
            with httpx.Client(
                base_url=running.url, headers=headers(cast.ada), trust_env=False, timeout=30
            ) as client:
                return client.post("/v1/credential-interactions", json=interaction(cast)).status_code

        with ThreadPoolExecutor(4) as threads:
            assert set(threads.map(post, range(12))) == {201}
        with httpx.Client(base_url=running.url, trust_env=False, timeout=30) as client:
            assert {read_numbers(client)["credtrail_commit_items_sum"] for _ in range(4)} == {12.0}
    finally:
        running.stop()


def test_the_log_has_request_ids_and_nothing_private(settings, cast):
    running = Server(settings, CREDTRAIL_LOG_REQUESTS="all", CREDTRAIL_LOG_LEVEL="debug").start()
    try:
        ids = send_private_things(running.url, cast)
    finally:
        log = running.stop()
    lines = [json.loads(line) for line in log.splitlines()]
    logged = {line["request_id"]: line for line in lines if line.get("event") == "request"}
    assert ids <= set(logged)
    refused = [line for line in logged.values() if line["status"] == 401]
    assert refused
    for line in logged.values():
        assert set(line) == {"request_id", "route", "method", "status", "ms", "event", "level", "timestamp"}
    private = (
        "ctr_",
        "Zo\u00eb",
        "Zo\\u00eb",
        "zoe@",
        "learner.example",
        "127.0.0.1",
        "Firefox",
        "secret-key",
        "cursor=",
    )
    for word in (*private, cast.credential_id, cast.public_id, cast.draft_id):
        assert word not in log, word


def send_private_things(url, cast):
    """Requests that carry what must not be logged, granted and refused; the request ids of the answers."""
    person = {"name": "Zoë Müller", "email": "zoe@learner.example"}
    with httpx.Client(base_url=url, headers=headers(cast.ada), trust_env=False) as client:
        answers = [
            client.post("/v1/credentials", json={"groupId": cast.group_id, "recipient": person}),
            client.post(
                "/v1/credentials", json={"groupId": cast.group_id, "recipient": {**person, "name": 7}}
            ),
            client.post(
                "/v1/credential-interactions",
                json=interaction(cast),
                headers={"Idempotency-Key": "secret-key"},
            ),
            client.get(f"/v1/credentials/{cast.draft_id}"),
            client.get("/v1/credentials/zoe@learner.example"),
            client.get("/v1/credentials?cursor=zoe@learner.example"),
            client.get("/v1/workspace", headers={"Authorization": "Bearer ctr_wrong"}),
            client.get(f"/credentials/{cast.public_id}?recipient=true&email=zoe@learner.example"),
            client.get("/credentials/zoe@learner.example"),
            client.get("/zoe@learner.example"),
            client.post(
                f"/credentials/{cast.public_id}/interactions",
                json=REPORT,
                headers={"Origin": url, "User-Agent": BROWSER},
            ),
        ]
    assert {answer.status_code for answer in answers} == {200, 201, 204, 400, 401, 404}
    return {answer.headers["x-request-id"] for answer in answers}


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_unforeseen_failure_is_logged_with_its_id_and_without_what_the_request_held(settings, cast, form):
    in_transaction(settings, break_credentials)
    running = Server(settings, CREDTRAIL_LOG_FORMAT=form).start()
    try:
        person = {"name": "Zoe Doe", "email": "zoe@learner.example"}
        with httpx.Client(base_url=running.url, headers=headers(cast.ada), trust_env=False) as client:
            answer = client.post("/v1/credentials", json={"groupId": cast.group_id, "recipient": person})
    finally:
        log = running.stop()
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in log
    assert "IntegrityError" in log
    for word in ("Zoe", "zoe@", "ctr_", cast.ada):
        assert word not in log, word


def break_credentials(transaction):
    """From now on each new credential violates a rule that the code knows nothing of."""
    if transaction.dialect == "sqlite":
        statement = (
            "create unique index a_rule_nobody_knows on credentials (workspace_id) where status = 'draft'"
        )
    else:
        statement = (
            "alter table credentials add constraint a_rule_nobody_knows check (status <> 'draft') not valid"
        )
    transaction.connection.execute(text(statement))


@ON_ONE
def test_only_refused_requests_are_logged_unless_all_are_asked_for(settings, cast):
    running = Server(settings).start()
    with httpx.Client(base_url=running.url, headers=headers(cast.ada), trust_env=False) as client:
        granted = client.get("/v1/workspace").headers["x-request-id"]
        refused = client.get("/v1/nowhere").headers["x-request-id"]
    log = running.stop()
    assert granted not in log
    assert re.search(rf'"request_id": "{refused}".*"status": 404', log)
