"""What one visit to a credential's page may add, and what was set aside from it. Called by `record.py`.

A visit is one page token: it may add one view and a bounded number of other acts. What a page sent that isn't a
person's doing is kept in `set_aside_interactions` with a named reason, for the issuer to see, and deleted after a
while (`forget_old`). A flood can't fill the disk: beyond a number of rows for each credential and hour, it is only
counted (`counts.py`, where all that is set aside is counted by day). No table here holds an address, a user agent
or a cookie.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    Table,
    delete,
    func,
    select,
)

from credtrail.database import BulkTransaction, Key, RowSet, Transaction, Writes, cut, metadata
from credtrail.interactions.model import Reason
from credtrail.values import Moment, new_id

OTHERS_PER_VISIT = 30
"""More clicks than a person makes on one page, fewer than would be worth forging."""

ROWS_PER_HOUR = 100
"""As many set-aside rows are kept of one credential within an hour; the others are counted without a row."""

_HOUR_MS = 3_600_000

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
    Column("credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), nullable=False),
    Column("event_type", Key, nullable=False),
    Column("triggered_by", Key, nullable=False),
    Column("triggered_at", BigInteger, nullable=False),
    Column("reason", Key, nullable=False),
    # Every list is by id within one of these.
    Index(None, "workspace_id", "id"),
    Index(None, "workspace_id", "reason", "id"),
    Index(None, "credential_id", "id"),
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
_KEPT_SINCE = RowSet(
    "select rows.credential_id, count(*) as kept from {rows} join set_aside_interactions aside "
    "on aside.credential_id = rows.credential_id and aside.id > rows.since group by rows.credential_id",
    returns=("credential_id", "kept"),
    credential_id="text",
    since="text",
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


class Shelf:
    """Room for set-aside rows of the credentials that take part in one transaction.

    The bound is for each credential and the hour before now. Transactions that run beside each other may together
    go beyond it by what they hold, not by more.
    """

    def __init__(self, transaction: BulkTransaction, credential_ids: Iterable[str]) -> None:
        since = new_id(transaction.at - _HOUR_MS)
        kept = transaction.run(_KEPT_SINCE, [(id_, since) for id_ in sorted(credential_ids)])
        self._kept: dict[str, int] = {id_: count for id_, count in kept}  # noqa: C416 - of any length, for the types
        self.rows: list[SetAside] = []

    def put(self, aside: SetAside) -> None:
        """Keep it as a row where there is room for one."""
        kept = self._kept.get(aside.credential_id, 0)
        if kept < ROWS_PER_HOUR:
            self._kept[aside.credential_id] = kept + 1
            self.rows.append(aside)

    def writes(self) -> Writes:
        """The statement that keeps the rows."""
        return ((_SET_ASIDE, self.rows),)


def list_set_aside(
    transaction: Transaction,
    workspace_id: str,
    *,
    credential_id: str | None,
    reason: str | None,
    edge: str | None,
    newer: bool,
    limit: int,
) -> list[SetAside]:
    """Up to `limit` set-aside rows before the edge, newest first; with `newer` those after it, oldest first."""
    table = set_aside_interactions
    query = select(table).where(table.c.workspace_id == workspace_id)
    if credential_id is not None:
        query = query.where(table.c.credential_id == credential_id)
    if reason is not None:
        query = query.where(table.c.reason == reason)
    query = cut(query, table.c.id, edge=edge, newer=newer, limit=limit)
    return [SetAside(*row) for row in transaction.connection.execute(query)]


def count_set_aside(transaction: Transaction, credential_ids: Iterable[str]) -> int:
    """How many set-aside rows are kept of these credentials."""
    table = set_aside_interactions
    query = select(func.count()).where(table.c.credential_id.in_(list(credential_ids)))
    return transaction.connection.execute(query).scalar_one()


def forget_old(
    transaction: Transaction, *, set_aside_days: int, own_days: Mapping[str, int], visit_seconds: int
) -> int:
    """Delete set-aside rows after their days, and visits whose token can't be used any more; how many rows went.

    `own_days`: of workspaces, by id, that keep those rows for another time than `set_aside_days`.
    """
    table = set_aside_interactions.c

    def older_than(days: int) -> ColumnElement[bool]:
        return table.triggered_at < transaction.at - days * 86_400_000

    statements = [
        delete(set_aside_interactions).where(older_than(set_aside_days), table.workspace_id.not_in(own_days)),
        *(
            delete(set_aside_interactions).where(older_than(days), table.workspace_id == workspace_id)
            for workspace_id, days in own_days.items()
        ),
        delete(page_visits).where(page_visits.c.created_at < transaction.at - visit_seconds * 1_000),
    ]
    return sum(transaction.connection.execute(statement).rowcount for statement in statements)
