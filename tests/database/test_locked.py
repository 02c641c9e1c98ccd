"""A database that another process holds locked: told as 503, nothing kept, well again when the lock is gone."""

import threading
from contextlib import contextmanager

import pytest

from conftest import in_transaction
from credtrail.interactions.log_sql import interactions
from database.audit import EVENTS, assert_stored, assert_unavailable, make_event


@pytest.fixture
def settings(settings):
    """Waits for locks are short here."""
    return settings.model_copy(update={"busy_timeout_seconds": 0.3})


@contextmanager
def locked(settings):
    """Someone else's transaction that lets nobody else write."""
    held, done = threading.Event(), threading.Event()

    def hold(transaction):
        if transaction.dialect == "postgresql":  # on SQLite, to have begun is to hold the lock
            transaction.connection.exec_driver_sql(f"lock table {interactions.name} in exclusive mode")
        held.set()
        assert done.wait(60)

    holder = threading.Thread(target=in_transaction, args=(settings, hold))
    holder.start()
    assert held.wait(30)
    try:
        yield
    finally:
        done.set()
        holder.join()


def test_locked_is_503_and_nothing_is_kept(ada, cast, settings):
    before = ada.post(EVENTS, json=make_event(cast.credential_id))
    with locked(settings):
        assert_unavailable(ada.post(EVENTS, json=make_event(cast.credential_id)))
        assert_unavailable(ada.post(f"{EVENTS}/batch", json={"data": [make_event(cast.credential_id)] * 3}))
        assert ada.get(EVENTS).json()["data"] == [before.json()]  # reading goes on
    after = ada.post(EVENTS, json=make_event(cast.credential_id))
    assert after.status_code == 201
    assert_stored(settings, [before.json()["id"], after.json()["id"]])


def test_a_key_used_in_vain_is_still_free(ada, cast, settings):
    event = make_event(cast.credential_id)
    with locked(settings):
        assert_unavailable(ada.post(EVENTS, json=event, headers={"Idempotency-Key": "again"}))
    answers = [ada.post(EVENTS, json=event, headers={"Idempotency-Key": "again"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert_stored(settings, [answers[0].json()["id"]])
