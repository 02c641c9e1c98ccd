"""The migrations make just the tables that the code describes."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import credtrail.app  # noqa: F401 - so that every store has described its tables
from conftest import in_transaction
from credtrail.database import metadata


def test_the_migrated_tables_are_those_of_the_code(settings):
    def compare(transaction):
        context = MigrationContext.configure(transaction.connection, opts={"compare_type": True})
        return compare_metadata(context, metadata)

    assert in_transaction(settings, compare) == []
