"""`credtrail workspace …`: workspaces and how their credentials look."""

from pathlib import Path
from typing import Annotated, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.markup import escape
from rich.table import Table

from credtrail.accounts import store as accounts
from credtrail.accounts.model import (
    Allowed,
    IssuerImage,
    IssuerProfile,
    NameChanges,
    PrivacyMode,
    change_profile,
)
from credtrail.commands.terminal import fail, get_workspace, out, transact
from credtrail.database import Transaction
from credtrail.designs.images import read_image
from credtrail.settings import read_settings
from credtrail.values import present_moment
from credtrail.web.language import CODES

app = typer.Typer(no_args_is_help=True, help="Workspaces: one per issuer.")


@app.command("create")
def create_workspace(
    name: Annotated[str, typer.Argument(help="The issuer's name, as people will read it.")],
    time_zone: Annotated[str, typer.Option(help="IANA time zone in which days begin and end.")] = "UTC",
) -> None:
    """Create a workspace. Names are unique."""
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        fail(f"There is no time zone {time_zone!r}; use a name like Europe/Berlin.")
    if not name.strip():
        fail("The name must not be blank.")

    def create(transaction: Transaction) -> bool:
        if accounts.find_workspace(transaction, name=name):
            return False
        accounts.add_workspace(transaction, name, time_zone)
        return True

    if not transact(read_settings(), create):
        fail(f"There is a workspace named {name!r} already.")
    out.print(
        f"Created. Now make a token: credtrail token create --workspace {name!r} --name TEXT", markup=False
    )


@app.command("profile")
def profile_workspace(
    name: Annotated[str, typer.Argument(help="The workspace's name.")],
    website: Annotated[
        str | None, typer.Option(help="Address of the issuer's own site; '' for none.")
    ] = None,
    contact: Annotated[
        str | None, typer.Option(help="E-mail address for questions and corrections; '' for none.")
    ] = None,
    color: Annotated[str | None, typer.Option(help="Brand colour, such as '#14594b'.")] = None,
    logo: Annotated[Path | None, typer.Option(help="Picture file: PNG, JPEG or WebP.", exists=True)] = None,
    signature: Annotated[
        Path | None,
        typer.Option(help="Picture file of a signature, best on a transparent ground.", exists=True),
    ] = None,
    signatory: Annotated[str | None, typer.Option(help="Who signs; '' for nobody.")] = None,
    signatory_title: Annotated[str | None, typer.Option(help="What who signs is; '' for nothing.")] = None,
    privacy: Annotated[
        str | None,
        typer.Option(
            help="What pages may keep on a recipient's device: storage, consent (after asking), cookieless (nothing)."
        ),
    ] = None,
    indexed: Annotated[
        bool | None,
        typer.Option("--indexed/--not-indexed", help="Whether search engines may list the pages."),
    ] = None,
    sender_name: Annotated[
        str | None, typer.Option(help="Whom mails come from; '' for the workspace's name.")
    ] = None,
    sender_email: Annotated[
        str | None,
        typer.Option(
            help="At which address; '' for CREDTRAIL_MAIL_FROM. Your mail server must let it through."
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help=f"Language of mails and documents: {', '.join(CODES)}.")
    ] = None,
) -> None:
    """Change how a workspace's credentials and their pages look, and what the pages may store; show the result.

    What isn't given stays as it is.
    """
    if language not in (None, *CODES):
        fail("--language must be one of " + ", ".join(CODES))
    if privacy not in (None, *get_args(PrivacyMode)):
        fail("--privacy must be one of " + ", ".join(get_args(PrivacyMode)))
    images = {
        field: _read_picture(path)
        for field, path in (("logo_digest", logo), ("signature_digest", signature))
        if path is not None
    }
    given = {
        "website_url": website,
        "contact_email": contact,
        "brand_color": color.lower() if color else None,
        "signatory_name": signatory,
        "signatory_title": signatory_title,
        "privacy_mode": privacy,
        "indexed": indexed,
        "sender_name": sender_name,
        "sender_email": sender_email,
        "language": language,
        **{field: image.digest for field, image in images.items()},
    }
    changes = {field: value for field, value in given.items() if value is not None}

    def change(transaction: Transaction) -> IssuerProfile:
        workspace = get_workspace(transaction, name)
        profile = change_profile(accounts.find_profile(transaction, workspace.id), changes)
        for image in images.values():
            accounts.add_image(transaction, workspace.id, image)
        if changes:
            accounts.save_profile(transaction, workspace.id, profile)
        return profile

    profile = transact(read_settings(), change)
    for field, value in profile._asdict().items():
        out.print(f"{field.replace('_', ' ')}: {value if value is not None else '–'}", markup=False)


@app.command("recipients")
def let_recipients(
    name: Annotated[str, typer.Argument(help="The workspace's name.")],
    sharing: Annotated[
        str | None, typer.Option(help="Who shares a credential: everybody, recipient, nobody.")
    ] = None,
    downloading: Annotated[
        str | None, typer.Option(help="Who downloads PDF and PNG: everybody, recipient, nobody.")
    ] = None,
    name_changes: Annotated[
        str | None, typer.Option(help="Corrections of the name: never, request (you decide), at_once.")
    ] = None,
    privacy_choices: Annotated[
        bool | None,
        typer.Option("--privacy-choices/--no-privacy-choices", help="Whether they choose who sees the page."),
    ] = None,
    offline_choices: Annotated[
        bool | None,
        typer.Option("--offline-choices/--no-offline-choices", help="Whether they take the page offline."),
    ] = None,
) -> None:
    """Change what recipients who have proved their e-mail address may do; show the result.

    What isn't given stays as it is.
    """
    for option, value, allowed in (
        ("--sharing", sharing, get_args(Allowed)),
        ("--downloading", downloading, get_args(Allowed)),
        ("--name-changes", name_changes, get_args(NameChanges)),
    ):
        if value not in (None, *allowed):
            fail(f"{option} must be one of {', '.join(allowed)}")
    given = {
        "sharing": sharing,
        "downloading": downloading,
        "name_changes": name_changes,
        "privacy_choices": privacy_choices,
        "offline_choices": offline_choices,
    }
    changes = {field: value for field, value in given.items() if value is not None}

    def change(transaction: Transaction) -> IssuerProfile:
        workspace = get_workspace(transaction, name)
        profile = change_profile(accounts.find_profile(transaction, workspace.id), changes)
        if changes:
            accounts.save_profile(transaction, workspace.id, profile)
        return profile

    profile = transact(read_settings(), change)
    for field in given:
        out.print(f"{field.replace('_', ' ')}: {getattr(profile, field)}", markup=False)


def _read_picture(path: Path) -> IssuerImage:
    try:
        return read_image(path.read_bytes())
    except ValueError as problem:
        fail(f"{path}: {problem}")


@app.command("list")
def list_workspaces() -> None:
    """List all workspaces."""
    table = Table("Id", "Name", "Time zone", "Created")
    for workspace in transact(read_settings(), accounts.list_workspaces):
        created = present_moment(workspace.created_at)
        table.add_row(workspace.id, escape(workspace.name), workspace.time_zone, created)
    out.print(table)
