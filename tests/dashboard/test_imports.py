"""Spreadsheets in the dashboard: uploaded, mapped, imported by a worker, told row by row."""

import asyncio
import csv
import io
import re
import zipfile

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select

from conftest import ON_ONE, in_transaction
from credtrail.attributes.store import add_attribute
from credtrail.credentials import importing
from credtrail.credentials.import_store import claim_import, import_refusals, import_sheets, imports
from credtrail.credentials.spreadsheet import SheetError
from credtrail.credentials.store import credentials
from credtrail.credentials.workbook import read_upload
from credtrail.database.open import open_database
from credtrail.groups.store import add_group
from credtrail.mail.store import mails
from credtrail.work import make_jobs, run_once


def upload(person, cast, content, name="people.csv", status=200):
    """Choose a file; the page that one ends on."""
    person.see(f"{person.home}/imports")
    raw = content.encode() if isinstance(content, str) else content
    return person.post(
        f"{person.home}/imports", status=status, group=cast.group_id, files={"sheet": (name, raw)}
    )


def here(person):
    """The path of the page that one is on."""
    return person.last.url.path


def columns(page):
    """What each column becomes, as the selects stand."""
    selects = re.findall(r'<select name="column-\d+".*?</select>', page, re.S)
    return [re.search(r'value="([^"]*)" selected', one)[1] for one in selects]


def start(person, page, **more):
    """Begin with what the page shows."""
    fields = {f"column-{n}": value for n, value in enumerate(columns(page))}
    group = re.search(r'<select id="field-group".*?value="(\w+)" selected', page, re.S)
    asked = {"group": group[1] if group else "", "then": "keep", "key": "", "go": "start", **fields, **more}
    return person.post(here(person), **asked)


def work(settings, times=1):
    """What `credtrail work` does with imports."""

    async def run():
        database = open_database(settings)
        try:
            jobs = [job for job in make_jobs(database, settings) if job.name == "import_sheets"]
            return [await run_once(jobs) for _ in range(times)]
        finally:
            await database.close()

    return asyncio.run(run())


def made(settings):
    """Names of what was imported, in order, with their states."""

    def ask(transaction):
        table = credentials.c
        query = select(table.recipient_name, table.status).where(table.external_key.is_not(None))
        return [tuple(row) for row in transaction.connection.execute(query.order_by(table.id))]

    return in_transaction(settings, ask)


def count(settings, table):
    """Rows of a table."""
    return in_transaction(
        settings, lambda tx: tx.connection.execute(select(func.count()).select_from(table)).scalar_one()
    )


def test_a_sheet_becomes_credentials(ada_in, cast, settings):
    in_transaction(settings, lambda tx: add_attribute(tx, cast.workspace_id, "grade", "Grade", "text"))
    page = upload(
        ada_in,
        cast,
        "Recipient Name,E-Mail,custom.grade,Shoe size\nRobin,robin@learner.example,A,42\nUma,,B,37\n",
    )
    assert columns(page) == ["name", "email", "custom.grade", ""]
    assert "Of the first 2 rows, none would be refused" in page
    assert re.search(r"Left out: <bdi[^>]*>Shoe size</bdi>\.", page)
    assert made(settings) == [], "nothing before it is begun"
    page = start(ada_in, page, then="issue")
    assert "Waiting for its turn" in page
    assert 'hx-trigger="load delay:1s"' in page
    work(settings)
    assert made(settings) == [("Robin", "issued"), ("Uma", "issued")]
    page = ada_in.see(here(ada_in))
    assert "Done" in page
    assert "<strong>2</strong> created" in page
    assert "hx-trigger" not in page.partition('id="progress"')[2].partition(">")[0], "nobody asks any more"
    assert count(settings, import_sheets) == 0, "the sheet isn't kept"


def test_refused_rows_are_told_and_the_others_are_made(ada_in, cast, settings):
    page = upload(
        ada_in,
        cast,
        "name,email,issueDate\nRobin,robin@learner.example,\nUma,not-an-address,\n,nameless@learner.example,\n"
        "Li,,24.11.2026\n",
    )
    assert "Of the first 4 rows, 3 would be refused" in page
    assert "Create 1 credential<" in page
    assert "Left out" not in page
    assert "Line 3: " in page
    start(ada_in, page)
    work(settings)
    assert made(settings) == [("Robin", "draft")]
    page = ada_in.see(here(ada_in))
    assert "<strong>1</strong> created" in page
    assert "<strong>3</strong> refused" in page
    assert "Line 3: the e-mail address must be an e-mail address" in page
    assert "Line 5: the issue date must be a calendar day" in page
    answer = ada_in.client.get(f"{here(ada_in)}/refused.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[0] == ["line", "field", "reason"]
    assert [row[:2] for row in rows[1:]] == [
        ["3", "recipient.email"],
        ["4", "recipient.name"],
        ["5", "issueDate"],
    ]


def test_columns_are_mapped_by_hand(ada_in, cast, settings):
    page = upload(
        ada_in, cast, "Teilnehmer;Adresse;Nr\nRobin;robin@learner.example;7\nLi;li@learner.example;7\n"
    )
    assert columns(page) == ["", "", ""]
    assert "would be refused" in page
    fields = {"column-0": "name", "column-1": "email", "column-2": "", "group": cast.group_id, "key": "2"}
    page = ada_in.post(here(ada_in), **fields, then="issue_and_send", go="check")
    assert "Line 3: the key is the same as in line 2" in page
    assert made(settings) == []
    page = ada_in.see(here(ada_in))
    assert columns(page) == ["name", "email", ""], "kept at every change"
    start(ada_in, page, key="2", then="issue_and_send")
    work(settings)
    assert made(settings) == [("Robin", "issued")]
    addresses = in_transaction(
        settings, lambda tx: list(tx.connection.execute(select(mails.c.address)).scalars())
    )
    assert addresses == ["robin@learner.example"]


@ON_ONE
@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"column-0": ""}, "must have one that is the recipient’s name"),
        ({"column-1": "name"}, "must not be the same thing twice"),
        ({"column-1": "", "then": "issue_and_send"}, "to send to"),
        ({"column-1": "custom.unknown"}, "must be among those offered"),
        ({"then": "explode"}, "must be among those offered"),
        ({"key": "9"}, "must be among those offered"),
        ({"group": "nowhere"}, "must be chosen"),
    ],
)
def test_a_mapping_that_cannot_be(ada_in, cast, settings, fields, sentence):
    page = upload(ada_in, cast, "name,email\nRobin,robin@learner.example\n")
    right = {"column-0": "name", "column-1": "email", "group": cast.group_id, "then": "keep", "key": ""}
    page = ada_in.post(here(ada_in), status=400, go="start", **{**right, **fields})
    assert sentence in page.replace("&#39;", "’")
    work(settings)
    assert made(settings) == []


def workbook(rows):
    """An Excel file of these rows."""
    book = Workbook()
    for row in rows:
        book.active.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def test_an_excel_workbook(ada_in, cast, settings):
    from datetime import date, datetime

    for tag, kind in (("hours", "number"), ("passed", "date")):
        in_transaction(
            settings, lambda tx, tag=tag, kind=kind: add_attribute(tx, cast.workspace_id, tag, tag, kind)
        )
    rows = [
        ["Name", "Issue\ndate", "custom.hours", "custom.passed"],
        ["歐陽美玲", datetime(2026, 3, 12), 12.0, date(2026, 3, 1)],
        [],
        ["Robin", None, 12.5, None],
    ]
    page = upload(ada_in, cast, workbook(rows), "people.xlsx")
    assert columns(page) == ["name", "issueDate", "custom.hours", "custom.passed"]
    assert "none would be refused" in page
    assert '<th scope="row">4</th>' in page, "lines are Excel's"
    start(ada_in, page)
    work(settings)
    assert made(settings) == [("歐陽美玲", "draft"), ("Robin", "draft")]

    def ask(transaction):
        query = select(credentials.c.issue_date, credentials.c.custom_attributes)
        return transaction.connection.execute(query.where(credentials.c.recipient_name == "歐陽美玲")).one()

    assert tuple(in_transaction(settings, ask)) == (
        "2026-03-12",
        {"custom.hours": "12", "custom.passed": "2026-03-01"},
    )


def bomb():
    """A small archive that unpacks to very much."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * 70_000_000)
    return written.getvalue()


@ON_ONE
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"name,email\n", "no row below"),
        ("name\nZoë\n".encode("latin-1"), "UTF-8"),
        (b"PK\x03\x04 broken", "damaged"),
        (workbook([["name"], ["Robin"]])[:-300], "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "UTF-8"),
        (b"name\nRob\x00in\n", "neither CSV"),
        ((",".join(f"c{n}" for n in range(201)) + "\n1\n").encode(), "at most 200 columns"),
        (b'name\n"' + b"x" * 200_000, "as CSV"),
    ],
)
def test_files_that_are_no_sheet(ada_in, cast, settings, content, sentence):
    page = upload(ada_in, cast, content, status=400)
    assert sentence in page
    assert count(settings, imports) == 0


def test_a_workbook_that_would_fill_the_memory_is_not_unpacked():
    with pytest.raises(SheetError, match="too large when unpacked"):
        read_upload(bomb())


def test_a_workbook_with_too_many_cells(monkeypatch):
    from credtrail.credentials import workbook as door

    monkeypatch.setattr(door, "_MOST_CELLS", 5)
    assert (
        read_upload(workbook([["name", "email"], ["Robin"], [], ["Li", "x"]]))
        == b"name,email\r\nRobin\r\n\r\nLi,x\r\n"
    )
    with pytest.raises(SheetError, match="more than 5 cells"):
        read_upload(workbook([["name", "email"], ["Robin", "x"], ["Li", "x"]]))


def test_an_archive_that_is_no_workbook():
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("hello.txt", b"hello")
    with pytest.raises(SheetError, match="can't be read as an Excel workbook"):
        read_upload(written.getvalue())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings_that_say_what_they_are(ada_in, cast, settings, encoding):
    page = upload(ada_in, cast, "name\temail\nZoë\tzoe@learner.example\n".encode(encoding))
    assert columns(page) == ["name", "email"]
    assert "Zoë" in page


def test_no_file_was_chosen(ada_in):
    ada_in.see(f"{ada_in.home}/imports")
    assert "Must be chosen" in ada_in.post(f"{ada_in.home}/imports", status=400, group="x")


def rows_of(number):
    """A sheet of so many rows."""
    return "name\n" + "".join(f"Person {n:05}\n" for n in range(number))


def test_the_same_file_again_creates_nothing_twice(ada_in, cast, settings):
    for _ in range(2):
        start(ada_in, upload(ada_in, cast, rows_of(3)))
        work(settings)
    assert len(made(settings)) == 3
    assert "<strong>3</strong> there already" in ada_in.see(here(ada_in))


def test_it_goes_on_after_a_restart_where_it_was(ada_in, cast, settings, monkeypatch):
    monkeypatch.setattr(importing, "_AT_ONCE", 10)
    monkeypatch.setattr(importing, "_CHUNKS", 2)
    start(ada_in, upload(ada_in, cast, rows_of(55)))
    work(settings)
    page = ada_in.see(here(ada_in))
    assert "20 of 55 rows" in page
    assert 'value="20"' in page
    # A worker that was killed while it had the import: nobody else gets it before its claim ends.
    in_transaction(settings, claim_import)
    work(settings)
    assert "20 of 55 rows" in ada_in.see(here(ada_in))
    in_transaction(settings, lambda tx: tx.connection.execute(imports.update().values(due_at=tx.at)))
    work(settings, times=3)
    page = ada_in.see(here(ada_in))
    assert "<strong>55</strong> created" in page
    assert "there already" not in page, "the counts are exact"
    assert [name for name, _ in made(settings)] == [f"Person {n:05}" for n in range(55)]


def test_two_workers_do_no_row_twice(ada_in, cast, settings, monkeypatch):
    monkeypatch.setattr(importing, "_AT_ONCE", 10)
    monkeypatch.setattr(importing, "_CHUNKS", 1)
    start(ada_in, upload(ada_in, cast, rows_of(40)))

    async def run():
        first, second = open_database(settings), open_database(settings)
        try:
            one = await first.write(claim_import)
            await second.write(lambda tx: tx.connection.execute(imports.update().values(due_at=tx.at)))
            await importing.Importer(second).run()
            # The first worker wakes up with what it knew before.
            with pytest.raises(importing._StoppedError):
                await importing.Importer(first)._go_on(one)
        finally:
            await first.close()
            await second.close()

    asyncio.run(run())
    assert len(made(settings)) == 10
    work(settings, times=5)
    assert len(made(settings)) == 40


def test_an_import_is_stopped_and_deleted(ada_in, cast, settings, monkeypatch):
    monkeypatch.setattr(importing, "_AT_ONCE", 10)
    monkeypatch.setattr(importing, "_CHUNKS", 1)
    start(ada_in, upload(ada_in, cast, "name\nRobin\n" + " ,\n" + rows_of(30)[5:]))
    work(settings)
    page = ada_in.post(f"{here(ada_in)}/stop")
    assert "Stopped" in page
    work(settings)
    page = ada_in.see(here(ada_in))
    assert "not looked at" in page
    assert len(made(settings)) == 10
    assert count(settings, import_sheets) == 0
    assert "It had ended already" in ada_in.post(f"{here(ada_in)}/stop")
    ada_in.post(f"{here(ada_in)}/delete")
    assert (count(settings, imports), count(settings, import_refusals)) == (0, 0)
    assert len(made(settings)) == 10, "credentials stay"


def test_a_group_that_goes_takes_its_import_along(ada_in, cast, settings):
    group_id = in_transaction(
        settings, lambda tx: add_group(tx, cast.workspace_id, "Short", [cast.design_id]).id
    )
    page = upload(ada_in, cast, rows_of(3))
    start(ada_in, page, group=group_id)
    path = here(ada_in)
    ada_in.post(f"{ada_in.home}/groups/{group_id}/delete")
    work(settings)
    assert made(settings) == []
    ada_in.see(path, 404)


def test_nobody_else_sees_it(ada_in, in_role, cast, settings, browser):
    from credtrail.accounts.store import find_workspace
    from dashboard.conftest import add_person

    upload(ada_in, cast, rows_of(3))
    path = here(ada_in)
    in_role("viewer").see(path, 403)

    def ask(transaction):
        from credtrail.credentials.store import credentials as table

        query = select(table.c.workspace_id).where(table.c.id == cast.cleos_credential_id)
        return find_workspace(transaction, id=transaction.connection.execute(query).scalar()).id

    other = in_transaction(settings, ask)
    add_person(settings, "cleo@other.example", "Cleo", {other: "owner"})
    cleo = browser()
    cleo.sign_in("cleo@other.example")
    cleo.see(path.replace(cast.workspace_id, other), 404)


def test_old_imports_are_forgotten(ada_in, cast, settings):
    from credtrail.credentials.import_store import forget_imports

    day = 86_400_000
    for ended, days in ((False, 1), (False, 3), (True, 29), (True, 31)):
        page = upload(ada_in, cast, rows_of(2))
        id_ = here(ada_in).rpartition("/")[2]
        if ended:
            start(ada_in, page)
            work(settings)

        def age(transaction, id_=id_, days=days):
            one = imports.c.id == id_
            transaction.connection.execute(
                imports.update().where(one).values(updated_at=transaction.at - days * day)
            )

        in_transaction(settings, age)
    assert in_transaction(settings, forget_imports) == 2
    assert count(settings, imports) == 2
