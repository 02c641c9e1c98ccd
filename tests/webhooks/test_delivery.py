"""What happens is told: once, signed, in order, in the very bytes that are kept."""

import asyncio
import hashlib
import hmac
import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update
from standardwebhooks import Webhook, WebhookVerificationError

from conftest import ON_ONE, in_transaction
from credtrail.credentials.store import credentials
from credtrail.mail.notice_store import notices
from credtrail.webhooks import egress, send
from credtrail.webhooks.delivery_store import webhook_deliveries, webhook_messages
from credtrail.webhooks.egress import Egress
from credtrail.webhooks.send import Sender
from credtrail.webhooks.store import webhook_endpoints, webhook_subscriptions
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


def expire(settings, id_, days_ago):
    """Let the credential have expired so many days ago, on a day of UTC; nothing is told of what was before."""
    day = datetime.fromtimestamp(datetime.now(UTC).timestamp() - days_ago * 86_400, UTC).date().isoformat()
    change = update(credentials).where(credentials.c.id == id_).values(expiry_date=day)
    in_transaction(settings, lambda tx: tx.connection.execute(change))


def wanted_since(settings, days_ago):
    """As if endpoints had wanted all they want for so long."""
    earlier = webhook_subscriptions.c.since - days_ago * 86_400_000
    in_transaction(
        settings, lambda tx: tx.connection.execute(update(webhook_subscriptions).values(since=earlier))
    )


def test_expiry_is_told_once_where_it_was_wanted_by_then(endpoint, work, receiver, api, cast, settings):
    made = endpoint(types=["credential.expired"])
    wanted_since(settings, 3)
    expire(settings, cast.credential_id, 2)
    work("note_expired")
    assert (work("note_expired"), len(receiver.came)) == (0, 1)
    assert json.loads(receiver.came[0].body)["type"] == "credential.expired"
    # What is wanted only now was not wanted then, be it another type or an endpoint that was disabled.
    api("PATCH", f"/webhooks/{made['id']}", {"types": ["credential.viewed"]}, 200)
    wanted_since(settings, 3)
    api("PATCH", f"/webhooks/{made['id']}", {"types": ["credential.expired"]}, 200)
    expire(settings, cast.credential_id, 1)
    api("PATCH", f"/webhooks/{made['id']}", {"status": "disabled"}, 200)
    api("PATCH", f"/webhooks/{made['id']}", {"status": "enabled"}, 200)
    assert work("note_expired") + work() == 0


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


def test_what_was_answered_is_kept_as_it_was(endpoint, view, work, receiver, api):
    words = 'say "NULL", \\ {é},\n\x00 and more: ' + "x" * 5_000
    raw = words.encode() + b"\xff"
    head = f"HTTP/1.1 500 x\r\nContent-Length: {len(raw)}\r\n\r\n".encode()
    receiver.answers["/"] = [head + raw, 204]
    made = endpoint()
    for _ in range(2):
        view()
    work()
    first = api("GET", f"/webhooks/{made['id']}/deliveries")["data"][-1]["id"]
    [attempt] = api("GET", f"/webhooks/{made['id']}/deliveries/{first}")["tries"]
    assert attempt["answer"] == raw[:4_096].decode().replace("\x00", "\ufffd")


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


@pytest.mark.parametrize("change", [{"url": "/else"}, {"status": "paused"}, {"ratePerSecond": 5}])
def test_a_change_ends_the_pause_that_was_asked_for(endpoint, view, work, receiver, api, change):
    receiver.answers["/"] = [b"HTTP/1.1 503 x\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n", 204]
    made = endpoint()
    view()
    work()
    view()
    assert work() == 0
    change = {name: receiver.url(value) if name == "url" else value for name, value in change.items()}
    api("PATCH", f"/webhooks/{made['id']}", change, 200)
    api("PATCH", f"/webhooks/{made['id']}", {"status": "enabled"}, 200)
    assert work() == 1


def test_another_address_begins_anew(endpoint, view, work, receiver, api):
    receiver.answers["/"] = [500]
    made = endpoint()
    view()
    work()
    here = f"/webhooks/{made['id']}"
    assert api("PATCH", here, {"description": "x"}, 200)["failingSince"] is not None
    assert api("PATCH", here, {"url": receiver.url("/else")}, 200)["failingSince"] is None


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


def test_one_that_came_after_all_ends_the_five_days(endpoint, view, work, receiver, api, settings):
    receiver.answers["/"] = [500, 500, 500, 204, 204, 500]
    made = endpoint()
    for _ in range(3):
        view()
    work()
    make_due(settings, shift_ms=6 * 86_400_000)
    assert work() == 3, "two at a time while it fails: the third is another claim of the same lane"
    shown = api("GET", f"/webhooks/{made['id']}")
    assert shown["status"] == "enabled"
    assert shown["failingSince"] > made["createdAt"]


def test_a_secret_that_cannot_be_read_disables(endpoint, view, work, receiver, api, settings):
    made = endpoint()
    view()
    spoil = update(webhook_endpoints).values(secret="sealed with another key")
    in_transaction(settings, lambda tx: tx.connection.execute(spoil))
    assert work() == 0
    shown = api("GET", f"/webhooks/{made['id']}")
    assert shown["status"] == "disabled"
    assert "CREDTRAIL_SECRET_KEY" in shown["disabledReason"]
    api("POST", f"/webhooks/{made['id']}/rotate-secret", {"graceHours": 0}, 200)
    api("PATCH", f"/webhooks/{made['id']}", {"status": "enabled"}, 200)
    assert work() == 1


def test_what_waits_for_a_dead_receiver_does_not_keep_the_worker_busy(
    endpoint, view, work, receiver, settings
):
    receiver.answers["/"] = [500]
    endpoint()
    for _ in range(5):
        view()
    assert work() == 5
    make_due(settings)
    assert work() == 2, "then it is left alone for a moment"


def test_after_the_last_attempt_it_has_failed(endpoint, view, work, receiver, api, settings):
    receiver.answers["/"] = [500]
    made = endpoint()
    view()
    assert work() == 1
    nearly = update(webhook_deliveries).values(attempts=9, due_at=1)
    in_transaction(settings, lambda tx: tx.connection.execute(nearly))
    make_due(settings)
    assert work() == 1
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
    before = {
        "createdFrom": "2020-01-01T00:00:00Z",
        "createdTo": "2020-01-02T00:00:00Z",
        "status": "delivered",
    }
    assert api("POST", f"/webhooks/{made['id']}/redeliver", before, 202) == {"count": 0}
    nothing = {"createdFrom": "2020-01-01T00:00:00Z"}
    assert api("POST", f"/webhooks/{made['id']}/redeliver", nothing, 202) == {"count": 0}
    api("PATCH", f"/webhooks/{made['id']}", {"status": "disabled"}, 200)
    api("POST", f"/webhooks/{made['id']}/redeliver", span, 409)
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


def test_the_rate_is_kept(endpoint, view, work, receiver, cast, monkeypatch):
    """Also from claim to claim, and from one that sends to the next."""
    monkeypatch.setattr(send, "_CLAIM", 2)
    endpoint(ratePerSecond=20)
    for _ in range(8):
        view()
    work()
    assert receiver.came[-1].at - receiver.came[0].at > 0.3


def test_a_slow_rate_holds_no_lease_for_longer_than_it_is_good(endpoint, view, work, receiver, settings, api):
    made = endpoint(ratePerSecond=0.01)
    for _ in range(3):
        view()
    assert work() == 1
    assert work() == 0, "the next is a minute and more away, and nobody waits for it"
    make_due(settings)
    assert work() == 1
    found = api("GET", f"/webhooks/{made['id']}/deliveries")["data"]
    assert sorted(one["attempts"] for one in found) == [0, 1, 1]


def test_a_test_message(endpoint, work, receiver, api):
    made = endpoint(types=["credential.shared"])
    told = api("POST", f"/webhooks/{made['id']}/test", {}, 202)
    work()
    [came] = receiver.came
    body = json.loads(came.body)
    assert body["id"] == told["messageId"] == came.headers["webhook-id"]
    assert body["data"]["credentialInteraction"]["eventType"] == "credential_shared_to_linkedin"
    Webhook(made["secret"]).verify(came.body, came.headers)


@ON_ONE
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


def test_what_was_sent_is_sent_again_in_the_same_bytes(endpoint, view, work, receiver, api, settings):
    receiver.answers["/"] = [500, 204]
    made = endpoint()
    view()
    work()
    view()  # not tried yet
    here = f"/webhooks/{made['id']}"
    api("PATCH", here, {"body": "thin"}, 200)
    make_due(settings)
    work()
    first, thin, again = receiver.came
    assert again.body == first.body
    assert b"Robin" in again.body
    assert b"Robin" not in thin.body
    newest, oldest = (
        api("GET", f"{here}/deliveries/{one['id']}")["body"].encode()
        for one in api("GET", f"{here}/deliveries")["data"]
    )
    assert (newest, oldest) == (thin.body, first.body)


def test_workers_that_die_spend_no_attempts(endpoint, view, work, receiver, api, settings):
    receiver.answers["/"] = [500]
    made = endpoint()
    view()

    async def never(*_):
        raise asyncio.CancelledError

    for _ in range(10):  # as a claim whose worker ended at once
        with pytest.MonkeyPatch.context() as patch, suppress(asyncio.CancelledError):
            patch.setattr(Sender, "_send_all", never)
            work()
        make_due(settings)
    assert work() == 1
    [delivery] = api("GET", f"/webhooks/{made['id']}/deliveries")["data"]
    assert (delivery["status"], delivery["attempts"]) == ("waiting", 11)
    tries = api("GET", f"/webhooks/{made['id']}/deliveries/{delivery['id']}")["tries"]
    assert [one["failure"] for one in tries] == ["interrupted"] * 10 + ["not_2xx"]


def test_a_worker_slower_than_its_lease_does_no_harm(
    endpoint, view, work, receiver, api, settings, monkeypatch
):
    """Another takes over while it still sends: the message comes twice, and is noted as it was."""
    made = endpoint()
    view()
    really, posts = Egress.post, []

    async def post(self, *given):
        posts.append(given)
        if len(posts) == 1:
            await asyncio.to_thread(make_due, settings)
            await asyncio.to_thread(work)
        return await really(self, *given)

    monkeypatch.setattr(Egress, "post", post)
    assert work() == 1
    assert len({(one.headers["webhook-id"], one.body) for one in receiver.came}) == 1
    [delivery] = api("GET", f"/webhooks/{made['id']}/deliveries")["data"]
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 2)
    tries = api("GET", f"/webhooks/{made['id']}/deliveries/{delivery['id']}")["tries"]
    assert [one["failure"] for one in tries] == [None, None], "the first was thought interrupted, and wasn't"


def test_old_messages_are_forgotten_and_what_waits_is_kept(endpoint, view, work, receiver, api, settings):
    made = endpoint()
    view()
    work()
    receiver.answers["/"] = [500]
    view()
    work()

    def days_later(days):
        change = update(webhook_messages).values(created_at=webhook_messages.c.created_at - days * 86_400_000)
        in_transaction(settings, lambda tx: tx.connection.execute(change))
        work("forget_webhooks")
        return [one["status"] for one in api("GET", f"/webhooks/{made['id']}/deliveries")["data"]]

    assert days_later(29) == ["waiting", "delivered"]
    assert days_later(2) == ["waiting"]
    assert days_later(30) == []


def test_failing_receivers_leave_room_for_others(endpoint, view, work, receiver, settings, monkeypatch):
    monkeypatch.setattr(egress, "TIMEOUT_SECONDS", 0.3)
    bad = [f"/hangs{n}" for n in range(6)]
    receiver.answers |= {path: ["hang"] for path in bad}
    for path in bad:
        endpoint(path)
    view()
    work()
    endpoint("/good")
    view()
    make_due(settings)
    monkeypatch.setattr(send, "_LANES", 4)
    monkeypatch.setattr(send, "_FAILING_LANES", 2)
    receiver.came.clear()
    work()
    first = [one.path for one in receiver.came][:5]
    assert "/good" in first, "two lanes of two hang at most; it needn't wait for any of them"


def test_what_a_claim_does_not_come_to_waits_for_the_next(endpoint, view, work, receiver, api, monkeypatch):
    """A receiver that hangs must not keep more than its lease can hold."""
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
