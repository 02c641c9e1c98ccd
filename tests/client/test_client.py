"""Both clients against servers that misbehave, or that answer as the API does which this one is compatible with."""

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from inspect import isawaitable

import pytest

from credtrail.accounts.model import make_token
from credtrail.client import (
    AsyncClient,
    BadRequest,
    Client,
    Conflict,
    ConnectionFailed,
    CredtrailError,
    Forbidden,
    NotFound,
    PaymentRequired,
    RateLimited,
    Retries,
    ServerError,
    Unauthorized,
    UnexpectedAnswer,
    ValidationError,
)
from credtrail.client.http import read_base_url
from loopback import Say, scripted, silent

OURS = make_token()
ELSEWHERE = "cfp_not_one_of_ours"
QUICK = Retries(attempts=3, total_seconds=20, first_pause_seconds=0.001, longest_pause_seconds=0.01)
MADE = {
    "id": "01hrsvjp560yksep2a3bek3z97",
    "credentialId": "c1",
    "eventType": "credential_viewed",
    "triggeredBy": "guest",
    "triggeredAt": "2024-03-12T17:33:05.784Z",
}
VIEW = {
    "credential_id": "c1",
    "event_type": "credential_viewed",
    "triggered_by": "guest",
    "triggered_at": "2024-03-12T17:33:05.784Z",
}


def error(code, message="So it is", **more):
    return {"error": {"code": code, "message": message, **more}}


@pytest.fixture(params=["waiting", "awaiting"])
def ask(request):
    """Act with either client: `ask(url, lambda client: client.me())`."""

    def wait(url, act, token=OURS, **manner):
        with Client(token, url, **{"retries": QUICK, **manner}) as client:
            given = act(client)
            return list(given) if isinstance(given, Iterator) else given

    def await_(url, act, token=OURS, **manner):
        async def run():
            async with AsyncClient(token, url, **{"retries": QUICK, **manner}) as client:
                given = act(client)
                return await given if isawaitable(given) else [one async for one in given]

        return asyncio.run(run())

    return wait if request.param == "waiting" else await_


def create(client):
    return client.interactions.create(**VIEW)


def test_a_request_carries_what_it_must(ask):
    with scripted(Say(201, MADE)) as server:
        assert ask(server.url, create).triggered_at == datetime(2024, 3, 12, 17, 33, 5, 784_000, UTC)
    [told] = server.told
    assert (told.method, told.target) == ("POST", "/v1/credential-interactions")
    assert told.headers["authorization"] == f"Bearer {OURS}"
    assert told.headers["certifier-version"] == "2022-10-26"
    assert told.headers["content-type"] == "application/json"
    assert told.headers["user-agent"].startswith("credtrail-python/")
    assert len(told.headers["idempotency-key"]) == 32
    assert told.json == {name: MADE[name] for name in MADE if name != "id"}


def test_a_picture_is_sent_as_it_is(ask):
    with scripted(Say(201, {"id": "p1", "width": 3, "height": 2, "bytes": 9})) as server:
        made = ask(server.url, lambda client: client.designs.upload_image(b"\x89PNG", "image/png"))
    assert (made.id, made.width, made.height) == ("p1", 3, 2)
    assert (server.told[0].headers["content-type"], server.told[0].body) == ("image/png", b"\x89PNG")


def test_429_is_waited_for_to_the_second(ask):
    limited = Say(429, error("rate_limited"), {"Retry-After": "1"})
    with scripted(limited, Say(201, MADE)) as server:
        ask(server.url, create)
    first, second = server.told
    assert 1.0 <= second.at - first.at < 1.5
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.body == second.body


def test_503_and_a_line_that_breaks_are_outlasted(ask):
    down = Say(503, error("service_unavailable"), {"Retry-After": "0"})
    with scripted(down, Say(lost=0), Say(201, MADE)) as server:
        assert ask(server.url, create).id == MADE["id"]
    assert len({told.headers["idempotency-key"] for told in server.told}) == 1


def test_an_answer_that_breaks_off_midway_is_asked_for_again(ask):
    with scripted(Say(201, MADE, lost=20), Say(201, MADE)) as server:
        assert ask(server.url, create).id == MADE["id"]
    assert len(server.told) == 2


def test_elsewhere_a_post_that_may_have_happened_is_not_sent_again(ask):
    with scripted(Say(201, MADE, lost=20), Say(201, MADE)) as server, pytest.raises(ConnectionFailed) as lost:
        ask(server.url, create, token=ELSEWHERE)
    assert lost.value.in_doubt
    assert "it may have had its effect" in str(lost.value)
    assert len(server.told) == 1
    assert "idempotency-key" not in server.told[0].headers


def test_elsewhere_too_if_the_caller_says_so(ask):
    with scripted(Say(lost=0), Say(201, MADE)) as server:
        ask(server.url, create, token=ELSEWHERE, server_keeps_keys=True)
    assert len(server.told) == 2


def test_with_our_token_and_without_keys_if_the_caller_says_so(ask):
    with scripted(Say(lost=0), Say(201, MADE)) as server, pytest.raises(ConnectionFailed):
        ask(server.url, create, server_keeps_keys=False)


def test_what_reads_is_asked_again_wherever(ask):
    with scripted(Say(lost=0), Say(502, b"<html>"), Say(200, {"id": "w", "name": "W"})) as server:
        assert ask(server.url, lambda client: client.workspace(), token=ELSEWHERE).name == "W"


def test_a_server_too_slow_is_left(ask):
    with silent() as url:
        began = time.monotonic()
        with pytest.raises(ConnectionFailed) as slow:
            ask(url, create, timeout_seconds=0.1)
        assert time.monotonic() - began < 3
        assert slow.value.in_doubt
        with pytest.raises(ConnectionFailed):
            ask(url, create, retries=Retries(attempts=9, total_seconds=0.2), timeout_seconds=30)
        assert time.monotonic() - began < 6


def test_nobody_there(ask):
    with silent() as url:
        pass
    with pytest.raises(ConnectionFailed) as nobody:
        ask(url, create)
    assert not nobody.value.in_doubt
    assert (nobody.value.status, nobody.value.code, nobody.value.request_id) == (None, None, None)


def test_a_web_page_is_no_answer(ask):
    page = Say(200, b"<html>Welcome</html>", {"Content-Type": "text/html"})
    with (
        scripted(page) as server,
        pytest.raises(UnexpectedAnswer, match=r"text/html.*may have had") as strange,
    ):
        ask(server.url, create)
    assert strange.value.status == 200
    assert len(server.told) == 1
    with scripted(Say(502, b"<html>Bad gateway</html>")) as server, pytest.raises(ServerError) as bad:
        ask(server.url, create)
    assert (bad.value.status, bad.value.code, len(server.told)) == (502, None, 3)
    with scripted(Say(200, {"id": 7})) as server, pytest.raises(UnexpectedAnswer, match=r"id"):
        ask(server.url, lambda client: client.groups.get("g1"))


def test_a_redirect_is_not_followed(ask):
    with scripted(Say(301, b"", {"Location": "https://elsewhere.example/v1/me"})) as server:
        with pytest.raises(UnexpectedAnswer, match=r"https://elsewhere\.example/v1/me"):
            ask(server.url, lambda client: client.me())
        assert len(server.told) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "missing_version", BadRequest),
        (400, "invalid_json", BadRequest),
        (400, "validation_error", ValidationError),
        (413, "validation_error", ValidationError),
        (401, "unauthorized", Unauthorized),
        (402, "payment_required", PaymentRequired),
        (403, "forbidden", Forbidden),
        (404, "not_found", NotFound),
        (405, "not_found", NotFound),
        (409, "conflict", Conflict),
        (409, "something_new", Conflict),
        (418, "something_new", BadRequest),
        (500, "internal_server_error", ServerError),
    ],
)
def test_each_refusal_has_its_class(ask, status, code, kind):
    details = [{"field": "name", "message": "is required", "more": 1}]
    with scripted(Say(status, error(code, details=details), {"X-Request-Id": "r1"})) as server:
        with pytest.raises(kind, match="So it is") as refused:
            ask(server.url, create)
        assert len(server.told) == 1
    told = refused.value
    assert type(told) is kind
    assert isinstance(told, CredtrailError)
    assert (told.status, told.code, told.message, told.request_id) == (status, code, "So it is", "r1")
    assert told.details == (("name", "is required"),)


def test_a_pause_that_is_too_long_is_told(ask):
    with scripted(Say(429, error("rate_limited"), {"Retry-After": "3600"})) as server:
        with pytest.raises(RateLimited) as limited:
            ask(server.url, create)
        assert limited.value.retry_after == 3600
        assert len(server.told) == 1


def test_the_token_is_shown_nowhere(ask, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    down = Say(503, error("service_unavailable"), {"Retry-After": "0"})
    with scripted(down) as server, pytest.raises(ServerError) as failed:
        ask(server.url, create)
    assert "again in" in caplog.text
    shown = caplog.text + str(failed.value) + repr(vars(failed.value)) + "".join(capsys.readouterr())
    assert OURS not in shown
    assert repr(Client(OURS, server.url)) == f"Client('{server.url}/v1')"
    assert repr(AsyncClient(OURS, server.url)) == f"AsyncClient('{server.url}/v1')"


@pytest.mark.parametrize("token", ["", "with space", "with\nline", "schlüssel"])
def test_a_token_that_is_none_is_refused_and_not_shown(token):
    with pytest.raises(ValueError, match="printable") as refused:
        Client(token, "http://127.0.0.1")
    assert not token or token not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("https://credentials.example/", "https://credentials.example/v1"),
        ("https://credentials.example/v1", "https://credentials.example/v1"),
        ("https://credentials.example/v1/", "https://credentials.example/v1"),
        ("https://example.org/behind/a/proxy", "https://example.org/behind/a/proxy/v1"),
        ("https://example.org/behind/v1//", "https://example.org/behind/v1"),
    ],
)
def test_the_base_url_is_read(given, read):
    assert read_base_url(given) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "credentials.example",
        "ftp://credentials.example",
        "https://",
        "https://a.example?x=1",
        "https://me:pw@a.example",
    ],
)
def test_what_is_no_base_url_is_refused(text):
    with pytest.raises(ValueError, match="base URL"):
        read_base_url(text)


# What follows is answered in the shapes of the API that this one is compatible with, as far as they are public.


def test_elsewhere_a_credential_without_recipient(ask):
    credential = {
        "id": "64b7f0c2a1d3e5f708192a3b",
        "publicId": "0af38783-02d0-4921-b253-4bfdc61033cb",
        "groupId": "g1",
        "status": "suspended",
        "recipient": None,
        "issueDate": "2024-03-12",
        "expiryDate": None,
        "attributes": {"recipient.name": "Noor"},
        "customAttributes": {"custom.grade": None},
        "createdAt": "2024-03-12T17:33:05.784Z",
        "updatedAt": "2024-03-12T17:33:05.784Z",
        "somethingNew": {"a": 1},
    }
    with scripted(Say(200, credential)) as server:
        got = ask(server.url, lambda client: client.credentials.get("64b7f0c2a1d3e5f708192a3b"))
    assert (got.recipient, got.status, got.issue_date) == (None, "suspended", date(2024, 3, 12))
    assert got.custom_attributes == {"custom.grade": None}


def test_elsewhere_an_old_group_and_bare_arrays(ask):
    moment = "2023-01-01T00:00:00.000Z"
    group = {"id": "g1", "name": "Old", "learningEventUrl": None, "createdAt": moment, "updatedAt": moment}
    designs = [
        {"id": "d1", "name": "Design", "previews": [{"format": "png", "url": "https://cdn.example/a.png"}]}
    ]
    attribute = {"id": "a1", "tag": "grade", "name": "Grade", "isDefault": False}
    with scripted(Say(200, group), Say(200, designs), Say(200, [attribute])) as server:
        assert ask(server.url, lambda client: client.groups.get("g1")).design_ids == []
        [design] = ask(server.url, lambda client: client.credentials.list_designs("c1"))
        assert design.previews[0].format == "png"
        [attribute] = ask(server.url, lambda client: client.attributes.list())
        assert (attribute.tag, attribute.parent) == ("grade", None)


def test_elsewhere_a_list_is_turned(ask):
    pages = [
        Say(200, {"data": [MADE, MADE], "pagination": {"prev": None, "next": "to 2"}}),
        Say(429, error("rate_limited"), {"Retry-After": "0"}),
        Say(200, {"data": [MADE], "pagination": {"prev": "to 1", "next": None}}),
    ]
    with scripted(*pages) as server:
        listed = list(ask(server.url, lambda client: client.interactions.list(credential_id="c1")))
    assert len(listed) == 3
    assert server.told[0].target == "/v1/credential-interactions?credentialId=c1&limit=100"
    assert server.told[-1].target == "/v1/credential-interactions?credentialId=c1&limit=100&cursor=to+2"


def test_a_search_is_turned_by_its_body(ask):
    pages = [
        Say(200, {"data": [], "pagination": {"prev": None, "next": "to 2"}}),
        Say(200, {"data": [], "pagination": {"prev": None, "next": None}}),
    ]
    wanted = {"recipient": {"email": {"endsWith": "@learner.example"}}}
    with scripted(*pages) as server:
        assert list(ask(server.url, lambda client: client.credentials.search(wanted), token=ELSEWHERE)) == []
    assert [told.json for told in server.told] == [
        {"filter": wanted, "limit": 100},
        {"filter": wanted, "limit": 100, "cursor": "to 2"},
    ]


def test_an_export_that_breaks_off_says_so(ask):
    with (
        scripted(Say(200, b"x" * 1_000, lost=500)) as server,
        pytest.raises(ConnectionFailed, match="broke off"),
    ):
        list(ask(server.url, lambda client: client.interactions.export()))


def test_an_export_is_asked_for_again_until_it_begins(ask):
    with scripted(Say(lost=0), Say(503, b""), Say(200, b"one\ntwo\n")) as server:
        assert b"".join(ask(server.url, lambda client: client.interactions.export())) == b"one\ntwo\n"


def test_results_of_credentials_come_in_order(ask):
    moment = "2023-01-01T00:00:00.000Z"
    credential = {
        "id": "c",
        "publicId": "p",
        "groupId": "g",
        "status": "draft",
        "createdAt": moment,
        "updatedAt": moment,
    }
    results = {
        "data": [
            {"status": 201, "credential": credential},
            {"status": 400, "error": {"code": "validation_error", "message": "No"}},
        ]
    }
    new = {"group_id": "g", "recipient": {"name": "Noor"}}
    with scripted(Say(200, results)) as server:
        made, refused = ask(server.url, lambda client: client.credentials.create_many([new, new]))
    assert (made.credential.id, refused.error.code) == ("c", "validation_error")


def test_importing_the_client_stays_light():
    """No database, web framework or typesetter comes with it; in a process of its own, since here all is imported."""
    script = "import sys, credtrail.client; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    imported = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout
    heavy = {
        "alembic",
        "asyncpg",
        "jinja2",
        "PIL",
        "pydantic",
        "sqlalchemy",
        "sqlite3",
        "starlette",
        "structlog",
    }
    heavy |= {"typer", "typst", "uvicorn", "uvloop", "prometheus_client", "fontTools", "babel"}
    assert not heavy & set(imported.split())
