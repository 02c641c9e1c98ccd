"""SQL of own designs and of the images they show. Called by this slice's face, by groups (which designs are there?)
and by pages."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from credtrail.accounts.store import issuer_images
from credtrail.database import Key, Transaction, cut, metadata
from credtrail.designs.document import images_of, read_document
from credtrail.designs.model import BUILT_IN, Design, find_design

designs = Table(
    "designs",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Key, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index(None, "workspace_id", "id"),
)
DESIGN_COLUMNS = [column for column in designs.c if column.name != "workspace_id"]
"""What `read_design` reads, in its order."""

design_images = Table(
    "design_images",
    metadata,
    Column("design_id", Key, ForeignKey("designs.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Key, primary_key=True),
    Column("workspace_id", Key, nullable=False),
    # Holds on to the image: one that a design shows can't be deleted.
    ForeignKeyConstraint(
        ["workspace_id", "digest"],
        ["issuer_images.workspace_id", "issuer_images.digest"],
        name="design_images_image_fkey",
    ),
    Index(None, "workspace_id", "digest"),
)


def read_design(row: Sequence[Any]) -> Design:
    """An own design from its row of `DESIGN_COLUMNS`."""
    id_, name, type_, created_at, updated_at, document = row
    return Design(id_, name, type_, created_at, updated_at, "own", document)


def find_designs(
    transaction: Transaction, workspace_id: str, ids: Iterable[str], *, hold: bool = False
) -> dict[str, Design]:
    """Those of the ids that this workspace can use, by id, built-in and own.

    With `hold` (in a write) none of them can be deleted before the transaction's end.
    """
    wanted = set(ids)
    found = {id_: design for id_ in wanted if (design := find_design(id_)) is not None}
    if len(found) < len(wanted):
        query = select(*DESIGN_COLUMNS).where(
            designs.c.id.in_(wanted - set(found)), designs.c.workspace_id == workspace_id
        )
        # SQLite knows no such lock and needs none: it has one writer at a time.
        query = query.with_for_update(read=True) if hold else query
        found |= {row[0]: read_design(row) for row in transaction.connection.execute(query)}
    return found


def find_any_design(transaction: Transaction, id_: str) -> tuple[Design, str] | None:
    """An own design of whichever workspace, and that workspace's id: for whoever has the address of its picture."""
    query = select(*DESIGN_COLUMNS, designs.c.workspace_id).where(designs.c.id == id_)
    row = transaction.connection.execute(query).first()
    return (read_design(row[:-1]), row[-1]) if row else None


def list_designs(
    transaction: Transaction, workspace_id: str, *, edge: str | None, newer: bool, limit: int
) -> list[Design]:
    """Up to `limit` designs, built-in and own, before the edge, newest first; with `newer` those after it, oldest
    first."""
    query = select(*DESIGN_COLUMNS).where(designs.c.workspace_id == workspace_id)
    query = cut(query, designs.c.id, edge=edge, newer=newer, limit=limit)
    own = [read_design(row) for row in transaction.connection.execute(query)]
    built_in = [
        design for design in BUILT_IN if edge is None or (design.id > edge if newer else design.id < edge)
    ]
    return sorted([*own, *built_in], key=lambda design: design.id, reverse=not newer)[:limit]


def add_design(transaction: Transaction, workspace_id: str, name: str, type_: Any, document: str) -> Design:
    """Create an own design; its images have to be there (`find_missing_images`)."""
    id_ = transaction.new_id()
    design = Design(id_, name, type_, transaction.at, transaction.at, "own", document)
    transaction.connection.execute(
        insert(designs).values(
            id=id_,
            workspace_id=workspace_id,
            name=name,
            type=type_,
            created_at=transaction.at,
            updated_at=transaction.at,
            document=document,
        )
    )
    _save_images(transaction, workspace_id, id_, document)
    return design


def save_design(transaction: Transaction, workspace_id: str, design: Design) -> None:
    """Keep this state of an own design."""
    where = (designs.c.id == design.id, designs.c.workspace_id == workspace_id)
    transaction.connection.execute(
        update(designs)
        .where(*where)
        .values(name=design.name, document=design.document, updated_at=design.updated_at)
    )
    transaction.connection.execute(delete(design_images).where(design_images.c.design_id == design.id))
    _save_images(transaction, workspace_id, design.id, design.document or "")


def lock_design(transaction: Transaction, workspace_id: str, id_: str) -> Design | None:
    """An own design, for this transaction to change or delete: whoever holds it has ended, whoever comes waits."""
    query = select(*DESIGN_COLUMNS).where(designs.c.id == id_, designs.c.workspace_id == workspace_id)
    row = transaction.connection.execute(query.with_for_update()).first()
    return read_design(row) if row else None


def delete_design(transaction: Transaction, id_: str) -> None:
    """Delete an own design that was locked, and that nothing uses."""
    transaction.connection.execute(delete(designs).where(designs.c.id == id_))


def find_missing_images(transaction: Transaction, workspace_id: str, digests: Iterable[str]) -> set[str]:
    """Those that are no uploaded images of the workspace; the others can't be deleted before the transaction's end."""
    wanted = set(digests)
    if not wanted:
        return set()
    query = (
        select(issuer_images.c.digest)
        .where(
            issuer_images.c.workspace_id == workspace_id,
            issuer_images.c.digest.in_(wanted),
            issuer_images.c.uploaded_at.is_not(None),
        )
        .with_for_update(read=True)
    )
    return wanted - set(transaction.connection.execute(query).scalars())


def _save_images(transaction: Transaction, workspace_id: str, design_id: str, document: str) -> None:
    rows = [
        {"design_id": design_id, "digest": digest, "workspace_id": workspace_id}
        for digest in images_of(read_document(document))
    ]
    if rows:
        transaction.connection.execute(insert(design_images), rows)
