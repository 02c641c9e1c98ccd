"""SQL of mails that are about no credential: invitations, one-time links, codes, notices to owners.

Whoever acts adds a notice in the same transaction; `work` sends it. A notice that was handed over is deleted, since
its text may hold a secret; one that outlives its use is deleted unsent. When a worker dies while it hands one over,
it is sent again: here twice is better than never.
"""

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Integer, Table, Text, delete, func, insert, select, update

from credtrail.database import Key, Transaction, metadata
from credtrail.values import Moment

_CLAIM_MS = 2 * 60_000
_AT_ONCE = 20

notices = Table(
    "notices",
    metadata,
    Column("id", Key, primary_key=True),
    Column("address", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("from_name", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False, index=True),
    Column("expires_at", BigInteger, nullable=False),
)


class Notice(NamedTuple):
    """One mail of plain text. `due_at` is its next turn; while it is being sent, when the claim ends."""

    id: str
    address: str
    subject: str
    body: str
    from_name: str
    attempts: int
    due_at: Moment
    expires_at: Moment


def add_notice(
    transaction: Transaction,
    address: str,
    subject: str,
    body: str,
    *,
    good_for_ms: int,
    from_name: str = "Credtrail",
) -> None:
    """Queue a mail of plain text; after `good_for_ms` it isn't worth sending any more."""
    at = transaction.at
    made = Notice(transaction.new_id(), address, subject, body, from_name, 0, at, at + good_for_ms)
    transaction.connection.execute(insert(notices).values(made._asdict()))


def claim_notices(transaction: Transaction) -> list[Notice]:
    """Take some whose turn it is; nobody else gets them for two minutes. Those that are out of date are deleted."""
    run = transaction.connection.execute
    run(delete(notices).where(notices.c.expires_at <= transaction.at))
    due = (
        select(notices.c.id)
        .where(notices.c.due_at <= transaction.at)
        .order_by(notices.c.due_at, notices.c.id)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    claimed = run(
        update(notices)
        .where(notices.c.id.in_(due.scalar_subquery()))
        .values(attempts=notices.c.attempts + 1, due_at=transaction.at + _CLAIM_MS)
        .returning(*notices.c)
    )
    return sorted((Notice(*row) for row in claimed), key=lambda notice: notice.id)


def forget_notice(transaction: Transaction, id_: str) -> None:
    """It was sent, or never will be."""
    transaction.connection.execute(delete(notices).where(notices.c.id == id_))


def put_off_notices(transaction: Transaction, ids: list[str], pause_ms: int) -> None:
    """Their next turn comes after a pause."""
    transaction.connection.execute(
        update(notices).where(notices.c.id.in_(ids)).values(due_at=transaction.at + pause_ms)
    )


def forget_notices_to(transaction: Transaction, address: str) -> None:
    """Delete those that wait for this address."""
    transaction.connection.execute(delete(notices).where(func.lower(notices.c.address) == address.lower()))
