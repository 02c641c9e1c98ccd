"""Opens the database that the settings name. Called by `app`, `work`, `demo` and the command line."""

from credtrail.database import Database
from credtrail.database.postgres import PostgresDatabase
from credtrail.database.sqlite import SqliteDatabase
from credtrail.settings import Settings


def open_database(settings: Settings) -> Database:
    """The database, not yet asked anything: a wrong address shows at the first transaction."""
    if settings.sqlite_path is not None:
        return SqliteDatabase(settings.sqlite_path, settings.busy_timeout_seconds)
    return PostgresDatabase(settings.database_url, settings.busy_timeout_seconds)
