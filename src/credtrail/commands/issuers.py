"""`credtrail issuer …`: who a workspace is to those who verify its credentials, and the keys that say so."""

from typing import Annotated

import typer
from rich.table import Table

from credtrail.badges import acts
from credtrail.badges.model import IssuerKey, did_of, key_state
from credtrail.badges.store import list_keys
from credtrail.commands.terminal import fail, get_workspace, out, transact
from credtrail.credentials.links import home_of
from credtrail.database import Transaction
from credtrail.errors import Refusal
from credtrail.seal import Seal
from credtrail.settings import Settings, find_or_make_secret_key, read_settings
from credtrail.values import present_moment

app = typer.Typer(no_args_is_help=True, help="Who vouches for credentials: issuers and their keys.")
WorkspaceName = Annotated[str, typer.Argument(metavar="WORKSPACE", help="Name of the workspace.")]


@app.command("show")
def show_issuer(workspace: WorkspaceName) -> None:
    """Show what a workspace is called by verifiers, and its keys; the first is made if there is none."""
    settings = read_settings()

    def ask(transaction: Transaction) -> tuple[str, list[IssuerKey], bool]:
        found = get_workspace(transaction, workspace)
        try:
            acts.get_signer(transaction, found.id, issuer_seal(settings))
            is_lost = False
        except acts.KeyLostError:
            is_lost = True
        keys = list_keys(transaction, found.id)
        active = next(key for key in keys if key_state(key) == "active")
        home = home_of(settings.public_url, found.confirmed_domain)
        return did_of(home, found.id, active.id), keys, is_lost

    did, keys, is_lost = transact(settings, ask)
    out.print(did, markup=False)
    table = Table("Key", "State", "Made")
    for key in keys:
        table.add_row(key.id, key_state(key), present_moment(key.created_at))
    out.print(table)
    if is_lost:
        fail(
            "The active key was sealed with another CREDTRAIL_SECRET_KEY and can't be opened. Bring that one back, "
            f"or let another key sign: credtrail issuer rotate-key {workspace!r}"
        )


@app.command("rotate-key")
def rotate_key(workspace: WorkspaceName) -> None:
    """Let a new key sign from now on, and print it. What the keys before it signed stays good."""
    settings = read_settings()

    def act(transaction: Transaction) -> str:
        found = get_workspace(transaction, workspace)
        return acts.rotate_key(transaction, found.id, issuer_seal(settings)).id

    typer.echo(transact(settings, act))


@app.command("withdraw-key")
def withdraw_key(
    workspace: WorkspaceName,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key, from `credtrail issuer show`.")],
) -> None:
    """Trust a retired key no more, since somebody else may have it: copies that it signed don't verify any more.

    Their recipients get new ones, signed by the active key, at the same addresses.
    """

    def act(transaction: Transaction) -> None:
        acts.withdraw_key(transaction, get_workspace(transaction, workspace).id, key)

    try:
        transact(read_settings(), act)
    except Refusal as refusal:
        if refusal.kind not in ("conflict", "not_found"):
            raise
        fail(refusal.message)
    out.print("Withdrawn.")


def issuer_seal(settings: Settings) -> Seal:
    """What issuers' keys are sealed with."""
    return Seal(find_or_make_secret_key(settings), "issuer")
