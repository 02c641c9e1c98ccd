"""SQL of who may see a credential's page. A row only where somebody chose. Called by `store` and by `recipients`."""

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table, insert, select, update

from credtrail.credentials.privacy import PagePrivacy
from credtrail.database import Key, Transaction, metadata

page_privacy = Table(
    "page_privacy",
    metadata,
    Column("credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), primary_key=True),
    Column("chosen", Key),
    Column("chosen_by", Key),
    Column("link_expires_at", BigInteger),
    Column("serial", Integer, nullable=False),
    Column("offline_at", BigInteger),
)


def find_privacy(transaction: Transaction, credential_id: str) -> PagePrivacy:
    """What was chosen for the credential's page."""
    query = select(page_privacy).where(page_privacy.c.credential_id == credential_id)
    return read_privacy(transaction.connection.execute(query).first())


def save_privacy(transaction: Transaction, credential_id: str, privacy: PagePrivacy) -> None:
    """Keep what was chosen."""
    where = page_privacy.c.credential_id == credential_id
    changed = transaction.connection.execute(update(page_privacy).where(where).values(privacy._asdict()))
    if changed.rowcount == 0:
        row = {"credential_id": credential_id, **privacy._asdict()}
        transaction.connection.execute(insert(page_privacy).values(row))


def read_privacy(row: Any) -> PagePrivacy:
    """A row of the table, or of nulls where an outer join found none."""
    return PagePrivacy(*row[1:]) if row and row[0] else PagePrivacy()
