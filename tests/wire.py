"""Golden exchanges: reads the files in tests/wire/ and replays them.

A file is a story of one or more exchanges, divided by lines of three dashes. An exchange is a request as it
stands on the wire, a line `>>> STATUS`, the headers that matter, an empty line, the body. `{{name}}` is filled
from the cast or from what an earlier exchange captured; in answers `<id>`, `<uuid>`, `<moment>`, `<cursor>` and
`<any>` stand for anything of that form, and `<id as name>` captures it. Bodies are compared key by key, in order.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "wire"
FORMS = {
    "id": r"[0-9a-hjkmnp-tv-z]{26}",
    "uuid": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "moment": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "cursor": r"[A-Za-z0-9_-]+",
    "day": r"\d{4}-\d\d-\d\d",
    "any": r".*?",
}
_WILD = re.compile(r"<(" + "|".join(FORMS) + r")(?: as (\w+))?>")


@dataclass
class Exchange:
    """One request and the answer it must get."""

    method: str
    path: str
    headers: dict[str, str]
    body: str
    status: int
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer_body: str = ""


def read_story(path: Path) -> list[Exchange]:
    """The exchanges of one file."""
    text = "\n".join(line for line in path.read_text().split("\n") if not line.startswith("# "))
    return [_read_exchange(part) for part in re.split(r"^---$", text, flags=re.M)]


def _read_exchange(text: str) -> Exchange:
    request, answer = re.split(r"^>>> ", text.strip("\n"), maxsplit=1, flags=re.M)
    first, headers, body = _read_message(request)
    method, path = first.split(" ", 1)
    status, answer_headers, answer_body = _read_message(answer)
    return Exchange(method, path, headers, body, int(status), answer_headers, answer_body)


def _read_message(text: str) -> tuple[str, dict[str, str], str]:
    head, _, body = text.strip("\n").partition("\n\n")
    first, *lines = head.split("\n")
    return first.strip(), dict(line.split(": ", 1) for line in lines if line), body.strip("\n")


def replay(client, story: list[Exchange], known: dict[str, str]) -> None:
    """Send each request and compare its answer; `known` grows by what the answers capture."""
    for exchange in story:
        answer = client.request(
            exchange.method,
            fill(exchange.path, known),
            headers={name: fill(value, known) for name, value in exchange.headers.items()},
            content=fill(exchange.body, known).encode(),
        )
        assert answer.status_code == exchange.status, answer.text
        for name, value in exchange.answer_headers.items():
            _compare(fill(value, known), answer.headers.get(name, "(no such header)"), known)
        _compare(_in_order(fill(exchange.answer_body, known)), _in_order(answer.text), known)


def fill(text: str, known: dict[str, str]) -> str:
    """Put what is known in place of `{{name}}`."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: known[match[1]], text)


def _in_order(text: str) -> str:
    """JSON in one spelling, its keys in the order they came in; anything else as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text.replace("\r\n", "\n").strip("\n")


def _compare(expected: str, actual: str, known: dict[str, str]) -> None:
    pattern, last = "", 0
    for match in _WILD.finditer(expected):
        group = f"(?P<{match[2]}>{FORMS[match[1]]})" if match[2] else f"(?:{FORMS[match[1]]})"
        pattern += re.escape(expected[last : match.start()]) + group
        last = match.end()
    found = re.fullmatch(pattern + re.escape(expected[last:]), actual, flags=re.S)
    assert found, f"\nexpected {expected}\nanswered {actual}"
    known.update(found.groupdict())
