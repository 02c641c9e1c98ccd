"""`credtrail user …`: people who sign in to the dashboard."""

import sys
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from credtrail.accounts import people_store
from credtrail.accounts.model import Workspace
from credtrail.accounts.passwords import hash_password
from credtrail.accounts.people import ROLES, User, read_address, read_password, read_person_name
from credtrail.accounts.session_store import end_sessions, note_act
from credtrail.accounts.store import list_workspaces
from credtrail.commands.links import HOUR_MS, WEEK_MS, make_link
from credtrail.commands.terminal import fail, get_workspace, out, transact
from credtrail.database import Transaction
from credtrail.errors import Refusal
from credtrail.settings import read_settings
from credtrail.values import present_moment

app = typer.Typer(no_args_is_help=True, help="People who sign in to the dashboard.")


@app.command("create")
def create_user(
    email: Annotated[str, typer.Argument(help="The address that the user signs in with.")],
    name: Annotated[str, typer.Option(help="The user's name, as colleagues read it.")],
    workspace: Annotated[
        list[str] | None,
        typer.Option(help="Name of a workspace to be a member of; may be given several times. None: all."),
    ] = None,
    role: Annotated[
        str, typer.Option(help="Role in these workspaces: viewer, editor, admin, owner.")
    ] = "owner",
    password: Annotated[
        bool,
        typer.Option(
            "--password", help="Read a password from standard input; else print a one-time sign-in link."
        ),
    ] = False,
) -> None:
    """Create a user. Without --password, a link is printed by which the user signs in once, within a week."""
    settings = read_settings()
    if role not in ROLES:
        fail(f"--role must be one of {', '.join(ROLES)}.")
    try:
        address, person = read_address(email), read_person_name(name)
        hash_ = hash_password(read_password(_ask_password(), address)) if password else None
    except Refusal as refusal:
        fail(refusal.message)

    def create(transaction: Transaction) -> str:
        if people_store.find_user(transaction, email=address):
            fail(f"There is a user {address} already; `credtrail user link {address}` makes a sign-in link.")
        user = people_store.add_user(transaction, address, person, hash_)
        for one in _list_workspaces(transaction, workspace):
            people_store.set_member(transaction, one.id, user.id, role)
            note_act(
                transaction,
                "member_added",
                address,
                workspace_id=one.id,
                actor="command line",
                details=role,
            )
        return "" if hash_ else make_link(transaction, "sign_in", user.id, settings.public_url, WEEK_MS)

    link = transact(settings, create)
    out.print(f"Created. Sign in here once, within a week:\n{link}" if link else "Created.", markup=False)


def _list_workspaces(transaction: Transaction, names: list[str] | None) -> list[Workspace]:
    if not names:
        return list_workspaces(transaction)
    return [get_workspace(transaction, name) for name in names]


def _ask_password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\n")


@app.command("link")
def link_user(email: Annotated[str, typer.Argument(help="The user's address.")]) -> None:
    """Print a link by which a user signs in once, within an hour; for those who get no mail."""
    settings = read_settings()

    def link(transaction: Transaction) -> str:
        user = people_store.find_user(transaction, email=email.strip().lower())
        if user is None:
            fail(f"There is no user {email}; `credtrail user list` shows them.")
        return make_link(transaction, "sign_in", user.id, settings.public_url, HOUR_MS)

    typer.echo(transact(settings, link))


@app.command("remove-authenticator")
def remove_authenticator(email: Annotated[str, typer.Argument(help="The user's address.")]) -> None:
    """Take the authenticator app off a user who has lost it, with the recovery codes; the password alone is enough then.

    Make sure who asks: this is what a thief of the password would ask for. The user is signed out everywhere.
    """

    def remove(transaction: Transaction) -> None:
        user = people_store.find_user(transaction, email=email.strip().lower())
        if user is None:
            fail(f"There is no user {email}; `credtrail user list` shows them.")
        if user.totp_secret is None:
            fail(f"{user.email} has no authenticator app.")
        people_store.save_user(transaction, user._replace(totp_secret=None, totp_step=0))
        people_store.keep_recovery_codes(transaction, user.id, ())
        end_sessions(transaction, user.id)
        for one in people_store.list_memberships(transaction, user.id):
            note_act(
                transaction,
                "authenticator_removed",
                user.email,
                workspace_id=one.workspace_id,
                actor="command line",
            )

    transact(read_settings(), remove)
    out.print("Removed. The user signs in with the password alone now, and can add an app again.")


@app.command("list")
def list_users() -> None:
    """List users with their workspaces and roles."""

    def ask(transaction: Transaction) -> list[tuple[User, str]]:
        return [
            (user, ", ".join(f"{one.workspace_name} ({one.role})" for one in memberships))
            for user in people_store.list_users(transaction)
            for memberships in [people_store.list_memberships(transaction, user.id)]
        ]

    table = Table("address", "name", "workspaces", "created")
    for user, memberships in transact(read_settings(), ask):
        table.add_row(user.email, escape(user.name), escape(memberships), present_moment(user.created_at))
    out.print(table)
