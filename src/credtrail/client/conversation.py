"""What is said to the server for one call, again if need be, and how its answer is read. Pure: no network, no sleep.

A conversation is a generator: it yields what to do (send a request, pause) and is sent what came of it; `drive` does
those things, waiting or awaiting. The rules of sending again live here and nowhere else:

- an attempt that never reached the server, 429, and 503 with Retry-After are sent again, since nothing happened;
- what may have happened (the connection lost after sending, a time-out, 502, 503, 504) is sent again only where
  twice is as good as once: what only reads, PATCH and DELETE, and every POST to a server that keeps idempotency keys;
- a pause is what Retry-After says, to the second, or else random, growing from attempt to attempt;
- attempts and seconds are bounded, and a pause that would outlast them is not begun.
"""

import random
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count
from logging import getLogger
from types import NoneType
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import msgspec

from credtrail.client.call import Call
from credtrail.client.errors import (
    ConnectionFailed,
    CredtrailError,
    Detail,
    UnexpectedAnswer,
    find_class,
)

T = TypeVar("T")
log = getLogger("credtrail.client")

_PERHAPS_DONE = (502, 503, 504)


class Request(NamedTuple):
    """To send: the whole of it but base URL and token."""

    method: str
    target: str
    headers: dict[str, str]
    content: bytes | None
    timeout_seconds: float
    streamed: bool = False


class Pause(NamedTuple):
    """To wait so long."""

    seconds: float


class Reply(NamedTuple):
    """An answer; names of headers are in lower case. `chunks` are the body still to come of a streamed success."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    chunks: Any = None


class Failure(NamedTuple):
    """No answer, and why. `was_sent`: the server may have the request."""

    sentence: str
    was_sent: bool


Outcome = Reply | Failure | None
Conversation = Generator[Request | Pause, Outcome, T]


@dataclass(frozen=True)
class Retries:
    """How patient a call is: attempts in all, and seconds from the first attempt on within which another may begin.

    Where the server names no pause, it is random, up to `first_pause_seconds` after the first attempt and twice as
    much after each further one, at most `longest_pause_seconds` (full jitter, so that many clients do not come back
    at once).
    """

    attempts: int = 5
    total_seconds: float = 60.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 10.0

    def pause_after(self, attempt: int) -> float:
        """A random pause after that many attempts."""
        most = min(self.longest_pause_seconds, self.first_pause_seconds * 2 ** (attempt - 1))
        return random.uniform(0, most)  # noqa: S311 - spreads clients out, keeps no secret


@dataclass(frozen=True)
class Manner:
    """How a client speaks: how patiently, and whether its server keeps idempotency keys."""

    retries: Retries = Retries()
    timeout_seconds: float = 30.0
    server_keeps_keys: bool = False


def converse(call: Call[T], manner: Manner, clock: Callable[[], float] = time.monotonic) -> Conversation[T]:
    """The conversation of one call; returns its answer or raises a CredtrailError."""
    request = _first_request(call, manner)
    safe = call.is_repeatable or manner.server_keeps_keys
    until = clock() + manner.retries.total_seconds
    in_doubt = False
    for attempt in count(1):
        left = max(until - clock(), 0.001)
        outcome = yield request._replace(timeout_seconds=min(manner.timeout_seconds, left))
        if isinstance(outcome, Reply) and _is_done(call, outcome, in_doubt):
            return read_answer(call, outcome)
        error = _error_of(outcome)
        in_doubt = in_doubt or (_perhaps_done(outcome) and not call.reads)
        error.in_doubt = in_doubt
        pause = error.retry_after if error.retry_after is not None else manner.retries.pause_after(attempt)
        if (
            not (_is_untouched(outcome) or (safe and _is_passing(outcome)))
            or attempt >= manner.retries.attempts
            or clock() + pause > until
        ):
            raise error
        log.info("%s %s: %s; again in %.1f s", call.method, call.path, error, pause)
        yield Pause(pause)
    raise AssertionError("count() has no end")


def read_answer(call: Call[T], reply: Reply) -> T:
    """A success as the call's type; UnexpectedAnswer for what isn't one."""
    if call.streamed:
        return reply.chunks  # type: ignore[no-any-return]  # `drive` hands its pieces on
    if call.answer is NoneType or (call.answer is object and not reply.body):
        return None  # type: ignore[return-value]  # T is None
    try:
        return msgspec.json.decode(reply.body, type=call.answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        kind = reply.headers.get("content-type", "no content type")
        error = UnexpectedAnswer(
            f"The answer to {call.method} {call.path} can't be read ({kind}): {problem}",
            status=reply.status,
            request_id=reply.headers.get("x-request-id"),
        )
        error.in_doubt = not call.reads
        raise error from None


def read_error(reply: Reply) -> CredtrailError:
    """A refusal, a redirect, or whatever else stood where an answer should be."""
    about: dict[str, Any] = {
        "status": reply.status,
        "request_id": reply.headers.get("x-request-id"),
        "retry_after": _read_retry_after(reply.headers),
    }
    if reply.status < 400:
        where = reply.headers.get("location")
        told = f" to {where}; is that the base URL?" if where else ""
        return UnexpectedAnswer(f"The server answered {reply.status}{told}", **about)
    try:
        error = msgspec.json.decode(reply.body, type=_Envelope).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return find_class(reply.status, None)(f"The server answered {reply.status}", **about)
    details = [Detail(one.field, one.message) for one in error.details]
    return find_class(reply.status, error.code)(error.message, code=error.code, details=details, **about)


class _ErrorDetail(msgspec.Struct):
    field: str = ""
    message: str = ""


class _Error(msgspec.Struct):
    code: str
    message: str
    details: list[_ErrorDetail] = []


class _Envelope(msgspec.Struct):
    error: _Error


def _first_request(call: Call[Any], manner: Manner) -> Request:
    headers, content = {"Accept": "*/*" if call.streamed else "application/json"}, call.content
    if content is not None:
        headers["Content-Type"] = call.media_type
    if call.key or (manner.server_keeps_keys and not call.is_repeatable):
        headers["Idempotency-Key"] = call.key or uuid4().hex
    return Request(call.method, call.target, headers, content, manner.timeout_seconds, call.streamed)


def _is_done(call: Call[Any], reply: Reply, in_doubt: bool) -> bool:
    """A success; and what a DELETE sent again does not find, its first attempt has deleted."""
    return 200 <= reply.status < 300 or (reply.status == 404 and in_doubt and call.method == "DELETE")


def _is_untouched(outcome: Outcome) -> bool:
    """Whether the server certainly did nothing, and another attempt may fare better."""
    if isinstance(outcome, Reply):
        return outcome.status == 429 or (outcome.status == 503 and "retry-after" in outcome.headers)
    return isinstance(outcome, Failure) and not outcome.was_sent


def _perhaps_done(outcome: Outcome) -> bool:
    """Whether the server may have done what it was asked, though it did not say so."""
    if isinstance(outcome, Reply):
        return outcome.status >= 500 and not _is_untouched(outcome)
    return isinstance(outcome, Failure) and outcome.was_sent


def _is_passing(outcome: Outcome) -> bool:
    """Whether another attempt may fare better; 409 with Retry-After: the first attempt is still under way."""
    if isinstance(outcome, Reply):
        return outcome.status in _PERHAPS_DONE or (outcome.status == 409 and "retry-after" in outcome.headers)
    return True


def _error_of(outcome: Outcome) -> CredtrailError:
    if isinstance(outcome, Reply):
        return read_error(outcome)
    return ConnectionFailed(outcome.sentence if outcome else "No answer")


def _read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, or a date: then counted from the answer's own date, since clocks differ."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
        since = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(0.0, (until - since).total_seconds())
    except (ValueError, TypeError):  # not given, not a date, or one of them without a time zone
        return None
