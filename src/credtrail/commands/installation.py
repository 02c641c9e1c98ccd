"""`credtrail demo`, `check`, `settings`, `version`: what an installation is, and whether it is well."""

import sys
from typing import Annotated

import typer
from rich.markup import escape

from credtrail import __version__, demo
from credtrail.accounts.model import digest_token, make_token
from credtrail.check import check_installation, check_server
from credtrail.commands.links import HOUR_MS, make_link
from credtrail.commands.terminal import err, out, transact
from credtrail.database import Transaction
from credtrail.settings import Settings, describe_settings, read_settings


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
    link = make_link(transaction, "sign_in", world.user_id, settings.public_url, HOUR_MS)
    return world, link


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


def list_settings() -> None:
    """List every setting with its variable, default and meaning, as Markdown."""
    typer.echo(describe_settings(), nl=False)


def version() -> None:
    """Print the version."""
    typer.echo(__version__)
