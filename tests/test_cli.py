"""The command line, as someone types it."""

import json
import os
import re
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from unittest.mock import patch

import httpx2 as httpx
import pytest
import typer.main
from starlette.testclient import TestClient

from conftest import ON_ONE, SECRET_KEY, Server, headers, in_transaction
from credtrail import __version__
from credtrail.__main__ import app, main
from credtrail.accounts import people_store, session_store
from credtrail.app import build
from credtrail.settings import Settings, describe_settings
from credtrail.webhooks.store import list_endpoints


@pytest.fixture
def credtrail(database_url, tmp_path):
    """Runs `credtrail …` in an empty folder against an empty, migrated database."""
    return runner(tmp_path, CREDTRAIL_DATABASE_URL=database_url, CREDTRAIL_SECRET_KEY=SECRET_KEY)


def runner(folder, **variables):
    """Runs it in this process where it ends by itself: to start Python anew takes longer than most commands."""

    def run(*words, **more):
        environment = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb", **variables, **more}
        if words[:1] in (("serve",), ("work",)):
            return run_process(words, folder, {**os.environ, **environment})
        with (
            patch.dict(os.environ, environment),
            patch.object(sys, "argv", ["credtrail", *words]),
            chdir(folder),
            redirect_stdout(StringIO()) as stdout,
            redirect_stderr(StringIO()) as stderr,
        ):
            try:
                main()
                status = 0
            except SystemExit as end:
                status = end.code
        return subprocess.CompletedProcess(words, status, stdout.getvalue(), stderr.getvalue())

    return run


def run_process(words, folder, environment):
    command = [sys.executable, "-m", "credtrail", *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def all_commands(command, path=()):
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from all_commands(inner, (*path, name))


COMMANDS = list(all_commands(typer.main.get_command(app)))


@pytest.mark.parametrize(
    ("path", "command"), COMMANDS, ids=[" ".join(path) or "credtrail" for path, _ in COMMANDS]
)
def test_every_help_teaches(path, command):
    assert command.help, path
    assert len(command.help.split()) >= 3, path
    for parameter in command.params:
        if parameter.name not in ("install_completion", "show_completion", "help"):
            assert parameter.help, f"{path}: {parameter.name}"


def test_help_is_printed(tmp_path):
    for words in ([], ["--help"], ["serve", "--help"], ["token", "create", "--help"]):
        shown = runner(tmp_path)(*words)
        assert "Usage:" in shown.stdout + shown.stderr, words


def test_python_runs_the_same_commands(tmp_path):
    shown = run_process(["webhook", "redeliver", "--help"], tmp_path, os.environ)
    assert shown.returncode == 0, shown.stderr
    assert "Deliver again what has failed" in shown.stdout


def test_version(tmp_path):
    assert runner(tmp_path)("version").stdout == f"{__version__}\n"


def test_settings_prints_the_documents_page(tmp_path):
    assert runner(tmp_path)("settings").stdout == describe_settings()


def test_an_unknown_command_is_status_2(tmp_path):
    answer = runner(tmp_path)("sevre")
    assert answer.returncode == 2
    assert "No such command" in answer.stderr


def test_token_create_prints_the_token_and_nothing_else(credtrail):
    assert credtrail("workspace", "create", "Open Meadow Academy").returncode == 0
    made = credtrail("token", "create", "--workspace", "Open Meadow Academy", "--name", "for tests")
    assert made.returncode == 0, made.stderr
    assert re.fullmatch(r"ctr_[0-9A-Za-z]{40}\n", made.stdout)


def test_the_program_itself_prints_just_the_token(database_url, tmp_path):
    variables = {"CREDTRAIL_DATABASE_URL": database_url, "CREDTRAIL_SECRET_KEY": SECRET_KEY}
    made = run_process(["demo", "--token"], tmp_path, {**os.environ, **variables})
    assert made.returncode == 0, made.stderr
    assert re.fullmatch(r"ctr_[0-9A-Za-z]{40}\n", made.stdout)


def test_a_token_lives_and_ends(credtrail, database_url):
    credtrail("workspace", "create", "Open Meadow Academy")
    secret = credtrail(
        "token", "create", "--workspace", "Open Meadow Academy", "--name", "ours"
    ).stdout.strip()
    limited = credtrail(
        "token", "create", "--workspace", "Open Meadow Academy", "--name", "theirs", "--read-only", "--expires-in-days", "7"
    )  # fmt: skip
    listed = credtrail("token", "list")
    assert secret not in listed.stdout
    assert limited.stdout.strip() not in listed.stdout
    assert "read" in listed.stdout
    id_ = re.search(r"([0-9a-z]{26}).*ours", listed.stdout)[1]
    with TestClient(build(Settings(database_url=database_url, secret_key=SECRET_KEY)).application) as client:
        seen = client.get("/v1/workspace", headers=headers(secret))
        assert seen.json()["name"] == "Open Meadow Academy"
        read_only = headers(limited.stdout.strip(), **{"Content-Type": "application/json"})
        refused = client.post("/v1/groups", content="{}", headers=read_only)
        assert refused.json()["error"]["code"] == "forbidden"
    assert credtrail("token", "revoke", id_).stdout == "Revoked.\n"
    again = credtrail("token", "revoke", id_)
    assert again.returncode == 1
    assert "no token" in again.stderr
    assert "revoked" in credtrail("token", "list", "--workspace", "Open Meadow Academy").stdout


def test_an_unknown_workspace_is_one_sentence_and_status_1(credtrail):
    for words in (
        ["token", "create", "--workspace", "Nowhere", "--name", "x"],
        ["token", "list", "--workspace", "Nowhere"],
    ):
        answer = credtrail(*words)
        assert answer.returncode == 1
        assert answer.stdout == ""
        assert answer.stderr == (
            "credtrail: There is no workspace named 'Nowhere'; `credtrail workspace list` shows them all.\n"
        )


def test_a_workspace_is_created_once(credtrail):
    first = credtrail("workspace", "create", "Aço & Ñandú [x]", "--time-zone", "America/Sao_Paulo")
    assert first.returncode == 0, first.stderr
    second = credtrail("workspace", "create", "Aço & Ñandú [x]")
    assert second.returncode == 1
    assert "There is a workspace named" in second.stderr
    listed = credtrail("workspace", "list").stdout
    assert listed.count("Aço & Ñandú [x]") == 1
    assert "America/Sao_Paulo" in listed


def test_what_recipients_may_do_is_set_and_shown(credtrail):
    credtrail("workspace", "create", "Meadow")
    shown = credtrail("workspace", "recipients", "Meadow", "--sharing", "recipient", "--no-offline-choices")
    assert shown.returncode == 0, shown.stderr
    told = "sharing: recipient\ndownloading: everybody\nname changes: request\nprivacy choices: True\n"
    assert shown.stdout == f"{told}offline choices: False\n"
    assert credtrail("workspace", "recipients", "Meadow").stdout == shown.stdout
    refused = credtrail("workspace", "recipients", "Meadow", "--name-changes", "maybe")
    assert refused.returncode == 1
    assert "--name-changes must be one of never, request, at_once" in refused.stderr


@pytest.mark.parametrize(
    ("words", "part"), [(["  "], "blank"), (["New", "--time-zone", "Mars/Olympus"], "no time zone")]
)
def test_a_workspace_needs_a_name_and_a_real_time_zone(credtrail, words, part):
    answer = credtrail("workspace", "create", *words)
    assert answer.returncode == 1
    assert part in answer.stderr


def test_migrate_twice(credtrail):
    for _ in range(2):
        answer = credtrail("migrate")
        assert answer.returncode == 0, answer.stderr
        assert answer.stdout == "The database is up to date.\n"


def test_migrate_makes_a_sqlite_database(tmp_path):
    credtrail = runner(tmp_path)
    assert credtrail("migrate").stdout.startswith("Applied: 0001")
    assert (tmp_path / "var" / "credtrail.db").exists()
    assert credtrail("migrate").stdout == "The database is up to date.\n"


def test_demo_is_made_once_and_prints_what_to_try(credtrail):
    shown = [credtrail("demo") for _ in range(2)]
    pages = [
        re.search(r"http://127\.0\.0\.1:8000/credentials/[0-9a-f-]{36}\?recipient=true", one.stdout)
        for one in shown
    ]
    assert pages[0], shown[0].stderr
    assert pages[0][0] == pages[1][0]
    assert "curl -X POST" in shown[0].stdout
    assert re.fullmatch(r"ctr_[0-9A-Za-z]{40}\n", credtrail("demo", "--token").stdout)
    assert credtrail("workspace", "list").stdout.count("Open Meadow Academy") == 1


def test_check_on_a_fresh_installation_says_what_is_missing(tmp_path):
    answer = runner(tmp_path)("check")
    assert answer.returncode == 1
    assert "the file is not there yet" in answer.stdout


def test_check_on_a_good_installation_is_content(credtrail):
    answer = credtrail("check", CREDTRAIL_PUBLIC_URL="https://credentials.example")
    assert answer.returncode == 0, answer.stdout
    assert "✗" not in answer.stdout
    assert "those of this version" in answer.stdout


def test_a_public_address_with_a_path_is_refused_with_what_to_do(credtrail):
    answer = credtrail("check", CREDTRAIL_PUBLIC_URL="https://academy.example/credentials")
    assert answer.returncode == 1
    assert "CREDTRAIL_PUBLIC_URL: must be an address without a path" in answer.stderr


@ON_ONE
def test_check_asks_a_running_server_and_says_why_it_does_not_answer(server, cast, tmp_path):
    answer = runner(tmp_path)("check", "--url", server.url, "--token", cast.ada)
    assert answer.returncode == 0, answer.stdout
    assert f"{server.url}/v1 answers within" in answer.stdout
    assert "the workspace Open Meadow Academy" in answer.stdout
    assert cast.ada not in answer.stdout + answer.stderr
    wrong = runner(tmp_path)("check", "--url", server.url, "--token", "ctr_wrong")
    assert (wrong.returncode, "401 unauthorized" in wrong.stdout) == (1, True)
    server.stop()
    for url in (server.url, "credentials.example"):
        gone = runner(tmp_path)("check", "--url", url, "--token", "ctr_wrong")
        assert gone.returncode == 1
        assert "✗" in gone.stdout
        assert "Traceback" not in gone.stderr


def test_check_names_misspelt_settings(credtrail):
    answer = credtrail("check", CREDTRAIL_RATE_LIMIT="7")
    assert answer.returncode == 1
    assert "CREDTRAIL_RATE_LIMIT is set, but there is no such setting" in answer.stdout


def test_a_wrong_setting_is_named(tmp_path):
    answer = runner(tmp_path, CREDTRAIL_DATABASE_URL="mysql://nowhere", CREDTRAIL_SECRET_KEY="short")("check")
    assert answer.returncode == 1
    assert "CREDTRAIL_DATABASE_URL: must start with sqlite:/// or postgresql://" in answer.stderr
    assert "CREDTRAIL_SECRET_KEY: must have at least 32 characters" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_postgresql_out_of_reach_is_a_sentence(tmp_path):
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    credtrail = runner(tmp_path, CREDTRAIL_DATABASE_URL=url, CREDTRAIL_SECRET_KEY=SECRET_KEY)
    for words in (["workspace", "list"], ["migrate"], ["serve"], ["check"]):
        answer = credtrail(*words)
        assert answer.returncode == 1, words
        assert "Traceback" not in answer.stderr, words


def test_postgresql_without_a_secret_key_is_not_served(postgres_server, tmp_path):
    url = postgres_server.get_uri(database="postgres")
    answer = runner(tmp_path, CREDTRAIL_DATABASE_URL=url)("check")
    assert answer.returncode == 1
    assert "CREDTRAIL_SECRET_KEY is needed with PostgreSQL" in answer.stdout


def test_postgresql_is_not_served_before_migrate(postgres_server, tmp_path):
    postgres_server.psql("create database not_migrated")
    credtrail = runner(
        tmp_path,
        CREDTRAIL_DATABASE_URL=postgres_server.get_uri(database="not_migrated"),
        CREDTRAIL_SECRET_KEY=SECRET_KEY,
    )
    answer = credtrail("serve")
    assert answer.returncode == 1
    assert "run `credtrail migrate` first" in answer.stderr
    assert credtrail("migrate").stdout.startswith("Applied: 0001")
    assert credtrail("workspace", "create", "Open Meadow Academy").returncode == 0


@pytest.mark.parametrize("extra", [(), ("--with-work",), ("--workers", "2")], ids=" ".join)
def test_serve_stops_cleanly_with_status_0(settings, cast, extra):
    running = Server(settings, *extra).start()
    process = running.process
    assert process is not None
    answer = httpx.get(f"{running.url}/v1/workspace", headers=headers(cast.ada), trust_env=False)
    log = running.stop()
    assert answer.headers["content-type"] == "application/json"
    assert process.returncode == 0, log
    assert "Traceback" not in log
    if extra == ("--with-work",):
        assert_has_done_the_jobs(log)
    # Nobody can sign in yet: the first user is made by a link that is printed and not logged.
    [link] = re.findall(r"http\S+/dashboard/set-up/\S{40,}", running.read_printed())
    assert link.startswith(running.url)
    assert "set-up" not in log


def assert_has_done_the_jobs(log):
    done = [json.loads(line)["job"] for line in log.splitlines() if '"job done"' in line]
    assert sorted(done) == [
        "forget_answers",
        "forget_codes",
        "forget_imports",
        "forget_interactions",
        "forget_sessions",
        "forget_visits",
        "forget_wallets",
        "forget_webhooks",
        "note_expired",
        "refresh_statistics",
    ]


@ON_ONE
def test_a_taken_port_is_told(settings, cast, credtrail):
    running = Server(settings).start()
    try:
        answer = credtrail("serve", "--port", str(running.port))
    finally:
        running.stop()
    assert answer.returncode == 3  # the HTTP server's own number for "could not start"
    assert "address already in use" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_users_come_in_by_the_command_line(credtrail):
    credtrail("workspace", "create", "Open Meadow Academy")
    made = credtrail("user", "create", "Ada@Meadow.example", "--name", "Ada")
    assert made.returncode == 0, made.stderr
    assert re.search(r"http://127\.0\.0\.1:8000/dashboard/link/\S{40,}", made.stdout)
    again = credtrail("user", "create", "ada@meadow.example", "--name", "Ada")
    assert again.returncode == 1
    assert "credtrail user link" in again.stderr
    assert credtrail("user", "create", "nobody", "--name", "x").returncode == 1
    assert "owner" in credtrail("user", "create", "b@meadow.example", "--name", "B", "--role", "boss").stderr
    wrong = credtrail("user", "create", "b@meadow.example", "--name", "B", "--workspace", "Nowhere")
    assert "There is no workspace named" in wrong.stderr
    link = credtrail("user", "link", "ada@meadow.example")
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/dashboard/link/\S{40,}\n", link.stdout)
    assert credtrail("user", "link", "nobody@meadow.example").returncode == 1
    assert "Open Meadow Academy (owner)" in credtrail("user", "list").stdout


def test_a_lost_authenticator_app_is_taken_off(credtrail, settings, cast):
    def lose(transaction):
        user = people_store.add_user(transaction, "ada@meadow.example", "Ada")
        people_store.set_member(transaction, cast.workspace_id, user.id, "owner")
        people_store.save_user(transaction, user._replace(totp_secret="sealed", totp_step=7))
        people_store.keep_recovery_codes(transaction, user.id, ["digest"])
        session_store.add_session(transaction, "digest", user.id, "Firefox", 14)
        return user.id

    id_ = in_transaction(settings, lose)
    removed = credtrail("user", "remove-authenticator", "Ada@meadow.example")
    assert removed.returncode == 0, removed.stderr

    def see(transaction):
        user = people_store.find_user(transaction, id=id_)
        left = (
            people_store.count_recovery_codes(transaction, id_),
            session_store.list_sessions(transaction, id_),
        )
        [act] = session_store.list_acts(transaction, cast.workspace_id, edge=None, newer=False, limit=9)
        return user.totp_secret, *left, act.action, act.actor

    assert in_transaction(settings, see) == (None, 0, [], "authenticator_removed", "command line")
    assert (
        "has no authenticator app" in credtrail("user", "remove-authenticator", "ada@meadow.example").stderr
    )
    assert "There is no user" in credtrail("user", "remove-authenticator", "nobody@meadow.example").stderr


def test_persons_are_told_and_forgotten(credtrail, settings, cast):
    known = credtrail("person", "export", "robin@learner.example", "--workspace", "Open Meadow Academy")
    assert known.returncode == 0, known.stderr
    assert {one["id"] for one in json.loads(known.stdout)["credentials"]} == {
        cast.credential_id,
        cast.draft_id,
    }
    command = ("person", "erase", "ROBIN@learner.example", "--workspace", "Open Meadow Academy", "--yes")
    assert "Erased: 2" in credtrail(*command).stdout
    assert "knows nobody" in credtrail(*command).stderr


def test_webhooks_by_the_command_line(credtrail, settings, cast):
    here = ("--workspace", "Open Meadow Academy")
    made = credtrail("webhook", "create", "https://hooks.example/x", *here, "--type", "credential.viewed")
    assert made.returncode == 0, made.stderr
    id_ = re.search(r"webhook (\w{26})", made.stdout)[1]
    assert re.search(r"^whsec_\S{44}$", made.stdout, re.M)
    assert "must begin with https" in credtrail("webhook", "create", "http://hooks.example/x", *here).stderr
    wrong = credtrail("webhook", "create", "https://hooks.example/x", *here, "--type", "credential.loved")
    assert "credential.loved" in wrong.stderr
    assert "credential.viewed" in credtrail("webhook", "list", *here).stdout
    assert "paused" in credtrail("webhook", "update", id_, *here, "--status", "paused").stdout
    assert re.fullmatch(r"whsec_\S{44}\n", credtrail("webhook", "rotate", id_, *here).stdout)
    assert "Queued" in credtrail("webhook", "test", id_, *here).stdout
    listed = credtrail("webhook", "deliveries", id_, *here).stdout
    assert "waiting" in listed
    delivery = re.search(r"│ (\w{26}) ", listed)[1]
    whole = json.loads(credtrail("webhook", "delivery", id_, delivery, *here).stdout)
    assert (whole["status"], whole["tries"]) == ("waiting", [])
    assert json.loads(whole["body"])["type"] == "credential.viewed"
    assert "no delivery" in credtrail("webhook", "delivery", id_, "0" * 26, *here).stderr
    assert "still being tried" in credtrail("webhook", "redeliver", id_, *here, "--delivery", delivery).stderr
    span = ("--since", "2026-01-01T00:00:00Z", "--until", "2026-01-02T00:00:00Z", "--status", "delivered")
    assert "again: 0" in credtrail("webhook", "redeliver", id_, *here, *span).stdout
    assert "not a moment" in credtrail("webhook", "redeliver", id_, *here, "--until", "noon").stderr
    assert "one of failed" in credtrail("webhook", "redeliver", id_, *here, "--status", "loved").stderr
    change = ("--thin", "--rate", "0.5", "--description", "what for", "--status", "disabled")
    assert "disabled" in credtrail("webhook", "update", id_, *here, *change).stdout
    kept = in_transaction(
        settings, lambda tx: list_endpoints(tx, cast.workspace_id, edge=None, newer=False, limit=1)
    )
    assert (kept[0].body, kept[0].rate_per_second, kept[0].description) == ("thin", 0.5, "what for")
    assert "enable it first" in credtrail("webhook", "redeliver", id_, *here).stderr
    assert credtrail("webhook", "update", id_, *here, "--full", "--rate", "0").returncode == 0
    kept = in_transaction(
        settings, lambda tx: list_endpoints(tx, cast.workspace_id, edge=None, newer=False, limit=1)
    )
    assert (kept[0].body, kept[0].rate_per_second) == ("full", None)
    assert credtrail("webhook", "list", "--workspace", "Cleo's Institute").stdout.count("hooks.example") == 0
    assert "no webhook" in credtrail("webhook", "rotate", id_, "--workspace", "Cleo's Institute").stderr
    assert credtrail("webhook", "delete", id_, *here).stdout == "Deleted.\n"
