"""`credtrail person …`: what is known of a person, and its erasure."""

import asyncio
import json
from typing import Annotated

import typer

from credtrail.accounts.session_store import note_act
from credtrail.commands.terminal import fail, get_workspace, out, transact
from credtrail.credentials.links import page_address
from credtrail.credentials.store import list_of_address
from credtrail.database import Transaction
from credtrail.designs.cache import DiskCache
from credtrail.designs.press import Press
from credtrail.interactions.fold import fold_here
from credtrail.interactions.log_sql import SqlLog
from credtrail.interactions.persons import describe_person, erase_person
from credtrail.settings import read_settings

app = typer.Typer(no_args_is_help=True, help="What is known of a person, and its erasure.")


@app.command("export")
def export_person(
    email: Annotated[str, typer.Argument(help="The person's address, as it is on credentials.")],
    workspace: Annotated[str, typer.Option(help="Name of the workspace.")],
) -> None:
    """Print everything the workspace knows of a person as JSON."""

    def ask(transaction: Transaction) -> dict[str, object]:
        one = get_workspace(transaction, workspace)
        return describe_person(transaction, SqlLog(), one.id, email)

    settings = read_settings()
    transact(settings, fold_here)
    typer.echo(json.dumps(transact(settings, ask), ensure_ascii=False, indent=2))


@app.command("erase")
def forget_person(
    email: Annotated[str, typer.Argument(help="The person's address, as it is on credentials.")],
    workspace: Annotated[str, typer.Option(help="Name of the workspace.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Delete a person's credentials with their pages, documents, interactions and mails, for good."""
    settings = read_settings()

    def count(transaction: Transaction) -> int:
        one = get_workspace(transaction, workspace)
        return len(list_of_address(transaction, one.id, email))

    found = transact(settings, count)
    if not found:
        fail(f"{workspace!r} knows nobody by {email}.")
    if not yes:
        typer.confirm(
            f"Delete {found} credential(s) of {email} with all that hangs on them?", abort=True, err=True
        )

    def erase(transaction: Transaction) -> list[str]:
        one = get_workspace(transaction, workspace)
        note_act(transaction, "person_erased", "", workspace_id=one.id, actor="command line")
        return erase_person(transaction, one.id, email)

    gone = transact(settings, erase)
    transact(settings, fold_here)
    press = Press(DiskCache(settings.cache_folder, settings.cache_limit_mb * 1_048_576), 1)
    asyncio.run(_forget_documents(press, settings.public_url, gone))
    out.print(f"Erased: {len(gone)} credential(s). Backups made before still hold them.")


async def _forget_documents(press: Press, public_url: str, public_ids: list[str]) -> None:
    for public_id in public_ids:
        await press.forget(page_address(public_url, public_id))
    await press.close()
