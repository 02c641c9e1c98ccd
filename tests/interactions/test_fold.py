"""Folding, on PostgreSQL: what is pending counts for whoever asks, is added once whoever folds, and outlives a kill."""

import asyncio
import threading

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete

from conftest import examples, headers, in_transaction
from credtrail.accounts.store import delete_workspace
from credtrail.app import build
from credtrail.credentials.store import delete_credential
from credtrail.database import run_all
from credtrail.database.open import open_database
from credtrail.interactions import fold as folding
from credtrail.interactions import record
from credtrail.interactions.counts import credential_counts, daily_counts, engagements
from credtrail.interactions.fold import FoldedDatabase, count_later, fold_here
from credtrail.interactions.model import Interaction
from credtrail.interactions.persons import erase_person
from credtrail.values import ACTORS, EVENT_TYPES, day_of, hour_of, parse_moment
from recount import TABLES, count_pending, recount, stored

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


@given(
    st.lists(st.lists(entries, min_size=1, max_size=8), max_size=8),
    st.integers(1, 4),
    st.integers(1, 400),
    st.integers(0, 8),
)
@hypothesis_settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sums_equal_a_recount_however_many_are_folded_at_once(
    settings, cast, monkeypatch, batches, most, characters, before
):
    monkeypatch.setattr(folding, "_MOST_ROWS", most)
    monkeypatch.setattr(folding, "_MOST_CHARACTERS", characters)

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
            await asyncio.gather(*(FoldedDatabase(database).fold() for database in databases))
        for database in databases:
            await database.close()

    asyncio.run(run())
    assert in_transaction(settings, lambda tx: set(stored(tx, credential_counts).values())) == {(80,)}
    assert in_transaction(settings, lambda tx: set(stored(tx, daily_counts).values())) == {(160,)}


DELETIONS = {
    "credential": lambda tx, cast: delete_credential(tx, cast.workspace_id, cast.credential_id),
    "workspace": lambda tx, cast: delete_workspace(tx, cast.workspace_id),
}


@pytest.mark.parametrize("what", DELETIONS)
def test_what_is_deleted_while_it_is_folded_has_no_sums(settings, cast, what):
    in_transaction(settings, lambda tx: leave(tx, cast, [(0, "credential_viewed", "guest", 0)] * 2))

    async def run():
        database, other = open_database(settings), open_database(settings)
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        async def fold_meanwhile():
            await begun.wait()
            await FoldedDatabase(other).fold()

        folding = asyncio.create_task(fold_meanwhile())

        def act(transaction):
            DELETIONS[what](transaction, cast)
            loop.call_soon(begun.set)
            wait_until_somebody_waits(transaction)  # the fold, which wants to know whether it stays

        await database.write(act)
        await folding
        for one in (database, other):
            await one.close()

    asyncio.run(run())
    kept = in_transaction(settings, lambda tx: {table.name: stored(tx, table) for table in TABLES})
    assert kept["credential_counts"] == kept["engagements"] == {}
    sums = [(2,), (2,)] if what == "credential" else []
    assert list(kept["daily_counts"].values()) == list(kept["hourly_counts"].values()) == sums
    assert in_transaction(settings, count_pending) == 0


def wait_until_somebody_waits(transaction):
    run = transaction.connection.exec_driver_sql
    for _ in range(1_000):
        run("select pg_stat_clear_snapshot()")
        waiting = (
            "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )
        if run(waiting).first():
            return
        run("select pg_sleep(0.01)")
    raise AssertionError("nobody waits")


def test_who_reads_meanwhile_sees_whole_folds(settings, cast):
    two = [(0, "credential_viewed", "guest", 0)] * 2

    def ask(transaction):
        single = sum(count for (count,) in stored(transaction, credential_counts).values())
        return single, sum(row[6] for row in stored(transaction, engagements).values())

    async def run():
        databases = [open_database(settings) for _ in range(2)]
        writing, reading = map(FoldedDatabase, databases)
        seen = []

        async def write():
            for _ in range(40):
                await writing.write(lambda tx: leave(tx, cast, two))
                await writing.fold()

        writer = asyncio.create_task(write())
        while not writer.done():
            seen.append(await reading.read(ask))
        await writer
        seen.append(await reading.read(ask))
        for database in databases:
            await database.close()
        return seen

    seen = asyncio.run(run())
    assert seen == sorted(seen)
    assert seen[-1] == (80, 80)
    assert all(single == views and single % 2 == 0 for single, views in seen)


def test_where_it_can_not_be_folded_for_now_sums_are_not_told(idle, client, cast, settings):
    ada = headers(cast.ada)
    idle()
    held, done = threading.Event(), threading.Event()

    def hold(transaction):
        leave(transaction, cast, [(0, "credential_viewed", "guest", 0)])
        transaction.connection.exec_driver_sql("select 1 from workspaces for update")
        held.set()
        assert done.wait(60)

    in_transaction(settings, lambda tx: leave(tx, cast, [(0, "credential_viewed", "guest", 0)]))
    holder = threading.Thread(target=in_transaction, args=(settings, hold))
    holder.start()
    assert held.wait(30)
    refused = client.get("/v1/insights/summary", headers=ada)
    done.set()
    holder.join()
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    assert client.get("/v1/insights/summary", headers=ada).status_code == 200
    assert in_transaction(settings, count_pending) == 0


def test_what_was_numbered_long_ago_is_found_by_a_thorough_look(settings, cast, monkeypatch):
    monkeypatch.setattr(folding, "_LATE", 0)

    async def run():
        database = open_database(settings)
        folded = FoldedDatabase(database)
        for _ in range(2):
            await folded.write(lambda tx: leave(tx, cast, [(0, "credential_viewed", "guest", 0)]))
        await folded.fold()
        await folded.write(lambda tx: leave(tx, cast, [(0, "credential_viewed", "guest", 0)]))
        late = "update pending_counts set id = default"
        await folded.write(
            lambda tx: tx.connection.exec_driver_sql("alter sequence pending_counts_id_seq restart")
        )
        await folded.write(lambda tx: tx.connection.exec_driver_sql(late))
        await folded.fold()
        left = await database.read(count_pending)
        await folded.fold(thoroughly=True)
        found = await database.read(count_pending)
        await database.close()
        return left, found

    assert asyncio.run(run()) == (1, 0)


def test_an_erasure_leaves_nothing_pending(settings, cast):
    in_transaction(settings, lambda tx: leave(tx, cast, [(0, "credential_viewed", "recipient", 0)]))
    in_transaction(settings, lambda tx: erase_person(tx, cast.workspace_id, "robin@learner.example"))
    in_transaction(settings, fold_here)
    kept = in_transaction(settings, lambda tx: {table.name: stored(tx, table) for table in TABLES})
    assert kept["credential_counts"] == kept["engagements"] == {}
    assert in_transaction(settings, count_pending) == 0
