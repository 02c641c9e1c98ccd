"""Folding, on PostgreSQL: what is pending counts for whoever asks, is added once whoever folds, and outlives a kill."""

import asyncio

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from conftest import examples, headers, in_transaction, seen
from credtrail.app import build
from credtrail.credentials.store import delete_credential
from credtrail.database import run_all
from credtrail.database.open import open_database
from credtrail.interactions import fold as folding
from credtrail.interactions import record
from credtrail.interactions.counts import credential_counts, daily_counts, engagements
from credtrail.interactions.fold import count_later, fold, fold_here, pending_counts
from credtrail.interactions.model import Interaction
from credtrail.interactions.persons import erase_person
from credtrail.values import ACTORS, EVENT_TYPES, day_of, hour_of, parse_moment
from recount import TABLES, recount, stored

pytestmark = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)

EPOCH = parse_moment("2024-03-09T12:00:00Z")
ZONE = "America/New_York"  # whose clocks were set on that night
entries = st.tuples(
    st.integers(0, 1), st.sampled_from(EVENT_TYPES), st.sampled_from(ACTORS), st.integers(0, 36 * 60)
)


def leave(transaction, cast, entries):
    """What a recorder leaves of one transaction."""
    made = [
        Interaction(
            f"{n:026}",
            cast.workspace_id,
            cast.group_id,
            (cast.credential_id, cast.draft_id)[which],
            event_type,
            triggered_by,
            EPOCH + minutes * 60_000,
            "api",
        )
        for n, (which, event_type, triggered_by, minutes) in enumerate(entries)
    ]
    run_all(
        transaction,
        count_later([(one, day_of(one.triggered_at, ZONE), hour_of(one.triggered_at, ZONE)) for one in made]),
    )
    return made


def count_pending(transaction):
    return transaction.connection.execute(select(func.count()).select_from(pending_counts)).scalar_one()


@given(st.lists(st.lists(entries, min_size=1, max_size=8), max_size=8), st.integers(1, 4), st.integers(0, 8))
@hypothesis_settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sums_equal_a_recount_however_many_are_folded_at_once(
    settings, cast, monkeypatch, batches, most, before
):
    monkeypatch.setattr(folding, "_MOST_AT_ONCE", most)

    def act(transaction):
        for table in TABLES:
            transaction.connection.execute(delete(table))
        made = []
        for n, batch in enumerate(batches):
            if n == before:
                fold_here(transaction)
            made += leave(transaction, cast, batch)
        fold_here(transaction)
        counted = recount(made, ZONE)
        for table in TABLES:
            assert stored(transaction, table) == counted[table.name], table.name
        assert count_pending(transaction) == 0

    in_transaction(settings, act)


def test_what_is_pending_counts_for_whoever_asks(idle, client, cast, settings):
    idle()
    ada = headers(cast.ada)
    body = {"credentialId": cast.credential_id, "eventType": "credential_viewed", "triggeredBy": "guest"}
    for number in range(1, 4):
        sent = {**body, "triggeredAt": "2024-03-12T17:33:05.784Z"}
        assert client.post("/v1/credential-interactions", json=sent, headers=ada).status_code == 201
        assert in_transaction(settings, count_pending) == 1
        found = client.get("/v1/insights/summary?from=2024-03-12&to=2024-03-12", headers=ada).json()
        assert [one["value"] for one in found["interactions"]] == [number]
        assert in_transaction(settings, count_pending) == 0


def test_what_a_killed_process_left_is_folded_by_the_next(settings, cast, idle):
    in_transaction(settings, lambda tx: leave(tx, cast, [(0, "credential_viewed", "guest", 0)]))

    async def begin():
        house = build(settings)
        house.recorder.start()
        for _ in range(500):
            if not await house.database.read(count_pending):
                break
            await asyncio.sleep(0.01)
        left = await house.database.read(count_pending)
        await house.recorder.close()
        await house.database.close()
        return left

    assert asyncio.run(begin()) == 0
    assert len(in_transaction(settings, lambda tx: stored(tx, credential_counts))) == 1


def test_a_graceful_stop_leaves_nothing_pending(settings, cast, idle):
    async def run():
        house = build(settings)
        house.recorder.start()
        entry = record.Entry(cast.credential_id, "credential_viewed", "guest", EPOCH)
        await asyncio.to_thread(idle)
        await house.recorder.record(
            record.Submission(cast.workspace_id, [entry], lambda _: record.Answer(201, b""))
        )
        assert await house.database.read(count_pending) == 1
        await house.recorder.close()
        left = await house.database.read(count_pending)
        await house.database.close()
        return left

    assert asyncio.run(run()) == 0


def test_several_that_fold_at_once_add_it_once(settings, cast):
    async def run():
        databases = [open_database(settings) for _ in range(3)]
        for _ in range(8):
            for _ in range(10):
                await databases[0].write(
                    lambda tx: leave(tx, cast, [(0, "credential_viewed", "guest", 0), (1, "credential_viewed", "guest", 0)])
                )  # fmt: skip
            await asyncio.gather(*map(fold, databases))
        for database in databases:
            await database.close()

    asyncio.run(run())
    assert in_transaction(settings, lambda tx: set(stored(tx, credential_counts).values())) == {(80,)}
    assert in_transaction(settings, lambda tx: set(stored(tx, daily_counts).values())) == {(160,)}


def test_a_credential_that_is_deleted_while_it_is_folded_leaves_its_sums_alone(settings, cast):
    in_transaction(settings, lambda tx: leave(tx, cast, [(0, "credential_viewed", "guest", 0)] * 2))

    async def run():
        database, other = open_database(settings), open_database(settings)
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        async def fold_meanwhile():
            await begun.wait()
            await fold(other)

        folding = asyncio.create_task(fold_meanwhile())

        def act(transaction):
            delete_credential(transaction, cast.workspace_id, cast.credential_id)
            loop.call_soon(begun.set)
            # The fold waits for this transaction by now: it wants to know whether the credential stays.
            transaction.connection.exec_driver_sql("select pg_sleep(0.3)")

        await database.write(act)
        await folding
        for one in (database, other):
            await one.close()

    asyncio.run(run())
    kept = in_transaction(settings, lambda tx: {table.name: stored(tx, table) for table in TABLES})
    assert kept["credential_counts"] == kept["engagements"] == {}
    assert list(kept["daily_counts"].values()) == list(kept["hourly_counts"].values()) == [(2,), (2,)]


def test_an_erasure_leaves_nothing_pending(settings, cast):
    def act(transaction):
        leave(transaction, cast, [(0, "credential_viewed", "recipient", 0)])
        erase_person(transaction, cast.workspace_id, "robin@example.com")
        return count_pending(transaction)

    assert in_transaction(settings, act) == 0


def test_one_who_reads_sees_all_or_nothing_of_a_fold(settings, cast):
    """Of a transaction that is half folded nobody sees a half: a sum and what it is made of change together."""
    leave_two = [(0, "credential_viewed", "guest", 0)] * 2

    def ask(transaction):
        single = sum(count for (count,) in stored(transaction, credential_counts).values())
        return single, [row[6] for row in stored(transaction, engagements).values()]

    for number in range(1, 4):
        in_transaction(settings, lambda tx: leave(tx, cast, leave_two))
        assert seen(settings, ask) == (2 * number, [2 * number])
