"""The log of interactions in SQLite or PostgreSQL."""

from collections.abc import Collection
from functools import partial
from typing import Literal

from sqlalchemy import BigInteger, Column, ColumnElement, ForeignKey, Index, Table, delete, select, union_all

from credtrail.database import Key, RowSet, Transaction, Writes, cut, metadata
from credtrail.interactions.model import (
    Filters,
    Interaction,
)
from credtrail.values import EVENT_TYPES

interactions = Table(
    "interactions",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, nullable=False),
    Column("group_id", Key, nullable=False),
    Column("credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), nullable=False),
    Column("event_type", Key, nullable=False),
    Column("triggered_by", Key, nullable=False),
    Column("triggered_at", BigInteger, nullable=False),
    Column("certainty", Key, nullable=False),
    # Every list is by id within one of these; ids grow, so inserts go to the right edge of each index.
    Index(None, "workspace_id", "id"),
    Index(None, "workspace_id", "event_type", "id"),
    Index(None, "group_id", "id"),
    Index(None, "credential_id", "id"),
    sqlite_with_rowid=False,
)

COLUMNS: dict[str, Literal["text", "bigint"]] = {
    "id": "text",
    "workspace_id": "text",
    "group_id": "text",
    "credential_id": "text",
    "event_type": "text",
    "triggered_by": "text",
    "triggered_at": "bigint",
    "certainty": "text",
}
"""Of an Interaction as a row."""

_APPEND = RowSet(
    "insert into interactions (id, workspace_id, group_id, credential_id, event_type, triggered_by, "
    "triggered_at, certainty) select id, workspace_id, group_id, credential_id, event_type, triggered_by, "
    "triggered_at, certainty from {rows}",
    returns=(),
    **COLUMNS,
)


class SqlLog:
    """A Log in the same database as everything else."""

    def append(self, interactions: list[Interaction]) -> Writes:
        """Keep them all; one statement."""
        return ((_APPEND, interactions),)

    def find(self, transaction: Transaction, workspace_id: str, id_: str) -> Interaction | None:
        """One interaction of this workspace."""
        query = select(interactions).where(
            interactions.c.id == id_, interactions.c.workspace_id == workspace_id
        )
        row = transaction.connection.execute(query).first()
        return Interaction(*row) if row else None

    def find_all(self, transaction: Transaction, ids: Collection[str]) -> list[Interaction]:
        """In one query."""
        query = select(interactions).where(interactions.c.id.in_(ids))
        return [Interaction(*row) for row in transaction.connection.execute(query)]

    def page(
        self,
        transaction: Transaction,
        workspace_id: str,
        filters: Filters,
        *,
        edge: str | None,
        newer: bool,
        limit: int,
    ) -> list[Interaction]:
        """Walk the index that fits the filters; several event types are several walks, merged."""
        every = select(interactions).where(*_conditions(workspace_id, filters))
        page = partial(cut, edge=edge, newer=newer, limit=limit)
        types = set(filters.event_types)
        query = page(every, interactions.c.id)
        if types and types != set(EVENT_TYPES):
            walks = union_all(
                *(
                    select(page(every.where(interactions.c.event_type == name), interactions.c.id).subquery())
                    for name in sorted(types)
                )
            ).subquery()
            query = page(select(walks), walks.c.id)
        return [Interaction(*row) for row in transaction.connection.execute(query)]

    def forget(self, transaction: Transaction, workspace_id: str, before: str, limit: int) -> int:
        """By the index that lists a workspace's."""
        table = interactions.c
        oldest = select(table.id).where(table.workspace_id == workspace_id, table.id < before)
        some = oldest.order_by(table.id).limit(limit).scalar_subquery()
        return transaction.connection.execute(delete(interactions).where(table.id.in_(some))).rowcount


def _conditions(workspace_id: str, filters: Filters) -> list[ColumnElement[bool]]:
    table = interactions.c
    conditions = [table.workspace_id == workspace_id]
    if filters.credential_id is not None:
        conditions.append(table.credential_id == filters.credential_id)
    if filters.group_id is not None:
        conditions.append(table.group_id == filters.group_id)
    if filters.triggered_by is not None:
        conditions.append(table.triggered_by == filters.triggered_by)
    if filters.triggered_from is not None:
        conditions.append(table.triggered_at >= filters.triggered_from)
    if filters.triggered_to is not None:
        conditions.append(table.triggered_at < filters.triggered_to)
    return conditions
