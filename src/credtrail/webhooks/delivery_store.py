"""SQL of messages, deliveries and attempts. Called by this slice's faces and `send`, and by `announce`.

What was being sent when a worker was killed is sent again, with the same id and bytes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from credtrail.database import Key, RowSet, Transaction, cut, metadata
from credtrail.values import Moment
from credtrail.webhooks.model import INTERACTION_TYPES, Attempt, Delivery, Endpoint, Message
from credtrail.webhooks.outbox import webhook_events
from credtrail.webhooks.store import ENDPOINT, LEASE_MS, webhook_endpoints, with_types

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
    # One that was interrupted isn't counted, so that workers which die spend no message's attempts.
    Column("series", Integer, nullable=False, server_default="0"),
    # Full or thin: decided by the first attempt, since all of them send the same bytes.
    Column("body", Key),
    Index(None, "endpoint_id", "id"),
    Index("webhook_deliveries_due_idx", "endpoint_id", "due_at", "message_id"),
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

_DAY_MS = 86_400_000
_FORGOTTEN_AT_ONCE = 2_000

_DELIVERY = [column for column in webhook_deliveries.c if column.name not in ("series", "body")]


class Due(NamedTuple):
    """A delivery whose turn it is, with the bytes to send."""

    id: str
    message_id: str
    credential_id: str
    attempts: int
    series: int
    was_sending: bool
    body: bytes


def lock_announcing(transaction: Transaction) -> bool:
    """Only one worker makes messages at a time, so that deliveries stand in the order of their events."""
    if transaction.dialect == "sqlite":
        return True  # a write transaction is the only one there
    taken = func.pg_try_advisory_xact_lock(func.hashtext("credtrail.webhooks.announce"))
    return bool(transaction.connection.execute(select(taken)).scalar())


def add_messages(transaction: Transaction, addressed: Sequence[tuple[Message, Sequence[str]]]) -> None:
    """Keep messages, each with a delivery for every endpoint it is addressed to.

    Each is due since it happened: whoever sends takes them in that order, whichever worker wrote them down.
    """
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
            min(message.created_at, transaction.at),
            transaction.at,
            None,
        )._asdict()
        for message, endpoint_ids in addressed
        for endpoint_id in endpoint_ids
    ]
    if messages:
        transaction.connection.execute(insert(webhook_messages), messages)
        transaction.connection.execute(insert(webhook_deliveries), deliveries)


def lease_endpoints(transaction: Transaction, lease: str, limit: int, *, failing: bool) -> list[Endpoint]:
    """Up to `limit` endpoints, failing ones or the others, with something due and nobody who sends to them, those left
    alone longest first; this worker's from now on."""
    endpoint = webhook_endpoints.c
    free = (
        select(endpoint.id)
        .where(_wants_sending(transaction), endpoint.failing_since.is_not(None) == failing)
        .order_by(endpoint.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(transaction.connection.execute(free).scalars())
    if not ids:
        return []
    taken = transaction.connection.execute(
        update(webhook_endpoints)
        .where(endpoint.id.in_(ids))
        .values(lease=lease, lease_until=transaction.at + LEASE_MS)
        .returning(*ENDPOINT)
    ).all()
    return with_types(transaction, taken)


def _wants_sending(transaction: Transaction) -> ColumnElement[bool]:
    endpoint, delivery = webhook_endpoints.c, webhook_deliveries.c
    has_due = exists().where(delivery.endpoint_id == endpoint.id, delivery.due_at <= transaction.at)
    return and_(endpoint.status == "enabled", endpoint.lease_until <= transaction.at, has_due)


def list_due(transaction: Transaction) -> set[bool]:
    """Whether there is anything to send that nobody sends: to endpoints that fail (True), to others (False)."""
    fails = webhook_endpoints.c.failing_since.is_not(None)
    query = select(fails).where(_wants_sending(transaction)).distinct()
    return {bool(one) for one in transaction.connection.execute(query).scalars()}


def claim_due(transaction: Transaction, endpoint: Endpoint, limit: int) -> list[Due]:
    """Up to `limit` deliveries whose turn it is, in order, as being sent from now on. Under the endpoint's lease only."""
    delivery, message = webhook_deliveries.c, webhook_messages.c
    was_sending = delivery.status == "sending"
    rows = transaction.connection.execute(
        select(
            delivery.id,
            delivery.message_id,
            delivery.credential_id,
            delivery.attempts + 1,
            delivery.series + case((was_sending, 1), else_=0),
            was_sending,
            _bytes_for(endpoint),
        )
        .join(webhook_messages, message.id == delivery.message_id)
        .where(delivery.endpoint_id == endpoint.id, delivery.due_at <= transaction.at)
        .order_by(delivery.due_at, delivery.message_id)
        .limit(limit)
    ).all()
    due = [Due(*row)._replace(body=bytes(row[6])) for row in rows]
    if due:
        transaction.connection.execute(
            update(webhook_deliveries)
            .where(delivery.id.in_([one.id for one in due]))
            .values(
                status="sending",
                attempts=delivery.attempts + 1,
                series=delivery.series + case((was_sending, 1), else_=0),
                body=func.coalesce(delivery.body, endpoint.body),
            )
        )
    return due


def _bytes_for(endpoint: Endpoint) -> ColumnElement[bytes]:
    """What is sent: of the kind that was sent before, else of the kind that the endpoint wants now."""
    message = webhook_messages.c
    kind = func.coalesce(webhook_deliveries.c.body, endpoint.body)
    return case((kind == "full", message.full), else_=message.thin)


_ADD_ATTEMPTS = RowSet(
    "insert into webhook_attempts (delivery_id, number, at, duration_ms, status_code, failure, answer, headers) "
    "select delivery_id, number, at, duration_ms, status_code, failure, answer, headers from {rows} "
    "where exists (select 1 from webhook_deliveries d where d.id = rows.delivery_id) "
    "on conflict (delivery_id, number) do update set at = excluded.at, duration_ms = excluded.duration_ms, "
    "status_code = excluded.status_code, failure = excluded.failure, answer = excluded.answer, "
    "headers = excluded.headers where webhook_attempts.failure = 'interrupted'",
    delivery_id="text",
    number="bigint",
    at="bigint",
    duration_ms="bigint",
    status_code="bigint",
    failure="text",
    answer="text",
    headers="text",
)


def add_attempts(transaction: Transaction, attempts: Sequence[Attempt]) -> None:
    """Keep attempts; those of deliveries that were deleted meanwhile are left out.

    One that was thought interrupted, since its worker was slower than its lease, is known after all.
    """
    transaction.run(_ADD_ATTEMPTS, attempts)


def settle_delivered(transaction: Transaction, ids: Sequence[str]) -> None:
    """These came."""
    if ids:
        transaction.connection.execute(
            update(webhook_deliveries)
            .where(webhook_deliveries.c.id.in_(ids))
            .values(status="delivered", due_at=None, settled_at=transaction.at)
        )


def settle_failed(transaction: Transaction, id_: str, attempts: int, next_at: Moment | None) -> None:
    """This attempt failed: it waits for its next turn, or there is none any more. Where it is another's by now, or came
    after all, nothing is changed."""
    values: dict[str, Any] = {"status": "waiting", "due_at": next_at}
    if next_at is None:
        values = {"status": "failed", "due_at": None, "settled_at": transaction.at}
    delivery = webhook_deliveries.c
    transaction.connection.execute(
        update(webhook_deliveries)
        .where(delivery.id == id_, delivery.attempts == attempts, delivery.status == "sending")
        .values(values)
    )


def put_back(transaction: Transaction, ids: Sequence[str]) -> None:
    """These were claimed and not sent after all. Under the endpoint's lease only."""
    if ids:
        delivery = webhook_deliveries.c
        transaction.connection.execute(
            update(webhook_deliveries)
            .where(delivery.id.in_(ids), delivery.status == "sending")
            .values(
                status="waiting",
                attempts=delivery.attempts - 1,
                body=case((delivery.attempts > 1, delivery.body)),
            )
        )


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


def list_deliveries_about(
    transaction: Transaction,
    workspace_id: str,
    credential_id: str,
    *,
    edge: str | None,
    newer: bool,
    limit: int,
) -> list[tuple[Delivery, str]]:
    """Up to `limit` deliveries to any endpoint about a credential, each with the endpoint's address, in the same order."""
    delivery, message, endpoint = webhook_deliveries.c, webhook_messages.c, webhook_endpoints.c
    query = (
        select(*_DELIVERY, endpoint.url)
        .join(webhook_messages, message.id == delivery.message_id)
        .join(webhook_endpoints, endpoint.id == delivery.endpoint_id)
        .where(message.credential_id == credential_id, message.workspace_id == workspace_id)
    )
    query = cut(query, delivery.id, edge=edge, newer=newer, limit=limit)
    return [(Delivery(*row[:-1]), row[-1]) for row in transaction.connection.execute(query)]


def find_delivery(
    transaction: Transaction, endpoint: Endpoint, id_: str
) -> tuple[Delivery, bytes, list[Attempt]] | None:
    """A delivery with the body it is sent with and its attempts, oldest first."""
    delivery, message = webhook_deliveries.c, webhook_messages.c
    row = transaction.connection.execute(
        select(*_DELIVERY, _bytes_for(endpoint))
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
    """Delete some thousand messages older than that, with deliveries and attempts; how many. What still waits is kept
    as long again, and a week at least: that of endpoints which stay paused, say."""
    delivery, message = webhook_deliveries.c, webhook_messages.c
    is_open = exists().where(delivery.message_id == message.id, delivery.due_at.is_not(None))
    old = message.created_at < transaction.at - days * _DAY_MS
    too_old = message.created_at < transaction.at - (days + max(days, 7)) * _DAY_MS
    some = (
        select(message.id)
        .where(old, or_(~is_open, too_old))
        .order_by(message.created_at)
        .limit(_FORGOTTEN_AT_ONCE)
    )
    gone = transaction.connection.execute(
        delete(webhook_messages).where(message.id.in_(some.scalar_subquery()))
    )
    return gone.rowcount
