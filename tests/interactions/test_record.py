"""Recording: what is acknowledged is kept, counted and listed, whatever comes in whatever order."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from conftest import seen
from credtrail.accounts.store import add_workspace, find_workspace
from credtrail.app import build
from credtrail.credentials.store import add_credential, credentials, delete_credential
from credtrail.database.sqlite import SqliteDatabase
from credtrail.groups.store import add_group
from credtrail.interactions.counts import daily_counts, engagements
from credtrail.interactions.fold import FoldedDatabase
from credtrail.interactions.log_sql import SqlLog, interactions
from credtrail.interactions.model import (
    Interaction,
)
from credtrail.interactions.record import Entry, Recorder, Submission
from credtrail.values import ACTORS, EVENT_TYPES, Answer, IdempotencyKey, day_of, parse_moment
from recount import OF_CREDENTIALS, TABLES, recount, stored

EPOCH = parse_moment("2024-03-01T00:00:00Z")
entries = st.tuples(
    st.integers(0, 3),  # which credential
    st.sampled_from(EVENT_TYPES[:4]),
    st.sampled_from(ACTORS),
    st.integers(0, 3 * 86_400_000),
)
steps = st.lists(
    st.one_of(
        st.lists(entries, min_size=1, max_size=4),  # one submission
        st.integers(0, 3),  # delete that credential
        st.none(),  # fold what is there
    ),
    min_size=1,
    max_size=12,
)


@given(steps)
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_equal_a_naive_recount_after_any_interleaving(settings, steps):
    asyncio.run(_interleave(settings, steps))


def _stage(transaction):
    transaction.connection.execute(delete(credentials))
    for table in TABLES:
        transaction.connection.execute(delete(table))
    name = "Interleaved"
    workspace = find_workspace(transaction, name=name) or add_workspace(transaction, name, "Asia/Kathmandu")
    groups = [add_group(transaction, workspace.id, "G", ["x"]).id for _ in range(2)]
    robin = (None, "Robin", None)
    return workspace.id, [
        add_credential(transaction, workspace.id, groups[n % 2], robin, ("2024-03-01", None)).id
        for n in range(4)
    ]


async def _interleave(settings, steps):
    house = build(settings)
    database, recorder = house.database, house.recorder
    workspace_id, ids = await database.write(_stage)
    recorder.start()
    gone, waiting, folds, sent = set(), [], [], Counter()
    for step in steps:
        if step is None:
            folds.append(asyncio.ensure_future(FoldedDatabase(database).fold()))
            continue
        if isinstance(step, int):
            await asyncio.gather(*waiting, return_exceptions=True)
            waiting.clear()
            await database.write(
                lambda transaction, id_=ids[step]: delete_credential(transaction, workspace_id, id_)
            )
            gone.add(step)
            continue
        chosen = [Entry(ids[n], type_, actor, EPOCH + at) for n, type_, actor, at in step]
        for n, type_, actor, at in step:
            if n not in gone:
                day = day_of(EPOCH + at, "Asia/Kathmandu")
                sent.update([(True, day, type_, actor), (False, day, type_, actor)])  # of its group, of all
        waiting.append(recorder.record(Submission(workspace_id, chosen, lambda _: Answer(200, b""))))
    await asyncio.gather(*waiting, *folds)
    await recorder.close()

    def compare(transaction):
        found = [Interaction(*row) for row in transaction.connection.execute(select(interactions))]
        counted = recount(found, "Asia/Kathmandu")
        for table in OF_CREDENTIALS if gone else TABLES:
            assert stored(transaction, table) == counted[table.name], table.name
        kept = Counter()
        for (_, group_id, day, type_, actor), (count,) in stored(transaction, daily_counts).items():
            kept[bool(group_id), day, type_, actor] += count
        assert kept == sent  # sums outlive a deleted credential

    await database.read(compare)
    await database.close()


def test_paging_under_concurrent_inserts_shows_each_item_once_and_none_is_missed(ada, cast):
    def post():
        body = {
            "credentialId": cast.credential_id,
            "eventType": "credential_viewed",
            "triggeredBy": "guest",
            "triggeredAt": "2024-03-12T17:33:05.784Z",
        }
        return ada.post("/v1/credential-interactions", json=body).json()["id"]

    before = [post() for _ in range(23)]
    seen, cursor = [], None
    while True:
        query = {"limit": 5, **({"cursor": cursor} if cursor else {})}
        page = ada.get("/v1/credential-interactions", params=query).json()
        seen += [one["id"] for one in page["data"]]
        post()  # somebody else is writing all the while
        cursor = page["pagination"]["next"]
        if cursor is None:
            break
    assert seen == before[::-1]


def test_paging_towards_the_newer_finds_what_came_in_since(ada, cast):
    body = {
        "credentialId": cast.credential_id,
        "eventType": "credential_viewed",
        "triggeredBy": "guest",
        "triggeredAt": "2024-03-12T17:33:05.784Z",
    }
    ids = [ada.post("/v1/credential-interactions", json=body).json()["id"] for _ in range(9)]
    newest = ada.get("/v1/credential-interactions", params={"limit": 3}).json()
    second = ada.get(
        "/v1/credential-interactions", params={"limit": 3, "cursor": newest["pagination"]["next"]}
    ).json()
    ids += [ada.post("/v1/credential-interactions", json=body).json()["id"] for _ in range(4)]
    seen, cursor = [], second["pagination"]["prev"]
    while cursor:
        page = ada.get("/v1/credential-interactions", params={"limit": 3, "cursor": cursor}).json()
        seen = [one["id"] for one in page["data"]] + seen
        cursor = page["pagination"]["prev"]
    assert seen == ids[:5:-1]


def test_many_requests_with_one_key_at_once_have_one_effect(settings, cast):
    async def race():
        house = build(settings)
        house.recorder.start()
        key = IdempotencyKey(cast.workspace_id, "k", "digest")
        entry = Entry(cast.credential_id, "credential_viewed", "guest", EPOCH)
        bodies = await asyncio.gather(
            *(
                house.recorder.record(
                    Submission(
                        cast.workspace_id, (entry,), lambda found: Answer(201, found[0].id.encode()), key
                    )
                )
                for _ in range(50)
            )
        )
        await house.recorder.close()
        rows = await house.database.read(
            lambda transaction: transaction.connection.execute(select(interactions)).all()
        )
        await house.database.close()
        return bodies, rows

    bodies, rows = asyncio.run(race())
    assert len(rows) == 1
    assert {body.body.decode() for body in bodies} == {rows[0].id}


def test_two_processes_with_one_key_have_one_effect(settings, cast):
    async def race():
        houses = [build(settings) for _ in range(3)]
        for house in houses:
            house.recorder.start()
        key = IdempotencyKey(cast.workspace_id, "k", "digest")
        entry = Entry(cast.credential_id, "credential_viewed", "guest", EPOCH)
        answers = await asyncio.gather(
            *(
                house.recorder.record(
                    Submission(
                        cast.workspace_id, (entry,), lambda found: Answer(201, found[0].id.encode()), key
                    )
                )
                for house in houses
            )
        )
        for house in houses:
            await house.recorder.close()
            await house.database.close()
        return answers

    assert len({answer.body for answer in asyncio.run(race())}) == 1


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_credential_that_is_new_to_the_process_is_not_asked_about_in_the_transaction(settings, cast):
    class Narrow(SqliteDatabase):
        async def write(self, act):
            raise AssertionError("It asked.")

    async def record():
        database = Narrow(Path(settings.database_url.removeprefix("sqlite:///")))
        recorder = Recorder(FoldedDatabase(database), SqlLog(), batch_size=10, queue_limit=10)
        recorder.start()
        entry = Entry(cast.credential_id, "credential_viewed", "guest", EPOCH)
        answer = await recorder.record(
            Submission(cast.workspace_id, (entry,), lambda found: Answer(201, found[0].id.encode()))
        )
        await recorder.close()
        row = await database.read(
            lambda transaction: SqlLog().find(transaction, cast.workspace_id, answer.body.decode())
        )
        await database.close()
        return row

    assert asyncio.run(record()).credential_id == cast.credential_id


def test_deleting_a_credential_takes_its_interactions_and_counts_and_keeps_the_sums(ada, cast, house):
    body = {
        "credentialId": cast.credential_id,
        "eventType": "credential_viewed",
        "triggeredBy": "guest",
        "triggeredAt": "2024-03-12T17:33:05.784Z",
    }
    key = {"Idempotency-Key": "k"}
    ada.post("/v1/credential-interactions", json=body, headers=key)
    assert ada.delete(f"/v1/credentials/{cast.credential_id}").status_code == 204
    assert ada.get("/v1/credential-interactions").json()["data"] == []
    assert (
        ada.post("/v1/credential-interactions", json=body, headers=key).status_code == 400
    )  # its answer went too

    def ask(transaction):
        for table in OF_CREDENTIALS:
            assert stored(transaction, table) == {}, table.name
        return stored(transaction, daily_counts)

    assert list(seen(house.settings, ask).values()) == [(1,), (1,)]  # of its group, of all


def test_the_first_time_is_the_earliest_triggered_and_not_the_first_received(ada, cast, house):
    for at in ("2024-03-12T17:33:05.784Z", "2024-03-10T08:00:00.000Z", "2024-03-11T08:00:00.000Z"):
        body = {"credentialId": cast.credential_id, "eventType": "credential_viewed"}
        ada.post("/v1/credential-interactions", json={**body, "triggeredBy": "recipient", "triggeredAt": at})

    found = seen(house.settings, lambda transaction: stored(transaction, engagements))
    [opened_at, *_] = found[cast.credential_id,]
    assert opened_at == parse_moment("2024-03-10T08:00:00.000Z")
