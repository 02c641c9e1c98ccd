"""Credentials from a spreadsheet, by the command line: checked, told, resumable, never twice."""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import func, select

from conftest import ON_ONE, SECRET_KEY, examples, in_transaction, seen
from credtrail.attributes.store import add_attribute
from credtrail.credentials.store import credentials
from credtrail.groups.store import find_group, save_group
from credtrail.mail.store import mails
from test_cli import runner


@pytest.fixture
def run(settings, cast, tmp_path):
    """`credtrail import credentials` on a file of these lines; what it said, and its status."""

    credtrail = runner(
        tmp_path, CREDTRAIL_DATABASE_URL=settings.database_url, CREDTRAIL_SECRET_KEY=SECRET_KEY
    )

    def run(text, *options, encoding="utf-8", group=cast.group_id):
        file = tmp_path / "sheet.csv"
        file.write_bytes(text.encode(encoding))
        done = credtrail("import", "credentials", str(file), "--group", group, *options)
        return done.stdout, done.stderr, done.returncode

    return run


def command(file, group, *options):
    """The command."""
    return [
        sys.executable,
        "-m",
        "credtrail",
        "import",
        "credentials",
        str(file),
        "--group",
        group,
        *options,
    ]


def environment(settings):
    """The settings as a process gets them."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CREDTRAIL_")},
        "CREDTRAIL_DATABASE_URL": settings.database_url,
        "CREDTRAIL_SECRET_KEY": SECRET_KEY,
    }


def imported(settings):
    """What imports have made, oldest first."""

    def ask(transaction):
        query = select(credentials).where(credentials.c.external_key.is_not(None)).order_by(credentials.c.id)
        return transaction.connection.execute(query).all()

    return in_transaction(settings, ask)


def test_columns_in_any_order_and_spelling(run, settings, cast):
    in_transaction(
        settings, lambda transaction: add_attribute(transaction, cast.workspace_id, "grade", "Grade", "text")
    )
    told, warned, status = run(
        "Notes;E-Mail;Recipient Name;issue_date;Expiry Date;custom.grade\r\n"
        "x;amelie@learner.example;Amélie Østergård;2024-03-12;2099-01-01;très bien\r\n"
        ";;李小龍;;;\r\n"
        ";;;;;\r\n",
        "--then",
        "issue",
        encoding="utf-8-sig",
    )
    assert (told, status) == ("2 created, 0 there already, 0 refused.\n", 0)
    assert "Notes" in warned
    first, second = imported(settings)
    assert (first.recipient_name, first.recipient_email, first.status) == (
        "Amélie Østergård",
        "amelie@learner.example",
        "issued",
    )
    assert (first.issue_date, first.expiry_date) == ("2024-03-12", "2099-01-01")
    assert first.custom_attributes == {"custom.grade": "très bien"}
    assert (second.recipient_name, second.recipient_email) == ("李小龍", None)


def test_refused_rows_are_told_and_the_others_are_made(run, settings, tmp_path):
    told, _, status = run(
        "name,email,issueDate\n"
        "Robin,robin@learner.example,2024-02-30\n"
        ",li@learner.example,2024-02-28\n"
        '"Two\nlines",nobody,2024-02-28\n'
        "Li,,\n",
        "--report",
        str(tmp_path / "refused.csv"),
    )
    assert status == 1
    assert told.startswith("1 created, 0 there already, 3 refused.\n")
    with (tmp_path / "refused.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    assert lines == [
        ["line", "field", "reason"],
        ["3", "recipient.name", "is required and must be a string of 1 to 255 characters, not blank"],
        ["5", "recipient.email", "must be an e-mail address of at most 254 characters"],
        ["2", "issueDate", "must be a calendar day written YYYY-MM-DD"],
    ]
    assert len(imported(settings)) == 1


def test_a_dry_run_keeps_nothing(run, settings):
    told, _, status = run("name\nRobin\nLi\n", "--dry-run")
    assert (told, status) == ("2 would be created, 0 there already, 0 refused.\n", 0)
    assert imported(settings) == []


def test_the_same_file_again_changes_nothing(run, settings):
    sheet = "name,enrolment\nRobin,7\nLi,8\nRobin,7\n"
    told, _, _ = run(sheet, "--key", "enrolment")
    assert told.splitlines()[0] == "2 created, 0 there already, 1 refused."
    assert "line 4: key is the same as in line 2" in told
    told, _, _ = run("name,enrolment\nRobin,7\nLi,8\nUma,9\n", "--key", "enrolment")
    assert told == "1 created, 2 there already, 0 refused.\n"
    told, _, _ = run("name\nRobin\n")
    assert told == "1 created, 0 there already, 0 refused.\n"
    told, _, _ = run("name\nRobin\n")
    assert told == "0 created, 1 there already, 0 refused.\n"
    assert len(imported(settings)) == 4


def test_mails_are_queued_with_them_and_the_groups_rule_holds(run, settings, cast):
    def rule(transaction):
        group = find_group(transaction, cast.workspace_id, cast.group_id)
        save_group(transaction, group._replace(expires_after="P1Y"))

    in_transaction(settings, rule)
    told, _, status = run(
        "name,email,issueDate\nRobin,robin@learner.example,2024-02-29\nLi,,\n", "--then", "issue_and_send"
    )
    assert status == 1
    assert "recipient.email is required, since it is mailed there" in told
    [made] = imported(settings)
    assert made.expiry_date == "2025-02-28"
    waiting = in_transaction(
        settings,
        lambda transaction: transaction.connection.execute(select(mails.c.credential_id)).scalars().all(),
    )
    assert waiting == [made.id]


@ON_ONE
@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", (), "The file is empty"),
        ("recipient\nRobin\n", (), "There is no column name in the header; it has recipient."),
        ("name\nRobin\n", ("--key", "id"), "There is no column id; the header has name."),
        ("name\nRobin\n", ("--then", "print"), "--then must be one of keep, issue, issue_and_send"),
    ],
)
def test_a_file_that_cannot_be_imported_is_told_in_a_sentence(run, text, options, said):
    _, told, status = run(text, *options)
    assert status == 1
    assert said in told
    assert "Traceback" not in told


def test_another_encoding_and_an_unknown_group_are_told(run):
    _, told, status = run("name\nJosé\n", encoding="latin-1")
    assert (status, "must be in UTF-8" in told) == (1, True)
    _, told, status = run("name\nRobin\n", group="No such group")
    assert (status, "There is no group 'No such group'" in told) == (1, True)


def test_killed_half_way_and_started_again_each_row_is_there_once(settings, cast, tmp_path):
    rows = examples(80_000)  # many more than are stored while they are counted, however busy the machine is
    file = tmp_path / "many.csv"
    with file.open("w", encoding="utf-8", newline="") as sheet:
        csv.writer(sheet).writerows(
            [("name", "email", "enrolment")]
            + [(f"Learner {n}", f"learner{n}@learner.example", f"E{n}") for n in range(rows)]
        )

    def count(transaction):
        query = select(func.count()).select_from(credentials).where(credentials.c.external_key.is_not(None))
        return transaction.connection.execute(query).scalar_one()

    words = command(file, cast.group_id, "--key", "enrolment", "--then", "issue")
    for share in (0.1, 0.3):
        process = subprocess.Popen(words, env=environment(settings), stderr=subprocess.DEVNULL)
        while seen(settings, count) < share * rows and process.poll() is None:
            time.sleep(0.02)  # waiting for another process: there is nothing else to wait on
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        assert 0 < seen(settings, count) < rows
    done = subprocess.run(
        words, env=environment(settings), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert seen(settings, count) == rows
    keys = {row.external_key for row in imported(settings)}
    assert keys == {f"{cast.group_id}:E{n}" for n in range(rows)}
