"""What every command needs: the two streams, the sentence that ends it, one transaction, a workspace by its name."""

import sys
from collections.abc import Callable
from typing import NoReturn, TypeVar

from rich.console import Console
from rich.markup import escape

from credtrail.accounts.model import Workspace
from credtrail.accounts.store import find_workspace
from credtrail.database import Transaction
from credtrail.database.migrate import migrate, refuse_stale
from credtrail.database.open import write_once
from credtrail.settings import Settings

T = TypeVar("T")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(sentence: str) -> NoReturn:
    """Say what is wrong and end with status 1."""
    err.print(f"[red]credtrail:[/red] {escape(sentence)}")
    sys.exit(1)


def transact(settings: Settings, act: Callable[[Transaction], T]) -> T:
    """One write transaction on the database of the settings, brought to this version first where it is SQLite."""
    prepare_database(settings)
    return write_once(settings, act)


def prepare_database(settings: Settings) -> None:
    """SQLite is migrated on the way; PostgreSQL must have been, by `credtrail migrate`."""
    if settings.sqlite_path is not None:
        migrate(settings)
    else:
        refuse_stale(settings)


def get_workspace(transaction: Transaction, name: str) -> Workspace:
    """The workspace of that name; ends the command where there is none."""
    found = find_workspace(transaction, name=name)
    if found is None:
        fail(f"There is no workspace named {name!r}; `credtrail workspace list` shows them all.")
    return found
