"""`credtrail credential …`: take a credential back, and put it in force again."""

from collections.abc import Callable
from typing import Annotated

import typer

from credtrail.commands.terminal import fail, out, transact
from credtrail.credentials import acts
from credtrail.credentials.model import Credential
from credtrail.credentials.store import find_credentials, find_public
from credtrail.database import Transaction
from credtrail.errors import Refusal
from credtrail.settings import read_settings

app = typer.Typer(no_args_is_help=True, help="Revoke credentials and reinstate them.")
CredentialId = Annotated[
    str, typer.Argument(metavar="ID", help="The credential's id, or the id in its page's address.")
]


@app.command("revoke")
def revoke_credential(
    id_: CredentialId,
    reason: Annotated[str | None, typer.Option(help="Why, for everybody to read on its page.")] = None,
) -> None:
    """Take an issued credential back: page, documents and every signed copy say so at once."""
    if reason is not None and not 1 <= len(reason) <= 1_000:
        fail("--reason must be a text of 1 to 1,000 characters.")

    def act(transaction: Transaction) -> Credential:
        found = _get(transaction, id_)
        return acts.revoke(transaction, found.workspace_id, found.id, reason)

    _run(act, "Revoked")


@app.command("reinstate")
def reinstate_credential(id_: CredentialId) -> None:
    """Put a revoked credential in force again, with every signed copy of it."""

    def act(transaction: Transaction) -> Credential:
        found = _get(transaction, id_)
        return acts.reinstate(transaction, found.workspace_id, found.id)

    _run(act, "Reinstated")


def _get(transaction: Transaction, id_: str) -> Credential:
    found = find_credentials(transaction, [id_]).get(id_)
    if found is not None:
        return found
    view = find_public(transaction, id_)
    if view is None:
        fail(f"There is no credential {id_!r}.")
    return view.credential


def _run(act: Callable[[Transaction], Credential], told: str) -> None:
    try:
        credential = transact(read_settings(), act)
    except Refusal as refusal:
        if refusal.kind != "conflict":
            raise
        fail(refusal.message)
    out.print(f"{told}: the credential of {credential.recipient_name}, {credential.id}.", markup=False)
