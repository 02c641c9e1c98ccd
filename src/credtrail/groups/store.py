"""SQL of groups. Called by this slice's face, by credentials (a group must exist) and by the demo."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from credtrail.accounts.store import workspaces
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
    Column("expires_after", Key),
    Column("email_template_id", Key),
    Index(None, "workspace_id", "id"),
)

group_designs = Table(
    "group_designs",
    metadata,
    Column("group_id", Key, ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("design_id", Key, nullable=False, index=True),
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
    expires_after: str | None = None,
    email_template_id: str | None = None,
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
        expires_after,
        email_template_id,
    )
    restore_group(transaction, group)
    return group


def restore_group(transaction: Transaction, group: Group) -> None:
    """Bring back a group that was deleted, with its id and designs."""
    transaction.connection.execute(insert(groups).values(_row(group)))
    _save_designs(transaction, group)


def save_group(transaction: Transaction, group: Group) -> None:
    """Keep this state of the group."""
    transaction.connection.execute(update(groups).where(groups.c.id == group.id).values(_row(group)))
    transaction.connection.execute(delete(group_designs).where(group_designs.c.group_id == group.id))
    _save_designs(transaction, group)


def delete_group(transaction: Transaction, id_: str) -> bool:
    """Delete a group; False, and nothing done, when it has credentials: the schema itself holds on to it."""
    try:
        with transaction.connection.begin_nested():
            transaction.connection.execute(delete(groups).where(groups.c.id == id_))
    except IntegrityError:
        return False
    return True


def find_group(transaction: Transaction, workspace_id: str, id_: str) -> Group | None:
    """One group of this workspace."""
    return find_groups(transaction, workspace_id, [id_]).get(id_)


def find_groups(transaction: Transaction, workspace_id: str, ids: Iterable[str]) -> dict[str, Group]:
    """Those groups of this workspace, by id."""
    query = select(groups).where(groups.c.id.in_(list(ids)), groups.c.workspace_id == workspace_id)
    return {
        group.id: group for group in _with_designs(transaction, transaction.connection.execute(query).all())
    }


def list_groups(
    transaction: Transaction, workspace_id: str, *, edge: str | None, newer: bool, limit: int
) -> list[Group]:
    """Up to `limit` groups before the edge, newest first; with `newer` those after it, oldest first."""
    query = select(groups).where(groups.c.workspace_id == workspace_id)
    query = cut(query, groups.c.id, edge=edge, newer=newer, limit=limit)
    return _with_designs(transaction, transaction.connection.execute(query).all())


def list_by_name(transaction: Transaction, workspace_id: str, limit: int) -> list[tuple[str, str]]:
    """Id and name of up to `limit` groups, by name: what can be chosen from."""
    query = select(groups.c.id, groups.c.name).where(groups.c.workspace_id == workspace_id)
    rows = transaction.connection.execute(query.order_by(func.lower(groups.c.name), groups.c.id).limit(limit))
    return [(id_, name) for id_, name in rows]


def list_using_template(
    transaction: Transaction, template_ids: Iterable[str]
) -> dict[str, list[tuple[str, str]]]:
    """The groups (id, name) that send by each of these e-mail templates, by template."""
    query = select(groups.c.email_template_id, groups.c.id, groups.c.name).where(
        groups.c.email_template_id.in_(list(template_ids))
    )
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for template_id, id_, name in transaction.connection.execute(query.order_by(groups.c.id)):
        found[template_id].append((id_, name))
    return dict(found)


def uses_design(transaction: Transaction, design_id: str) -> bool:
    """Whether any group has this design."""
    query = select(group_designs.c.group_id).where(group_designs.c.design_id == design_id).limit(1)
    return transaction.connection.execute(query).first() is not None


def find_groups_by_design(
    transaction: Transaction, workspace_id: str, design_ids: Iterable[str]
) -> dict[str, list[tuple[str, str]]]:
    """Which of the workspace's groups have these designs: (id, name) by design, the oldest group first."""
    query = (
        select(group_designs.c.design_id, groups.c.id, groups.c.name)
        .join_from(group_designs, groups)
        .where(groups.c.workspace_id == workspace_id, group_designs.c.design_id.in_(set(design_ids)))
        .order_by(groups.c.id)
    )
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for design_id, id_, name in transaction.connection.execute(query):
        found[design_id].append((id_, name))
    return found


def list_groups_named(transaction: Transaction, name: str, workspace_name: str | None = None) -> list[Group]:
    """Groups with this id or name; of the workspace with that name, or of any."""
    query = select(groups).where(or_(groups.c.id == name, groups.c.name == name)).limit(100)
    if workspace_name is not None:
        query = query.join_from(groups, workspaces).where(workspaces.c.name == workspace_name)
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
    given = dict(zip(groups.c.keys(), row, strict=True))
    return Group(**{**given, "skills": tuple(given["skills"]), "design_ids": design_ids})


def _row(group: Group) -> dict[str, Any]:
    row = group._asdict()
    del row["design_ids"]
    return row


def _save_designs(transaction: Transaction, group: Group) -> None:
    transaction.connection.execute(
        insert(group_designs),
        [{"group_id": group.id, "position": n, "design_id": id_} for n, id_ in enumerate(group.design_ids)],
    )
