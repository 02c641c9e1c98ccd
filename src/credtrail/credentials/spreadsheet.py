"""Credentials from a CSV file into the database, a thousand rows a transaction.

Called by the command line, and by `importing` for sheets that were uploaded. Every row has a key: the value of a
column that the caller names, or the file's digest and the line. A row whose key is there already is left out, so
that an import that was cut off is simply started again.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import msgspec

from credtrail.credentials.drafts import find_surroundings, make_credential
from credtrail.credentials.model import AfterCreating, Credential, NewCredential, StoredStatus
from credtrail.credentials.store import add_credentials, find_external_keys, refresh_statistics
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal
from credtrail.groups.model import Group
from credtrail.mail.store import add_mails
from credtrail.web.parse import parse_body

AT_ONCE = 1_000
WORTH_A_LOOK = 10_000
"""After so many new rows the database looks anew at what there is."""
_LONGEST_KEY = 255
_DATES = ("issueDate", "expiryDate")
_COLUMNS = {
    "name": "name",
    "recipientname": "name",
    "email": "email",
    "recipientemail": "email",
    "issuedate": "issueDate",
    "expirydate": "expiryDate",
}


class SheetError(Exception):
    """The file as a whole can't be imported; the text says why and what to do."""


class Row(NamedTuple):
    """One line of the file: its number, its key, its values by the header's names."""

    line: int
    key: str
    values: dict[str, str]


class Refused(NamedTuple):
    """A row that wasn't imported: where, which field (empty: the whole row), and what must be different."""

    line: int
    field: str
    reason: str


class Tally(NamedTuple):
    """What became of the rows."""

    created: int = 0
    present: int = 0
    refused: tuple[Refused, ...] = ()

    def add(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(self.created + other.created, self.present + other.present, self.refused + other.refused)


class Sheet:
    """A CSV file: UTF-8, with a header; commas, semicolons or tabs between the values.

    Columns: name, email, issueDate, expiryDate, custom.<tag>, in any order and spelling of case, spaces and dots
    (`Recipient Name` is fine); or `fields` says what each column is, None for nothing. `names` are those of the header,
    `unused` columns that mean nothing here. `key` is the column whose values name the rows, by its name or its place.
    Raises SheetError.
    """

    def __init__(
        self,
        source: Path | bytes,
        key: str | int | None = None,
        fields: Sequence[str | None] | None = None,
    ) -> None:
        self._source = source
        content = source if isinstance(source, bytes) else source.read_bytes()
        self._digest = sha256(content).hexdigest()[:32]
        with self._open() as file:
            sample = file.read(20_000)
        if not sample.strip():
            raise SheetError("The file is empty; it needs a header with at least the column name.")
        header = sample.splitlines()[0]
        self._delimiter = max(",;\t", key=header.count)
        self.names = [name.strip() for name in next(csv.reader([header], delimiter=self._delimiter))]
        self._fields = list(fields) if fields is not None else guess_fields(self.names)
        if "name" not in self._fields and fields is None:
            raise SheetError(f"There is no column name in the header; it has {', '.join(self.names)}.")
        if isinstance(key, str) and key not in self.names:
            raise SheetError(f"There is no column {key}; the header has {', '.join(self.names)}.")
        self._key_index = self.names.index(key) if isinstance(key, str) else key
        self.unused = [
            name
            for n, (name, field) in enumerate(zip(self.names, self._fields, strict=False))
            if field is None and n != self._key_index
        ]

    def count(self) -> int:
        """How many rows there are."""
        return sum(1 for _ in self.rows())

    def rows(self) -> Iterator[Row]:
        """All rows but blank ones, in order."""
        for line, cells in self.lines():
            yield self._read(line, cells)

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """The same as they stand in the file: the line's number and its cells."""
        with self._open() as file:
            reader = csv.reader(file, delimiter=self._delimiter)
            next(reader)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, cells

    def _read(self, line: int, cells: list[str]) -> Row:
        values = {
            field: cell.strip()
            for field, cell in zip(self._fields, cells, strict=False)
            if field is not None and cell.strip()
        }
        if self._key_index is None:
            return Row(line, f"{self._digest}:{line}", values)
        return Row(line, cells[self._key_index].strip() if self._key_index < len(cells) else "", values)

    def _open(self) -> TextIO:
        if isinstance(self._source, bytes):
            return TextIOWrapper(BytesIO(self._source), encoding="utf-8-sig", newline="")
        return self._source.open(encoding="utf-8-sig", newline="")


class Intake:
    """Makes credentials of rows, for one group; `then` as in a batch. Remembers the keys it has seen."""

    def __init__(self, group: Group, then: AfterCreating) -> None:
        self._group = group
        self._then = then
        self._lines: dict[str, int] = {}

    def note(self, row: Row) -> None:
        """A row that was dealt with before."""
        self._lines.setdefault(row.key, row.line)

    def read(self, rows: Iterable[Row]) -> tuple[list[tuple[Row, NewCredential]], list[Refused]]:
        """What the rows ask for, and those that ask for nothing that can be."""
        refused: list[Refused] = []
        new: list[tuple[Row, NewCredential]] = []
        for row in rows:
            problem = self._problem_of_key(row)
            if problem is not None:
                refused.append(problem)
                continue
            try:
                new.append((row, self._read(row)))
            except Refusal as refusal:
                refused += _tell(row, refusal)
        return new, refused

    def create(
        self, transaction: Transaction, new: Sequence[tuple[Row, NewCredential]], *, keep: bool = True
    ) -> Tally:
        """Create those whose key isn't there yet; without `keep` only see which would be."""
        workspace_id = self._group.workspace_id
        keys = [f"{self._group.id}:{row.key}" for row, _ in new]
        status: StoredStatus = "draft" if self._then == "keep" else "issued"
        there = find_external_keys(transaction, workspace_id, keys)
        around = find_surroundings(transaction, workspace_id, (one for _, one in new))
        made: list[Credential] = []
        refused: list[Refused] = []
        for key, (row, one) in zip(keys, new, strict=True):
            if key in there:
                continue
            try:
                made.append(make_credential(transaction, one, around, status=status, external_key=key))
            except Refusal as refusal:
                refused += _tell(row, refusal)
        if keep:
            add_credentials(transaction, made)
            if self._then == "issue_and_send":
                add_mails(
                    transaction,
                    workspace_id,
                    [(one.id, one.recipient_email) for one in made if one.recipient_email],
                )
        return Tally(len(made), len(there), tuple(refused))

    def _problem_of_key(self, row: Row) -> Refused | None:
        if not row.key or len(row.key) > _LONGEST_KEY:
            return Refused(row.line, "key", f"must be a key of 1 to {_LONGEST_KEY} characters")
        first = self._lines.setdefault(row.key, row.line)
        if first != row.line:
            return Refused(row.line, "key", f"is the same as in line {first}")
        return None

    def _read(self, row: Row) -> NewCredential:
        """The row as a request to create a credential; refuses with the fields' own words."""
        custom = {name: value for name, value in row.values.items() if name.startswith("custom.")}
        recipient = {name: row.values[name] for name in ("name", "email") if name in row.values}
        dates: dict[str, Any] = {name: row.values[name] for name in _DATES if name in row.values}
        asked: dict[str, Any] = {
            "groupId": self._group.id,
            "recipient": recipient,
            "customAttributes": custom,
            **dates,
        }
        new = parse_body(NewCredential, msgspec.json.encode(asked))
        if self._then == "issue_and_send" and new.recipient.email is None:
            raise Refusal(
                "validation_error", details=(("recipient.email", "is required, since it is mailed there"),)
            )
        return new


class Import:
    """Imports a whole sheet into a group. A dry run does everything but keep it."""

    def __init__(
        self, database: Database, group: Group, then: AfterCreating, *, dry_run: bool = False
    ) -> None:
        self._database = database
        self._intake = Intake(group, then)
        self._dry_run = dry_run

    async def run(self, sheet: Sheet, tell: Callable[[int], None]) -> Tally:
        """Import all rows; `tell` hears, now and then, how many more are done."""
        tally, chunk = Tally(), []
        for row in sheet.rows():
            chunk.append(row)
            if len(chunk) == AT_ONCE:
                tally = tally.add(await self._take(chunk))
                tell(len(chunk))
                chunk = []
        if chunk:
            tally = tally.add(await self._take(chunk))
            tell(len(chunk))
        if tally.created > WORTH_A_LOOK:
            await self._database.write(refresh_statistics)
        return tally

    async def _take(self, rows: list[Row]) -> Tally:
        new, refused = self._intake.read(rows)
        if self._dry_run:
            done = await self._database.read(lambda tx: self._intake.create(tx, new, keep=False))
        else:
            done = await self._database.write(lambda tx: self._intake.create(tx, new))
        return Tally(refused=tuple(refused)).add(done)


def guess_fields(names: Iterable[str]) -> list[str | None]:
    """What columns are, by what they are called."""
    return [_field_of(name) for name in names]


def _field_of(name: str) -> str | None:
    if re.fullmatch(r"custom\.[a-z][a-z0-9_]{0,62}", name):
        return name
    return _COLUMNS.get(re.sub(r"[^a-z]", "", name.lower()))


def _tell(row: Row, refusal: Refusal) -> list[Refused]:
    if not refusal.details:
        return [Refused(row.line, "", refusal.message)]
    return [Refused(row.line, field, sentence) for field, sentence in refusal.details]
