"""SQL of users, members and invitations. Called by the dashboard and the command line."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Select,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from credtrail.accounts.people import Invitation, Member, Role, User
from credtrail.accounts.store import workspaces
from credtrail.database import Key, Transaction, metadata
from credtrail.values import Moment

users = Table(
    "users",
    metadata,
    Column("id", Key, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text),
    Column("totp_secret", Text),
    Column("totp_step", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("issuer", Key, primary_key=True),
    Column("subject", Key, primary_key=True),
    Column("user_id", Key, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", Key, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Key, primary_key=True),
)

members = Table(
    "members",
    metadata,
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Key, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Key, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "user_id"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("email", Text, nullable=False),
    Column("role", Key, nullable=False),
    Column("digest", Key, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "workspace_id", "email", unique=True),
)


def add_user(transaction: Transaction, email: str, name: str, password_hash: str | None = None) -> User:
    """Create a user; the address must be new (else the database's own unique violation)."""
    at = transaction.at
    user = User(transaction.new_id(), email, name, password_hash, None, 0, at, at)
    transaction.connection.execute(insert(users).values(user._asdict()))
    return user


def find_user(transaction: Transaction, *, id: str | None = None, email: str | None = None) -> User | None:
    """One user by id or by address (folded, as `read_address` gives it)."""
    where = users.c.id == id if id is not None else users.c.email == email
    row = transaction.connection.execute(select(users).where(where)).first()
    return User(*row) if row else None


def find_user_of_identity(transaction: Transaction, issuer: str, subject: str) -> User | None:
    """The user whom an OpenID provider knows by this subject."""
    query = (
        select(users)
        .join(identities, identities.c.user_id == users.c.id)
        .where(identities.c.issuer == issuer, identities.c.subject == subject)
    )
    row = transaction.connection.execute(query).first()
    return User(*row) if row else None


def add_identity(transaction: Transaction, issuer: str, subject: str, user_id: str) -> None:
    """From now on this provider's subject is this user."""
    row = {"issuer": issuer, "subject": subject, "user_id": user_id}
    transaction.connection.execute(insert(identities).values(row))


def save_user(transaction: Transaction, user: User) -> None:
    """Keep this state of the user."""
    changed = user._replace(updated_at=transaction.at)
    transaction.connection.execute(update(users).where(users.c.id == user.id).values(changed._asdict()))


def use_totp_step(transaction: Transaction, user_id: str, step: int) -> bool:
    """Note that a code was used; False when it, or a later one, was used before: whoever is first has it."""
    changed = transaction.connection.execute(
        update(users).where(users.c.id == user_id, users.c.totp_step < step).values(totp_step=step)
    )
    return changed.rowcount == 1


def keep_recovery_codes(transaction: Transaction, user_id: str, digests: Iterable[str]) -> None:
    """These are the user's recovery codes now, and no others; without any there are none."""
    transaction.connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    rows = [{"user_id": user_id, "digest": digest} for digest in digests]
    if rows:
        transaction.connection.execute(insert(recovery_codes), rows)


def use_recovery_code(transaction: Transaction, user_id: str, digest: str) -> bool:
    """Use one up; False when it isn't one, or not any more."""
    gone = transaction.connection.execute(
        delete(recovery_codes).where(recovery_codes.c.user_id == user_id, recovery_codes.c.digest == digest)
    )
    return gone.rowcount == 1


def count_recovery_codes(transaction: Transaction, user_id: str) -> int:
    """How many are left."""
    query = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user_id)
    return transaction.connection.execute(query).scalar_one()


def count_users(transaction: Transaction) -> int:
    """How many users there are."""
    return transaction.connection.execute(select(func.count()).select_from(users)).scalar_one()


def list_users(transaction: Transaction) -> list[User]:
    """All users by address."""
    return [User(*row) for row in transaction.connection.execute(select(users).order_by(users.c.email))]


def set_member(transaction: Transaction, workspace_id: str, user_id: str, role: Role) -> None:
    """Give a user a role in a workspace, new or instead of the one before."""
    where = (members.c.workspace_id == workspace_id, members.c.user_id == user_id)
    changed = transaction.connection.execute(update(members).where(*where).values(role=role))
    if changed.rowcount == 0:
        row = {"workspace_id": workspace_id, "user_id": user_id, "role": role, "created_at": transaction.at}
        transaction.connection.execute(insert(members).values(row))


def restore_member(transaction: Transaction, member: Member) -> None:
    """Bring back a member who was removed, as they were; they must not be one now."""
    row = {name: getattr(member, name) for name in ("workspace_id", "user_id", "role", "created_at")}
    transaction.connection.execute(insert(members).values(row))


def remove_member(transaction: Transaction, workspace_id: str, user_id: str) -> bool:
    """A user leaves a workspace; False when they weren't in it."""
    gone = transaction.connection.execute(
        delete(members).where(members.c.workspace_id == workspace_id, members.c.user_id == user_id)
    )
    return gone.rowcount == 1


def find_member(transaction: Transaction, workspace_id: str, user_id: str) -> Member | None:
    """A user's part in a workspace."""
    query = _members().where(members.c.workspace_id == workspace_id, members.c.user_id == user_id)
    row = transaction.connection.execute(query).first()
    return Member(*row) if row else None


def list_members(transaction: Transaction, workspace_id: str) -> list[Member]:
    """Who is in a workspace, by name."""
    query = _members().where(members.c.workspace_id == workspace_id).order_by(users.c.name, users.c.id)
    return [Member(*row) for row in transaction.connection.execute(query)]


def list_memberships(transaction: Transaction, user_id: str) -> list[Member]:
    """In which workspaces a user is, by the workspaces' names."""
    query = _members().where(members.c.user_id == user_id).order_by(workspaces.c.name)
    return [Member(*row) for row in transaction.connection.execute(query)]


def has_other_owner(transaction: Transaction, workspace_id: str, user_id: str) -> bool:
    """Whether somebody else owns the workspace too; rows are locked, so that two owners can't both leave."""
    query = (
        select(members.c.user_id)
        .where(members.c.workspace_id == workspace_id, members.c.role == "owner")
        .order_by(members.c.user_id)
        .with_for_update()
    )
    return any(row[0] != user_id for row in transaction.connection.execute(query))


def list_ownerless(transaction: Transaction) -> list[str]:
    """Ids of the workspaces that have no owner yet, by name."""
    owned = select(members.c.workspace_id).where(members.c.role == "owner")
    query = select(workspaces.c.id).where(workspaces.c.id.not_in(owned)).order_by(workspaces.c.name)
    return list(transaction.connection.execute(query).scalars())


def list_owner_addresses(transaction: Transaction, workspace_id: str) -> list[str]:
    """Where a workspace's owners get mail."""
    query = (
        select(users.c.email)
        .join(members, members.c.user_id == users.c.id)
        .where(members.c.workspace_id == workspace_id, members.c.role == "owner")
        .order_by(users.c.email)
    )
    return list(transaction.connection.execute(query).scalars())


def add_invitation(
    transaction: Transaction, workspace_id: str, email: str, role: Role, digest: str, expires_at: Moment
) -> Invitation:
    """Invite an address, instead of what it was invited to in this workspace before."""
    transaction.connection.execute(
        delete(invitations).where(invitations.c.workspace_id == workspace_id, invitations.c.email == email)
    )
    made = Invitation(transaction.new_id(), workspace_id, email, role, digest, transaction.at, expires_at)
    transaction.connection.execute(insert(invitations).values(made._asdict()))
    return made


def find_invitation(transaction: Transaction, digest: str) -> Invitation | None:
    """The invitation with this digest, unless it has ended."""
    query = select(invitations).where(
        invitations.c.digest == digest, invitations.c.expires_at > transaction.at
    )
    row = transaction.connection.execute(query).first()
    return Invitation(*row) if row else None


def list_invitations(transaction: Transaction, workspace_id: str) -> list[Invitation]:
    """The workspace's open invitations, also those that have ended, oldest first."""
    query = select(invitations).where(invitations.c.workspace_id == workspace_id).order_by(invitations.c.id)
    return [Invitation(*row) for row in transaction.connection.execute(query)]


def delete_invitation(transaction: Transaction, workspace_id: str, id_: str) -> Invitation | None:
    """Take an invitation back, or use it up; the one it was. Whoever gets it is the only one."""
    row = transaction.connection.execute(
        delete(invitations)
        .where(invitations.c.workspace_id == workspace_id, invitations.c.id == id_)
        .returning(*invitations.c)
    ).first()
    return Invitation(*row) if row else None


def _members() -> Select[Any]:
    return (
        select(
            members.c.workspace_id,
            workspaces.c.name,
            members.c.user_id,
            users.c.email,
            users.c.name,
            members.c.role,
            members.c.created_at,
        )
        .join(users, users.c.id == members.c.user_id)
        .join(workspaces, workspaces.c.id == members.c.workspace_id)
    )
