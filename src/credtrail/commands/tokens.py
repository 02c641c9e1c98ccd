"""`credtrail token …`: access tokens for the API."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from credtrail.accounts import store as accounts
from credtrail.accounts.model import AccessToken, digest_token, make_token
from credtrail.commands.terminal import fail, get_workspace, out, transact
from credtrail.database import Transaction
from credtrail.settings import read_settings
from credtrail.values import present_moment

app = typer.Typer(no_args_is_help=True, help="Access tokens for the API.")


@app.command("create")
def create_token(
    workspace: Annotated[str, typer.Option(help="Name of the workspace that the token speaks for.")],
    name: Annotated[str, typer.Option(help="What the token is for; shown in lists.")],
    read_only: Annotated[
        bool, typer.Option("--read-only", help="May read, but not change anything.")
    ] = False,
    expires_in_days: Annotated[
        int | None, typer.Option(help="Ends by itself after so many days.", min=1)
    ] = None,
) -> None:
    """Create an access token and print it, and nothing else, on standard output. It is shown this once only."""
    secret = make_token()

    def create(transaction: Transaction) -> None:
        found = get_workspace(transaction, workspace)
        expires_at = None if expires_in_days is None else transaction.at + expires_in_days * 86_400_000
        accounts.add_token(
            transaction,
            found.id,
            name,
            digest_token(secret),
            access="read" if read_only else "full",
            expires_at=expires_at,
        )

    transact(read_settings(), create)
    typer.echo(secret)


@app.command("list")
def list_tokens(
    workspace: Annotated[str | None, typer.Option(help="Only the tokens of this workspace.")] = None,
) -> None:
    """List access tokens. The secrets themselves are kept nowhere."""

    def ask(transaction: Transaction) -> list[AccessToken]:
        if workspace is None:
            return accounts.list_tokens(transaction)
        return accounts.list_tokens(transaction, get_workspace(transaction, workspace).id)

    table = Table("Id", "Workspace", "Name", "Access", "Created", "Ends")
    for token in transact(read_settings(), ask):
        ends = (
            "revoked"
            if token.revoked_at
            else present_moment(token.expires_at)
            if token.expires_at
            else "never"
        )
        created = present_moment(token.created_at)
        table.add_row(token.id, escape(token.workspace_name), escape(token.name), token.access, created, ends)
    out.print(table)


@app.command("revoke")
def revoke_token(
    token_id: Annotated[
        str, typer.Argument(metavar="ID", help="The token's id, from `credtrail token list`.")
    ],
) -> None:
    """Revoke an access token for good. Running servers refuse it within a second."""
    if not transact(read_settings(), lambda transaction: accounts.revoke_token(transaction, token_id)):
        fail(
            f"There is no token with the id {token_id!r} that could be revoked; `credtrail token list` shows them."
        )
    out.print("Revoked.")
