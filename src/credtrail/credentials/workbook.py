"""An uploaded sheet, of whatever kind, as CSV in UTF-8. The only file that knows the library for Excel's workbooks.

Called by the dashboard. What comes is bounded before it is unpacked: a workbook is a ZIP archive, and a small one can
hold a very large sheet.
"""

import csv
import warnings
from collections.abc import Sequence
from datetime import date, datetime, time
from io import BytesIO, StringIO
from typing import Any
from zipfile import BadZipFile, ZipFile

from credtrail.credentials.spreadsheet import SheetError

LARGEST_BYTES = 10_000_000
MOST_ROWS = 200_000
MOST_COLUMNS = 200
_LARGEST_UNPACKED_BYTES = 60_000_000
_MOST_CELLS = 500_000
"""Of a workbook, which takes some ten seconds to read then; CSV takes none."""
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def read_upload(content: bytes) -> bytes:
    """The sheet as CSV in UTF-8: of a workbook the first one, else the text itself.

    Raises SheetError, in words for whoever chose the file. Takes seconds for a large workbook.
    """
    if len(content) > LARGEST_BYTES:
        raise SheetError("The file must be at most 10 MB; divide it, or use `credtrail import credentials`.")
    if content.startswith(_OLD_EXCEL):
        raise SheetError("This is an old Excel file; save it as .xlsx or as CSV.")
    if content.startswith(_ZIP):
        return _read_workbook(content)
    if content.startswith(_UTF_16):
        return _decode(content, "utf-16").encode()
    _decode(content, "utf-8-sig")
    return content


def _decode(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise SheetError(
            "The text must be in UTF-8: in Excel choose “CSV UTF-8” when saving, or bring the .xlsx file itself."
        ) from None
    if "\x00" in text:
        raise SheetError("This is neither CSV nor an Excel workbook (.xlsx).")
    return text


def _read_workbook(content: bytes) -> bytes:
    try:
        with ZipFile(BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_UNPACKED_BYTES:
                raise SheetError("The workbook is too large when unpacked; save its sheet as CSV.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of things in a workbook that don't concern its values
            return _write_csv(content)
    except SheetError:
        raise
    except BadZipFile:
        raise SheetError("The file is damaged: it can't be unpacked.") from None
    except Exception:  # whatever the library trips over, in a file that anybody made
        raise SheetError(
            "The file can't be read as an Excel workbook (.xlsx); save its sheet as CSV."
        ) from None


def _write_csv(content: bytes) -> bytes:
    from openpyxl import load_workbook  # takes a third of the time that all the rest takes to load

    workbook = load_workbook(BytesIO(content), read_only=True, data_only=True, keep_links=False)
    try:
        sheet = workbook.worksheets[0]
        sheet.reset_dimensions()  # which may be wrong, or claim a million empty rows
        written = StringIO(newline="")
        writer = csv.writer(written)
        count = 0
        for number, row in enumerate(sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS + 1)):
            cells = _as_cells(row, in_header=number == 0)
            count += len(cells)
            if count > _MOST_CELLS or number > MOST_ROWS:
                raise SheetError(f"The workbook has more than {_MOST_CELLS:,} cells; save its sheet as CSV.")
            # A blank row is written too: it keeps the numbers of lines as they are in Excel.
            writer.writerow(cells)
        return written.getvalue().encode()
    finally:
        workbook.close()


def _as_cells(row: Sequence[Any], *, in_header: bool) -> list[str]:
    """Without what is empty at the end, of which the library gives as much as was asked for."""
    cells = [_as_text(value, in_header=in_header) for value in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _as_text(value: Any, *, in_header: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.12f}".rstrip("0").rstrip(".")
    text = str(value).replace("\x00", "")
    return " ".join(text.split()) if in_header else text
