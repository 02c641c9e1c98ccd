"""What is to be told: one row for each event that an endpoint wants, written in the transaction of its cause.

Whether any endpoint wants it is asked in the very statement that writes the row, so that no process has to know of
endpoints, and one that is there before an event is acknowledged is told of it. Called by the stores of what happens
and by `interactions.record`. Nothing here knows what a credential or an interaction is.
"""

from collections.abc import Iterable
from typing import Literal

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, delete, func, select

from credtrail.database import BulkTransaction, Key, RowSet, Transaction, metadata
from credtrail.values import Moment
from credtrail.webhooks.model import Event, WebhookType

# Of endpoints that gather: enabled and paused ones. A disabled endpoint has no rows here.
webhook_subscriptions = Table(
    "webhook_subscriptions",
    metadata,
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("type", Key, primary_key=True),
    Column("endpoint_id", Key, ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Index(None, "endpoint_id"),
)

# Refers to nothing: a check and an index more would be paid with each interaction. What is gone has no subscribers.
webhook_events = Table(
    "webhook_events",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, nullable=False),
    Column("type", Key, nullable=False),
    Column("credential_id", Key, nullable=False, index=True),
    sqlite_with_rowid=False,
)


def note_from(type_: str, **columns: Literal["text", "bigint"]) -> RowSet:
    """The statement that notes events out of rows with other columns, as far as anybody wants them.

    `type_` is the SQL expression of an event's type; id, workspace_id and credential_id are among the columns. Whoever
    writes such rows anyway needn't send them twice.
    """
    return RowSet(
        f"insert into webhook_events (id, workspace_id, type, credential_id) "  # noqa: S608 - our own words
        f"select id, workspace_id, {type_}, credential_id from {{rows}} where exists (select 1 from "
        f"webhook_subscriptions s where s.workspace_id = rows.workspace_id and s.type = {type_})",
        returns=(),
        **columns,
    )


_ADD = note_from("rows.type", id="text", workspace_id="text", type="text", credential_id="text")


def add_credential_events(
    transaction: BulkTransaction, workspace_id: str, type_: WebhookType, credential_ids: Iterable[str]
) -> None:
    """Note, in this transaction, that this happened to these credentials."""
    rows = [Event(transaction.new_id(), workspace_id, type_, id_) for id_ in credential_ids]
    transaction.run(_ADD, rows)


def take_events(transaction: Transaction, limit: int) -> list[Event]:
    """The oldest events, taken out for good: whoever takes them makes messages of them in the same transaction."""
    oldest = select(webhook_events).order_by(webhook_events.c.id).limit(limit)
    taken = [Event(*row) for row in transaction.connection.execute(oldest.with_for_update(skip_locked=True))]
    if taken:
        ids = [event.id for event in taken]
        transaction.connection.execute(delete(webhook_events).where(webhook_events.c.id.in_(ids)))
    return taken


def has_events(transaction: Transaction) -> bool:
    """Whether there is anything to make messages of."""
    return transaction.connection.execute(select(webhook_events.c.id).limit(1)).first() is not None


def list_subscribed_since(transaction: Transaction, type_: WebhookType) -> dict[str, Moment]:
    """Since when this type is wanted, by workspace."""
    subscription = webhook_subscriptions.c
    query = (
        select(subscription.workspace_id, func.min(subscription.since))
        .where(subscription.type == type_)
        .group_by(subscription.workspace_id)
    )
    return {row[0]: row[1] for row in transaction.connection.execute(query)}
