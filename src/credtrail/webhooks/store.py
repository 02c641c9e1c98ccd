"""SQL of endpoints: what they are, what they want to be told, who sends to them. Called by this slice's faces, `send`
and `delivery_store`.

A worker that sends to an endpoint holds its lease; a lease ends by itself, so that another takes over from one that
was killed.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from credtrail.database import Key, Transaction, cut, metadata
from credtrail.values import Moment
from credtrail.webhooks.model import TYPES, Endpoint, Event
from credtrail.webhooks.outbox import webhook_subscriptions

LEASE_MS = 30_000

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("body", Key, nullable=False),
    Column("status", Key, nullable=False),
    Column("disabled_reason", Text),
    Column("rate_per_second", Float),
    Column("secret", Text, nullable=False),
    Column("previous_secret", Text),
    Column("previous_until", BigInteger),
    Column("failing_since", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("lease", Key),
    Column("lease_until", BigInteger, nullable=False, server_default="0"),
    # Owners are told once that we disabled it.
    Column("untold", Integer, nullable=False, server_default="0"),
    Index(None, "workspace_id", "id"),
)

ENDPOINT = [column for column in webhook_endpoints.c if column.name not in ("lease", "lease_until", "untold")]


def add_endpoint(transaction: Transaction, endpoint: Endpoint) -> None:
    """Create an endpoint."""
    transaction.connection.execute(insert(webhook_endpoints).values(_row(endpoint)))
    _subscribe(transaction, endpoint)


def save_endpoint(transaction: Transaction, endpoint: Endpoint) -> None:
    """Keep this state of it. What it wants as before, it wants since when it did."""
    where = webhook_endpoints.c.id == endpoint.id
    transaction.connection.execute(update(webhook_endpoints).where(where).values(_row(endpoint)))
    _subscribe(transaction, endpoint)


def _row(endpoint: Endpoint) -> dict[str, Any]:
    row = endpoint._asdict()
    del row["types"]
    return row


def _subscribe(transaction: Transaction, endpoint: Endpoint) -> None:
    """Types of a disabled endpoint are kept with a mark, so that nothing is gathered for it."""
    subscription = webhook_subscriptions.c
    mark = "-" if endpoint.status == "disabled" else ""
    wanted = {mark + one for one in endpoint.types}
    of_endpoint = subscription.endpoint_id == endpoint.id
    there = set(transaction.connection.execute(select(subscription.type).where(of_endpoint)).scalars())
    transaction.connection.execute(
        delete(webhook_subscriptions).where(of_endpoint, subscription.type.in_(there - wanted))
    )
    rows = [
        {
            "workspace_id": endpoint.workspace_id,
            "type": one,
            "endpoint_id": endpoint.id,
            "since": transaction.at,
        }
        for one in sorted(wanted - there)
    ]
    if rows:
        transaction.connection.execute(insert(webhook_subscriptions), rows)


def find_endpoint(
    transaction: Transaction, workspace_id: str, id_: str, *, lock: bool = False
) -> Endpoint | None:
    """One endpoint of this workspace; with `lock` nobody else changes it until the transaction ends."""
    query = select(*ENDPOINT).where(
        webhook_endpoints.c.id == id_, webhook_endpoints.c.workspace_id == workspace_id
    )
    if lock:
        query = query.with_for_update()
    found = with_types(transaction, transaction.connection.execute(query).all())
    return found[0] if found else None


def list_endpoints(
    transaction: Transaction, workspace_id: str, *, edge: str | None, newer: bool, limit: int
) -> list[Endpoint]:
    """Up to `limit` endpoints before the edge, newest first; with `newer` those after it, oldest first."""
    query = select(*ENDPOINT).where(webhook_endpoints.c.workspace_id == workspace_id)
    query = cut(query, webhook_endpoints.c.id, edge=edge, newer=newer, limit=limit)
    return with_types(transaction, transaction.connection.execute(query).all())


def count_endpoints(transaction: Transaction, workspace_id: str) -> int:
    """How many endpoints a workspace has."""
    query = select(func.count()).select_from(webhook_endpoints)
    return transaction.connection.execute(
        query.where(webhook_endpoints.c.workspace_id == workspace_id)
    ).scalar_one()


def with_types(transaction: Transaction, rows: Sequence[Any]) -> list[Endpoint]:
    """Endpoints of their rows, with what they want to be told."""
    subscription = webhook_subscriptions.c
    query = select(subscription.endpoint_id, subscription.type).where(
        subscription.endpoint_id.in_([row[0] for row in rows])
    )
    kept = {
        (endpoint_id, type_.removeprefix("-")) for endpoint_id, type_ in transaction.connection.execute(query)
    }
    return [
        Endpoint(*row)._replace(types=tuple(one for one in TYPES if (row[0], one) in kept)) for row in rows
    ]


def delete_endpoint(transaction: Transaction, workspace_id: str, id_: str) -> bool:
    """Delete it with its deliveries; False when there is none."""
    gone = transaction.connection.execute(
        delete(webhook_endpoints).where(
            webhook_endpoints.c.id == id_, webhook_endpoints.c.workspace_id == workspace_id
        )
    )
    return gone.rowcount == 1


def find_subscribers(transaction: Transaction, events: Iterable[Event]) -> dict[tuple[str, str], list[str]]:
    """The endpoints that want each (workspace, type) of these events; none of them goes until the transaction ends."""
    subscription = webhook_subscriptions.c
    workspace_ids = {event.workspace_id for event in events}
    query = (
        select(subscription.workspace_id, subscription.type, subscription.endpoint_id)
        .join(webhook_endpoints, webhook_endpoints.c.id == subscription.endpoint_id)
        .where(subscription.workspace_id.in_(workspace_ids))
        .with_for_update(read=True, key_share=True, of=webhook_endpoints)
    )
    found: dict[tuple[str, str], list[str]] = {}
    for workspace_id, type_, endpoint_id in transaction.connection.execute(query):
        found.setdefault((workspace_id, type_), []).append(endpoint_id)
    return found


def renew_lease(transaction: Transaction, endpoint_id: str, lease: str) -> Endpoint | None:
    """The endpoint as it is now, in whatever status, for so long again; None when it isn't this worker's any more."""
    endpoint = webhook_endpoints.c
    row = transaction.connection.execute(
        update(webhook_endpoints)
        .where(endpoint.id == endpoint_id, endpoint.lease == lease)
        .values(lease_until=transaction.at + LEASE_MS)
        .returning(*ENDPOINT)
    ).first()
    return Endpoint(*row) if row else None


def end_lease(transaction: Transaction, endpoint_id: str, lease: str, until: Moment = 0) -> None:
    """Others may send to it, from that moment on; from now on, in turn, where none is given."""
    endpoint = webhook_endpoints.c
    transaction.connection.execute(
        update(webhook_endpoints)
        .where(endpoint.id == endpoint_id, endpoint.lease == lease)
        .values(lease=None, lease_until=until or transaction.at)
    )


def end_pause(transaction: Transaction, endpoint_id: str) -> None:
    """It need not be left alone any longer. Where somebody sends to it, that goes on."""
    endpoint = webhook_endpoints.c
    transaction.connection.execute(
        update(webhook_endpoints)
        .where(endpoint.id == endpoint_id, endpoint.lease.is_(None))
        .values(lease_until=0)
    )


def note_failing(transaction: Transaction, endpoint_id: str, *, failing: bool) -> None:
    """Since when there was nothing but failures: from the first of them on, until something is delivered."""
    endpoint = webhook_endpoints.c
    changed = and_(endpoint.id == endpoint_id, endpoint.failing_since.is_(None) == failing)
    transaction.connection.execute(
        update(webhook_endpoints).where(changed).values(failing_since=transaction.at if failing else None)
    )


def disable_endpoint(transaction: Transaction, endpoint_id: str, reason: str) -> None:
    """We stop sending to it and gathering for it; its owners are told."""
    endpoint, subscription = webhook_endpoints.c, webhook_subscriptions.c
    changed = transaction.connection.execute(
        update(webhook_endpoints)
        .where(endpoint.id == endpoint_id, endpoint.status != "disabled")
        .values(status="disabled", disabled_reason=reason, untold=1, updated_at=transaction.at)
    )
    if changed.rowcount:
        transaction.connection.execute(
            update(webhook_subscriptions)
            .where(subscription.endpoint_id == endpoint_id)
            .values(type="-" + subscription.type)
        )


def list_untold(transaction: Transaction) -> list[Endpoint]:
    """Endpoints that we disabled and whose owners don't know yet; from now on they count as told."""
    endpoint = webhook_endpoints.c
    rows = transaction.connection.execute(
        update(webhook_endpoints).where(endpoint.untold == 1).values(untold=0).returning(*ENDPOINT)
    ).all()
    return [Endpoint(*row) for row in rows]
