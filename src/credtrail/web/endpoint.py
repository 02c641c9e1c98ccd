"""What an endpoint of /v1 is: one value that routes, parses, documents and is tested by.

Made by the faces (`api.py`), gathered by `app.py`, used by `gate.py` to serve and by `openapi.py` to describe.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from msgspec import Struct

from credtrail.errors import Kind, Refusal
from credtrail.values import Answer, IdempotencyKey, Stream


class Caller(NamedTuple):
    """Who is asking: the access token behind the request and the workspace it speaks for."""

    token_id: str
    workspace_id: str
    may_write: bool
    expires_at: int | None


@dataclass(slots=True)
class Call:
    """One request as a handler sees it, after every check of the gate."""

    caller: Caller
    path: dict[str, str]
    query: Any
    body: Any
    idempotency_key: IdempotencyKey | None


class ErrorBody(Struct, omit_defaults=True):
    """What the error envelope holds; also the error of one item among many."""

    code: str
    message: str
    details: list[dict[str, str]] = []


def present_error(refusal: Refusal) -> ErrorBody:
    """A refusal as the error of one item."""
    details = [{"field": field, "message": message} for field, message in refusal.details]
    return ErrorBody(refusal.code, refusal.message, details)


Handler = Callable[[Call], Awaitable[Answer | Stream]]


@dataclass(frozen=True)
class Endpoint:
    """One method on one path below /v1.

    `query` and `body` are the Structs that parse them (None: not read; a body is then tolerated and ignored);
    `answer` is the wire type of a success (None: no body); `refusals` are those beyond what any request can get.
    A `body` of bytes comes as it was sent, in one of the media types it `takes`, up to `body_limit_bytes`.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answer: Any
    status: int = 200
    query: type[Struct] | None = None
    body: type[Struct] | type[bytes] | None = None
    refusals: tuple[Kind, ...] = ()
    description: str = ""
    tag: str = field(default="", kw_only=True)
    media_types: tuple[str, ...] = field(default=("application/json",), kw_only=True)
    takes: tuple[str, ...] = field(default=("application/json",), kw_only=True)
    body_limit_bytes: int | None = field(default=None, kw_only=True)

    @property
    def writes(self) -> bool:
        """Whether a read-only token is refused."""
        return self.method != "GET" and not self.path.endswith("/search")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The path as a pattern whose groups are the ids in it."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/\\x00]{1,64})", self.path))
