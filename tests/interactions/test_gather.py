"""What was recorded is gathered in the outcomes of credentials: nothing is lost and nothing comes twice, whoever records
meanwhile; what became of a credential is the same before and after."""

import asyncio
from datetime import date
from threading import Thread

from sqlalchemy import event, select

from conftest import in_transaction
from credtrail.app import build
from credtrail.credentials.outcome_store import outcomes
from credtrail.credentials.store import (
    add_credential,
    delete_credential,
    find_credential,
    find_opened_at,
    issue_credential,
    save_credential,
)
from credtrail.database import run_all
from credtrail.insights.ask import Question, summarize
from credtrail.insights.model import Period
from credtrail.insights.store import Scope
from credtrail.interactions.counts import add_counts, engagements, gather_engagements
from credtrail.interactions.fold import FoldedDatabase
from credtrail.interactions.model import Interaction
from credtrail.interactions.record import Entry, Submission
from credtrail.values import Answer, day_of, hour_of, parse_moment
from recount import engagement, stored

FIRST = parse_moment("2024-03-12T08:00:00Z")


def record(transaction, cast, credential_id, *acts):
    """Count these as the recorder does; each is a type, an actor and minutes after the first."""
    made = [
        Interaction("", cast.workspace_id, cast.group_id, credential_id, type_, by, FIRST + minutes * 60_000, "api")
        for type_, by, minutes in acts
    ]  # fmt: skip
    at = [(day_of(one.triggered_at, "UTC"), hour_of(one.triggered_at, "UTC")) for one in made]
    run_all(transaction, add_counts([(one, *when) for one, when in zip(made, at, strict=True)]))
    return made


def kept(transaction, credential_id):
    """What the outcome says, as an engagement does; None where there is none."""
    columns = [outcomes.c[name] for name in engagements.c.keys()[1:]]
    found = transaction.connection.execute(
        select(*columns).where(outcomes.c.credential_id == credential_id)
    ).first()
    return None if found is None else tuple(found)


def test_parts_add_up_to_the_whole(settings, cast):
    def act(transaction):
        parts = (
            [("credential_viewed", "recipient", 50), ("credential_viewed", "guest", 60)],
            [("credential_shared_to_linkedin", "recipient", 70), ("credential_viewed", "recipient", 20)],
            [("credential_viewed", "guest", 90), ("credential_verified", "guest", 10), ("credential_downloaded", "guest", 5)],
        )  # fmt: skip
        done = []
        for part in parts:
            done += record(transaction, cast, cast.credential_id, *part)
            opened_at = min(
                one.triggered_at for one in done if one[4:6] == ("credential_viewed", "recipient")
            )
            assert find_opened_at(transaction, cast.credential_id) == opened_at
            assert gather_engagements(transaction, 10) == 1
            assert kept(transaction, cast.credential_id) == engagement(done)
            assert find_opened_at(transaction, cast.credential_id) == opened_at
        assert stored(transaction, engagements) == {}
        assert gather_engagements(transaction, 10) == 0

    in_transaction(settings, act)


def test_some_at_a_time_until_all_are_gathered(settings, cast):
    def act(transaction):
        robin, days = (None, "Robin", None), ("2024-03-12", None)
        ids = [
            add_credential(transaction, cast.workspace_id, cast.group_id, robin, days, status="issued").id
            for _ in range(5)
        ]
        made = {id_: record(transaction, cast, id_, ("credential_viewed", "guest", 0)) for id_ in ids}
        assert [gather_engagements(transaction, 2) for _ in range(4)] == [2, 2, 1, 0]
        assert {id_: kept(transaction, id_) for id_ in ids} == {
            id_: engagement(done) for id_, done in made.items()
        }

    in_transaction(settings, act)


def test_what_is_told_of_a_draft_waits_until_it_is_issued(settings, cast):
    def act(transaction):
        done = record(transaction, cast, cast.draft_id, ("credential_viewed", "guest", 0))
        assert gather_engagements(transaction, 10) == 0
        assert issue_credential(transaction, cast.workspace_id, cast.draft_id)
        assert gather_engagements(transaction, 10) == 1
        assert kept(transaction, cast.draft_id) == engagement(done)

    in_transaction(settings, act)


def test_an_outcome_moves_with_its_issue_date_and_goes_with_its_credential(settings, cast):
    def act(transaction):
        done = record(transaction, cast, cast.credential_id, ("credential_viewed", "guest", 0))
        gather_engagements(transaction, 10)
        credential = find_credential(transaction, cast.workspace_id, cast.credential_id)
        save_credential(transaction, credential._replace(issue_date="2024-04-01"))
        moved = select(outcomes.c.credential_id).where(outcomes.c.issue_date == "2024-04-01")
        assert transaction.connection.execute(moved).scalars().all() == [cast.credential_id]
        assert kept(transaction, cast.credential_id) == engagement(done)
        record(transaction, cast, cast.credential_id, ("credential_viewed", "guest", 1))
        delete_credential(transaction, cast.workspace_id, cast.credential_id)
        assert kept(transaction, cast.credential_id) is None
        assert stored(transaction, engagements) == {}

    in_transaction(settings, act)


def test_what_is_recorded_while_a_row_is_gathered_waits_and_counts(settings, cast):
    viewed = ("credential_viewed", "guest", 0)
    in_transaction(settings, lambda transaction: record(transaction, cast, cast.credential_id, viewed))
    another = Thread(
        target=in_transaction,
        args=(settings, lambda transaction: record(transaction, cast, cast.credential_id, viewed)),
    )

    def act(transaction):
        @event.listens_for(transaction.connection, "after_execute")
        def meanwhile(*given):
            if another.ident is None:  # just after the first statement has found what there is
                another.start()
                another.join(0.3)

        assert gather_engagements(transaction, 10) == 1
        event.remove(transaction.connection, "after_execute", meanwhile)

    in_transaction(settings, act)
    another.join(10)

    def compare(transaction):
        assert kept(transaction, cast.credential_id)[6] == 1
        assert stored(transaction, engagements)[cast.credential_id,][6] == 1
        assert gather_engagements(transaction, 10) == 1
        assert kept(transaction, cast.credential_id)[6] == 2

    in_transaction(settings, compare)


def test_who_records_meanwhile_loses_nothing(settings, cast):
    """One records in many transactions, another gathers all the while, a third asks and never sees less than before."""

    async def act():
        house, seen = build(settings), []
        database, recorder = house.database, house.recorder
        recorder.start()
        entry = Entry(cast.credential_id, "credential_viewed", "guest", FIRST)
        submissions = [Submission(cast.workspace_id, [entry], lambda _: Answer(201, b"")) for _ in range(120)]
        day = date(2024, 3, 12)
        question = Question(Period(day, day, "UTC"), Scope(cast.workspace_id))

        def ask(transaction):
            both = (
                kept(transaction, cast.credential_id),
                stored(transaction, engagements).get((cast.credential_id,)),
            )
            seen.append(sum(one[6] for one in both if one))
            assert summarize(transaction, question).guest_viewed_credentials.value == (seen[-1] > 0)

        gathered = 0
        for number in range(0, 120, 4):
            recorded = asyncio.gather(*map(recorder.record, submissions[number : number + 4]))
            gathered += await database.write(lambda transaction: gather_engagements(transaction, 10))
            await FoldedDatabase(database).read(ask)
            await recorded
        await FoldedDatabase(database).read(ask)
        await recorder.close()
        await database.close()
        assert seen[-1] == 120
        assert seen == sorted(seen)
        assert gathered > 1

    asyncio.run(act())
