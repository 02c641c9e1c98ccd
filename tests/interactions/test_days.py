"""Another time zone: every interaction is counted once, on its day, before, while and after it changes; and forgetting."""

import asyncio

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from conftest import examples, in_transaction
from credtrail.accounts.store import change_workspace, find_workspace, workspaces
from credtrail.app import build
from credtrail.credentials.store import Owner
from credtrail.errors import Refusal
from credtrail.interactions import days, record
from credtrail.interactions.counts import daily_counts, engagements, hourly_counts
from credtrail.interactions.log_sql import SqlLog, interactions
from credtrail.interactions.model import Interaction
from credtrail.interactions.record import Entry, Submission
from credtrail.values import Answer, new_id, now, parse_moment
from recount import TABLES, recount, stored

LOG = SqlLog()
DAY_MS = 86_400_000
# Weeks in which clocks are set on and back, in Europe and in the Americas; moments to the quarter of an hour.
WEEKS = (parse_moment("2026-03-07T00:00:00Z"), parse_moment("2026-10-24T00:00:00Z"))
moments = st.builds(lambda begin, n: begin + n * 900_000, st.sampled_from(WEEKS), st.integers(0, 23 * 96))
zones = st.sampled_from(
    (
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Kiritimati",
        "Pacific/Pago_Pago",
    )
)


@pytest.fixture
def hasty(monkeypatch):
    """A change holds a millisecond later, and no process remembers anything; some interactions are moved at a time."""
    monkeypatch.setattr(days, "NOTICE_MS", 1)
    monkeypatch.setattr(record, "_OWNERS_MS", 0)

    def at_once(count):
        monkeypatch.setattr(days, "_AT_ONCE", count)

    return at_once


@given(st.lists(moments, max_size=12), st.lists(moments, max_size=6), zones, st.integers(1, 5))
@hypothesis_settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_equal_a_recount_in_the_zone_of_then(settings, cast, hasty, before, after, zone, at_once):
    hasty(at_once)
    asyncio.run(_change(settings, cast, before, after, zone))


async def _change(settings, cast, before, after, zone):
    house = build(settings)
    database, recorder, here = house.database, house.recorder, cast.workspace_id
    await database.write(lambda tx: _begin_anew(tx, here))
    recorder.start()

    async def view(times):
        """One credential after the other is viewed; each in a transaction of its own."""
        for n, at in enumerate(times):
            id_ = (cast.credential_id, cast.draft_id)[n % 2]
            entry = Entry(id_, "credential_viewed", "guest" if n % 3 else "recipient", at)
            await recorder.record(Submission(here, [entry], lambda _: Answer(200, b"")))

    await view(before)
    await database.write(lambda tx: days.change_time_zone(tx, find_workspace(tx, id=here), zone))
    coming = iter(after)
    while (await database.read(lambda tx: find_workspace(tx, id=here))).next_time_zone:
        await database.write(lambda tx: days.move_days(tx, LOG))
        await view([at for at in (next(coming, None),) if at is not None])
    await view(coming)
    await recorder.close()

    def compare(transaction):
        found = [Interaction(*row) for row in transaction.connection.execute(select(interactions))]
        assert len(found) == len(before) + len(after)
        counted = recount(found, zone)
        for table in TABLES:
            assert stored(transaction, table) == counted[table.name], table.name
        workspace = find_workspace(transaction, id=here)
        assert (workspace.time_zone, workspace.next_time_zone, workspace.days_moved_to) == (zone, None, None)

    await database.read(compare)
    await database.close()


def _begin_anew(transaction, workspace_id):
    for table in (interactions, *TABLES):
        transaction.connection.execute(delete(table))
    none = {"next_time_zone": None, "next_time_zone_at": None, "days_moved_to": None}
    change_workspace(transaction, workspace_id, time_zone="UTC", **none)


def test_who_remembers_a_change_counts_by_it_from_its_moment_on():
    at = now()
    owner = Owner("w", "g", "UTC", "Asia/Tokyo", at)
    assert owner.zone_of(new_id(at - 1)) == "UTC"
    assert owner.zone_of(new_id(at)) == "Asia/Tokyo"
    assert record._OWNERS_MS < days.NOTICE_MS, "everybody knows before it holds"


def test_one_change_after_the_other(settings, cast):
    def act(transaction):
        def workspace():
            return find_workspace(transaction, id=cast.workspace_id)

        assert days.change_time_zone(transaction, workspace(), "Asia/Tokyo")
        assert not days.change_time_zone(transaction, workspace(), "Asia/Tokyo")
        with pytest.raises(Refusal, match="time_zone") as refused:
            days.change_time_zone(transaction, workspace(), "UTC")
        assert "is being changed to Asia/Tokyo" in dict(refused.value.details)["time_zone"]
        assert days.move_days(transaction, LOG) == 0, "not before everybody knows"

    in_transaction(settings, act)


def test_single_interactions_go_after_their_time_and_sums_stay(settings, cast, client, ada):
    for _ in range(3):
        body = {"credentialId": cast.credential_id, "eventType": "credential_viewed", "triggeredBy": "guest"}
        ada.post("/v1/credential-interactions", json={**body, "triggeredAt": "2024-03-12T17:33:05Z"})

    def forget(transaction):
        sums = [stored(transaction, table) for table in (daily_counts, hourly_counts, engagements)]
        change_workspace(transaction, cast.workspace_id, interaction_days=30)
        assert days.forget_interactions(transaction, LOG) == 0
        at, transaction.at = transaction.at, transaction.at + 31 * DAY_MS
        assert days.forget_interactions(transaction, LOG) == 3
        transaction.at = at
        assert [stored(transaction, table) for table in (daily_counts, hourly_counts, engagements)] == sums

    in_transaction(settings, forget)
    assert ada.get("/v1/credential-interactions").json()["data"] == []


def test_a_workspace_without_a_time_of_its_own_keeps_all(settings, cast, ada):
    def ask(transaction):
        assert transaction.connection.execute(select(workspaces.c.interaction_days)).scalars().all() == [
            None,
            None,
        ]
        transaction.at += 36_500 * DAY_MS
        return days.forget_interactions(transaction, LOG)

    assert in_transaction(settings, ask) == 0
