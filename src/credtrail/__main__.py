"""The command line: `credtrail COMMAND`. Reads the settings once and hands them down."""

import asyncio
import csv
import json
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from msgspec import ValidationError, convert
from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

from credtrail import __version__, demo
from credtrail import work as work_loop
from credtrail.accounts import people_store
from credtrail.accounts import session_store as sessions
from credtrail.accounts import store as accounts
from credtrail.accounts.model import (
    AccessToken,
    IssuerImage,
    IssuerProfile,
    PrivacyMode,
    Workspace,
    change_profile,
    digest_token,
    make_token,
)
from credtrail.accounts.passwords import hash_password
from credtrail.accounts.people import (
    ROLES,
    LinkKind,
    User,
    digest_secret,
    make_secret,
    read_address,
    read_password,
    read_person_name,
)
from credtrail.accounts.session_store import note_act
from credtrail.check import check_installation, check_server
from credtrail.credentials.links import page_address
from credtrail.credentials.model import AfterCreating
from credtrail.credentials.spreadsheet import Import, Sheet, SheetError, Tally
from credtrail.credentials.store import list_of_address
from credtrail.database import Transaction
from credtrail.database.migrate import MigrationError, migrate, refuse_stale
from credtrail.database.open import open_database, write_once
from credtrail.designs.cache import DiskCache
from credtrail.designs.images import read_image
from credtrail.designs.press import Press
from credtrail.errors import Refusal
from credtrail.groups.model import Group
from credtrail.groups.store import list_groups_named
from credtrail.interactions.log_sql import SqlLog
from credtrail.interactions.persons import describe_person, erase_person
from credtrail.logs import set_up_logs
from credtrail.mail.bounce import read_bounce
from credtrail.mail.store import settle_bounce
from credtrail.seal import Seal
from credtrail.serve import serve as run_server
from credtrail.settings import (
    Settings,
    SettingsError,
    describe_settings,
    find_or_make_secret_key,
    read_settings,
)
from credtrail.values import parse_moment, present_moment
from credtrail.web.language import CODES
from credtrail.webhooks import manage
from credtrail.webhooks import store as webhooks
from credtrail.webhooks.model import TYPES, Delivery, Endpoint, EndpointChange, NewEndpoint
from credtrail.webhooks.model import Test as WebhookTest

T = TypeVar("T")

app = typer.Typer(
    name="credtrail",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Self-hosted digital-credential engagement: pages for credentials, and what people do with them.\n\n"
    "Begin with `credtrail demo` and `credtrail serve`. Settings come from CREDTRAIL_* variables "
    "(`credtrail settings` lists them).",
)
user_app = typer.Typer(no_args_is_help=True, help="People who sign in to the dashboard.")
webhook_app = typer.Typer(no_args_is_help=True, help="Your own systems, told what happens.")
token_app = typer.Typer(no_args_is_help=True, help="Access tokens for the API.")
workspace_app = typer.Typer(no_args_is_help=True, help="Workspaces: one per issuer.")
import_app = typer.Typer(no_args_is_help=True, help="Bring in what another system has.")
person_app = typer.Typer(no_args_is_help=True, help="What is known of a person, and its erasure.")
mail_app = typer.Typer(no_args_is_help=True, help="Mails to recipients.")
app.add_typer(import_app, name="import")
app.add_typer(mail_app, name="mail")
app.add_typer(person_app, name="person")
app.add_typer(token_app, name="token")
app.add_typer(user_app, name="user")
app.add_typer(webhook_app, name="webhook")
app.add_typer(workspace_app, name="workspace")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command line; foreseen faults end with one sentence on standard error and status 1."""
    try:
        app()
    except (SettingsError, MigrationError) as problem:
        fail(str(problem))
    except Refusal as refusal:
        fail(f"{refusal.message} (is the database reachable? `credtrail check` tells more)")
    except OSError as problem:
        fail(str(problem))


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


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65_535)] = 8000,
    workers: Annotated[
        int, typer.Option(help="Server processes; more than one pays off on PostgreSQL.", min=1)
    ] = 1,
    with_work: Annotated[
        bool, typer.Option("--with-work", help="Do the work of `credtrail work` in this process as well.")
    ] = False,
) -> None:
    """Serve the API and the public pages until Ctrl-C or SIGTERM.

    What was accepted is committed and answered before the server ends. Run `credtrail work` beside it,
    or serve --with-work.
    """
    settings = read_settings()
    set_up_logs(settings)
    prepare_database(settings)
    find_or_make_secret_key(settings)
    set_up_at = write_once(settings, lambda transaction: make_set_up_link(transaction, settings.public_url))
    if set_up_at:
        out.print(  # the log, on the other stream, is JSON alone and is kept longer than a secret may be
            f"Nobody can sign in to the dashboard yet. Make the first user here, within a week:\n{set_up_at}"
        )
    run_server(settings, host, port, workers, with_work=with_work)


_WEEK_MS = 7 * 86_400_000
_HOUR_MS = 3_600_000


def make_set_up_link(transaction: Transaction, public_url: str) -> str | None:
    """The address where the first user of an installation is made, good once; None where there are users."""
    if people_store.count_users(transaction):
        return None
    return make_link(transaction, "set_up", None, public_url, _WEEK_MS)


def make_link(
    transaction: Transaction, kind: LinkKind, user_id: str | None, public_url: str, good_for_ms: int
) -> str:
    """The address of a new one-time link."""
    secret, path = make_secret(), {"set_up": "set-up", "sign_in": "link", "password": "password"}[kind]
    sessions.add_link(transaction, kind, digest_secret(secret), user_id, transaction.at + good_for_ms)
    return f"{public_url}/dashboard/{path}/{secret}"


@app.command()
def work() -> None:
    """Do what happens later (clean up what has outlived its time) until Ctrl-C or SIGTERM.

    May run several times at once, on several machines.
    """
    settings = read_settings()
    set_up_logs(settings)
    prepare_database(settings)

    async def run() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        await work_loop.work(settings, stop)

    asyncio.run(run())


@app.command("migrate")
def migrate_database() -> None:
    """Bring the database to this version's tables. Safe to run again; needed on PostgreSQL after each upgrade."""
    applied = migrate(read_settings())
    out.print(f"Applied: {', '.join(applied)}." if applied else "The database is up to date.")


@app.command("demo")
def make_demo(
    token: Annotated[
        bool, typer.Option("--token", help="Print only a fresh token on standard output.")
    ] = False,
) -> None:
    """Fill an empty database with a demo workspace, or find the one there; print what to try.

    A few groups, forty credentials with names in many scripts, some weeks of plausible interactions.
    """
    settings = read_settings()
    secret = make_token()
    with err.status("Making the demo world …"):
        world, sign_in_at = transact(settings, lambda transaction: _make_demo(transaction, secret, settings))
    if token:
        typer.echo(secret)
        return
    out.print(demo.describe(world, secret, settings.public_url, sign_in_at))


def _make_demo(transaction: Transaction, token: str, settings: Settings) -> tuple[demo.World, str]:
    world = demo.make_world(transaction, digest_token(token))
    link = make_link(transaction, "sign_in", world.user_id, settings.public_url, _HOUR_MS)
    return world, link


@app.command()
def check(
    url: Annotated[
        str | None,
        typer.Option(help="Look at the server at this address instead, as a client of its API would."),
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="Access token for --url; asked for where it isn't given.")
    ] = None,
) -> None:
    """Look at settings, database and environment, and say in sentences what is well and what is not.

    With --url, look at a running server from outside, with this machine's settings left aside.
    """
    if url is not None:
        findings = check_server(url, token or typer.prompt("Access token", hide_input=True, err=True).strip())
    else:
        findings = check_installation(read_settings())
    problems = 0
    for is_well, sentence in findings:
        problems += not is_well
        out.print(("[green]✓[/green] " if is_well else "[red]✗[/red] ") + escape(sentence))
    if problems:
        sys.exit(1)


@app.command("settings")
def list_settings() -> None:
    """List every setting with its variable, default and meaning, as Markdown."""
    typer.echo(describe_settings(), nl=False)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@workspace_app.command("create")
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


@workspace_app.command("profile")
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

    def change(transaction: Transaction) -> IssuerProfile | None:
        workspace = accounts.find_workspace(transaction, name=name)
        if workspace is None:
            return None
        profile = change_profile(accounts.find_profile(transaction, workspace.id), changes)
        for image in images.values():
            accounts.add_image(transaction, workspace.id, image)
        if changes:
            accounts.save_profile(transaction, workspace.id, profile)
        return profile

    profile = transact(read_settings(), change)
    if profile is None:
        fail(f"There is no workspace named {name!r}; `credtrail workspace list` shows them all.")
    for field, value in profile._asdict().items():
        out.print(f"{field.replace('_', ' ')}: {value if value is not None else '–'}", markup=False)


def _read_picture(path: Path) -> IssuerImage:
    try:
        return read_image(path.read_bytes())
    except ValueError as problem:
        fail(f"{path}: {problem}")


@workspace_app.command("list")
def list_workspaces() -> None:
    """List all workspaces."""
    table = Table("Id", "Name", "Time zone", "Created")
    for workspace in transact(read_settings(), accounts.list_workspaces):
        created = present_moment(workspace.created_at)
        table.add_row(workspace.id, escape(workspace.name), workspace.time_zone, created)
    out.print(table)


@import_app.command("credentials")
def import_credentials(
    file: Annotated[
        Path, typer.Argument(help="CSV file in UTF-8 with a header.", exists=True, dir_okay=False)
    ],
    group: Annotated[str, typer.Option(help="Id or name of the group that the credentials belong to.")],
    workspace: Annotated[
        str | None, typer.Option(help="Name of the workspace, where several have a group of that name.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="Column that names each row for good, such as an enrolment number: rows whose key is there already are "
            "left out. Without it the line in this very file is the key."
        ),
    ] = None,
    then: Annotated[
        str, typer.Option(help="What happens to each: keep (as a draft), issue, issue_and_send.")
    ] = "keep",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, keep nothing.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write refused rows with their reasons into this CSV file.")
    ] = None,
) -> None:
    """Create credentials from a spreadsheet.

    Columns: name, email, issueDate, expiryDate (both YYYY-MM-DD), custom.<tag>; only the name is needed. An import
    that was cut off is simply started again: nothing is created twice.
    """
    if then not in get_args(AfterCreating):
        fail("--then must be one of " + ", ".join(get_args(AfterCreating)))
    settings = read_settings()
    found = transact(settings, lambda transaction: list_groups_named(transaction, group, workspace))
    if len(found) != 1:
        fail(
            f"There is no group {group!r}; `GET /v1/groups` lists them."
            if not found
            else f"There are {len(found)} groups {group!r}; give the id, or --workspace."
        )
    try:
        sheet = Sheet(file, key)
        if sheet.unused:
            err.print(f"These columns mean nothing here and are left out: {escape(', '.join(sheet.unused))}")
        tally = _run_import(settings, sheet, found[0], then, dry_run=dry_run)  # type: ignore[arg-type]  # checked above
    except SheetError as problem:
        fail(f"{file}: {problem}")
    except UnicodeDecodeError:
        fail(f"{file}: The file must be in UTF-8; save it again with that encoding.")
    except csv.Error as problem:
        fail(f"{file}: The file can't be read as CSV: {problem}")
    _tell_import(tally, dry_run, report)
    if tally.refused:
        sys.exit(1)


def _tell_import(tally: Tally, dry_run: bool, report: Path | None) -> None:
    verb = "would be created" if dry_run else "created"
    out.print(f"{tally.created:,} {verb}, {tally.present:,} there already, {len(tally.refused):,} refused.")
    for refused in tally.refused[:20]:
        out.print(f"  line {refused.line}: {refused.field} {refused.reason}".rstrip(), markup=False)
    if len(tally.refused) > 20:
        hint = "" if report else "; --report FILE writes them all"
        out.print(f"  … and {len(tally.refused) - 20:,} more{hint}")
    if report is not None:
        with report.open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows([("line", "field", "reason"), *tally.refused])


def _run_import(
    settings: Settings, sheet: Sheet, group: Group, then: AfterCreating, *, dry_run: bool
) -> Tally:
    async def run() -> Tally:
        database = open_database(settings)
        columns = (*Progress.get_default_columns(), MofNCompleteColumn())
        with Progress(*columns, console=err) as progress:
            task = progress.add_task("Checking …" if dry_run else "Importing …", total=sheet.count())
            try:
                return await Import(database, group, then, dry_run=dry_run).run(
                    sheet, lambda done: progress.advance(task, done)
                )
            finally:
                await database.close()

    return asyncio.run(run())


@mail_app.command("bounce")
def take_bounce() -> None:
    """Read a bounce (a delivery status notification) from standard input and note it on the mail it tells of.

    For the mail server to run for each mail that comes back to the sender's address; with Postfix, an alias:
    bounces: "|/path/to/credtrail mail bounce". What isn't a bounce of one of our mails is left alone, with status 0.
    """
    bounce = read_bounce(sys.stdin.buffer.read(5_000_000))
    if bounce is None:
        out.print("This is not a bounce of a mail of ours; nothing was changed.")
        return
    noted = transact(
        read_settings(), lambda transaction: settle_bounce(transaction, bounce.mail_id, bounce.reason)
    )
    out.print(f"Noted: {bounce.reason}" if noted else "There is no such mail (any more).", markup=False)


@token_app.command("create")
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

    def create(transaction: Transaction) -> bool:
        found = accounts.find_workspace(transaction, name=workspace)
        if found is None:
            return False
        expires_at = None if expires_in_days is None else transaction.at + expires_in_days * 86_400_000
        accounts.add_token(
            transaction,
            found.id,
            name,
            digest_token(secret),
            access="read" if read_only else "full",
            expires_at=expires_at,
        )
        return True

    if not transact(read_settings(), create):
        fail(f"There is no workspace named {workspace!r}; `credtrail workspace list` shows them all.")
    typer.echo(secret)


@token_app.command("list")
def list_tokens(
    workspace: Annotated[str | None, typer.Option(help="Only the tokens of this workspace.")] = None,
) -> None:
    """List access tokens. The secrets themselves are kept nowhere."""

    def ask(transaction: Transaction) -> list[AccessToken] | None:
        if workspace is None:
            return accounts.list_tokens(transaction)
        found = accounts.find_workspace(transaction, name=workspace)
        return accounts.list_tokens(transaction, found.id) if found else None

    tokens = transact(read_settings(), ask)
    if tokens is None:
        fail(f"There is no workspace named {workspace!r}; `credtrail workspace list` shows them all.")
    table = Table("Id", "Workspace", "Name", "Access", "Created", "Ends")
    for token in tokens:
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


@token_app.command("revoke")
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


if __name__ == "__main__":
    main()


@user_app.command("create")
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
        for one in _workspaces_named(transaction, workspace):
            people_store.set_member(transaction, one.id, user.id, role)
            sessions.note_act(
                transaction,
                "member_added",
                address,
                workspace_id=one.id,
                actor="command line",
                details=role,
            )
        return "" if hash_ else make_link(transaction, "sign_in", user.id, settings.public_url, _WEEK_MS)

    link = transact(settings, create)
    out.print(f"Created. Sign in here once, within a week:\n{link}" if link else "Created.", markup=False)


def _workspaces_named(transaction: Transaction, names: list[str] | None) -> list[Workspace]:
    there = {one.name: one for one in accounts.list_workspaces(transaction)}
    for name in names or ():
        if name not in there:
            fail(f"There is no workspace named {name!r}; `credtrail workspace list` shows them.")
    return [there[name] for name in names] if names else list(there.values())


def _ask_password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\n")


@user_app.command("link")
def link_user(email: Annotated[str, typer.Argument(help="The user's address.")]) -> None:
    """Print a link by which a user signs in once, within an hour; for those who get no mail."""
    settings = read_settings()

    def link(transaction: Transaction) -> str:
        user = people_store.find_user(transaction, email=email.strip().lower())
        if user is None:
            fail(f"There is no user {email}; `credtrail user list` shows them.")
        return make_link(transaction, "sign_in", user.id, settings.public_url, _HOUR_MS)

    typer.echo(transact(settings, link))


@user_app.command("list")
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


@person_app.command("export")
def export_person(
    email: Annotated[str, typer.Argument(help="The person's address, as it is on credentials.")],
    workspace: Annotated[str, typer.Option(help="Name of the workspace.")],
) -> None:
    """Print everything the workspace knows of a person as JSON."""

    def ask(transaction: Transaction) -> dict[str, object]:
        [one] = _workspaces_named(transaction, [workspace])
        return describe_person(transaction, SqlLog(), one.id, email)

    typer.echo(json.dumps(transact(read_settings(), ask), ensure_ascii=False, indent=2))


@person_app.command("erase")
def forget_person(
    email: Annotated[str, typer.Argument(help="The person's address, as it is on credentials.")],
    workspace: Annotated[str, typer.Option(help="Name of the workspace.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Delete a person's credentials with their pages, documents, interactions and mails, for good."""
    settings = read_settings()

    def count(transaction: Transaction) -> int:
        [one] = _workspaces_named(transaction, [workspace])
        return len(list_of_address(transaction, one.id, email))

    found = transact(settings, count)
    if not found:
        fail(f"{workspace!r} knows nobody by {email}.")
    if not yes:
        typer.confirm(
            f"Delete {found} credential(s) of {email} with all that hangs on them?", abort=True, err=True
        )

    def erase(transaction: Transaction) -> list[str]:
        [one] = _workspaces_named(transaction, [workspace])
        note_act(transaction, "person_erased", "", workspace_id=one.id, actor="command line")
        return erase_person(transaction, one.id, email)

    gone = transact(settings, erase)
    press = Press(DiskCache(settings.cache_folder, settings.cache_limit_mb * 1_048_576), 1)
    asyncio.run(_forget_documents(press, settings.public_url, gone))
    out.print(f"Erased: {len(gone)} credential(s). Backups made before still hold them.")


async def _forget_documents(press: Press, public_url: str, public_ids: list[str]) -> None:
    for public_id in public_ids:
        await press.forget(page_address(public_url, public_id))
    await press.close()


WorkspaceName = Annotated[str, typer.Option(help="Name of the workspace.")]
WebhookId = Annotated[str, typer.Argument(help="Id of the webhook, as `credtrail webhook list` shows it.")]


@webhook_app.command("create")
def create_webhook(
    url: Annotated[str, typer.Argument(help="Where to post to: an https address.")],
    workspace: WorkspaceName,
    type_: Annotated[
        list[str] | None,
        typer.Option("--type", help="What to tell, several times if need be; none: everything."),
    ] = None,
    thin: Annotated[bool, typer.Option("--thin", help="Ids alone, no personal data.")] = False,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    rate: Annotated[float | None, typer.Option(help="At most so many messages a second.")] = None,
) -> None:
    """Create a webhook and print its secret, which is shown this once only."""
    settings = read_settings()
    given = {
        "url": url,
        "types": type_ or list(TYPES),
        "description": description,
        "body": "thin" if thin else "full",
        "ratePerSecond": rate,
    }

    def create(transaction: Transaction) -> tuple[str, str]:
        [one] = _workspaces_named(transaction, [workspace])
        new = _read_as(NewEndpoint, given)
        endpoint, secret = manage.create_endpoint(
            transaction, one.id, new, _webhook_seal(settings), settings.webhook_hosts
        )
        return endpoint.id, secret

    id_, secret = _act_on_webhooks(settings, create)
    out.print(f"Created webhook {id_}. Its secret:", markup=False)
    typer.echo(secret)


@webhook_app.command("list")
def list_webhooks(workspace: WorkspaceName) -> None:
    """List a workspace's webhooks."""

    def ask(transaction: Transaction) -> list[Endpoint]:
        [one] = _workspaces_named(transaction, [workspace])
        return webhooks.list_endpoints(transaction, one.id, edge=None, newer=False, limit=1_000)

    table = Table("Id", "URL", "Status", "Tells", "Failing since")
    for one in transact(read_settings(), ask):
        told = "everything" if set(one.types) == set(TYPES) else ", ".join(one.types)
        since = present_moment(one.failing_since) if one.failing_since else ""
        reason = f" ({one.disabled_reason})" if one.disabled_reason else ""
        table.add_row(one.id, escape(one.url), f"{one.status}{reason}", told, since)
    out.print(table)


@webhook_app.command("update")
def update_webhook(
    id_: WebhookId,
    workspace: WorkspaceName,
    url: Annotated[str | None, typer.Option(help="Another address.")] = None,
    type_: Annotated[list[str] | None, typer.Option("--type", help="What to tell from now on.")] = None,
    status: Annotated[
        str | None,
        typer.Option(
            help="enabled, paused (gathers what is to be delivered later), or disabled (gathers nothing)."
        ),
    ] = None,
    rate: Annotated[float | None, typer.Option(help="At most so many messages a second.")] = None,
) -> None:
    """Change a webhook; what isn't given stays."""
    settings = read_settings()
    given = {"url": url, "types": type_, "status": status, "ratePerSecond": rate}
    change = {name: value for name, value in given.items() if value is not None}

    def act(transaction: Transaction) -> Endpoint:
        endpoint = _find_webhook(transaction, workspace, id_)
        return manage.change_endpoint(
            transaction, endpoint, _read_as(EndpointChange, change), settings.webhook_hosts
        )

    out.print(f"{_act_on_webhooks(settings, act).status}: {url or id_}", markup=False)


@webhook_app.command("delete")
def delete_webhook(id_: WebhookId, workspace: WorkspaceName) -> None:
    """Delete a webhook with its deliveries."""

    def act(transaction: Transaction) -> bool:
        endpoint = _find_webhook(transaction, workspace, id_)
        return webhooks.delete_endpoint(transaction, endpoint.workspace_id, endpoint.id)

    transact(read_settings(), act)
    out.print("Deleted.")


@webhook_app.command("rotate")
def rotate_webhook(
    id_: WebhookId,
    workspace: WorkspaceName,
    grace_hours: Annotated[
        int, typer.Option(help="So long the secret before stays good.", min=0, max=168)
    ] = 24,
) -> None:
    """Give a webhook a new secret and print it, and nothing else, on standard output."""
    settings = read_settings()

    def act(transaction: Transaction) -> str:
        endpoint = _find_webhook(transaction, workspace, id_)
        return manage.rotate_secret(transaction, endpoint, _webhook_seal(settings), grace_hours)[1]

    typer.echo(transact(settings, act))


@webhook_app.command("test")
def try_webhook(
    id_: WebhookId,
    workspace: WorkspaceName,
    type_: Annotated[str | None, typer.Option("--type", help="As a message of this type.")] = None,
) -> None:
    """Send a test message; `credtrail work` delivers it."""

    def act(transaction: Transaction) -> str:
        wanted = _read_as(WebhookTest, {"type": type_} if type_ else {})
        return manage.send_test(transaction, _find_webhook(transaction, workspace, id_), wanted.type or None)

    message = _act_on_webhooks(read_settings(), act)
    out.print(
        f"Queued as message {message}; `credtrail webhook deliveries {id_}` tells how it went.", markup=False
    )


@webhook_app.command("deliveries")
def list_deliveries(
    id_: WebhookId,
    workspace: WorkspaceName,
    status: Annotated[str | None, typer.Option(help="waiting, sending, delivered or failed.")] = None,
    limit: Annotated[int, typer.Option(help="The latest so many.", min=1, max=1_000)] = 20,
) -> None:
    """List a webhook's latest deliveries, each with how its last attempt ended."""

    def ask(transaction: Transaction) -> list[tuple[Delivery, str]]:
        endpoint = _find_webhook(transaction, workspace, id_)
        found = webhooks.list_deliveries(
            transaction, endpoint.id, status, edge=None, newer=False, limit=limit
        )
        return [(one, _last_attempt(transaction, endpoint, one)) for one in found]

    table = Table("Id", "Type", "Status", "Attempts", "Last attempt", "Next", "Created")
    for one, last in transact(read_settings(), ask):
        due = present_moment(one.due_at) if one.due_at else ""
        table.add_row(
            one.id, one.type, one.status, str(one.attempts), last, due, present_moment(one.created_at)
        )
    out.print(table)


def _last_attempt(transaction: Transaction, endpoint: Endpoint, delivery: Delivery) -> str:
    found = webhooks.find_delivery(transaction, endpoint, delivery.id)
    if not found or not found[2]:
        return ""
    last = found[2][-1]
    return f"{last.failure or 'delivered'} {last.status_code or ''}".strip()


@webhook_app.command("redeliver")
def redeliver_webhook(
    id_: WebhookId,
    workspace: WorkspaceName,
    delivery: Annotated[
        str | None, typer.Option(help="Id of one delivery; else all that have failed.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Those created from this moment on, such as 2026-03-01T00:00:00Z.")
    ] = None,
) -> None:
    """Deliver again what has failed, with the same ids and bytes."""
    try:
        created_from = parse_moment(since) if since else None
    except ValueError:
        fail(f"--since: {since} is not a moment such as 2026-03-01T00:00:00Z.")

    def act(transaction: Transaction) -> int:
        endpoint = _find_webhook(transaction, workspace, id_)
        status = None if delivery else "failed"
        return webhooks.redeliver(
            transaction, endpoint.id, id_=delivery, status=status, created_from=created_from
        )

    out.print(f"To be delivered again: {transact(read_settings(), act)}.")


def _find_webhook(transaction: Transaction, workspace: str, id_: str) -> Endpoint:
    [one] = _workspaces_named(transaction, [workspace])
    endpoint = webhooks.find_endpoint(transaction, one.id, id_, lock=True)
    if endpoint is None:
        fail(f"There is no webhook {id_} in {workspace!r}; `credtrail webhook list` shows them.")
    return endpoint


def _act_on_webhooks(settings: Settings, act: Callable[[Transaction], T]) -> T:
    """Refusals of what was given are told in words, here where they aren't the database's."""
    try:
        return transact(settings, act)
    except Refusal as refusal:
        if refusal.kind == "service_unavailable":
            raise
        fail(refusal.message)


def _read_as(type_: type[T], given: Mapping[str, object]) -> T:
    try:
        return convert(given, type_)
    except ValidationError as problem:
        fail(str(problem))


def _webhook_seal(settings: Settings) -> Seal:
    return Seal(find_or_make_secret_key(settings), "webhooks")
