"""Reads the documents: their blocks of code, the requests and commands in them, the answers they promise.

A request is a `curl` command in a bash block; the http block after it is its answer. Variables ($TOKEN,
$CREDENTIAL, …) and the address of `make run` are filled from the cast or from an earlier answer.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ADDRESS = "http://127.0.0.1:8000"
FORMS = {
    "id": r"[0-9a-hjkmnp-tv-z]{26}",
    "uuid": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "moment": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "day": r"\d{4}-\d\d-\d\d",
}


class Block(NamedTuple):
    """One fenced block of a page."""

    language: str
    text: str


class Message(NamedTuple):
    """An answer as a page shows it."""

    status: int
    headers: dict[str, str]
    body: str


def read_blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [
        Block(*match.groups())
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.M | re.S)
    ]


def read_commands(block: Block) -> Iterator[str]:
    """The shell commands of a bash block; one may go over several lines."""
    command = ""
    for line in block.text.splitlines():
        if not command and (not line.strip() or line.lstrip().startswith("#")):
            continue
        command += line + "\n"
        if not line.endswith("\\") and is_whole(command):
            yield command.strip()
            command = ""
    assert not command, f"unfinished command: {command}"


def is_whole(command: str) -> bool:
    """Whether all quotes are closed."""
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return False
    return True


def send(client, command: str, known: dict[str, str]):
    """Send what a curl command would send. Knows only the options that the documents use."""
    command = re.sub(r"\$(\w+)", lambda match: known[match[1]], command.replace("\\\n", " "))
    method, headers, body, url = None, {}, None, ""
    words = iter(shlex.split(command)[1:])
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        else:
            assert not word.startswith("-"), f"the documents' curl has no option {word}"
            url = word
    path = url.removeprefix(ADDRESS)
    assert path != url, f"documents show requests to {ADDRESS}, not {url}"
    method = method or ("GET" if body is None else "POST")
    return client.request(method, path, headers=headers, content=body.encode() if body is not None else None)


def read_message(block: Block) -> Message:
    """The answer in an http block."""
    head, _, body = block.text.partition("\n\n")
    first, *lines = head.split("\n")
    return Message(int(first.split()[1]), dict(line.split(": ", 1) for line in lines if line), body.strip())


def compare(shown: Message, answer) -> None:
    """Whether an answer is as shown: status, headers, and the body's form; refusals to the letter."""
    assert answer.status_code == shown.status, answer.text
    for name, value in shown.headers.items():
        assert answer.headers.get(name) == value
    if not shown.body.startswith(("{", "[")):
        assert answer.text.startswith(shown.body.replace("\n", "\r\n")), answer.text
        return
    promised, given = json.loads(shown.body), answer.json()
    assert form_of(given) == form_of(promised), f"\nshown    {shown.body}\nanswered {answer.text}"
    if isinstance(promised, dict) and "error" in promised:
        assert given == promised


def form_of(value: object) -> object:
    """What stays the same in the next answer: keys in order, kinds of values; of a list, each kind of item once."""
    match value:
        case dict():
            return [
                (name, "cursor or null" if name in ("prev", "next") else form_of(item))
                for name, item in value.items()
            ]
        case list():
            return [form_of(item) for item in value]
        case str():
            return next((name for name, form in FORMS.items() if re.fullmatch(form, value)), "text")
        case _:
            return type(value).__name__
