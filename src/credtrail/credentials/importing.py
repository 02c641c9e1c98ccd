"""Uploaded sheets become credentials, some thousand rows at a time. Run by `work`.

Each chunk of rows and the note that it is done are one transaction, so that an import goes on after any end exactly
where it was; two workers can't do the same rows.
"""

import csv
from collections.abc import Iterator
from itertools import islice

import structlog

from credtrail.credentials.import_store import (
    ImportStatus,
    SheetImport,
    claim_import,
    end_import,
    find_sheet,
    note_progress,
    put_back,
)
from credtrail.credentials.spreadsheet import WORTH_A_LOOK, Intake, Refused, Row, Sheet, SheetError, Tally
from credtrail.credentials.store import refresh_statistics
from credtrail.database import Database, Transaction
from credtrail.groups.model import Group
from credtrail.groups.store import find_group

_AT_ONCE = 500
_CHUNKS = 8
"""So many before another import has its turn, and for a worker to stop soon."""

log = structlog.get_logger("credtrail.import")


class _StoppedError(Exception):
    """A person stopped the import, or another worker has it; nothing of the chunk is kept."""


class Importer:
    """Goes on with imports. Several may run at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> int:
        """Go on with one, some chunks far; how many rows were dealt with. When it is some, there may be more."""
        one = await self._database.write(claim_import)
        if one is None:
            return 0
        begun_at = one.done_count
        try:
            one = await self._go_on(one)
        except _StoppedError:
            log.info("import stopped", id=one.id)
        except (SheetError, csv.Error, UnicodeDecodeError) as problem:
            log.warning("import failed", id=one.id, reason=str(problem))
            await self._end(one, "failed", f"The sheet can't be read any further: {problem}")
        return one.done_count - begun_at + 1

    async def _go_on(self, one: SheetImport) -> SheetImport:
        def ask(transaction: Transaction) -> tuple[Group | None, bytes | None]:
            group = find_group(transaction, one.workspace_id, one.group_id or "")
            return group, find_sheet(transaction, one.id)

        group, content = await self._database.read(ask)
        if group is None or content is None:
            raise SheetError("the sheet or the group is gone")
        intake = Intake(group, one.then)  # type: ignore[arg-type]  # what it may be was checked when it was begun
        rows = Sheet(content, one.key_place, one.fields).rows()
        for row in islice(rows, one.done_count):
            intake.note(row)
        for chunk in islice(_chunks(rows), _CHUNKS):
            one = await self._take(one, intake, chunk)
        if next(rows, None) is None:
            await self._end(one, "done")
        else:
            await self._database.write(lambda transaction: put_back(transaction, one.id))
        return one

    async def _take(self, one: SheetImport, intake: Intake, rows: list[Row]) -> SheetImport:
        new, refused = intake.read(rows)

        def act(transaction: Transaction) -> SheetImport:
            tally = Tally(refused=tuple(refused)).add(intake.create(transaction, new))
            in_order = tuple(sorted(tally.refused, key=_line_of))
            after = note_progress(transaction, one, len(rows), tally._replace(refused=in_order))
            if after is None:
                raise _StoppedError
            return after

        return await self._database.write(act)

    async def _end(self, one: SheetImport, status: ImportStatus, problem: str | None = None) -> None:
        await self._database.write(lambda transaction: end_import(transaction, one.id, status, problem))
        log.info(
            "import ended", id=one.id, status=status, created=one.created_count, refused=one.refused_count
        )
        if one.created_count > WORTH_A_LOOK:
            await self._database.write(refresh_statistics)


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, _AT_ONCE)):
        yield chunk


def _line_of(refused: Refused) -> int:
    return refused.line
