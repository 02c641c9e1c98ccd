"""SQL of issuers' keys and of places in status lists. Called by `acts`, `desk` and `check`."""

from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from credtrail.accounts.store import workspaces
from credtrail.badges.model import IssuerKey, StatusEntry
from credtrail.badges.status import SIZE, position_of
from credtrail.credentials.store import credentials
from credtrail.database import Key, Transaction, metadata

_ROOM = SIZE // 2
"""So many places of a list are given away; the rest stays free, so that a free one is soon found."""

issuer_keys = Table(
    "issuer_keys",
    metadata,
    Column("id", Key, primary_key=True),  # the public key
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("sealed", Text, nullable=False),  # the private one, which opens with the installation's secret key
    Column("created_at", BigInteger, nullable=False),
    Column("retired_at", BigInteger),
    Column("withdrawn_at", BigInteger),
    Column("is_active", Integer),  # 1 for the one that signs, else null
    Index(None, "workspace_id", "is_active", unique=True),
)

# A place stays taken when its credential is deleted: its bit is set from then on, so that no copy passes as valid.
status_entries = Table(
    "status_entries",
    metadata,
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("list_number", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("credential_id", Key, ForeignKey("credentials.id", ondelete="SET NULL"), unique=True),
)

_KEY_COLUMNS = [issuer_keys.c[name] for name in IssuerKey._fields]


class SealedKey(NamedTuple):
    """A key with its private half, sealed."""

    key: IssuerKey
    sealed: str


def find_active_key(transaction: Transaction, workspace_id: str) -> SealedKey | None:
    """The key that signs, if the workspace has one already."""
    query = select(*_KEY_COLUMNS, issuer_keys.c.sealed).where(
        issuer_keys.c.workspace_id == workspace_id, issuer_keys.c.is_active == 1
    )
    row = transaction.connection.execute(query).first()
    return SealedKey(IssuerKey(*row[:-1]), row[-1]) if row else None


def find_key(transaction: Transaction, workspace_id: str, key_id: str) -> SealedKey | None:
    """One key that still vouches for what it signed."""
    query = select(*_KEY_COLUMNS, issuer_keys.c.sealed).where(
        issuer_keys.c.workspace_id == workspace_id,
        issuer_keys.c.id == key_id,
        issuer_keys.c.withdrawn_at.is_(None),
    )
    row = transaction.connection.execute(query).first()
    return SealedKey(IssuerKey(*row[:-1]), row[-1]) if row else None


def list_active_keys(transaction: Transaction) -> list[tuple[str, SealedKey]]:
    """Every workspace's name and the key that signs for it."""
    query = (
        select(workspaces.c.name, *_KEY_COLUMNS, issuer_keys.c.sealed)
        .join(workspaces, workspaces.c.id == issuer_keys.c.workspace_id)
        .where(issuer_keys.c.is_active == 1)
        .order_by(workspaces.c.name)
    )
    return [
        (row[0], SealedKey(IssuerKey(*row[1:-1]), row[-1])) for row in transaction.connection.execute(query)
    ]


def list_keys(transaction: Transaction, workspace_id: str) -> list[IssuerKey]:
    """All keys of a workspace, latest first."""
    query = (
        select(*_KEY_COLUMNS)
        .where(issuer_keys.c.workspace_id == workspace_id)
        .order_by(issuer_keys.c.created_at.desc(), issuer_keys.c.id)
    )
    return [IssuerKey(*row) for row in transaction.connection.execute(query)]


def find_key_owner(transaction: Transaction, key_id: str) -> tuple[str, bool] | None:
    """The id of the workspace whose key it is or was, and whether it was withdrawn."""
    query = select(issuer_keys.c.workspace_id, issuer_keys.c.withdrawn_at).where(issuer_keys.c.id == key_id)
    row = transaction.connection.execute(query).first()
    return (row[0], row[1] is not None) if row else None


def add_active_key(transaction: Transaction, workspace_id: str, key_id: str, sealed: str) -> bool:
    """Keep a key that signs from now on; False when somebody else was faster."""
    row = {
        "id": key_id,
        "workspace_id": workspace_id,
        "sealed": sealed,
        "created_at": transaction.at,
        "is_active": 1,
    }
    try:
        with transaction.connection.begin_nested():
            transaction.connection.execute(insert(issuer_keys).values(row))
    except IntegrityError:
        return False
    return True


def retire_active_key(transaction: Transaction, workspace_id: str) -> None:
    """The key that signs stops to; what it signed stays good."""
    transaction.connection.execute(
        update(issuer_keys)
        .where(issuer_keys.c.workspace_id == workspace_id, issuer_keys.c.is_active == 1)
        .values(is_active=None, retired_at=transaction.at)
    )


def withdraw_key(transaction: Transaction, workspace_id: str, key_id: str) -> bool:
    """A retired key vouches for nothing any more; False when there is no such key, or it signs."""
    changed = transaction.connection.execute(
        update(issuer_keys)
        .where(
            issuer_keys.c.workspace_id == workspace_id,
            issuer_keys.c.id == key_id,
            issuer_keys.c.is_active.is_(None),
            issuer_keys.c.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=transaction.at)
    )
    return changed.rowcount == 1


def find_entry(transaction: Transaction, credential_id: str) -> StatusEntry | None:
    """A credential's place, once it has one."""
    query = select(status_entries.c.list_number, status_entries.c.position).where(
        status_entries.c.credential_id == credential_id
    )
    row = transaction.connection.execute(query).first()
    return StatusEntry(*row) if row else None


def take_entry(
    transaction: Transaction, workspace_id: str, credential_id: str, public_id: str
) -> StatusEntry | None:
    """Give a credential a free place, or find the one it has; None when the credential is gone."""
    query = select(func.count()).where(status_entries.c.workspace_id == workspace_id)
    number = transaction.connection.execute(query).scalar_one() // _ROOM + 1
    for attempt in range(100):
        entry = StatusEntry(number, position_of(public_id, number, attempt))
        row = {"workspace_id": workspace_id, "credential_id": credential_id, **entry._asdict()}
        try:
            with transaction.connection.begin_nested():
                transaction.connection.execute(insert(status_entries).values(row))
        except IntegrityError:  # the place is taken, or the credential has one by now, or is gone
            found = find_entry(transaction, credential_id)
            if found is not None:
                return found
            continue
        return entry
    return None


def find_example(transaction: Transaction, group_id: str) -> str | None:
    """The public id of some issued credential of a group."""
    query = select(credentials.c.public_id).where(
        credentials.c.group_id == group_id, credentials.c.status == "issued"
    )
    return transaction.connection.execute(query.limit(1)).scalar()


def has_status_list(transaction: Transaction, workspace_id: str, number: int) -> bool:
    """Whether any credential of the workspace has a place in this list."""
    query = select(status_entries.c.position).where(
        status_entries.c.workspace_id == workspace_id, status_entries.c.list_number == number
    )
    return transaction.connection.execute(query.limit(1)).first() is not None


def list_set_positions(transaction: Transaction, workspace_id: str, number: int) -> list[int]:
    """The places whose credentials are revoked or deleted, in order."""
    here = (status_entries.c.workspace_id == workspace_id, status_entries.c.list_number == number)
    deleted = select(status_entries.c.position).where(*here, status_entries.c.credential_id.is_(None))
    revoked = (
        select(status_entries.c.position)
        .join(credentials, credentials.c.id == status_entries.c.credential_id)
        .where(*here, credentials.c.revoked_at.is_not(None))
    )
    found = transaction.connection.execute(deleted.union(revoked)).scalars()
    return sorted(found)
