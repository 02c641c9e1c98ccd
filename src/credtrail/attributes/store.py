"""SQL of attributes. Called by this slice's face and by credentials."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from credtrail.attributes.model import Attribute, AttributeType
from credtrail.database import Key, Transaction, metadata

attributes = Table(
    "attributes",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("tag", Key, nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Key, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "tag"),
)


def add_attribute(
    transaction: Transaction, workspace_id: str, tag: str, name: str, type_: AttributeType
) -> Attribute:
    """Create a custom attribute; its tag must be new in the workspace."""
    attribute = Attribute(
        transaction.new_id(), workspace_id, "custom", tag, name, type_, False, transaction.at, transaction.at
    )
    restore_attribute(transaction, attribute)
    return attribute


def restore_attribute(transaction: Transaction, attribute: Attribute) -> None:
    """Bring back one that was deleted, with its id; its tag must be new in the workspace."""
    row = {name: value for name, value in attribute._asdict().items() if name not in ("parent", "is_default")}
    transaction.connection.execute(insert(attributes).values(row))


def list_attributes(transaction: Transaction, workspace_id: str) -> list[Attribute]:
    """The workspace's custom attributes, oldest first."""
    query = select(attributes).where(attributes.c.workspace_id == workspace_id).order_by(attributes.c.id)
    return [_read(row) for row in transaction.connection.execute(query)]


def find_by_tag(transaction: Transaction, workspace_id: str, tags: Iterable[str]) -> dict[str, Attribute]:
    """Those custom attributes of the workspace, by tag."""
    wanted = list(tags)
    if not wanted:
        return {}
    query = select(attributes).where(attributes.c.workspace_id == workspace_id, attributes.c.tag.in_(wanted))
    return {row.tag: _read(row) for row in transaction.connection.execute(query)}


def find_attribute(transaction: Transaction, workspace_id: str, id_: str) -> Attribute | None:
    """One custom attribute of this workspace."""
    query = select(attributes).where(attributes.c.workspace_id == workspace_id, attributes.c.id == id_)
    row = transaction.connection.execute(query).first()
    return _read(row) if row else None


def rename_attribute(transaction: Transaction, attribute: Attribute, name: str) -> Attribute:
    """Give it another name; its tag stays."""
    renamed = attribute._replace(name=name, updated_at=transaction.at)
    transaction.connection.execute(
        update(attributes).where(attributes.c.id == attribute.id).values(name=name, updated_at=transaction.at)
    )
    return renamed


def delete_attribute(transaction: Transaction, workspace_id: str, id_: str) -> bool:
    """Delete one; values that credentials have stay with them. False when there is none."""
    gone = transaction.connection.execute(
        delete(attributes).where(attributes.c.workspace_id == workspace_id, attributes.c.id == id_)
    )
    return gone.rowcount == 1


def count_attributes(transaction: Transaction, workspace_id: str) -> int:
    """How many custom attributes a workspace has."""
    query = select(func.count()).select_from(attributes).where(attributes.c.workspace_id == workspace_id)
    return transaction.connection.execute(query).scalar_one()


def _read(row: Sequence[Any]) -> Attribute:
    id_, workspace_id, tag, name, type_, created_at, updated_at = row
    return Attribute(id_, workspace_id, "custom", tag, name, type_, False, created_at, updated_at)
