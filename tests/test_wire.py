"""Every golden exchange in tests/wire/, on both databases; and what can't stand in a file."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from conftest import VERSION, headers
from credtrail.app import build
from credtrail.errors import ERRORS
from wire import FOLDER, read_story, replay

STORIES = sorted(FOLDER.glob("*.http"), key=lambda path: path.name)


def known_at_first(cast):
    """What every story may use."""
    ahead = datetime.now(UTC) + timedelta(minutes=10)
    return {
        **asdict(cast),
        "in_ten_minutes": ahead.isoformat(),
        "today": datetime.now(UTC).date().isoformat(),
    }


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_golden_exchange(path, client, cast):
    replay(client, read_story(path), known_at_first(cast))


def test_every_error_code_has_a_golden_exchange():
    shown = " ".join(path.read_text() for path in STORIES)
    elsewhere = {"rate_limited", "internal_server_error", "service_unavailable"}
    for error in ERRORS.values():
        assert f'"code": "{error.code}"' in shown or error.code in elsewhere, error.code


def test_a_spent_rate_limit_answers_429_with_retry_after_and_its_headers(settings, cast):
    house = build(settings.model_copy(update={"rate_limit_per_second": 1.0, "rate_limit_burst": 2}))
    with TestClient(house.application) as client:
        answers = [client.get("/v1/workspace", headers=headers(cast.ada)) for _ in range(3)]
        other = client.get("/v1/workspace", headers=headers(cast.ben))
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json() == {
        "error": {"code": "rate_limited", "message": "You have exceeded the rate limit"}
    }
    assert answers[2].headers["retry-after"] == "1"
    assert answers[0].headers["ratelimit"] == '"default";r=1;t=1'
    assert answers[0].headers["ratelimit-policy"] == '"default";q=2;w=2'
    assert other.status_code == 200  # the limit is each token's own


def test_a_refused_version_spends_nothing_and_comes_before_the_limit(settings, cast):
    house = build(settings.model_copy(update={"rate_limit_per_second": 0.01, "rate_limit_burst": 1}))
    with TestClient(house.application) as client:
        wrong = [
            client.get("/v1/workspace", headers={"Authorization": f"Bearer {cast.ada}"}) for _ in range(3)
        ]
        right = client.get("/v1/workspace", headers=headers(cast.ada))
    assert [answer.json()["error"]["code"] for answer in wrong] == ["missing_version"] * 3
    assert right.status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_1_mb_is_refused_with_413(client, cast, chunked):
    body = b'{"credentialId": "' + b"x" * 1_100_000 + b'"}'

    def pieces():
        yield body[:600_000]
        yield body[600_000:]

    answer = client.post(
        "/v1/credential-interactions",
        headers=headers(cast.ada, **{"Content-Type": "application/json"}),
        content=pieces() if chunked else body,
    )
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "validation_error"


def test_a_batch_takes_1000_items_and_not_1001(ada, cast):
    item = {
        "credentialId": cast.credential_id,
        "eventType": "credential_viewed",
        "triggeredBy": "guest",
        "triggeredAt": "2024-03-12T17:33:05.784Z",
    }
    assert ada.post("/v1/credential-interactions/batch", json={"data": [item] * 1_001}).status_code == 400
    results = ada.post("/v1/credential-interactions/batch", json={"data": [item] * 1_000}).json()["data"]
    ids = [result["credentialInteraction"]["id"] for result in results]
    assert len(set(ids)) == 1_000
    assert ids == sorted(ids)


def test_every_answer_carries_its_own_request_id(client, cast):
    answers = [
        client.get(path, headers={"Certifier-Version": VERSION})
        for path in ("/v1/workspace", "/v1/nowhere", "/", "/healthz", "/credentials/x", "/nowhere")
    ]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == len(answers)


def test_what_nobody_foresaw_is_a_500_that_tells_nothing(house, cast, monkeypatch):
    def fail(*_):
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("credtrail.accounts.store.find_workspace", fail)
    with TestClient(house.application, raise_server_exceptions=False) as client:
        answer = client.get("/v1/workspace", headers=headers(cast.ada))
    assert answer.status_code == 500
    assert answer.json() == {
        "error": {"code": "internal_server_error", "message": "There was a problem on Credtrail's end"}
    }
    assert answer.headers["x-request-id"]


def test_the_sentences_a_client_could_match_on_are_the_published_ones():
    assert ERRORS["missing_version"].message == "The request is missing the required Certifier-Version header"
    assert ERRORS["unauthorized"].message == "A valid authentication token was not provided with the request"
    assert ERRORS["rate_limited"].message == "You have exceeded the rate limit"
    assert ERRORS["internal_server_error"].message == "There was a problem on Credtrail's end"


def test_parquet_export_holds_what_the_list_holds(ada, cast):
    import io

    import pyarrow.parquet

    for second in range(3):
        ada.post(
            "/v1/credential-interactions",
            json={
                "credentialId": cast.credential_id,
                "eventType": "credential_viewed",
                "triggeredBy": "guest",
                "triggeredAt": f"2024-03-12T17:33:0{second}.784Z",
            },
        )
    export = ada.get("/v1/credential-interactions/export?format=parquet")
    table = pyarrow.parquet.read_table(io.BytesIO(export.content)).to_pylist()
    listed = ada.get("/v1/credential-interactions").json()["data"][::-1]
    assert [row["id"] for row in table] == [one["id"] for one in listed]
    assert [row["triggeredAt"].isoformat(timespec="milliseconds") for row in table] == [
        one["triggeredAt"].replace("Z", "+00:00") for one in listed
    ]
    assert json.dumps(export.headers["content-disposition"])
