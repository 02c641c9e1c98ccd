"""What insights ask of credentials is one walk along the outcomes of their days, group by group, with nothing sorted and
nothing looked up; and what isn't gathered yet is looked at by itself."""

import pytest
from sqlalchemy import event, insert

from conftest import in_transaction
from credtrail.credentials.outcome_store import ACTS, TOTALS
from credtrail.credentials.store import add_credential
from credtrail.insights import cohort_store
from credtrail.insights.ask import compare_channels, find_funnel, rank, read_question, summarize
from credtrail.interactions.counts import engagements

WALK = "SEARCH outcomes USING PRIMARY KEY (workspace_id=? AND group_id=? AND issue_date>? AND issue_date<?)"


def test_cohorts_are_read_by_walking_the_outcomes_of_their_days(settings, cast):
    def act(transaction):
        kept, _ = asked_of_outcomes(transaction, cast)
        assert len(kept) == 7
        for text in kept:
            plan = explain(transaction, text)
            if transaction.dialect == "postgresql":
                assert "Index Scan using outcomes_pkey on outcomes" in plan, plan
                continue
            assert WALK in plan, plan
            # What is grouped by acts and what is ranked is sorted, all or some of it; sums of groups are not.
            if "outcomes.recipient_acts |" not in text and "ORDER BY" not in text:
                assert "B-TREE" not in plan, plan

    in_transaction(settings, act)


@pytest.mark.parametrize("many", [False, True])
def test_what_is_not_gathered_yet_is_found_by_the_shorter_way(settings, cast, monkeypatch, many):
    """SQLite's statistics know nothing of a table that is small one minute and large the next: they decide nothing."""
    if many:
        monkeypatch.setattr(cohort_store, "_FEW", 0)

    def act(transaction):
        _, recent = asked_of_outcomes(transaction, cast)
        assert len(recent) == 7
        for text in recent if transaction.dialect == "sqlite" else ():
            plan = explain(transaction, text)
            if many:
                assert WALK in plan, plan
                assert "SEARCH engagements USING PRIMARY KEY (credential_id=?)" in plan, plan
            else:
                assert "SCAN engagements" in plan, plan
                assert "SEARCH outcomes USING INDEX sqlite_autoindex_outcomes_2 (credential_id=?)" in plan, (
                    plan
                )

    in_transaction(settings, act)


def asked_of_outcomes(transaction, cast):
    """Statements with outcomes in them: on outcomes alone, and on what isn't gathered yet."""
    connection, asked = transaction.connection, []
    # With others beside them that aren't asked for, one way is the shortest.
    for _ in range(200):
        add_credential(
            transaction,
            cast.workspace_id,
            cast.group_id,
            (None, "Robin", None),
            ("2019-01-01", None),
            status="issued",
        )
    nothing = dict.fromkeys((*ACTS, *TOTALS), 0)
    connection.execute(insert(engagements).values(credential_id=cast.credential_id, **nothing))
    connection.exec_driver_sql("analyze")
    question = read_question(transaction, cast.workspace_id, "2024-01-01", "2026-01-01", None, None)

    @event.listens_for(connection, "before_execute")
    def note(connection, statement, *given):
        asked.append(statement)

    for ask in (summarize, find_funnel, compare_channels, rank):
        ask(transaction, question)
    event.remove(connection, "before_execute", note)
    texts = [
        str(one.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
        for one in asked
        if "outcomes" in str(one) and "FROM credentials" not in str(one)
    ]
    recent = [one for one in texts if "engagements" in one]
    return [one for one in texts if one not in recent], recent


def explain(transaction, text):
    connection, how = transaction.connection, "explain query plan "
    if transaction.dialect == "postgresql":
        how = "explain "
        # The few rows of a test are read as fast in any other way.
        connection.exec_driver_sql("set local enable_seqscan = off")
        connection.exec_driver_sql("set local enable_bitmapscan = off")
    return "\n".join(str(row) for row in connection.exec_driver_sql(how + text))
