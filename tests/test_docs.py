"""The documents are true: every request in them is sent and answered as shown, every command exists."""

import json
import re
import shlex

import httpx2 as httpx
import pytest
import typer.main

from conftest import ON_ONE, ask_for_name
from credtrail.__main__ import app
from credtrail.app import build
from credtrail.errors import ERRORS
from documents import PAGES, ROOT, compare, read_blocks, read_commands, read_message, send

OUTSIDE = {
    "bash", "cd", "cp", "createdb", "curl", "docker", "export", "git", "install", "journalctl", "mkdir", "mv", "openssl",
    "pg_dump", "pg_restore", "pip", "psql", "python3", "source", "sqlite3", "sudo", "systemctl", "useradd", ".",
}  # fmt: skip
WITH_REQUESTS = [page for page in PAGES if "\ncurl " in page.read_text()]


def name_of(page):
    return str(page.relative_to(ROOT))


@ON_ONE
@pytest.mark.parametrize("page", WITH_REQUESTS, ids=name_of)
def test_every_request_is_answered_as_shown(page, server, cast):
    known = {
        "TOKEN": cast.ada,
        "CREDENTIAL": cast.credential_id,
        "PUBLIC_ID": cast.public_id,
        "GROUP": cast.group_id,
    }
    if "$NAME_REQUEST" in page.read_text():
        settings = server.settings
        known["OTHER_NAME_REQUEST"] = ask_for_name(settings, cast, "Robin Nandu", cast.draft_id).id
        known["NAME_REQUEST"] = ask_for_name(settings, cast, "Robin Ñandú Müller").id
    answer = None
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        for block in read_blocks(page):
            if block.language == "bash":
                for command in read_commands(block):
                    if command.startswith("curl "):
                        answer = send(client, command, known)
                        known |= find_new_names(answer)
            elif block.language == "http" and answer is not None:
                compare(read_message(block), answer)
                answer = None


def find_new_names(answer):
    """INTERACTION, GROUP, DRAFT: what a page's earlier request has made."""
    if answer.status_code == 200 and str(answer.url).endswith("/deliveries"):
        return {"DELIVERY": answer.json()["data"][0]["id"]}
    if answer.status_code != 201:
        return {}
    made = answer.json()
    if "eventType" in made:
        return {"INTERACTION": made["id"]}
    for mark, name in (
        ("designIds", "GROUP"),
        ("isDefault", "ATTRIBUTE"),
        ("subject", "TEMPLATE"),
        ("previewUrl", "DESIGN"),
        ("mediaType", "IMAGE"),
        ("secret", "WEBHOOK"),
    ):
        if mark in made:
            return {name: made["id"]}
    return {"DRAFT": made["id"]} if made.get("status") == "draft" else {}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_refusals_shown_without_a_request_are_those_of_the_code(page):
    sentences = {(error.status, error.code, error.message) for error in ERRORS.values()}
    asked = False
    for block in read_blocks(page):
        if block.language == "http" and not asked:
            shown = read_message(block)
            error = json.loads(shown.body)["error"]
            assert (shown.status, error["code"], error["message"]) in sentences
        asked = block.language == "bash"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for block in read_blocks(page):
        for command in read_commands(block) if block.language == "bash" else ():
            words = shlex.split(re.sub(r"^sudo (-u \w+ )?", "", command), comments=True)
            while words and re.match(r"[A-Z_]+=", words[0]):
                words = words[1:]
            program = words[0].rsplit("/", 1)[-1] if words else "export"
            if program == "make":
                assert {word for word in words[1:] if "=" not in word} <= targets, command
            elif program == "credtrail":
                check_command_line(words[1:])
            elif program == "python" and words[1:2] and words[1].endswith(".py"):
                assert (ROOT / words[1]).exists(), command
            else:
                assert program in OUTSIDE, f"{command}: a program that the tests don't know"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_named_in_a_sentence_exists(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z]+)[^`]*`", text)) <= targets
    for words in re.findall(r"`credtrail ([^`…]+)`", text):
        check_command_line([word for word in words.split() if word.strip("A-Z")])


def check_command_line(words):
    """Each word up to the first argument is a command; each option is one of it or of those above it."""
    command = typer.main.get_command(app)
    options = {"--help"}
    for word in words:
        if word.startswith("--"):
            options |= {name for parameter in command.params for name in parameter.opts}
            assert word.split("=")[0] in options, f"{word} of {words}"
        elif hasattr(command, "commands"):
            assert word in command.commands, words
            command = command.commands[word]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{name_of(page)} points to {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_within_a_page_leads_to_a_heading(page):
    text = page.read_text()
    headings = {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_named_in_code_spelling_is_there(page):
    for path in re.findall(
        r"`((?:src|tests|tools|docs|bench|requirements|\.ci)/[\w./-]+)`", page.read_text()
    ):
        assert (ROOT / path).exists(), f"{name_of(page)} names {path}"


@ON_ONE
def test_the_proxy_that_is_shown_lets_every_upload_through(settings):
    text = (ROOT / "docs" / "operate.md").read_text()
    most = int(re.search(r"client_max_body_size (\d+)m;", text)[1]) * 1_048_576
    assert most >= max(view.upload_bytes for view in build(settings).views)
