"""What one visit to a credential's page may add, and what was set aside from it. Called by `record.py`.

A visit is one page token: it may add one view and a bounded number of other interactions. What a page sent
that isn't a person's doing is kept in `set_aside_interactions` with a named reason, for the issuer to see, and
deleted after a while (`forget_old`). Neither table holds an address, a user agent or a cookie.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, delete

from credtrail.database import BulkTransaction, Key, RowSet, Transaction, Writes, metadata
from credtrail.values import Moment

Reason = Literal[
    "robot", "prefetch", "automation", "invalid_token", "expired_token", "wrong_origin", "repeat", "too_many"
]

OTHERS_PER_VISIT = 30
"""More clicks than a person makes on one page, fewer than would be worth forging."""

page_visits = Table(
    "page_visits",
    metadata,
    Column("id", Key, primary_key=True),
    Column(
        "credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("view_count", Integer, nullable=False),
    Column("other_count", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
)

set_aside_interactions = Table(
    "set_aside_interactions",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, nullable=False),
    Column(
        "credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("event_type", Key, nullable=False),
    Column("triggered_by", Key, nullable=False),
    Column("triggered_at", BigInteger, nullable=False),
    Column("reason", Key, nullable=False),
    Index(None, "workspace_id", "id"),
    Index(None, "triggered_at"),
)

_TAKE = RowSet(
    "insert into page_visits (id, credential_id, view_count, other_count, created_at) "
    "select id, credential_id, view_count, other_count, created_at from {rows} where true "
    "on conflict (id) do update set view_count = page_visits.view_count + excluded.view_count, "
    "other_count = page_visits.other_count + excluded.other_count "
    "returning id, view_count, other_count",
    id="text",
    credential_id="text",
    view_count="bigint",
    other_count="bigint",
    created_at="bigint",
)
_SET_ASIDE = RowSet(
    "insert into set_aside_interactions "
    "(id, workspace_id, credential_id, event_type, triggered_by, triggered_at, reason) "
    "select id, workspace_id, credential_id, event_type, triggered_by, triggered_at, reason from {rows}",
    id="text",
    workspace_id="text",
    credential_id="text",
    event_type="text",
    triggered_by="text",
    triggered_at="bigint",
    reason="text",
)


class SetAside(NamedTuple):
    """An interaction that a page sent and that isn't counted, with the reason."""

    id: str
    workspace_id: str
    credential_id: str
    event_type: str
    triggered_by: str
    triggered_at: Moment
    reason: Reason


class Allowances:
    """What is left of the visits that take part in one transaction."""

    def __init__(self, transaction: BulkTransaction, wanted: Iterable[tuple[str, str, bool]]) -> None:
        """`wanted`: for each interaction its visit, its credential, and whether it is a view. All are taken at once."""
        asked: dict[str, list[int]] = {}
        credential_of: dict[str, str] = {}
        for visit_id, credential_id, is_view in wanted:
            counts = asked.setdefault(visit_id, [0, 0])
            counts[0 if is_view else 1] += 1
            credential_of[visit_id] = credential_id
        rows = [(id_, credential_of[id_], *counts, transaction.at) for id_, counts in sorted(asked.items())]
        taken = transaction.run(_TAKE, rows)
        self._left = {
            id_: [1 - (views - asked[id_][0]), OTHERS_PER_VISIT - (others - asked[id_][1])]
            for id_, views, others in taken
        }

    def take(self, visit_id: str, *, is_view: bool) -> Reason | None:
        """Count one interaction of a visit; the reason to set it aside where nothing is left for it."""
        left = self._left[visit_id]
        index = 0 if is_view else 1
        left[index] -= 1
        if left[index] >= 0:
            return None
        return "repeat" if is_view else "too_many"


def keep_aside(aside: list[SetAside]) -> Writes:
    """The statement that keeps what was set aside, with its reasons."""
    return ((_SET_ASIDE, aside),)


def forget_old(transaction: Transaction, *, set_aside_days: int, visit_seconds: int) -> int:
    """Delete set-aside rows after their days, and visits whose token can't be used any more; how many rows went."""
    aside = delete(set_aside_interactions).where(
        set_aside_interactions.c.triggered_at < transaction.at - set_aside_days * 86_400_000
    )
    visits = delete(page_visits).where(page_visits.c.created_at < transaction.at - visit_seconds * 1_000)
    return sum(transaction.connection.execute(statement).rowcount for statement in (aside, visits))
