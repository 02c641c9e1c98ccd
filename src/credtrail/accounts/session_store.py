"""SQL of who is signed in, of one-time links, of failed sign-ins and of who did what. Called by the dashboard, the
command line and `work`."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from credtrail.accounts.people import AuditEntry, LinkKind, Session
from credtrail.database import Key, Transaction, cut, metadata
from credtrail.values import Moment

_TRIES = 10
_TRIES_MS = 15 * 60_000
_SEEN_MS = 5 * 60_000
_DAY_MS = 86_400_000

sessions = Table(
    "sessions",
    metadata,
    Column("digest", Key, primary_key=True),
    Column("user_id", Key, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("device", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("digest", Key, primary_key=True),
    Column("kind", Key, nullable=False),
    Column("user_id", Key, ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

# One row for each address that was tried, whether somebody has it or not: the answer must not tell.
failed_sign_ins = Table(
    "failed_sign_ins",
    metadata,
    Column("key", Key, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("first_at", BigInteger, nullable=False, index=True),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE")),
    Column("user_id", Key, ForeignKey("users.id", ondelete="SET NULL"), index=True),
    Column("actor", Text, nullable=False),
    Column("action", Key, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),
    Index(None, "workspace_id", "id"),
)


def add_session(
    transaction: Transaction, digest: str, user_id: str, device: str, lifetime_days: int
) -> Session:
    """A browser signs in."""
    at = transaction.at
    session = Session(digest, user_id, device, at, at, at + lifetime_days * _DAY_MS)
    transaction.connection.execute(insert(sessions).values(session._asdict()))
    return session


def find_session(transaction: Transaction, digest: str) -> Session | None:
    """The session with this digest, unless it has ended."""
    query = select(sessions).where(sessions.c.digest == digest, sessions.c.expires_at > transaction.at)
    row = transaction.connection.execute(query).first()
    return Session(*row) if row else None


def is_due_to_be_seen(session: Session, at: Moment) -> bool:
    """Whether it is long enough ago that a request of the session was noted."""
    return at - session.seen_at > _SEEN_MS


def note_seen(transaction: Transaction, digest: str, lifetime_days: int) -> None:
    """A session lives on from its latest request."""
    at = transaction.at
    transaction.connection.execute(
        update(sessions)
        .where(sessions.c.digest == digest)
        .values(seen_at=at, expires_at=at + lifetime_days * _DAY_MS)
    )


def list_sessions(transaction: Transaction, user_id: str) -> list[Session]:
    """Where a user is signed in, latest seen first."""
    query = (
        select(sessions)
        .where(sessions.c.user_id == user_id, sessions.c.expires_at > transaction.at)
        .order_by(sessions.c.seen_at.desc(), sessions.c.digest)
    )
    return [Session(*row) for row in transaction.connection.execute(query)]


def end_session(transaction: Transaction, digest: str) -> None:
    """Sign one browser out."""
    transaction.connection.execute(delete(sessions).where(sessions.c.digest == digest))


def end_sessions(transaction: Transaction, user_id: str, *, but: str | None = None) -> int:
    """Sign a user out everywhere, or everywhere but in one session; how many ended."""
    query = delete(sessions).where(sessions.c.user_id == user_id)
    if but is not None:
        query = query.where(sessions.c.digest != but)
    return transaction.connection.execute(query).rowcount


def add_link(
    transaction: Transaction, kind: LinkKind, digest: str, user_id: str | None, expires_at: Moment
) -> None:
    """Keep a one-time link, instead of those of this kind that the user had (for `set_up`: that there were)."""
    transaction.connection.execute(
        delete(one_time_links).where(
            one_time_links.c.kind == kind, one_time_links.c.user_id.is_not_distinct_from(user_id)
        )
    )
    row = {"digest": digest, "kind": kind, "user_id": user_id, "expires_at": expires_at}
    transaction.connection.execute(insert(one_time_links).values(row))


def is_link(transaction: Transaction, kind: LinkKind, digest: str) -> bool:
    """Whether the link may still be used."""
    link = one_time_links.c
    query = select(link.digest).where(
        link.kind == kind, link.digest == digest, link.expires_at > transaction.at
    )
    return transaction.connection.execute(query).first() is not None


def use_link(transaction: Transaction, kind: LinkKind, digest: str) -> tuple[bool, str | None]:
    """Use a link up: whether it could be used, and the user it is for. Whoever is first has it."""
    link = one_time_links.c
    row = transaction.connection.execute(
        delete(one_time_links)
        .where(link.kind == kind, link.digest == digest, link.expires_at > transaction.at)
        .returning(link.user_id)
    ).first()
    return (row is not None, row[0] if row else None)


def may_try(transaction: Transaction, key: str) -> bool:
    """Whether a sign-in may be tried: not after ten failures within a quarter of an hour."""
    query = select(failed_sign_ins.c.count, failed_sign_ins.c.first_at).where(failed_sign_ins.c.key == key)
    row = transaction.connection.execute(query).first()
    return row is None or row[0] < _TRIES or transaction.at - row[1] > _TRIES_MS


def note_failure(transaction: Transaction, key: str) -> None:
    """A sign-in failed."""
    tries = failed_sign_ins
    transaction.connection.execute(
        delete(tries).where(tries.c.key == key, tries.c.first_at < transaction.at - _TRIES_MS)
    )
    changed = transaction.connection.execute(
        update(tries).where(tries.c.key == key).values(count=tries.c.count + 1)
    )
    if changed.rowcount == 0:
        row = {"key": key, "count": 1, "first_at": transaction.at}
        transaction.connection.execute(insert(tries).values(row))


def forget_failures(transaction: Transaction, key: str) -> None:
    """A sign-in went well."""
    transaction.connection.execute(delete(failed_sign_ins).where(failed_sign_ins.c.key == key))


def forget_ended(transaction: Transaction) -> int:
    """Delete sessions, links and counts of failures that have outlived their time; how many."""
    at, run = transaction.at, transaction.connection.execute
    return (
        run(delete(sessions).where(sessions.c.expires_at <= at)).rowcount
        + run(delete(one_time_links).where(one_time_links.c.expires_at <= at)).rowcount
        + run(delete(failed_sign_ins).where(failed_sign_ins.c.first_at < at - _TRIES_MS)).rowcount
    )


def note_act(
    transaction: Transaction,
    action: str,
    subject: str,
    *,
    workspace_id: str | None,
    actor: str,
    user_id: str | None = None,
    details: str = "",
) -> None:
    """Write down who did what, in the transaction that does it. `action` is a word such as `token_created`."""
    entry = AuditEntry(transaction.new_id(), workspace_id, user_id, actor, action, subject, details)
    transaction.connection.execute(insert(audit_entries).values(entry._asdict()))


def list_acts(
    transaction: Transaction, workspace_id: str, *, edge: str | None, newer: bool, limit: int
) -> list[AuditEntry]:
    """Up to `limit` entries of a workspace before the edge, newest first; with `newer` those after it, oldest first."""
    query = select(audit_entries).where(audit_entries.c.workspace_id == workspace_id)
    query = cut(query, audit_entries.c.id, edge=edge, newer=newer, limit=limit)
    return [AuditEntry(*row) for row in transaction.connection.execute(query)]
