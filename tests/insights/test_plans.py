"""What insights ask of credentials stands in an index, so that their wide rows are left alone."""

from sqlalchemy import event

from conftest import in_transaction
from credtrail.credentials.store import add_credential
from credtrail.insights.ask import compare_channels, find_funnel, rank, read_question, summarize


def test_cohorts_are_read_from_an_index_alone(settings, cast):
    def act(transaction):
        question = read_question(transaction, cast.workspace_id, "2024-01-01", "2026-01-01", None, None)
        connection, asked = transaction.connection, []

        @event.listens_for(connection, "before_execute")
        def note(connection, statement, *given):
            asked.append(statement)

        for ask in (summarize, find_funnel, compare_channels, rank):
            ask(transaction, question)
        event.remove(connection, "before_execute", note)
        texts = [
            str(one.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
            for one in asked
            if "engagements" in str(one)
        ]
        assert len(texts) == 7
        if transaction.dialect == "sqlite":
            how, index = "explain query plan ", "COVERING INDEX credentials_issue_date_idx"
        else:
            how, index = "explain ", "Index Only Scan using credentials_issue_date_idx"
            # The few rows of a test are read as fast in any other way.
            connection.exec_driver_sql("set local enable_seqscan = off")
            connection.exec_driver_sql("set local enable_bitmapscan = off")
            others = (
                "select indexrelid::regclass::text from pg_index where indrelid = 'credentials'::regclass "
                "and not exists (select from pg_constraint where conindid = indexrelid)"
            )
            for (name,) in connection.exec_driver_sql(others).all():
                if name not in index:
                    connection.exec_driver_sql(f"drop index {name}")
            # With others beside them that aren't asked for, as the server knows sooner or later, one way is the shortest.
            for _ in range(200):
                add_credential(
                    transaction,
                    cast.workspace_id,
                    cast.group_id,
                    (None, "Robin", None),
                    ("2019-01-01", None),
                    status="issued",
                )
            connection.exec_driver_sql("analyze credentials, engagements")
        for text in texts:
            plan = "\n".join(str(row) for row in connection.exec_driver_sql(how + text))
            assert index in plan, plan

    in_transaction(settings, act)
