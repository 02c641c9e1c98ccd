"""Webhooks in the dashboard: from creation to a delivery that is looked at and made again."""

import asyncio
import re

import pytest

from conftest import ON_ONE, headers
from credtrail.database.open import open_database
from credtrail.webhooks.model import TYPES
from credtrail.work import make_sender
from webhooks.receiver import Receiver


@pytest.fixture
def settings(settings):
    """Webhooks may go to loopback."""
    return settings.model_copy(update={"webhook_allowed_hosts": "127.0.0.1"})


@pytest.fixture
def receiver():
    """Somebody who listens."""
    with Receiver() as running:
        yield running


def deliver(settings):
    """All that is due."""

    async def run():
        database = open_database(settings)
        sender = make_sender(database, settings)
        await sender.run_once()
        await sender.close()
        await database.close()

    asyncio.run(run())


def test_a_webhook_from_creation_to_deletion(ada_in, in_role, receiver, settings, cast):
    assert "No webhook yet" in ada_in.see(f"{ada_in.home}/webhooks")
    fields = {
        "url": receiver.url(),
        "types": ["credential.viewed", "credential.shared"],
        "description": "学习平台",
    }
    page = ada_in.post(f"{ada_in.home}/webhooks", **fields)
    secret = re.search(r'value="(whsec_\S+)"', page)[1]
    here = re.search(r'href="(\S+/webhooks/\w{26})"', page)[1]
    page = ada_in.see(here)
    assert secret not in page
    assert "Nothing was told yet" in page
    assert "学习平台" in page

    receiver.answers["/"] = [500, 204]
    view = {
        "credentialId": cast.credential_id,
        "eventType": "credential_viewed",
        "triggeredBy": "guest",
        "triggeredAt": "2024-03-12T17:33:05.784Z",
    }
    ada_in.client.post("/v1/credential-interactions", json=view, headers=headers(cast.ada))
    deliver(settings)
    page = ada_in.see(here)
    assert "Nothing could be delivered since" in page
    address = re.search(r'href="(\S+/deliveries/\w{26})"', page)[1]
    page = ada_in.see(address)
    assert "answered with another status than 2xx" in page
    assert "Robin Ñandú" in page
    assert "webhook-signature" in page
    assert "still being tried" in ada_in.post(f"{address}/redeliver")

    of_credential = f"{ada_in.home}/credentials/{cast.credential_id}"
    assert address in ada_in.see(of_credential)
    told = ada_in.see(f"{of_credential}/webhooks")
    assert address in told
    assert receiver.url() in told
    assert "Nothing was told" in ada_in.see(f"{ada_in.home}/credentials/{cast.draft_id}/webhooks")
    ada_in.see(f"{ada_in.home}/credentials/{cast.cleos_credential_id}/webhooks", status=404)
    editor = in_role("editor")
    assert receiver.url() not in editor.see(of_credential), "an address may hold a secret"
    ada_in.see(address)

    assert "test message is on its way" in ada_in.post(f"{here}/test")
    deliver(settings)
    page = ada_in.see(f"{here}?status=delivered")
    address = re.search(r'href="(\S+/deliveries/\w{26})"', page)[1]
    assert "delivered again" in ada_in.post(f"{address}/redeliver")

    page = ada_in.post(f"{here}/secret", grace_hours="24")
    assert secret not in page
    assert "good until" in page
    paused = {"csrf": ada_in.csrf, "status": "paused"}
    assert "is paused now" in ada_in.client.post(f"{here}/status", data=paused, follow_redirects=True).text
    assert "0 will be delivered again" in ada_in.post(f"{here}/redeliver")
    day = {"which": "delivered", "from_day": "2026-01-01", "to_day": "2026-01-02"}
    assert "0 will be delivered again" in ada_in.post(f"{here}/redeliver", **day)
    ada_in.post(f"{here}/redeliver", status=400, **{"from_day": "noon"})
    page = ada_in.post(here, **{**fields, "url": receiver.url("/else"), "types": list(TYPES), "thin": "yes"})
    assert "Saved" in page
    assert "everything, ids alone" in ada_in.see(f"{ada_in.home}/webhooks")
    assert "is not told any more" in ada_in.post(f"{here}/delete")
    ada_in.see(here, status=404)
    log = ada_in.see(f"{ada_in.home}/audit-log")
    for words in ("created the webhook", "gave a new secret", "changed the webhook", "deleted the webhook"):
        assert words in log


@ON_ONE
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"url": "http://hooks.example/"}, "Must begin with https://"),
        ({"url": ""}, "url"),
        ({"types": []}, "Must name at least one"),
        ({"rate_per_second": "fast"}, "Must be a number above 0"),
        ({"rate_per_second": "0"}, "problem-rate_per_second"),
    ],
)
def test_refused_with_what_was_typed(ada_in, change, problem):
    fields = {"url": "https://hooks.example/", "types": ["credential.viewed"], "description": "kept as typed"}
    ada_in.see(f"{ada_in.home}/webhooks")
    page = ada_in.post(f"{ada_in.home}/webhooks", status=400, **{**fields, **change})
    assert problem in page
    assert "kept as typed" in page


def test_another_workspaces_webhook_is_as_if_it_were_not_there(ada_in, cast):
    body = {"url": "https://cleo.example/", "types": ["credential.viewed"]}
    hers = ada_in.client.post("/v1/webhooks", json=body, headers=headers(cast.cleo)).json()
    assert "cleo.example" not in ada_in.see(f"{ada_in.home}/webhooks")
    here = f"{ada_in.home}/webhooks/{hers['id']}"
    ada_in.see(here, status=404)
    for act in ("", "/secret", "/test", "/redeliver", "/delete"):
        ada_in.post(here + act, status=404, **body)
