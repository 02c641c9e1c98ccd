"""The command line: `credtrail COMMAND`. The table of contents; the commands themselves are in `commands/`."""

import typer

from credtrail.commands import (
    credentials,
    imports,
    installation,
    issuers,
    mails,
    persons,
    server,
    tokens,
    users,
    webhooks,
    workspaces,
)
from credtrail.commands.terminal import fail
from credtrail.database.migrate import MigrationError
from credtrail.errors import Refusal
from credtrail.settings import SettingsError

app = typer.Typer(
    name="credtrail",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Self-hosted digital-credential engagement: pages for credentials, and what people do with them.\n\n"
    "Begin with `credtrail demo` and `credtrail serve`. Settings come from CREDTRAIL_* variables "
    "(`credtrail settings` lists them).",
)
app.command()(server.serve)
app.command()(server.work)
app.command("migrate")(server.migrate_database)
app.command("demo")(installation.make_demo)
app.command()(installation.check)
app.command("settings")(installation.list_settings)
app.command()(installation.version)
app.add_typer(credentials.app, name="credential")
app.add_typer(imports.app, name="import")
app.add_typer(issuers.app, name="issuer")
app.add_typer(mails.app, name="mail")
app.add_typer(persons.app, name="person")
app.add_typer(tokens.app, name="token")
app.add_typer(users.app, name="user")
app.add_typer(webhooks.app, name="webhook")
app.add_typer(workspaces.app, name="workspace")


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


if __name__ == "__main__":
    main()
