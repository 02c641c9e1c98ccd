"""SQL of groups. Called by this slice's face, by credentials (a group must exist) and by the demo."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, Table, Text, insert, select

from credtrail.database import Key, Transaction, cut, metadata
from credtrail.groups.model import Group

groups = Table(
    "groups",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("learning_event_url", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("description", Text),
    Column("skills", JSON, nullable=False, server_default="[]"),
    Index(None, "workspace_id", "id"),
)

group_designs = Table(
    "group_designs",
    metadata,
    Column("group_id", Key, ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("design_id", Key, nullable=False),
)


def add_group(
    transaction: Transaction,
    workspace_id: str,
    name: str,
    design_ids: Sequence[str],
    learning_event_url: str | None = None,
    *,
    description: str | None = None,
    skills: Sequence[str] = (),
) -> Group:
    """Create a group with its designs in order."""
    group = Group(
        transaction.new_id(),
        workspace_id,
        name,
        learning_event_url,
        tuple(design_ids),
        transaction.at,
        transaction.at,
        description,
        tuple(skills),
    )
    row = group._asdict()
    del row["design_ids"]
    transaction.connection.execute(insert(groups).values(row))
    transaction.connection.execute(
        insert(group_designs),
        [{"group_id": group.id, "position": n, "design_id": id_} for n, id_ in enumerate(design_ids)],
    )
    return group


def find_group(transaction: Transaction, workspace_id: str, id_: str) -> Group | None:
    """One group of this workspace."""
    query = select(groups).where(groups.c.id == id_, groups.c.workspace_id == workspace_id)
    found = _with_designs(transaction, transaction.connection.execute(query).all())
    return found[0] if found else None


def list_groups(
    transaction: Transaction, workspace_id: str, *, edge: str | None, newer: bool, limit: int
) -> list[Group]:
    """Up to `limit` groups before the edge, newest first; with `newer` those after it, oldest first."""
    query = select(groups).where(groups.c.workspace_id == workspace_id)
    query = cut(query, groups.c.id, edge=edge, newer=newer, limit=limit)
    return _with_designs(transaction, transaction.connection.execute(query).all())


def _with_designs(transaction: Transaction, rows: Sequence[Any]) -> list[Group]:
    designs: dict[str, list[str]] = defaultdict(list)
    query = select(group_designs.c.group_id, group_designs.c.design_id).order_by("group_id", "position")
    wanted = query.where(group_designs.c.group_id.in_([row.id for row in rows]))
    for group_id, design_id in transaction.connection.execute(wanted):
        designs[group_id].append(design_id)
    return [read_group(row, tuple(designs[row.id])) for row in rows]


def read_group(row: Sequence[Any], design_ids: tuple[str, ...]) -> Group:
    """A group from its row, columns in the table's order, and the ids of its designs."""
    id_, workspace_id, name, learning_event_url, created_at, updated_at, description, skills = row
    return Group(
        id_,
        workspace_id,
        name,
        learning_event_url,
        design_ids,
        created_at,
        updated_at,
        description,
        tuple(skills),
    )
