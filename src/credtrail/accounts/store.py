"""SQL of workspaces and access tokens. Called by `app` (for the gate), the faces and the command line."""

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Select, Table, Text, func, insert, select, update

from credtrail.accounts.model import AccessToken, Workspace
from credtrail.database import Key, Transaction, metadata
from credtrail.values import Moment

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("time_zone", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("digest", Key, nullable=False, unique=True),
    Column("access", Key, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
)


def add_workspace(transaction: Transaction, name: str, time_zone: str = "UTC") -> Workspace:
    """Create a workspace; its name must be new (else the database's own unique violation)."""
    workspace = Workspace(transaction.new_id(), name, time_zone, transaction.at, transaction.at)
    transaction.connection.execute(insert(workspaces).values(workspace._asdict()))
    return workspace


def find_workspace(
    transaction: Transaction, *, id: str | None = None, name: str | None = None
) -> Workspace | None:
    """One workspace by its id or by its name."""
    where = workspaces.c.id == id if id is not None else workspaces.c.name == name
    row = transaction.connection.execute(select(workspaces).where(where)).first()
    return Workspace(*row) if row else None


def list_workspaces(transaction: Transaction) -> list[Workspace]:
    """All workspaces by name."""
    return [Workspace(*row) for row in transaction.connection.execute(select(workspaces).order_by("name"))]


def count_workspaces(transaction: Transaction) -> int:
    """How many workspaces there are."""
    return transaction.connection.execute(select(func.count()).select_from(workspaces)).scalar_one()


def add_token(
    transaction: Transaction,
    workspace_id: str,
    name: str,
    digest: str,
    *,
    access: str = "full",
    expires_at: Moment | None = None,
) -> str:
    """Keep a new token's digest; its id."""
    id_ = transaction.new_id()
    transaction.connection.execute(
        insert(access_tokens).values(
            id=id_,
            workspace_id=workspace_id,
            name=name,
            digest=digest,
            access=access,
            created_at=transaction.at,
            expires_at=expires_at,
        )
    )
    return id_


def find_token(transaction: Transaction, digest: str) -> AccessToken | None:
    """The token with this digest, unless it is revoked or has expired."""
    row = transaction.connection.execute(
        _tokens().where(access_tokens.c.digest == digest, access_tokens.c.revoked_at.is_(None))
    ).first()
    token = AccessToken(*row) if row else None
    if token is None or (token.expires_at is not None and token.expires_at <= transaction.at):
        return None
    return token


def find_token_by_id(transaction: Transaction, id_: str) -> AccessToken | None:
    """A token in any state, by the id that the list shows."""
    row = transaction.connection.execute(_tokens().where(access_tokens.c.id == id_)).first()
    return AccessToken(*row) if row else None


def list_tokens(transaction: Transaction, workspace_id: str | None = None) -> list[AccessToken]:
    """Tokens in any state, oldest first; of one workspace or of all."""
    query = _tokens().order_by(access_tokens.c.id)
    if workspace_id is not None:
        query = query.where(access_tokens.c.workspace_id == workspace_id)
    return [AccessToken(*row) for row in transaction.connection.execute(query)]


def revoke_token(transaction: Transaction, id_: str) -> bool:
    """Revoke a token for good; False when there is no such token or it was revoked before."""
    changed = transaction.connection.execute(
        update(access_tokens)
        .where(access_tokens.c.id == id_, access_tokens.c.revoked_at.is_(None))
        .values(revoked_at=transaction.at)
    )
    return changed.rowcount == 1


def _tokens() -> Select[Any]:
    token = access_tokens.c
    return select(
        token.id,
        token.workspace_id,
        workspaces.c.name,
        token.name,
        token.access,
        token.created_at,
        token.expires_at,
        token.revoked_at,
    ).join_from(access_tokens, workspaces)
