"""The migrations make just the tables that the code describes."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, String, insert, select

import credtrail.app  # noqa: F401 - so that every store has described its tables
from conftest import SECRET_KEY, in_transaction, postgres_url
from credtrail.credentials.outcome_store import outcomes
from credtrail.database import metadata
from credtrail.database import migrate as steps
from credtrail.interactions.counts import engagements, set_aside_counts
from credtrail.interactions.model import Interaction
from credtrail.settings import Settings
from credtrail.values import ACTORS, EVENT_TYPES, parse_moment
from recount import TABLES, recount, stored


def test_the_migrated_tables_are_those_of_the_code(settings):
    def compare(transaction):
        context = MigrationContext.configure(transaction.connection, opts={"compare_type": True})
        return compare_metadata(context, metadata)

    assert in_transaction(settings, compare) == []


def test_the_steps_are_those_that_alembic_knows():
    scripts = ScriptDirectory(str(Path(steps.__file__).parent / "migrations"))
    newest_first = [script.revision for script in scripts.walk_revisions()]
    assert steps.known_revisions() == tuple(reversed(newest_first))


def test_insights_are_filled_from_what_was_recorded_before(dialect, templates, tmp_path, monkeypatch):
    """A database that was used before 0008: afterwards its sums and engagements are those of its log."""
    if dialect == "sqlite":
        url = f"sqlite:///{tmp_path}/older.db"
    else:
        server = templates(dialect)
        server.psql("drop database if exists older")
        server.psql("create database older")
        url = postgres_url(server, "older")
    settings = Settings(database_url=url, secret_key=SECRET_KEY)
    newest = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, _: newest(config, "0007"))
    steps.migrate(settings)
    log = in_transaction(settings, use_before)
    monkeypatch.setattr(command, "upgrade", newest)
    steps.migrate(settings)

    def compare(transaction):
        counted = recount(log, "Europe/Berlin")
        for table in TABLES:
            if table is engagements:
                assert stored(transaction, table) == {}  # all of it is in the outcomes
                continue
            assert stored(transaction, table) == counted[table.name], table.name
        aside = stored(transaction, set_aside_counts)
        assert {key[1]: count for key, (count,) in aside.items()} == {"g0": 3, "g1": 4, "": 7}
        issued = select(outcomes.c.credential_id, outcomes.c.group_id, outcomes.c.issued_at)
        assert set(map(tuple, transaction.connection.execute(issued))) == {("c0", "g0", 7), ("c1", "g1", 7)}
        facts = {
            (row.credential_id,): tuple(row[5:]) for row in transaction.connection.execute(select(outcomes))
        }
        assert facts == counted["engagements"]

    in_transaction(settings, compare)


def use_before(transaction):
    """What happened before: a log, and the counts of that time."""
    tables = MetaData()
    tables.reflect(transaction.connection)

    def add(table, /, **given):
        columns = [one for one in tables.tables[table].c if not one.nullable and one.server_default is None]
        empty = {one.name: "" if isinstance(one.type, String) else 0 for one in columns}
        transaction.connection.execute(insert(tables.tables[table]).values(empty | given))

    add("workspaces", id="w", name="Meadow", time_zone="Europe/Berlin")
    for n in range(2):
        add("groups", id=f"g{n}", workspace_id="w", skills=[])
        add(
            "set_aside_counts",
            workspace_id="w",
            group_id=f"g{n}",
            day="2026-03-29",
            reason="robot",
            count=3 + n,
        )
    for n in range(3):
        status = "issued" if n < 2 else "draft"
        add("credentials", id=f"c{n}", public_id=f"p{n}", workspace_id="w", group_id=f"g{n % 2}", status=status,
            custom_attributes={}, created_at=7)  # fmt: skip
    first = parse_moment("2026-03-28T22:10:00Z")  # clocks go on three hours later
    log = [
        Interaction(f"i{n:02}", "w", f"g{n % 2}", f"c{n % 2}", EVENT_TYPES[n * 5 % 13], ACTORS[n // 3 % 2], at, "api")
        for n, at in enumerate(range(first, first + 40 * 1_300_000, 1_300_000))
    ]  # fmt: skip
    for one in log:
        add("interactions", **one._asdict())
    counted = recount(log, "Europe/Berlin")
    for name in ("daily_counts", "credential_counts"):
        key = [one.name for one in metadata.tables[name].primary_key]
        for values, (count,) in counted[name].items():
            if values[1]:
                add(name, **dict(zip(key, values, strict=True)), count=count)
    firsts = {}
    for one in log:
        firsts.setdefault((one.credential_id, one.event_type, one.triggered_by), one.triggered_at)
    for (id_, event_type, by), at in firsts.items():
        add("credential_firsts", credential_id=id_, event_type=event_type, triggered_by=by, first_at=at)
    return log
