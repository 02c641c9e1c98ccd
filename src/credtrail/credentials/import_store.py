"""SQL of uploaded sheets that are being imported. Called by `importing`, and by the dashboard, which begins them.

The sheet itself stands in a table of its own, so that noting the progress doesn't write it again each time, and is
deleted as soon as it is done with. What stays for a while are numbers and the refused lines, by line: no name, no
address.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    delete,
    insert,
    or_,
    select,
    update,
)

from credtrail.credentials.spreadsheet import Refused, Tally
from credtrail.database import Key, Transaction, cut, metadata
from credtrail.values import Moment

CLAIM_MS = 60_000
_DAY_MS = 86_400_000
_BEGUN_DAYS = 2
_ENDED_DAYS = 30

ImportStatus = Literal["open", "waiting", "running", "done", "stopped", "failed"]
"""Being mapped; waiting for a worker; under way; all rows dealt with; ended by a person; the sheet can't be read."""

imports = Table(
    "imports",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("group_id", Key, ForeignKey("groups.id", ondelete="CASCADE"), index=True),
    Column("file_name", Text, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("key_place", Integer),
    Column("then", Key, nullable=False),
    Column("status", Key, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("done_count", Integer, nullable=False),
    Column("created_count", Integer, nullable=False),
    Column("present_count", Integer, nullable=False),
    Column("refused_count", Integer, nullable=False),
    Column("problem", Text),
    # When a worker may take it: while it is under way, when the worker's claim ends.
    Column("due_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index(None, "workspace_id", "id"),
    Index(None, "status", "due_at"),
)

import_sheets = Table(
    "import_sheets",
    metadata,
    Column("import_id", Key, ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

import_refusals = Table(
    "import_refusals",
    metadata,
    Column("import_id", Key, ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("line", Integer, nullable=False),
    Column("field", Text, nullable=False),
    Column("reason", Text, nullable=False),
)


class SheetImport(NamedTuple):
    """One uploaded sheet and how far it is. `fields` as in `Sheet`, `key_place` the column whose values name the rows;
    `refused_count` counts sentences, of which a row may have several."""

    id: str
    workspace_id: str
    group_id: str | None
    file_name: str
    fields: list[str | None]
    key_place: int | None
    then: str
    status: ImportStatus
    row_count: int
    done_count: int
    created_count: int
    present_count: int
    refused_count: int
    problem: str | None
    due_at: Moment
    created_at: Moment
    updated_at: Moment


def add_import(
    transaction: Transaction,
    workspace_id: str,
    group_id: str | None,
    file_name: str,
    content: bytes,
    fields: list[str | None],
    row_count: int,
) -> SheetImport:
    """Keep an uploaded sheet, to be mapped."""
    at, id_ = transaction.at, transaction.new_id()
    made = SheetImport(
        id_,
        workspace_id,
        group_id,
        file_name,
        fields,
        None,
        "keep",
        "open",
        row_count,
        0,
        0,
        0,
        0,
        None,
        at,
        at,
        at,
    )
    transaction.connection.execute(insert(imports).values(made._asdict()))
    transaction.connection.execute(insert(import_sheets).values(import_id=id_, content=content))
    return made


def find_import(transaction: Transaction, workspace_id: str, id_: str) -> SheetImport | None:
    """One of this workspace."""
    query = select(imports).where(imports.c.id == id_, imports.c.workspace_id == workspace_id)
    row = transaction.connection.execute(query).first()
    return SheetImport(*row) if row else None


def list_imports(
    transaction: Transaction, workspace_id: str, *, edge: str | None, newer: bool, limit: int
) -> list[SheetImport]:
    """Up to `limit` before the edge, newest first; with `newer` those after it, oldest first."""
    query = select(imports).where(imports.c.workspace_id == workspace_id)
    query = cut(query, imports.c.id, edge=edge, newer=newer, limit=limit)
    return [SheetImport(*row) for row in transaction.connection.execute(query)]


def find_sheet(transaction: Transaction, import_id: str) -> bytes | None:
    """The sheet as CSV; None once it is done with."""
    query = select(import_sheets.c.content).where(import_sheets.c.import_id == import_id)
    return transaction.connection.execute(query).scalar()


def list_refusals(transaction: Transaction, import_id: str, limit: int) -> list[Refused]:
    """The first so many sentences about refused rows, in the order of lines."""
    table = import_refusals.c
    query = select(table.line, table.field, table.reason).where(table.import_id == import_id)
    rows = transaction.connection.execute(query.order_by(table.number).limit(limit))
    return [Refused(*row) for row in rows]


def map_import(
    transaction: Transaction,
    id_: str,
    group_id: str | None,
    fields: Sequence[str | None],
    key_place: int | None,
    then: str,
    *,
    start: bool,
) -> bool:
    """Keep what the columns are; with `start` it is a worker's from now on. False when it has begun already."""
    changed = transaction.connection.execute(
        update(imports)
        .where(imports.c.id == id_, imports.c.status == "open")
        .values(
            group_id=group_id,
            fields=list(fields),
            key_place=key_place,
            then=then,
            status="waiting" if start else "open",
            due_at=transaction.at,
            updated_at=transaction.at,
        )
    )
    return changed.rowcount == 1


def claim_import(transaction: Transaction) -> SheetImport | None:
    """Take the one that has waited longest; nobody else gets it until the claim ends."""
    due = (
        select(imports.c.id)
        .where(imports.c.status.in_(("waiting", "running")), imports.c.due_at <= transaction.at)
        .order_by(imports.c.due_at, imports.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = transaction.connection.execute(
        update(imports)
        .where(imports.c.id.in_(due.scalar_subquery()))
        .values(status="running", due_at=transaction.at + CLAIM_MS, updated_at=transaction.at)
        .returning(*imports.c)
    ).first()
    return SheetImport(*row) if row else None


def note_progress(
    transaction: Transaction, before: SheetImport, row_count: int, tally: Tally
) -> SheetImport | None:
    """So many rows more are dealt with, in the transaction that deals with them; the import as it is then.

    None when it was stopped, or went on in another worker, meanwhile: the transaction must not be kept.
    """
    after = before._replace(
        done_count=before.done_count + row_count,
        created_count=before.created_count + tally.created,
        present_count=before.present_count + tally.present,
        refused_count=before.refused_count + len(tally.refused),
        due_at=transaction.at + CLAIM_MS,
        updated_at=transaction.at,
    )
    changed = transaction.connection.execute(
        update(imports)
        .where(
            imports.c.id == before.id,
            imports.c.status == "running",
            imports.c.done_count == before.done_count,
        )
        .values(after._asdict())
    )
    if changed.rowcount != 1:
        return None
    rows = [
        {"import_id": before.id, "number": before.refused_count + n, **refused._asdict()}
        for n, refused in enumerate(tally.refused)
    ]
    if rows:
        transaction.connection.execute(insert(import_refusals), rows)
    return after


def put_back(transaction: Transaction, id_: str) -> None:
    """It may be taken again at once."""
    transaction.connection.execute(
        update(imports)
        .where(imports.c.id == id_, imports.c.status == "running")
        .values(due_at=transaction.at)
    )


def end_import(transaction: Transaction, id_: str, status: ImportStatus, problem: str | None = None) -> bool:
    """It is over, and its sheet is deleted; False when it was over before."""
    changed = transaction.connection.execute(
        update(imports)
        .where(imports.c.id == id_, imports.c.status.in_(("open", "waiting", "running")))
        .values(status=status, problem=problem, updated_at=transaction.at)
    )
    transaction.connection.execute(delete(import_sheets).where(import_sheets.c.import_id == id_))
    return changed.rowcount == 1


def delete_import(transaction: Transaction, workspace_id: str, id_: str) -> bool:
    """Delete one with its sheet and its refused lines; what it has created stays. False when there is none."""
    gone = delete(imports).where(imports.c.id == id_, imports.c.workspace_id == workspace_id)
    return transaction.connection.execute(gone).rowcount == 1


def forget_imports(transaction: Transaction) -> int:
    """Delete those that nobody went on with for two days, and those that ended thirty days ago; how many."""
    ended = imports.c.status.in_(("done", "stopped", "failed"))
    old = or_(
        (imports.c.status == "open") & (imports.c.updated_at < transaction.at - _BEGUN_DAYS * _DAY_MS),
        ended & (imports.c.updated_at < transaction.at - _ENDED_DAYS * _DAY_MS),
    )
    return transaction.connection.execute(delete(imports).where(old)).rowcount
