"""SQLite says that it is full in the middle of a batch: 503, nothing half-written, well again when there is room."""

import asyncio

import pytest

from database.audit import EVENTS, assert_stored, assert_unavailable, make_event

BATCH = 50


def post_until_refused(client, credential_id):
    """Post batches until one is refused; the ids of what was taken."""
    taken = []
    for _ in range(200):
        answer = client.post(
            f"{EVENTS}/batch", json={"data": [make_event(credential_id) for _ in range(BATCH)]}
        )
        if answer.status_code != 200:
            assert_unavailable(answer)
            return taken
        taken += [item["credentialInteraction"]["id"] for item in answer.json()["data"]]
    raise AssertionError("the disk did not become full")


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_database_at_its_last_page(ada, cast, house, settings):
    def limit(page_count):
        asyncio.run(house.database.write(lambda transaction: _limit(transaction, page_count)))

    limit(page_count=0)
    taken = post_until_refused(ada, cast.credential_id)
    assert taken
    assert ada.get(EVENTS).status_code == 200
    limit(page_count=1_000_000)
    last = ada.post(EVENTS, json=make_event(cast.credential_id))
    assert last.status_code == 201
    assert_stored(settings, [*taken, last.json()["id"]])


def _limit(transaction, page_count):
    """The writing connection may make the file so many pages long, or a little longer than it is."""
    now = transaction.connection.exec_driver_sql("pragma page_count").scalar_one()
    transaction.connection.exec_driver_sql(f"pragma max_page_count = {max(page_count, now + 60)}")
