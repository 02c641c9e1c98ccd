"""`credtrail webhook …`: the same as /v1/webhooks and the dashboard, for those at the machine."""

from collections.abc import Callable, Mapping
from typing import Annotated, TypeVar

import typer
from msgspec import ValidationError, convert
from msgspec.json import decode, encode, format
from rich.markup import escape
from rich.table import Table

from credtrail.commands.terminal import fail, get_workspace, out, transact
from credtrail.database import Transaction
from credtrail.errors import Refusal
from credtrail.seal import Seal
from credtrail.settings import Settings, find_or_make_secret_key, read_settings
from credtrail.values import Moment, parse_moment, present_moment
from credtrail.webhooks import delivery_store, manage, store
from credtrail.webhooks.model import (
    TYPES,
    Delivery,
    Endpoint,
    EndpointChange,
    NewEndpoint,
    Test,
    WholeDelivery,
    present_whole,
)

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="Your own systems, told what happens.")


WorkspaceName = Annotated[str, typer.Option(help="Name of the workspace.")]
WebhookId = Annotated[str, typer.Argument(help="Id of the webhook, as `credtrail webhook list` shows it.")]


@app.command("create")
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
        one = get_workspace(transaction, workspace)
        new = _read_as(NewEndpoint, given)
        endpoint, secret = manage.create_endpoint(
            transaction, one.id, new, _webhook_seal(settings), settings.webhook_hosts
        )
        return endpoint.id, secret

    id_, secret = _act_on_webhooks(settings, create)
    out.print(f"Created webhook {id_}. Its secret:", markup=False)
    typer.echo(secret)


@app.command("list")
def list_webhooks(workspace: WorkspaceName) -> None:
    """List a workspace's webhooks."""

    def ask(transaction: Transaction) -> list[Endpoint]:
        one = get_workspace(transaction, workspace)
        return store.list_endpoints(transaction, one.id, edge=None, newer=False, limit=1_000)

    table = Table("Id", "URL", "Status", "Tells", "Failing since")
    for one in transact(read_settings(), ask):
        told = "everything" if set(one.types) == set(TYPES) else ", ".join(one.types)
        since = present_moment(one.failing_since) if one.failing_since else ""
        reason = f" ({one.disabled_reason})" if one.disabled_reason else ""
        table.add_row(one.id, escape(one.url), f"{one.status}{reason}", told, since)
    out.print(table)


@app.command("update")
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
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    thin: Annotated[
        bool | None, typer.Option("--thin/--full", help="Ids alone from now on, or names and addresses too.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="At most so many messages a second; 0: as fast as it answers.")
    ] = None,
) -> None:
    """Change a webhook; what isn't given stays."""
    settings = read_settings()
    given = {
        "url": url,
        "types": type_,
        "status": status,
        "description": description,
        "body": None if thin is None else "thin" if thin else "full",
        "ratePerSecond": rate,
    }
    change: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    if rate == 0:
        change["ratePerSecond"] = None

    def act(transaction: Transaction) -> Endpoint:
        endpoint = _find_webhook(transaction, workspace, id_)
        return manage.change_endpoint(
            transaction, endpoint, _read_as(EndpointChange, change), settings.webhook_hosts
        )

    out.print(f"{_act_on_webhooks(settings, act).status}: {url or id_}", markup=False)


@app.command("delete")
def delete_webhook(id_: WebhookId, workspace: WorkspaceName) -> None:
    """Delete a webhook with its deliveries."""

    def act(transaction: Transaction) -> bool:
        endpoint = _find_webhook(transaction, workspace, id_)
        return store.delete_endpoint(transaction, endpoint.workspace_id, endpoint.id)

    transact(read_settings(), act)
    out.print("Deleted.")


@app.command("rotate")
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


@app.command("test")
def try_webhook(
    id_: WebhookId,
    workspace: WorkspaceName,
    type_: Annotated[str | None, typer.Option("--type", help="As a message of this type.")] = None,
) -> None:
    """Send a test message; `credtrail work` delivers it."""

    def act(transaction: Transaction) -> str:
        wanted = _read_as(Test, {"type": type_} if type_ else {})
        return manage.send_test(transaction, _find_webhook(transaction, workspace, id_), wanted.type or None)

    message = _act_on_webhooks(read_settings(), act)
    out.print(
        f"Queued as message {message}; `credtrail webhook deliveries {id_}` tells how it went.", markup=False
    )


@app.command("deliveries")
def list_deliveries(
    id_: WebhookId,
    workspace: WorkspaceName,
    status: Annotated[str | None, typer.Option(help="waiting, sending, delivered or failed.")] = None,
    limit: Annotated[int, typer.Option(help="The latest so many.", min=1, max=1_000)] = 20,
) -> None:
    """List a webhook's latest deliveries, each with how its last attempt ended."""

    def ask(transaction: Transaction) -> list[tuple[Delivery, str]]:
        endpoint = _find_webhook(transaction, workspace, id_)
        found = delivery_store.list_deliveries(
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
    found = delivery_store.find_delivery(transaction, endpoint, delivery.id)
    if not found or not found[2]:
        return ""
    last = found[2][-1]
    return f"{last.failure or 'delivered'} {last.status_code or ''}".strip()


@app.command("delivery")
def show_delivery(
    id_: WebhookId,
    delivery: Annotated[
        str, typer.Argument(help="Id of the delivery, as `credtrail webhook deliveries` shows it.")
    ],
    workspace: WorkspaceName,
) -> None:
    """Print one delivery as JSON: the body as it is sent, every attempt with its headers and what was answered."""

    def ask(transaction: Transaction) -> WholeDelivery:
        found = delivery_store.find_delivery(
            transaction, _find_webhook(transaction, workspace, id_), delivery
        )
        if found is None:
            fail(
                f"There is no delivery {delivery} of {id_}; `credtrail webhook deliveries {id_}` shows them."
            )
        return present_whole(*found, decode)

    typer.echo(format(encode(transact(read_settings(), ask)), indent=2).decode())


@app.command("redeliver")
def redeliver_webhook(
    id_: WebhookId,
    workspace: WorkspaceName,
    delivery: Annotated[
        str | None, typer.Option(help="Id of one delivery; else all in a span of time.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Those created from this moment on, such as 2026-03-01T00:00:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Those created before this moment.")] = None,
    status: Annotated[
        str, typer.Option(help="failed; or delivered, where what was told was lost on the other side.")
    ] = "failed",
) -> None:
    """Deliver again what has failed, with the same ids and bytes."""
    if status not in ("failed", "delivered"):
        fail("--status must be one of failed, delivered.")
    created_from, created_to = _read_moment("--since", since), _read_moment("--until", until)

    def act(transaction: Transaction) -> int:
        endpoint = _find_webhook(transaction, workspace, id_)
        if delivery is None:
            return manage.redeliver(transaction, endpoint, status, created_from, created_to)  # type: ignore[arg-type]  # one of them
        manage.redeliver_one(transaction, endpoint, delivery)
        return 1

    out.print(f"To be delivered again: {_act_on_webhooks(read_settings(), act)}.")


def _read_moment(option: str, text: str | None) -> Moment | None:
    try:
        return parse_moment(text) if text else None
    except ValueError:
        fail(f"{option}: {text} is not a moment such as 2026-03-01T00:00:00Z.")


def _find_webhook(transaction: Transaction, workspace: str, id_: str) -> Endpoint:
    one = get_workspace(transaction, workspace)
    endpoint = store.find_endpoint(transaction, one.id, id_, lock=True)
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
