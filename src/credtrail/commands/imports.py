"""`credtrail import …`: credentials from a spreadsheet."""

import asyncio
import csv
import sys
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress

from credtrail.commands.terminal import err, fail, out, transact
from credtrail.credentials.model import AfterCreating
from credtrail.credentials.spreadsheet import Import, Sheet, SheetError, Tally
from credtrail.database.open import open_database
from credtrail.groups.model import Group
from credtrail.groups.store import list_groups_named
from credtrail.settings import Settings, read_settings

app = typer.Typer(no_args_is_help=True, help="Bring in what another system has.")


@app.command("credentials")
def import_credentials(
    file: Annotated[
        Path, typer.Argument(help="CSV file in UTF-8 with a header.", exists=True, dir_okay=False)
    ],
    group: Annotated[str, typer.Option(help="Id or name of the group that the credentials belong to.")],
    workspace: Annotated[
        str | None, typer.Option(help="Name of the workspace, where several have a group of that name.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="Column that names each row for good, such as an enrolment number: rows whose key is there already are "
            "left out. Without it the line in this very file is the key."
        ),
    ] = None,
    then: Annotated[
        str, typer.Option(help="What happens to each: keep (as a draft), issue, issue_and_send.")
    ] = "keep",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, keep nothing.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write refused rows with their reasons into this CSV file.")
    ] = None,
) -> None:
    """Create credentials from a spreadsheet.

    Columns: name, email, issueDate, expiryDate (both YYYY-MM-DD), custom.<tag>; only the name is needed. An import
    that was cut off is simply started again: nothing is created twice.
    """
    if then not in get_args(AfterCreating):
        fail("--then must be one of " + ", ".join(get_args(AfterCreating)))
    settings = read_settings()
    found = transact(settings, lambda transaction: list_groups_named(transaction, group, workspace))
    if len(found) != 1:
        fail(
            f"There is no group {group!r}; `GET /v1/groups` lists them."
            if not found
            else f"There are {len(found)} groups {group!r}; give the id, or --workspace."
        )
    try:
        sheet = Sheet(file, key)
        if sheet.unused:
            err.print(f"These columns mean nothing here and are left out: {escape(', '.join(sheet.unused))}")
        tally = _run_import(settings, sheet, found[0], then, dry_run=dry_run)  # type: ignore[arg-type]  # checked above
    except SheetError as problem:
        fail(f"{file}: {problem}")
    except UnicodeDecodeError:
        fail(f"{file}: The file must be in UTF-8; save it again with that encoding.")
    except csv.Error as problem:
        fail(f"{file}: The file can't be read as CSV: {problem}")
    _tell_import(tally, dry_run, report)
    if tally.refused:
        sys.exit(1)


def _tell_import(tally: Tally, dry_run: bool, report: Path | None) -> None:
    verb = "would be created" if dry_run else "created"
    out.print(f"{tally.created:,} {verb}, {tally.present:,} there already, {len(tally.refused):,} refused.")
    for refused in tally.refused[:20]:
        out.print(f"  line {refused.line}: {refused.field} {refused.reason}".rstrip(), markup=False)
    if len(tally.refused) > 20:
        hint = "" if report else "; --report FILE writes them all"
        out.print(f"  … and {len(tally.refused) - 20:,} more{hint}")
    if report is not None:
        with report.open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows([("line", "field", "reason"), *tally.refused])


def _run_import(
    settings: Settings, sheet: Sheet, group: Group, then: AfterCreating, *, dry_run: bool
) -> Tally:
    async def run() -> Tally:
        database = open_database(settings)
        columns = (*Progress.get_default_columns(), MofNCompleteColumn())
        with Progress(*columns, console=err) as progress:
            task = progress.add_task("Checking …" if dry_run else "Importing …", total=sheet.count())
            try:
                return await Import(database, group, then, dry_run=dry_run).run(
                    sheet, lambda done: progress.advance(task, done)
                )
            finally:
                await database.close()

    return asyncio.run(run())
