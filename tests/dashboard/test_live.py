"""The live view: rows come within two seconds, whoever recorded them; nothing of others; a stop waits for no stream."""

import re
import time
from contextlib import contextmanager

import httpx2 as httpx
import pytest

from conftest import Server, headers, in_transaction
from credtrail.accounts.session_store import sessions
from dashboard.conftest import PASSWORD, add_person

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def ada_there(server, settings, cast):
    """Ada's browser, signed in at the real server."""
    add_person(settings, "ada@meadow.example", "Ada Ñandú", {cast.workspace_id: "owner"})
    with httpx.Client(base_url=server.url, follow_redirects=True, trust_env=False, timeout=20) as client:
        csrf = re.search(r'name="csrf" (?:value|content)="(\w+)"', client.get("/dashboard/sign-in").text)[1]
        form = {"csrf": csrf, "email": "ada@meadow.example", "password": PASSWORD}
        assert "Ada" in client.post("/dashboard/sign-in", data=form).raise_for_status().text
        yield client


def record(url, token, credential_id, event_type="credential_viewed"):
    body = {
        "credentialId": credential_id,
        "eventType": event_type,
        "triggeredBy": "guest",
        "triggeredAt": "2024-03-12T17:33:05.784Z",
    }
    answer = httpx.post(
        f"{url}/v1/credential-interactions", json=body, headers=headers(token), trust_env=False
    )
    assert answer.status_code == 201
    return answer.json()["id"]


@contextmanager
def stream(client, cast, after="", **more):
    """The ids of the rows of each event, as they come."""
    path = f"/dashboard/w/{cast.workspace_id}/live/stream?after={after}"

    def ids(lines):
        for line in lines:
            yield from re.findall(r'^data: <li data-id="(\w{26})"', line)

    with client.stream("GET", path, **more) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield ids(answer.iter_lines())


def test_rows_come_within_two_seconds_whichever_process_recorded_them(ada_there, server, settings, cast):
    with stream(ada_there, cast) as ids:
        other = Server(settings).start()
        try:
            for url in (server.url, other.url):
                recorded = record(url, cast.ada, cast.credential_id)
                began = time.monotonic()
                assert next(ids) == recorded
                assert time.monotonic() - began < 2
        finally:
            other.stop()


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_what_was_missed_while_away_comes_and_nothing_of_others(ada_there, server, cast):
    shown = record(server.url, cast.ada, cast.credential_id)
    record(server.url, cast.cleo, cast.cleos_credential_id)
    missed = [record(server.url, cast.ada, cast.credential_id) for _ in range(3)]
    page = ada_there.get(f"/dashboard/w/{cast.workspace_id}/live").text
    assert re.findall(r'data-id="(\w+)"', page) == [*reversed(missed), shown]
    assert all(words in page for words in ("Robin Ñandú", "Botany", "Viewed"))
    with stream(ada_there, cast, headers={"Last-Event-ID": shown}) as ids:
        assert [next(ids) for _ in range(4)] == [*reversed(missed), shown], "the page leaves out what it has"


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_what_was_set_aside_is_told_with_its_reason(ada_there, server, cast):
    answer = httpx.post(
        f"{server.url}/credentials/{cast.public_id}/interactions",
        json={"eventType": "credential_viewed", "triggeredBy": "guest", "token": "made-up"},
        headers={"Origin": server.url, "User-Agent": PERSON},
        trust_env=False,
    )
    assert answer.headers["credtrail-set-aside"] == "invalid_token"
    page = ada_there.get(f"/dashboard/w/{cast.workspace_id}/live").text
    assert re.search(r'class="aside".*It carried no valid token', page, re.S)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_stop_waits_for_no_stream(ada_there, server, cast):
    with stream(ada_there, cast) as ids:
        began = time.monotonic()
        server.stop()
        assert list(ids) == []
        assert time.monotonic() - began < 10, "it would wait for half a minute"


def test_it_ends_with_the_session(ada_there, server, settings, cast):
    with stream(ada_there, cast) as ids:
        record(server.url, cast.ada, cast.credential_id)
        next(ids)
        in_transaction(settings, lambda tx: tx.connection.execute(sessions.delete()))
        began = time.monotonic()
        assert list(ids) == []
        assert time.monotonic() - began < 20, "long before a stream ends by itself"
