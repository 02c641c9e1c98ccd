"""SQL of endpoints, messages, deliveries and attempts. Called by this slice's face and `send`, and by `announce`.

A worker that sends to an endpoint holds its lease; a lease ends by itself, so that another takes over from one that
was killed. What was being sent then is sent again, with the same id and bytes.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from credtrail.database import Key, Transaction, cut, metadata
from credtrail.values import Moment
from credtrail.webhooks.model import INTERACTION_TYPES, TYPES, Attempt, Delivery, Endpoint, Event, Message
from credtrail.webhooks.outbox import webhook_events, webhook_subscriptions

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

webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("type", Key, nullable=False),
    Column("credential_id", Key, nullable=False, index=True),
    Column("full", LargeBinary, nullable=False),
    Column("thin", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Key, primary_key=True),
    Column("endpoint_id", Key, ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), nullable=False),
    Column(
        "message_id", Key, ForeignKey("webhook_messages.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("type", Key, nullable=False),
    Column("credential_id", Key, nullable=False),
    Column("status", Key, nullable=False),
    Column("attempts", Integer, nullable=False),
    # Null once it is settled, so that the index by which workers look finds nothing but what is open.
    Column("due_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    # How many attempts there were when the present series began: a redelivery begins a new one.
    Column("series", Integer, nullable=False, server_default="0"),
    Index(None, "endpoint_id", "id"),
    Index("webhook_deliveries_due_idx", "endpoint_id", "due_at", "id"),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("delivery_id", Key, ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("status_code", Integer),
    Column("failure", Key),
    Column("answer", Text, nullable=False),
    Column("headers", Text, nullable=False),
)

_ENDPOINT = [
    column for column in webhook_endpoints.c if column.name not in ("lease", "lease_until", "untold")
]
_DELIVERY = [column for column in webhook_deliveries.c if column.name != "series"]


class Due(NamedTuple):
    """A delivery whose turn it is, with the bytes to send."""

    id: str
    message_id: str
    credential_id: str
    attempts: int
    series: int
    was_sending: bool
    body: bytes


def add_endpoint(transaction: Transaction, endpoint: Endpoint) -> None:
    """Create an endpoint."""
    transaction.connection.execute(insert(webhook_endpoints).values(_row(endpoint)))
    _subscribe(transaction, endpoint)


def save_endpoint(transaction: Transaction, endpoint: Endpoint) -> None:
    """Keep this state of it. One that was disabled begins anew: what failed before counts no more."""
    where = webhook_endpoints.c.id == endpoint.id
    transaction.connection.execute(update(webhook_endpoints).where(where).values(_row(endpoint)))
    transaction.connection.execute(
        delete(webhook_subscriptions).where(webhook_subscriptions.c.endpoint_id == endpoint.id)
    )
    _subscribe(transaction, endpoint)


def _row(endpoint: Endpoint) -> dict[str, Any]:
    row = endpoint._asdict()
    del row["types"]
    return row


def _subscribe(transaction: Transaction, endpoint: Endpoint) -> None:
    """Types of a disabled endpoint are kept with a mark, so that nothing is gathered for it."""
    rows = [
        {"workspace_id": endpoint.workspace_id, "type": _kept_type(endpoint, one), "endpoint_id": endpoint.id}
        for one in endpoint.types
    ]
    transaction.connection.execute(insert(webhook_subscriptions), rows)


def _kept_type(endpoint: Endpoint, type_: str) -> str:
    return f"-{type_}" if endpoint.status == "disabled" else type_


def find_endpoint(
    transaction: Transaction, workspace_id: str, id_: str, *, lock: bool = False
) -> Endpoint | None:
    """One endpoint of this workspace; with `lock` nobody else changes it until the transaction ends."""
    query = select(*_ENDPOINT).where(
        webhook_endpoints.c.id == id_, webhook_endpoints.c.workspace_id == workspace_id
    )
    if lock:
        query = query.with_for_update()
    found = _with_types(transaction, transaction.connection.execute(query).all())
    return found[0] if found else None


def list_endpoints(
    transaction: Transaction, workspace_id: str, *, edge: str | None, newer: bool, limit: int
) -> list[Endpoint]:
    """Up to `limit` endpoints before the edge, newest first; with `newer` those after it, oldest first."""
    query = select(*_ENDPOINT).where(webhook_endpoints.c.workspace_id == workspace_id)
    query = cut(query, webhook_endpoints.c.id, edge=edge, newer=newer, limit=limit)
    return _with_types(transaction, transaction.connection.execute(query).all())


def count_endpoints(transaction: Transaction, workspace_id: str) -> int:
    """How many endpoints a workspace has."""
    query = select(func.count()).select_from(webhook_endpoints)
    return transaction.connection.execute(
        query.where(webhook_endpoints.c.workspace_id == workspace_id)
    ).scalar_one()


def _with_types(transaction: Transaction, rows: Sequence[Any]) -> list[Endpoint]:
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


def lock_announcing(transaction: Transaction) -> bool:
    """Only one worker makes messages at a time, so that deliveries stand in the order of their events."""
    if transaction.dialect == "sqlite":
        return True  # a write transaction is the only one there
    taken = func.pg_try_advisory_xact_lock(func.hashtext("credtrail.webhooks.announce"))
    return bool(transaction.connection.execute(select(taken)).scalar())


def find_subscribers(transaction: Transaction, events: Iterable[Event]) -> dict[tuple[str, str], list[str]]:
    """The endpoints that want each (workspace, type) of these events."""
    subscription = webhook_subscriptions.c
    workspace_ids = {event.workspace_id for event in events}
    query = select(subscription.workspace_id, subscription.type, subscription.endpoint_id).where(
        subscription.workspace_id.in_(workspace_ids)
    )
    found: dict[tuple[str, str], list[str]] = {}
    for workspace_id, type_, endpoint_id in transaction.connection.execute(query):
        found.setdefault((workspace_id, type_), []).append(endpoint_id)
    return found


def add_messages(transaction: Transaction, addressed: Sequence[tuple[Message, Sequence[str]]]) -> None:
    """Keep messages, each with a delivery for every endpoint it is addressed to, in this order."""
    messages = [message._asdict() for message, endpoint_ids in addressed if endpoint_ids]
    deliveries = [
        Delivery(
            transaction.new_id(),
            endpoint_id,
            message.id,
            message.type,
            message.credential_id,
            "waiting",
            0,
            transaction.at,
            transaction.at,
            None,
        )._asdict()
        for message, endpoint_ids in addressed
        for endpoint_id in endpoint_ids
    ]
    if messages:
        transaction.connection.execute(insert(webhook_messages), messages)
        transaction.connection.execute(insert(webhook_deliveries), deliveries)


def lease_endpoints(transaction: Transaction, lease: str, limit: int) -> list[Endpoint]:
    """Up to `limit` enabled endpoints that have something due and that nobody else sends to; this worker's from now on."""
    endpoint, delivery = webhook_endpoints.c, webhook_deliveries.c
    has_due = exists().where(delivery.endpoint_id == endpoint.id, delivery.due_at <= transaction.at)
    free = (
        select(endpoint.id)
        .where(endpoint.status == "enabled", endpoint.lease_until <= transaction.at, has_due)
        .order_by(endpoint.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = transaction.connection.execute(
        update(webhook_endpoints)
        .where(endpoint.id.in_(free.scalar_subquery()))
        .values(lease=lease, lease_until=transaction.at + LEASE_MS)
        .returning(*_ENDPOINT)
    ).all()
    return _with_types(transaction, taken)


def has_due_endpoint(transaction: Transaction) -> bool:
    """Whether there is anything to send that nobody sends."""
    endpoint, delivery = webhook_endpoints.c, webhook_deliveries.c
    query = (
        select(endpoint.id)
        .where(
            endpoint.status == "enabled",
            endpoint.lease_until <= transaction.at,
            exists().where(delivery.endpoint_id == endpoint.id, delivery.due_at <= transaction.at),
        )
        .limit(1)
    )
    return transaction.connection.execute(query).first() is not None


def renew_lease(transaction: Transaction, endpoint_id: str, lease: str) -> Endpoint | None:
    """The endpoint as it is now, for so long again; None when it isn't this worker's any more, or not to be sent to."""
    endpoint = webhook_endpoints.c
    row = transaction.connection.execute(
        update(webhook_endpoints)
        .where(endpoint.id == endpoint_id, endpoint.lease == lease, endpoint.status == "enabled")
        .values(lease_until=transaction.at + LEASE_MS)
        .returning(*_ENDPOINT)
    ).first()
    return Endpoint(*row) if row else None


def end_lease(transaction: Transaction, endpoint_id: str, lease: str, until: Moment = 0) -> None:
    """Others may send to it, from that moment on."""
    endpoint = webhook_endpoints.c
    transaction.connection.execute(
        update(webhook_endpoints)
        .where(endpoint.id == endpoint_id, endpoint.lease == lease)
        .values(lease=None, lease_until=until)
    )


def claim_due(transaction: Transaction, endpoint: Endpoint, limit: int) -> list[Due]:
    """Up to `limit` deliveries whose turn it is, in order, as being sent from now on. Under the endpoint's lease only."""
    delivery, message = webhook_deliveries.c, webhook_messages.c
    rows = transaction.connection.execute(
        select(
            delivery.id,
            delivery.message_id,
            delivery.credential_id,
            delivery.attempts,
            delivery.series,
            delivery.status == "sending",
            message.full if endpoint.body == "full" else message.thin,
        )
        .join(webhook_messages, message.id == delivery.message_id)
        .where(delivery.endpoint_id == endpoint.id, delivery.due_at <= transaction.at)
        .order_by(delivery.due_at, delivery.id)
        .limit(limit)
    ).all()
    due = [Due(*row)._replace(attempts=row[3] + 1, body=bytes(row[6])) for row in rows]
    transaction.connection.execute(
        update(webhook_deliveries)
        .where(delivery.id.in_([one.id for one in due]))
        .values(status="sending", attempts=delivery.attempts + 1)
    )
    return due


def add_attempts(transaction: Transaction, attempts: Sequence[Attempt]) -> None:
    """Keep attempts; those of deliveries that were deleted meanwhile are left out."""
    ids = [one.delivery_id for one in attempts]
    there = set(
        transaction.connection.execute(
            select(webhook_deliveries.c.id).where(webhook_deliveries.c.id.in_(ids))
        ).scalars()
    )
    rows = [one._asdict() for one in attempts if one.delivery_id in there]
    if rows:
        transaction.connection.execute(insert(webhook_attempts), rows)


def settle_delivered(transaction: Transaction, ids: Sequence[str]) -> None:
    """These came."""
    if ids:
        transaction.connection.execute(
            update(webhook_deliveries)
            .where(webhook_deliveries.c.id.in_(ids))
            .values(status="delivered", due_at=None, settled_at=transaction.at)
        )


def settle_failed(transaction: Transaction, id_: str, next_at: Moment | None) -> None:
    """This one didn't come: it waits for its next turn, or there is none any more."""
    values: dict[str, Any] = {"status": "waiting", "due_at": next_at}
    if next_at is None:
        values = {"status": "failed", "due_at": None, "settled_at": transaction.at}
    transaction.connection.execute(
        update(webhook_deliveries).where(webhook_deliveries.c.id == id_).values(values)
    )


def put_back(transaction: Transaction, ids: Sequence[str]) -> None:
    """These were claimed and not sent after all."""
    if ids:
        delivery = webhook_deliveries.c
        transaction.connection.execute(
            update(webhook_deliveries)
            .where(delivery.id.in_(ids), delivery.status == "sending")
            .values(status="waiting", attempts=delivery.attempts - 1)
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
        update(webhook_endpoints).where(endpoint.untold == 1).values(untold=0).returning(*_ENDPOINT)
    ).all()
    return [Endpoint(*row) for row in rows]


def list_deliveries(
    transaction: Transaction,
    endpoint_id: str,
    status: str | None = None,
    type_: str | None = None,
    credential_id: str | None = None,
    *,
    edge: str | None,
    newer: bool,
    limit: int,
) -> list[Delivery]:
    """Up to `limit` of an endpoint's deliveries before the edge, newest first; with `newer` those after it, oldest first."""
    delivery = webhook_deliveries.c
    query = select(*_DELIVERY).where(delivery.endpoint_id == endpoint_id)
    if status is not None:
        query = query.where(delivery.status == status)
    if type_ is not None:
        query = query.where(delivery.type == type_)
    if credential_id is not None:
        query = query.where(delivery.credential_id == credential_id)
    query = cut(query, delivery.id, edge=edge, newer=newer, limit=limit)
    return [Delivery(*row) for row in transaction.connection.execute(query)]


def find_delivery(
    transaction: Transaction, endpoint: Endpoint, id_: str
) -> tuple[Delivery, bytes, list[Attempt]] | None:
    """A delivery with the body it is sent with and its attempts, oldest first."""
    delivery, message = webhook_deliveries.c, webhook_messages.c
    row = transaction.connection.execute(
        select(*_DELIVERY, message.full if endpoint.body == "full" else message.thin)
        .join(webhook_messages, message.id == delivery.message_id)
        .where(delivery.id == id_, delivery.endpoint_id == endpoint.id)
    ).first()
    if row is None:
        return None
    tries = select(webhook_attempts).where(webhook_attempts.c.delivery_id == id_)
    found = transaction.connection.execute(tries.order_by(webhook_attempts.c.number))
    return Delivery(*row[:-1]), bytes(row[-1]), [Attempt(*one) for one in found]


def redeliver(
    transaction: Transaction,
    endpoint_id: str,
    *,
    id_: str | None = None,
    status: str | None = None,
    created_from: Moment | None = None,
    created_to: Moment | None = None,
) -> int:
    """Send again, with a new series of attempts and the same ids and bytes; how many. What is under way is left alone."""
    delivery = webhook_deliveries.c
    where = [delivery.endpoint_id == endpoint_id, delivery.status.in_(("delivered", "failed"))]
    if id_ is not None:
        where.append(delivery.id == id_)
    if status is not None:
        where.append(delivery.status == status)
    if created_from is not None:
        where.append(delivery.created_at >= created_from)
    if created_to is not None:
        where.append(delivery.created_at < created_to)
    changed = transaction.connection.execute(
        update(webhook_deliveries)
        .where(*where)
        .values(status="waiting", due_at=transaction.at, settled_at=None, series=delivery.attempts)
    )
    return changed.rowcount


def forget_credential(transaction: Transaction, credential_id: str) -> None:
    """Its interactions go with a credential, and with them what was to be told of them and what was: those bodies hold
    names and addresses. That it was created, issued, … is told all the same: there the body is an id."""
    for table in (webhook_events, webhook_messages):
        about = (table.c.credential_id == credential_id, table.c.type.in_(INTERACTION_TYPES))
        transaction.connection.execute(delete(table).where(*about))


def forget_old(transaction: Transaction, days: int) -> int:
    """Delete messages after their days, with deliveries and attempts; what still waits is kept. How many."""
    delivery, message = webhook_deliveries.c, webhook_messages.c
    is_open = exists().where(delivery.message_id == message.id, delivery.due_at.is_not(None))
    old = message.created_at < transaction.at - days * 86_400_000
    too_old = (
        message.created_at < transaction.at - 2 * days * 86_400_000
    )  # of endpoints that stay paused, say
    gone = transaction.connection.execute(delete(webhook_messages).where(or_(and_(old, ~is_open), too_old)))
    return gone.rowcount


def count_waiting(transaction: Transaction) -> int:
    """How many deliveries are still to be made, for the metric."""
    query: Select[Any] = select(func.count()).select_from(webhook_deliveries)
    where = webhook_deliveries.c.due_at.is_not(None)
    return int(transaction.connection.execute(query.where(where)).scalar_one())
