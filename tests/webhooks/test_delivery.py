"""What happens is told: once, signed, in order, in the very bytes that are kept."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update
from standardwebhooks import Webhook, WebhookVerificationError

from conftest import in_transaction
from credtrail.credentials.store import credentials
from credtrail.mail.notice_store import notices
from credtrail.webhooks.store import webhook_deliveries, webhook_endpoints, webhook_messages
from dashboard.conftest import add_person


def make_due(settings, shift_ms=0):
    """As if the time of all that waits had come; failing for so long."""

    def act(transaction):
        transaction.connection.execute(
            update(webhook_deliveries)
            .where(webhook_deliveries.c.due_at.is_not(None))
            .values(due_at=transaction.at)
        )
        transaction.connection.execute(update(webhook_endpoints).values(lease_until=0))
        if shift_ms:
            transaction.connection.execute(
                update(webhook_endpoints).values(failing_since=webhook_endpoints.c.failing_since - shift_ms)
            )

    in_transaction(settings, act)


def test_an_interaction_is_told_in_full(endpoint, view, work, receiver, api, cast):
    made = endpoint()
    interaction = view()
    assert work() == 1
    [came] = receiver.came
    assert json.loads(came.body) == {
        "id": interaction["id"],
        "type": "credential.viewed",
        "createdAt": json.loads(came.body)["createdAt"],
        "data": {
            "resource": {"id": cast.credential_id, "type": "credential"},
            "credential": api("GET", f"/credentials/{cast.credential_id}"),
            "credentialInteraction": interaction,
        },
    }
    assert came.headers["content-type"] == "application/json"
    assert came.headers["user-agent"].startswith("Credtrail/")
    assert came.headers["host"] == f"127.0.0.1:{receiver.port}"
    [delivery] = api("GET", f"/webhooks/{made['id']}/deliveries")["data"]
    assert (delivery["status"], delivery["attempts"], delivery["nextAttemptAt"]) == ("delivered", 1, None)
    whole = api("GET", f"/webhooks/{made['id']}/deliveries/{delivery['id']}")
    assert whole["body"].encode() == came.body
    [attempt] = whole["tries"]
    assert attempt["statusCode"] == 204
    assert attempt["failure"] is None
    assert {
        name.lower(): value for name, value in attempt["requestHeaders"].items()
    }.items() <= came.headers.items()


def test_two_unrelated_verifiers_accept_it_and_refuse_what_was_changed(endpoint, work, receiver, api, cast):
    secret = endpoint()["secret"]
    name = "Zoë Nguyễn 王小明 فاطمة 🎓"
    body = {"groupId": cast.group_id, "recipient": {"name": name}}
    made = api(
        "POST",
        "/credentials/create-issue-send",
        {**body, "recipient": {"name": name, "email": "z@x.example"}},
    )
    api(
        "POST",
        "/credential-interactions",
        {
            "credentialId": made["id"],
            "eventType": "credential_shared_to_weibo",
            "triggeredBy": "recipient",
            "triggeredAt": "2024-03-12T17:33:05.784Z",
        },
    )
    work()
    assert {json.loads(one.body)["type"] for one in receiver.came} == {
        "credential.created",
        "credential.issued",
        "credential.shared",
    }
    assert any(name in one.body.decode() for one in receiver.came)
    standard = Webhook(secret)
    for one in receiver.came:
        assert standard.verify(one.body, one.headers) == json.loads(one.body)
        digest = hmac.new(secret.encode(), one.body, hashlib.sha256).hexdigest()
        assert one.headers["x-webhook-signature"] == digest
        for changed in (one.body + b" ", one.body.replace(b"credential", b"credentiaI", 1)):
            with pytest.raises(WebhookVerificationError):
                standard.verify(changed, one.headers)
        with pytest.raises(WebhookVerificationError):
            standard.verify(one.body, {**one.headers, "webhook-id": "another"})
        with pytest.raises(WebhookVerificationError):
            Webhook("whsec_" + "A" * 43 + "=").verify(one.body, one.headers)


def test_thin_bodies_hold_ids_alone(endpoint, view, work, receiver, cast):
    endpoint(body="thin")
    view()
    work()
    [came] = receiver.came
    assert json.loads(came.body)["data"] == {"resource": {"id": cast.credential_id, "type": "credential"}}
    assert b"Robin" not in came.body


def test_every_act_has_its_type(endpoint, work, receiver, api, cast, settings):
    endpoint()
    new = {"groupId": cast.group_id, "recipient": {"name": "Robin", "email": "robin@learner.example"}}
    draft = api("POST", "/credentials", new)["id"]
    api("PATCH", f"/credentials/{draft}", {"recipient": {"name": "Robin Quill"}})
    api("POST", f"/credentials/{draft}/issue")
    api("POST", f"/credentials/{draft}/send", {"deliveryMethod": "email"})
    work("send_mails")
    api("POST", f"/credentials/{draft}/revoke", {"reason": "by mistake"})
    api("DELETE", f"/credentials/{draft}", status=204)
    api("POST", "/credentials/batch", {"data": [new, new]}, 200)
    work()
    told = [json.loads(one.body) for one in receiver.came]
    assert [one["type"] for one in told if one["data"]["resource"]["id"] == draft] == [
        "credential.created",
        "credential.updated",
        "credential.issued",
        "credential.sent",
        "credential.revoked",
        "credential.deleted",
    ]
    assert [one["type"] for one in told].count("credential.created") == 3


def test_scheduled_issuance_and_expiry_are_told_once(endpoint, work, receiver, api, cast, settings):
    endpoint(types=["credential.issued", "credential.expired"])
    new = {"groupId": cast.group_id, "recipient": {"name": "Robin"}}
    made = api("POST", "/credentials", {**new, "issueDate": "2024-01-01", "expiryDate": "2030-01-01"})["id"]
    api("POST", f"/credentials/{made}/schedule", {"issueAt": "2099-01-01T00:00:00Z"}, 200)
    due = update(credentials).where(credentials.c.id == made).values(issue_at=1)
    in_transaction(settings, lambda tx: tx.connection.execute(due))
    work("issue_scheduled", "note_expired")
    assert [json.loads(one.body)["type"] for one in receiver.came] == ["credential.issued"]
    # The endpoint has been there for three days, and the credential expired the day before yesterday.
    day = 86_400_000
    past = datetime.fromtimestamp(datetime.now(UTC).timestamp() - 2 * 86_400, UTC).date().isoformat()

    def act(transaction):
        transaction.connection.execute(
            update(webhook_endpoints).values(created_at=webhook_endpoints.c.created_at - 3 * day)
        )
        transaction.connection.execute(
            update(credentials).where(credentials.c.id == made).values(expiry_date=past)
        )

    in_transaction(settings, act)
    work("note_expired")
    work("note_expired")
    assert [json.loads(one.body)["type"] for one in receiver.came][1:] == ["credential.expired"]


def test_only_what_is_wanted_and_only_ones_own(endpoint, view, work, receiver, api, cast):
    endpoint("/verified", ["credential.verified"])
    hers = api("POST", "/webhooks", {"url": receiver.url("/cleo"), "types": ALL_VIEWS}, 201, token=cast.cleo)
    view()
    work()
    assert receiver.came == []
    assert api("GET", f"/webhooks/{hers['id']}/deliveries", token=cast.cleo)["data"] == []


ALL_VIEWS = ["credential.viewed"]


def test_failures_come_again_with_the_same_id_and_bytes(endpoint, view, work, receiver, api, settings):
    receiver.answers["/"] = [500, 204]
    made = endpoint()
    view()
    assert work() == 1
    [delivery] = api("GET", f"/webhooks/{made['id']}/deliveries?status=waiting")["data"]
    assert delivery["nextAttemptAt"] is not None
    assert api("GET", f"/webhooks/{made['id']}")["failingSince"] is not None
    assert work() == 0, "its turn hasn't come"
    make_due(settings)
    assert work() == 1
    first, second = receiver.came
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    whole = api("GET", f"/webhooks/{made['id']}/deliveries/{delivery['id']}")
    assert [one["failure"] for one in whole["tries"]] == ["not_2xx", None]
    assert api("GET", f"/webhooks/{made['id']}")["failingSince"] is None


LARGE = b"HTTP/1.1 200 x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (500, "not_2xx"),
        (404, "not_2xx"),
        (301, "redirect"),
        ("drop", "connection_lost"),
        (LARGE, "too_large"),
        (b"not http at all\r\n\r\n", "connection_lost"),
    ],
    ids=lambda one: one if isinstance(one, str) else str(one)[:12],
)
def test_failures_have_names(endpoint, view, work, receiver, api, answer, failure):
    receiver.answers["/"] = [answer]
    made = endpoint()
    view()
    work()
    [delivery] = api("GET", f"/webhooks/{made['id']}/deliveries")["data"]
    [attempt] = api("GET", f"/webhooks/{made['id']}/deliveries/{delivery['id']}")["tries"]
    assert attempt["failure"] == failure
    assert len(attempt["answer"]) <= 4_096


def test_nobody_listens(endpoint, view, work, receiver, api):
    made = endpoint()
    api("PATCH", f"/webhooks/{made['id']}", {"url": "http://127.0.0.1:1/"}, 200)
    view()
    work()
    [delivery] = api("GET", f"/webhooks/{made['id']}/deliveries")["data"]
    assert (
        api("GET", f"/webhooks/{made['id']}/deliveries/{delivery['id']}")["tries"][0]["failure"] == "refused"
    )


def test_retry_after_is_honoured(endpoint, view, work, receiver, api, settings, cast):
    receiver.answers["/"] = [b"HTTP/1.1 429 x\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n", 204]
    made = endpoint()
    view()
    work()
    view()
    assert work() == 0, "the endpoint wants to be left alone"
    [_, delivery] = api("GET", f"/webhooks/{made['id']}/deliveries")["data"]
    at = datetime.fromisoformat(delivery["nextAttemptAt"])
    assert (at - datetime.now(UTC)).total_seconds() > 3_500


def test_410_disables(endpoint, view, work, receiver, api, settings, cast):
    add_person(settings, "ada@meadow.example", "Ada", {cast.workspace_id: "owner"})
    receiver.answers["/"] = [410]
    made = endpoint()
    view()
    work()
    shown = api("GET", f"/webhooks/{made['id']}")
    assert shown["status"] == "disabled"
    assert "410" in shown["disabledReason"]
    assert sorted(shown["types"]) == sorted(made["types"])
    view()
    assert work("tell_owners") == 0, "nothing is gathered"
    rows = in_transaction(settings, lambda tx: list(tx.connection.execute(select(notices))))
    assert [row.address for row in rows] == ["ada@meadow.example"]
    assert receiver.url() in rows[0].body
    work("tell_owners")
    assert len(in_transaction(settings, lambda tx: list(tx.connection.execute(select(notices))))) == 1
    receiver.answers["/"] = [204]
    api("PATCH", f"/webhooks/{made['id']}", {"status": "enabled"}, 200)
    view()
    make_due(settings)
    assert work() == 2


def test_five_days_of_failures_disable(endpoint, view, work, receiver, api, settings):
    receiver.answers["/"] = [500]
    made = endpoint()
    view()
    work()
    make_due(settings, shift_ms=4 * 86_400_000)
    work()
    assert api("GET", f"/webhooks/{made['id']}")["status"] == "enabled"
    make_due(settings, shift_ms=2 * 86_400_000)
    work()
    shown = api("GET", f"/webhooks/{made['id']}")
    assert (shown["status"], shown["disabledReason"]) == (
        "disabled",
        "Nothing could be delivered to it for five days",
    )


def test_after_the_last_attempt_it_has_failed(endpoint, view, work, receiver, api, settings):
    receiver.answers["/"] = [500]
    made = endpoint()
    view()
    for _ in range(10):
        assert work() == 1
        make_due(settings)
    assert work() == 0
    [delivery] = api("GET", f"/webhooks/{made['id']}/deliveries")["data"]
    assert (delivery["status"], delivery["attempts"]) == ("failed", 10)
    receiver.answers["/"] = [204]
    path = f"/webhooks/{made['id']}/deliveries/{delivery['id']}/redeliver"
    assert api("POST", path, None, 202) == {"count": 1}
    api("POST", path, None, 409)
    assert work() == 1
    assert len({(one.headers["webhook-id"], one.body) for one in receiver.came}) == 1
    assert api("GET", f"/webhooks/{made['id']}/deliveries")["data"][0]["attempts"] == 11


def test_a_span_of_time_is_delivered_again(endpoint, view, work, receiver, api):
    made = endpoint()
    for _ in range(3):
        view()
    work()
    span = {"createdFrom": "2020-01-01T00:00:00Z", "status": "delivered"}
    assert api("POST", f"/webhooks/{made['id']}/redeliver", span, 202) == {"count": 3}
    assert work() == 3
    assert len(receiver.came) == 6
    assert len({one.headers["webhook-id"] for one in receiver.came}) == 3
    nothing = {"createdFrom": "2020-01-01T00:00:00Z"}
    assert api("POST", f"/webhooks/{made['id']}/redeliver", nothing, 202) == {"count": 0}
    api("POST", f"/webhooks/{made['id']}/redeliver", {"createdFrom": "yesterday"}, 400)


def test_paused_gathers_and_disabled_does_not(endpoint, view, work, receiver, api):
    made = endpoint()
    api("PATCH", f"/webhooks/{made['id']}", {"status": "paused"}, 200)
    first = view()
    assert work() == 0
    api("PATCH", f"/webhooks/{made['id']}", {"status": "disabled"}, 200)
    view()
    assert work() == 0
    api("PATCH", f"/webhooks/{made['id']}", {"status": "enabled"}, 200)
    assert work() == 1
    assert json.loads(receiver.came[0].body)["id"] == first["id"]


def test_during_a_rotation_both_secrets_verify(endpoint, view, work, receiver, api):
    made = endpoint()
    renewed = api("POST", f"/webhooks/{made['id']}/rotate-secret", {"graceHours": 1}, 200)
    assert renewed["secret"] != made["secret"]
    view()
    work()
    [came] = receiver.came
    for secret, header in (
        (renewed["secret"], "x-webhook-signature"),
        (made["secret"], "x-webhook-signature-previous"),
    ):
        Webhook(secret).verify(came.body, came.headers)
        assert came.headers[header] == hmac.new(secret.encode(), came.body, hashlib.sha256).hexdigest()
    api("POST", f"/webhooks/{made['id']}/rotate-secret", {"graceHours": 0}, 200)
    view()
    work()
    with pytest.raises(WebhookVerificationError):
        Webhook(renewed["secret"]).verify(receiver.came[1].body, receiver.came[1].headers)


def test_secrets_are_told_once_and_kept_sealed(endpoint, api, settings, cast):
    body = {"url": "https://hooks.example/x", "types": ["credential.viewed"]}
    made = api("POST", "/webhooks", body, 201, **{"Idempotency-Key": "k"})
    assert made["secret"].startswith("whsec_")
    again = api("POST", "/webhooks", body, 201, **{"Idempotency-Key": "k"})
    assert again == {**made, "secret": None}
    assert "secret" not in api("GET", f"/webhooks/{made['id']}")
    [row] = in_transaction(settings, lambda tx: list(tx.connection.execute(select(webhook_endpoints))))
    assert made["secret"] not in str(row)


def test_what_is_erased_is_not_told_any_more(endpoint, view, work, receiver, api, cast, settings):
    endpoint()
    view()
    work()
    view()
    api("DELETE", f"/credentials/{cast.credential_id}", status=204)
    work()
    assert [json.loads(one.body)["type"] for one in receiver.came] == [
        "credential.viewed",
        "credential.deleted",
    ]
    rows = in_transaction(settings, lambda tx: list(tx.connection.execute(select(webhook_messages.c.full))))
    assert b"Robin" not in b"".join(bytes(row[0]) for row in rows)


def test_the_rate_is_kept(endpoint, view, work, receiver, cast):
    endpoint(ratePerSecond=20)
    for _ in range(8):
        view()
    work()
    assert receiver.came[-1].at - receiver.came[0].at > 0.3


def test_a_test_message(endpoint, work, receiver, api):
    made = endpoint(types=["credential.shared"])
    told = api("POST", f"/webhooks/{made['id']}/test", {}, 202)
    work()
    [came] = receiver.came
    body = json.loads(came.body)
    assert body["id"] == told["messageId"] == came.headers["webhook-id"]
    assert body["data"]["credentialInteraction"]["eventType"] == "credential_shared_to_linkedin"
    Webhook(made["secret"]).verify(came.body, came.headers)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://hooks.example/", "types": ["credential.viewed"]}, "url"),
        ({"url": "https://user:secret@hooks.example/", "types": ["credential.viewed"]}, "url"),
        ({"url": "https://hooks.example/#x", "types": ["credential.viewed"]}, "url"),
        ({"url": "https://hooks.example:99999/", "types": ["credential.viewed"]}, "url"),
        ({"url": "hooks.example", "types": ["credential.viewed"]}, "url"),
        ({"url": "https://hooks.example/a b", "types": ["credential.viewed"]}, "url"),
        ({"url": "https://hööks.example/", "types": ["credential.viewed"]}, "url"),
        ({"url": "https://hooks.example/", "types": []}, "types"),
        ({"url": "https://hooks.example/", "types": ["credential.loved"]}, "types"),
        (
            {"url": "https://hooks.example/", "types": ["credential.viewed"], "ratePerSecond": 0},
            "ratePerSecond",
        ),
        ({"url": "https://hooks.example/", "types": ["credential.viewed"], "body": "fat"}, "body"),
        ({"types": ["credential.viewed"]}, "url"),
    ],
)
def test_refused(api, body, field):
    error = api("POST", "/webhooks", body, 400)["error"]
    assert error["details"][0]["field"].startswith(field)


def test_what_a_claim_does_not_come_to_waits_for_the_next(endpoint, view, work, receiver, api, monkeypatch):
    """A receiver that hangs must not keep more than its lease can hold."""
    from credtrail.webhooks import egress, send

    monkeypatch.setattr(egress, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(send, "_START_SECONDS", 0.1)
    monkeypatch.setattr(send, "_AT_ONCE", 2)
    monkeypatch.setattr(send, "_MOST_SECONDS", 0.0)
    receiver.answers["/"] = ["hang", "hang", 204]
    made = endpoint()
    recorded = [view()["id"] for _ in range(5)]
    work()
    found = api("GET", f"/webhooks/{made['id']}/deliveries")["data"]
    assert sum(one["attempts"] for one in found) == len(receiver.came)
    assert {one["status"] for one in found} <= {"waiting", "delivered"}
    assert len({one.headers["webhook-id"] for one in receiver.came}) <= len(recorded)
