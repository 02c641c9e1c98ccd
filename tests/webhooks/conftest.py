"""An endpoint, somebody who listens there, and a worker."""

import asyncio

import pytest

from conftest import headers
from credtrail.database.open import open_database
from credtrail.webhooks.model import TYPES
from credtrail.work import make_jobs, make_sender, run_once
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


@pytest.fixture
def api(client, cast):
    """Calls the API as Ada: method, path, body."""

    def call(method, path, body=None, status=None, token=None, **more):
        answer = client.request(method, f"/v1{path}", json=body, headers=headers(token or cast.ada, **more))
        assert status is None or answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    return call


@pytest.fixture
def endpoint(api, receiver):
    """Makes an endpoint at the receiver; as it was created, with its secret."""

    def make(path="/", types=TYPES, **more):
        return api("POST", "/webhooks", {"url": receiver.url(path), "types": list(types), **more}, 201)

    return make


@pytest.fixture
def view(api, cast):
    """Records an interaction; it."""

    def record(credential_id=cast.credential_id, event_type="credential_viewed", by="guest"):
        body = {
            "credentialId": credential_id,
            "eventType": event_type,
            "triggeredBy": by,
            "triggeredAt": "2024-03-12T17:33:05.784Z",
        }
        return api("POST", "/credential-interactions", body, 201)

    return record


@pytest.fixture
def work(settings):
    """Delivers all that is due, then does the jobs named; how many attempts were made."""

    async def run(jobs):
        database = open_database(settings)
        try:
            await run_once([job for job in make_jobs(database, settings) if job.name in jobs])
            sender = make_sender(database, settings)
            made = await sender.run_once()
            await sender.close()
            return made
        finally:
            await database.close()

    return lambda *jobs: asyncio.run(run(jobs))
