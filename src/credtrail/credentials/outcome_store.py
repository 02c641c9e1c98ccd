"""SQL of what became of each issued credential, in the order in which insights read it. Called by `store`.

A row is there from the moment the credential is issued. What is recorded goes to `engagements` first, which is small
and written all the time; `interactions/counts.py` gathers it here, some of it at a time. Both together say
what happened: neither does alone.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Table, insert, update

from credtrail.database import Key, Transaction, metadata
from credtrail.values import Moment

FIRSTS = ("opened_at", "shared_at", "guest_viewed_at", "guest_verified_at")
"""The earliest `triggered_at`, in whatever order they came in."""
ACTS = ("recipient_acts", "guest_acts")
"""Which types there ever were: the sum of their `bit_of`, in `interactions/counts.py`."""
TOTALS = ("guest_views", "shares", "guest_verifications")


def make_facts() -> list[Column[int]]:
    """The columns that say what happened to a credential, for each table that keeps it."""
    return [
        *(Column(name, BigInteger) for name in FIRSTS),
        *(Column(name, BigInteger, nullable=False) for name in (*ACTS, *TOTALS)),
    ]


outcomes = Table(
    "outcomes",
    metadata,
    # Of one group all in a row: a sum for each group is one walk, and nothing has to be looked up or sorted.
    Column("workspace_id", Key, primary_key=True),
    Column("group_id", Key, primary_key=True),
    Column("issue_date", Key, primary_key=True),
    Column(
        "credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), primary_key=True, unique=True
    ),
    # When it became issued: what happens to it is timed from then on.
    Column("issued_at", BigInteger, nullable=False),
    *make_facts(),
    sqlite_with_rowid=False,
)


def add_outcomes(transaction: Transaction, issued: Sequence[Any], issued_at: Moment | None = None) -> None:
    """These became issued, at that moment or else when each was created: rows of id, workspace, group, issue date and,
    without a moment, when it was created. Nothing is known of them yet."""
    rows = [
        {
            "credential_id": id_,
            "workspace_id": workspace_id,
            "group_id": group_id,
            "issue_date": issue_date,
            "issued_at": issued_at if issued_at is not None else created[0],
            **dict.fromkeys((*ACTS, *TOTALS), 0),
        }
        for id_, workspace_id, group_id, issue_date, *created in issued
    ]
    if rows:
        transaction.connection.execute(insert(outcomes), rows)


def date_outcome(transaction: Transaction, credential_id: str, issue_date: str) -> None:
    """The credential, if it is issued, has this issue date."""
    table = outcomes.c
    transaction.connection.execute(
        update(outcomes)
        .where(table.credential_id == credential_id, table.issue_date != issue_date)
        .values(issue_date=issue_date)
    )
