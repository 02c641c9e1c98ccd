"""What somebody posts to be verified, read from a form or a bare body. Called by `verify.py`.

Nothing of it is written anywhere: files stay in memory, bounded before they are read.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Literal, NamedTuple
from urllib.parse import parse_qs

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from credtrail.badges.presented import UnreadableError, read_json
from credtrail.errors import Refusal, invalid
from credtrail.web.gate import read_body

MOST_BYTES = 10 * 1_048_576
"""Of a whole request: a PDF with its fonts, a picture for print."""

_SECONDS = 60
_MOST_TEXT = 1_048_576
_LONGEST_RECIPIENT = 320

_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class Posted(NamedTuple):
    """What is to be verified; `recipient` as it was typed, `token` that of the page it was posted from."""

    content: bytes
    recipient: str | None = None
    token: str = ""


def is_form(request: Request) -> bool:
    """Whether a page's form sends this; everything else comes from a program."""
    return _media_type(request) in _FORMS


async def read_posted(request: Request) -> Posted:
    """Refuses what is too large (413), and what is no form although it says so (400)."""
    raw = dict(request.scope["headers"])
    try:
        async with asyncio.timeout(_SECONDS):
            body = await read_body(raw, request.receive, MOST_BYTES)
    except TimeoutError:
        raise Refusal("validation_error", "The request body took too long to arrive") from None
    match _media_type(request):
        case "multipart/form-data":
            return await _read_multipart(request.headers, body)
        case "application/x-www-form-urlencoded" if (
            len(body) <= 3 * _MOST_TEXT
        ):  # a byte can be written as three
            return _read_fields(_decode_form(body))
        case "application/json":
            return _read_json(body)
        case _:
            return Posted(body)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


class _InMemory(MultiPartParser):
    spool_max_size = MOST_BYTES
    max_part_size = _MOST_TEXT


async def _read_multipart(headers: Headers, body: bytes) -> Posted:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await _InMemory(headers, stream(), max_files=2, max_fields=10).parse()
    except (MultiPartException, ValueError, LookupError):
        raise Refusal("validation_error", "The request body could not be read as a form") from None
    try:
        posted = _read_fields({name: value for name, value in form.items() if isinstance(value, str)})
        file = form.get("file")
        content = await file.read() if isinstance(file, UploadFile) else b""
        return posted._replace(content=content) if content else posted
    finally:
        await form.close()


def _decode_form(body: bytes) -> dict[str, str]:
    try:
        told = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        raise Refusal("validation_error", "The request body could not be read as a form") from None
    return {name: values[-1] for name, values in told.items()}


def _read_fields(fields: Mapping[str, str]) -> Posted:
    recipient = fields.get("recipient", "").strip()[:_LONGEST_RECIPIENT]
    content = fields.get("credential", "").strip().encode("utf-8", "replace")
    return Posted(content, recipient or None, fields.get("token", ""))


def _read_json(body: bytes) -> Posted:
    """A credential as it is, or `{"credential": …, "recipient": …}`, where it may also be a JWT or an address."""
    if len(body) > _MOST_TEXT:
        return Posted(body)  # it will be said so, without a look into it
    try:
        told = read_json(body)
    except UnreadableError:
        return Posted(body)  # it will be said what is wrong with it
    if isinstance(told, str):
        return Posted(told.encode())
    if not isinstance(told, dict) or "credential" not in told or set(told) - {"credential", "recipient"}:
        return Posted(body)
    credential, recipient = told["credential"], told.get("recipient")
    if not isinstance(credential, dict | str):
        raise invalid("credential", "must be a credential as an object, or a JWT or an address as a string")
    if recipient is not None and not isinstance(recipient, str):
        raise invalid("recipient", "must be an e-mail address or a name as a string, or null")
    content = credential if isinstance(credential, str) else json.dumps(credential, ensure_ascii=False)
    return Posted(content.strip().encode(), (recipient or "").strip()[:_LONGEST_RECIPIENT] or None)


Problem = Literal[
    "nothing_given", "nothing_found", "too_large", "not_json", "not_a_credential", "unknown_address", "other_site",
    "unsigned",
]  # fmt: skip
"""Why there is nothing to verify in what was given. A page has a sentence for each."""

SENTENCES: dict[Problem, str] = {
    "nothing_given": "must be a credential, or the address of one on this server",
    "nothing_found": "must hold a signed credential: JSON, a JWT, or a PNG, SVG or PDF with one inside",
    "too_large": "must be smaller, with less in it",
    "not_json": "must be JSON, in which each name stands once, or a JWT",
    "not_a_credential": "must be a verifiable credential",
    "unknown_address": "must be the address of a credential that can be seen",
    "other_site": "must be an address of this server: of another site's credential, send what is there",
    "unsigned": "can't be signed at the moment, so there is nothing to verify",
}
"""For programs: each completes `credential …`."""


class ProblemError(ValueError):
    """There is nothing to verify."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem: Problem = problem
