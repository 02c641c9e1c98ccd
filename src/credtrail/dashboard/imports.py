"""Credentials from a spreadsheet: uploaded, its columns mapped, its rows checked, imported in the background.

Wired by `app`. The rows themselves are `credentials.importing`'s, which `work` runs; here the progress is shown.
"""

import asyncio
import csv
from io import StringIO
from itertools import islice
from typing import Any, NamedTuple, get_args

from starlette.responses import Response

from credtrail.attributes.store import list_attributes
from credtrail.credentials.import_store import (
    SheetImport,
    add_import,
    delete_import,
    end_import,
    find_import,
    find_sheet,
    list_imports,
    list_refusals,
    map_import,
)
from credtrail.credentials.model import AfterCreating
from credtrail.credentials.spreadsheet import Intake, Refused, Sheet, SheetError, guess_fields
from credtrail.credentials.workbook import LARGEST_BYTES, MOST_COLUMNS, MOST_ROWS, read_upload
from credtrail.dashboard.credentials import MOST_GROUPS
from credtrail.dashboard.door import View, Visit
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal, invalid
from credtrail.groups.store import find_group, list_by_name
from credtrail.values import Moment, fold

_ON_A_PAGE = 50
_CHECKED = 200
"""Rows that are tried before the import begins: enough to see what is wrong with the columns."""
_SHOWN = 10
_TOLD = 100
"""Refused rows that are told on the page; the file has them all."""
_FORM_BYTES = LARGEST_BYTES + 100_000
_FIELDS = (
    ("", "– left out –"),
    ("name", "Recipient’s name"),
    ("email", "E-mail address"),
    ("issueDate", "Issue date"),
    ("expiryDate", "Expiry date"),
)
THEN = (
    ("keep", "keep them as drafts"),
    ("issue", "issue them"),
    ("issue_and_send", "issue and send them"),
)
_WORDS = {
    "recipient.name": "the name",
    "recipient.email": "the e-mail address",
    "issueDate": "the issue date",
    "expiryDate": "the expiry date",
    "key": "the key",
    "": "the row",
}


class Problem(NamedTuple):
    """What is wrong with a row, in words."""

    line: int
    sentence: str


class Imports:
    """Sheets that become credentials. For editors, since a sheet shows names and addresses."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = asyncio.Semaphore(2)

    def views(self) -> list[View]:
        """Upload, map, watch, stop."""
        path = "/w/{workspace_id}/imports"
        one = path + "/{import_id}"
        return [
            View("GET", path, self.show_all, "editor"),
            View("POST", path, self.upload, "editor", _FORM_BYTES),
            View("GET", one, self.show, "editor"),
            View("POST", one, self.map, "editor"),
            View("GET", one + "/refused.csv", self.show_refused, "editor"),
            View("POST", one + "/stop", self.stop, "editor"),
            View("POST", one + "/delete", self.delete, "editor"),
        ]

    async def show_all(self, visit: Visit) -> Response:
        """The form, and the latest imports."""
        return visit.page("imports.html", problems={}, chosen=visit.query("group"), **await self._list(visit))

    async def _list(self, visit: Visit) -> dict[str, Any]:
        slice_ = visit.slice(_ON_A_PAGE, "imports")

        def ask(transaction: Transaction) -> dict[str, Any]:
            rows = list_imports(transaction, visit.workspace_id, **slice_._asdict())
            shown, around = visit.page_of(rows, slice_, "imports")
            groups = list_by_name(transaction, visit.workspace_id, MOST_GROUPS)
            return {"imports": shown, "around": around, "groups": groups, "group_names": dict(groups)}

        return await self._database.read(ask)

    async def upload(self, visit: Visit) -> Response:
        """Keep the sheet, as CSV, until it is imported; next its columns are looked at."""
        file, group_id = visit.upload("sheet"), visit.text("group")
        try:
            if file is None:
                raise invalid("sheet", "must be chosen")
            raw = await file.read()
            async with self._turns:  # each may take a second and many megabytes
                content, names, count = await asyncio.to_thread(_read_file, raw)
        except (SheetError, csv.Error, Refusal) as problem:
            refusal = problem if isinstance(problem, Refusal) else _unreadable(problem)
            return visit.again("imports.html", refusal, chosen=group_id, **await self._list(visit))

        def act(transaction: Transaction) -> SheetImport:
            group = find_group(transaction, visit.workspace_id, group_id)
            fields = _guess(transaction, visit.workspace_id, names)
            name = (file.filename or "sheet")[:255].replace("\x00", "")
            return add_import(
                transaction, visit.workspace_id, group.id if group else None, name, content, fields, count
            )

        made = await self._database.write(act)
        return visit.go(_address(visit, made.id))

    async def show(self, visit: Visit) -> Response:
        """Its columns and first rows while it is being mapped; from then on how far it is."""
        one = await self._database.read(lambda tx: _get(tx, visit))
        if one.status == "open":
            return visit.page("import_map.html", problems={}, **await self._preview(visit, one))
        values = await self._database.read(lambda tx: _progress(tx, one))
        return visit.page("import_progress.html", problems={}, **values)

    async def map(self, visit: Visit) -> Response:
        """What each column is, kept at every change; with `start`, the import begins."""
        one = await self._database.read(lambda tx: _get(tx, visit))
        if one.status != "open":
            return visit.go(_address(visit, one.id), "It has begun already")
        start = visit.text("go") == "start"
        try:
            asked = await self._database.read(lambda tx: _read_map(tx, visit, one))
            if start:
                _check_map(asked)
        except Refusal as refusal:
            return visit.again("import_map.html", refusal, **await self._preview(visit, one))

        def act(transaction: Transaction) -> None:
            kept = map_import(
                transaction,
                one.id,
                asked.group_id,
                asked.fields,
                asked.key_place,
                asked.then,
                start=start,
            )
            if kept and start:
                visit.note(transaction, "import_started", one.id, f"{one.row_count} rows, {asked.then}")

        await self._database.write(act)
        if start:
            return visit.go(_address(visit, one.id))
        return visit.page("import_map.html", problems={}, **await self._preview(visit, asked))

    async def _preview(self, visit: Visit, one: SheetImport) -> dict[str, Any]:
        def ask(transaction: Transaction) -> dict[str, Any]:
            content = find_sheet(transaction, one.id)
            if content is None:
                raise Refusal("not_found")
            sheet = Sheet(content, one.key_place, one.fields)
            problems = _try_rows(transaction, sheet, one)
            wrong, names = {problem.line for problem in problems}, sheet.names[:MOST_COLUMNS]
            return {
                "one": one,
                "names": names,
                "left_out": [name for name, field in zip(names, one.fields, strict=False) if not field],
                "rows": [(line, cells) for line, cells in islice(sheet.lines(), _SHOWN)],
                "told": problems[:_SHOWN],
                "wrong": wrong,
                "fitting": one.row_count - len(wrong),
                "checked": min(_CHECKED, one.row_count),
                "fields": _choices(transaction, visit.workspace_id),
                "groups": list_by_name(transaction, visit.workspace_id, MOST_GROUPS),
                "then": THEN,
            }

        return await self._database.read(ask)

    async def show_refused(self, visit: Visit) -> Response:
        """Every refused row with its reason, as CSV; the lines are those of the sheet."""

        def ask(transaction: Transaction) -> list[Refused]:
            one = _get(transaction, visit)
            return list_refusals(transaction, one.id, one.refused_count)

        written = StringIO(newline="")
        rows = [(one.line, one.field, one.reason) for one in await self._database.read(ask)]
        csv.writer(written).writerows([("line", "field", "reason"), *rows])
        headers = {
            "content-disposition": 'attachment; filename="refused.csv"',
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        }
        # With a mark that Excel knows UTF-8 by.
        return Response("\ufeff" + written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)

    async def stop(self, visit: Visit) -> Response:
        """No further row; what was created stays."""

        def act(transaction: Transaction) -> bool:
            one = _get(transaction, visit)
            visit.note(transaction, "import_stopped", one.id)
            return end_import(transaction, one.id, "stopped")

        stopped = await self._database.write(act)
        told = "Stopped: what was created before stays" if stopped else "It had ended already"
        return visit.go(_address(visit, visit.path("import_id")), told)

    async def delete(self, visit: Visit) -> Response:
        """The import goes from the list, and its sheet and refused rows with it; its credentials stay."""

        def act(transaction: Transaction) -> None:
            if not delete_import(transaction, visit.workspace_id, visit.path("import_id")):
                raise Refusal("not_found")

        await self._database.write(act)
        return visit.go(f"{visit.home}/imports", "Deleted; its credentials stay")


def tell_refused(refused: Refused) -> Problem:
    """A refusal of a row as a sentence for people."""
    field = refused.field.removeprefix("customAttributes.")
    return Problem(refused.line, f"{_WORDS.get(refused.field, field)} {refused.reason}".strip())


def _read_file(raw: bytes) -> tuple[bytes, list[str], int]:
    """The sheet as CSV, the names of its columns, how many rows it has; SheetError when it is of no use."""
    content = read_upload(raw)
    sheet = Sheet(content, fields=())
    if not any(sheet.names):
        raise SheetError("The first row must name the columns; it is empty.")
    count = sum(1 for _ in islice(sheet.lines(), MOST_ROWS + 1))
    if count == 0:
        raise SheetError("The sheet has a header, but no row below it.")
    if count > MOST_ROWS:
        raise SheetError(f"The sheet must have at most {MOST_ROWS:,} rows.")
    if len(sheet.names) > MOST_COLUMNS:
        raise SheetError(f"The sheet must have at most {MOST_COLUMNS} columns.")
    return content, sheet.names, count


def _unreadable(problem: Exception) -> Refusal:
    sentence = (
        str(problem) if isinstance(problem, SheetError) else f"The file can’t be read as CSV: {problem}"
    )
    return Refusal("validation_error", sentence)


def _known_fields(transaction: Transaction, workspace_id: str) -> list[str]:
    return [value for value, _ in _choices(transaction, workspace_id)]


def _choices(transaction: Transaction, workspace_id: str) -> list[tuple[str, str]]:
    own = list_attributes(transaction, workspace_id)
    return [*_FIELDS, *((f"custom.{one.tag}", one.name) for one in own)]


def _guess(transaction: Transaction, workspace_id: str, names: list[str]) -> list[str | None]:
    """What columns become: by what such columns are usually called, or as one's own attributes are."""
    choices = _choices(transaction, workspace_id)
    known = {value for value, _ in choices}
    called = {fold(words): value for value, words in choices}
    called |= {value.removeprefix("custom."): value for value in known if value.startswith("custom.")}
    usual = [field if field in known else None for field in guess_fields(names)]
    return _without_twins([field or called.get(fold(name)) for field, name in zip(usual, names, strict=True)])


def _without_twins(fields: list[str | None]) -> list[str | None]:
    """Of columns that seem to be the same, only the first."""
    return [None if field in fields[:n] else field for n, field in enumerate(fields)]


def _read_map(transaction: Transaction, visit: Visit, one: SheetImport) -> SheetImport:
    """The import as the form would have it; refuses what the form doesn't offer."""
    known = _known_fields(transaction, visit.workspace_id)
    fields = [visit.text(f"column-{n}") or None for n in range(len(one.fields))]
    key, then, group_id = visit.text("key"), visit.text("then", "keep"), visit.text("group")
    places = [str(n) for n in range(len(fields))]
    is_offered = then in get_args(AfterCreating) and key in ("", *places)
    if not is_offered or any(field not in (None, *known) for field in fields):
        raise invalid("columns", "must be among those offered")
    group = find_group(transaction, visit.workspace_id, group_id)
    return one._replace(
        fields=fields, key_place=int(key) if key else None, then=then, group_id=group.id if group else None
    )


def _check_map(asked: SheetImport) -> None:
    if asked.group_id is None:
        raise invalid("group", "must be chosen")
    if "name" not in asked.fields:
        raise invalid("columns", "must have one that is the recipient’s name")
    used = [field for field in asked.fields if field]
    if len(set(used)) < len(used):
        raise invalid("columns", "must not be the same thing twice")
    if asked.then == "issue_and_send" and "email" not in asked.fields:
        raise invalid("columns", "must have one that is the e-mail address, to send to")


def _try_rows(transaction: Transaction, sheet: Sheet, one: SheetImport) -> list[Problem]:
    """What is wrong with the first rows, by doing everything but keeping it."""
    group = find_group(transaction, one.workspace_id, one.group_id or "")
    if group is None:
        return []
    intake = Intake(group, one.then)  # type: ignore[arg-type]  # what it may be was checked
    new, refused = intake.read(islice(sheet.rows(), _CHECKED))
    refused += intake.create(transaction, new, keep=False).refused
    return [tell_refused(each) for each in sorted(refused, key=lambda each: each.line)]


def _progress(transaction: Transaction, one: SheetImport) -> dict[str, Any]:
    group = find_group(transaction, one.workspace_id, one.group_id or "")
    refused = list_refusals(transaction, one.id, _TOLD)
    return {
        "one": one,
        "group": group,
        "under_way": one.status in ("waiting", "running"),
        "refused_rows": one.done_count - one.created_count - one.present_count,
        "told": [tell_refused(each) for each in refused],
        "is_late": _is_late(one, transaction.at),
        "then": dict(THEN)[one.then],
    }


def _is_late(one: SheetImport, at: Moment) -> bool:
    """Whether nobody seems to work."""
    return one.status == "waiting" and at - one.updated_at > 20_000


def _get(transaction: Transaction, visit: Visit) -> SheetImport:
    one = find_import(transaction, visit.workspace_id, visit.path("import_id"))
    if one is None:
        raise Refusal("not_found")
    return one


def _address(visit: Visit, id_: str) -> str:
    return f"{visit.home}/imports/{id_}"
