"""SQL of credentials. Called by this slice's face, by interactions (whose credential is it?), pages and the demo."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import issuer_profiles, workspaces
from credtrail.credentials.model import Credential, StoredStatus
from credtrail.database import BulkTransaction, Key, RowSet, Transaction, cut, metadata
from credtrail.groups.model import Group
from credtrail.groups.store import group_designs, groups, read_group

credentials = Table(
    "credentials",
    metadata,
    Column("id", Key, primary_key=True),
    Column("public_id", Key, nullable=False, unique=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("group_id", Key, ForeignKey("groups.id"), nullable=False, index=True),
    Column("status", Key, nullable=False),
    Column("recipient_id", Key, nullable=False),
    Column("recipient_name", Text, nullable=False),
    Column("recipient_email", Text),
    Column("issue_date", Key, nullable=False),
    Column("expiry_date", Key),
    Column("custom_attributes", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("evidence", JSON, nullable=False, server_default="[]"),
    Column("sent_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("revocation_reason", Text),
    Index(None, "workspace_id", "id"),
)

_WHOSE = RowSet(
    "select c.id, c.workspace_id, c.group_id, w.time_zone from {rows} "
    "join credentials c on c.id = rows.id join workspaces w on w.id = c.workspace_id",
    returns=("id", "workspace_id", "group_id", "time_zone"),
    id="text",
)


def find_owners(transaction: BulkTransaction, ids: set[str]) -> dict[str, tuple[str, str, str]]:
    """Of those ids that exist, by id: workspace id, group id, the workspace's time zone. One query."""
    found = transaction.run(_WHOSE, [(id_,) for id_ in ids])
    return {id_: (workspace_id, group_id, zone) for id_, workspace_id, group_id, zone in found}


def add_credential(
    transaction: Transaction,
    workspace_id: str,
    group_id: str,
    recipient: tuple[str | None, str, str | None],
    dates: tuple[str, str | None],
    *,
    status: StoredStatus = "draft",
    public_id: str | None = None,
    evidence: Sequence[dict[str, str]] = (),
) -> Credential:
    """Create a credential for a recipient (id or None, name, e-mail address or None).

    `evidence`: objects with a name and a url.
    """
    recipient_id, name, email = recipient
    credential = Credential(
        id=transaction.new_id(),
        public_id=public_id or str(uuid4()),
        workspace_id=workspace_id,
        group_id=group_id,
        status=status,
        recipient_id=recipient_id or transaction.new_id(),
        recipient_name=name,
        recipient_email=email,
        issue_date=dates[0],
        expiry_date=dates[1],
        custom_attributes={},
        created_at=transaction.at,
        updated_at=transaction.at,
        evidence=list(evidence),
    )
    transaction.connection.execute(insert(credentials).values(credential._asdict()))
    return credential


def find_credential(transaction: Transaction, workspace_id: str, id_: str) -> Credential | None:
    """One credential of this workspace."""
    return _one(transaction, credentials.c.id == id_, credentials.c.workspace_id == workspace_id)


def list_credentials(
    transaction: Transaction, workspace_id: str, *, edge: str | None, newer: bool, limit: int
) -> list[Credential]:
    """Up to `limit` credentials before the edge, newest first; with `newer` those after it, oldest first."""
    query = select(credentials).where(credentials.c.workspace_id == workspace_id)
    query = cut(query, credentials.c.id, edge=edge, newer=newer, limit=limit)
    return [Credential(*row) for row in transaction.connection.execute(query)]


def count_credentials(transaction: Transaction, workspace_id: str) -> int:
    """How many credentials a workspace has."""
    query = select(func.count()).select_from(credentials).where(credentials.c.workspace_id == workspace_id)
    return transaction.connection.execute(query).scalar_one()


def issue_credential(transaction: Transaction, workspace_id: str, id_: str) -> bool:
    """Draft or scheduled becomes issued; False when it was in another state (or isn't there)."""
    changed = transaction.connection.execute(
        update(credentials)
        .where(
            credentials.c.id == id_,
            credentials.c.workspace_id == workspace_id,
            credentials.c.status.in_(("draft", "scheduled")),
        )
        .values(status="issued", updated_at=transaction.at)
    )
    return changed.rowcount == 1


def delete_credential(transaction: Transaction, workspace_id: str, id_: str) -> bool:
    """Delete it and, by the schema's cascades, its interactions, its own counts and kept answers; False when there is none.

    The counts per workspace and group keep their sums: they hold no id of a credential or a person.
    """
    gone = transaction.connection.execute(
        delete(credentials).where(credentials.c.id == id_, credentials.c.workspace_id == workspace_id)
    )
    return gone.rowcount == 1


def revoke_credential(transaction: Transaction, workspace_id: str, id_: str, reason: str | None) -> bool:
    """Take an issued credential back for good, telling why; False when it isn't issued or was revoked before."""
    changed = transaction.connection.execute(
        update(credentials)
        .where(
            credentials.c.id == id_,
            credentials.c.workspace_id == workspace_id,
            credentials.c.status == "issued",
            credentials.c.revoked_at.is_(None),
        )
        .values(revoked_at=transaction.at, revocation_reason=reason, updated_at=transaction.at)
    )
    return changed.rowcount == 1


class PublicView(NamedTuple):
    """A credential with what is around it, as its public page shows it."""

    credential: Credential
    group: Group
    issuer_name: str
    time_zone: str
    profile: IssuerProfile


_PUBLIC = (
    select(
        credentials,
        workspaces.c.name,
        workspaces.c.time_zone,
        groups,
        issuer_profiles,
        group_designs.c.design_id,
    )
    .join_from(credentials, workspaces, workspaces.c.id == credentials.c.workspace_id)
    .join(groups, groups.c.id == credentials.c.group_id)
    .outerjoin(issuer_profiles, issuer_profiles.c.workspace_id == credentials.c.workspace_id)
    .outerjoin(group_designs, group_designs.c.group_id == groups.c.id)
    .where(credentials.c.public_id == bindparam("public_id"), credentials.c.status == "issued")
    .order_by(group_designs.c.position)
)
"""One row for each design. Put together once: pages are asked for more than all else, and building a statement takes
longer than running this one."""
_CREDENTIAL_END = len(credentials.c)
_GROUP_BEGIN = _CREDENTIAL_END + 2
_GROUP_END = _GROUP_BEGIN + len(groups.c)


def find_public(transaction: Transaction, public_id: str) -> PublicView | None:
    """What a public page shows; None for draft, scheduled, deleted and unknown alike."""
    rows = transaction.connection.execute(_PUBLIC, {"public_id": public_id}).all()
    if not rows:
        return None
    row, design_ids = rows[0], tuple(each[-1] for each in rows if each[-1])
    profile = row[_GROUP_END:-1]
    return PublicView(
        Credential(*row[:_CREDENTIAL_END]),
        read_group(row[_GROUP_BEGIN:_GROUP_END], design_ids),
        row[_CREDENTIAL_END],
        row[_CREDENTIAL_END + 1],
        IssuerProfile(*profile[1:]) if profile[0] else IssuerProfile(),
    )


def _one(transaction: Transaction, *where: Any) -> Credential | None:
    row = transaction.connection.execute(select(credentials).where(*where)).first()
    return Credential(*row) if row else None
