"""What each request to /v1 passes, in the order that is part of the wire.

Token (401), version (400), rate limit (429), route (404, 405), right to write (403), body size (413), content
type (415), JSON and schema (400); then the handler. An ASGI application; knows endpoints, not features.
Source: contract section 1.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from hashlib import sha256
from typing import Any

from msgspec.json import encode

from credtrail.errors import Refusal, invalid
from credtrail.values import Answer, IdempotencyKey, Stream, now
from credtrail.web.endpoint import Call, Caller, Endpoint
from credtrail.web.limits import RateLimit
from credtrail.web.parse import parse_body, parse_query

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
FindCaller = Callable[[str], Awaitable[Caller | None]]

VERSION = b"2022-10-26"
PREFIX = "/v1"
CALLER_SECONDS = 1.0
"""How long a caller who was found is believed: so long after its revocation no process takes a token any more."""
_MOST_CALLERS = 10_000
_LONGEST_KEY = 255


class Gate:
    """The JSON API. `find_caller` looks a bearer token up; None means there is no such (valid) token."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        find_caller: FindCaller,
        limit: RateLimit,
        body_limit_bytes: int,
    ) -> None:
        self._exact = {(e.method, PREFIX + e.path): e for e in endpoints if "{" not in e.path}
        self._patterns = [e for e in endpoints if "{" in e.path]
        self._find_caller = find_caller
        self._limit = limit
        self._body_limit_bytes = body_limit_bytes
        self._callers: dict[bytes, tuple[Caller, float]] = {}  # by the whole header
        self._looking: dict[str, asyncio.Future[Caller | None]] = {}
        self._in_flight: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Refusals become the error envelope; anything unforeseen is left to the edge."""
        headers = dict(scope["headers"])
        try:
            caller = self._recognize(headers) or await self._authenticate(headers)
            endpoint, path = self._admit(scope, headers, caller)
            body = await read_body(headers, receive, endpoint.body_limit_bytes or self._body_limit_bytes)
            answer = await self._hand_over(scope, headers, caller, endpoint, path, body)
        except Refusal as refusal:
            answer = present_refusal(refusal)
        if isinstance(answer, Stream):
            await _send_stream(answer, scope, send)
        else:
            await send_answer(answer, scope, send)

    def takes_whole(self, method: str, path: str) -> bool:
        """Whether `answer` may be asked: something is posted, and what comes back is one piece of JSON."""
        endpoint = self._exact.get((method, path))
        return endpoint is not None and endpoint.writes and endpoint.media_types == ("application/json",)

    def answer(self, scope: Scope, body: bytes) -> Awaitable[Any]:
        """The same for a request that `takes_whole` allows and whose body is here, without a task of its own where
        the handler needs none. Raises a Refusal now or when awaited."""
        headers = dict(scope["headers"])
        caller = self._recognize(headers)
        if caller is None:
            return self._answer_unknown(scope, headers, body)
        endpoint, path = self._admit(scope, headers, caller)
        _check_size(len(body), endpoint.body_limit_bytes or self._body_limit_bytes)
        return self._hand_over(scope, headers, caller, endpoint, path, body)

    async def _answer_unknown(self, scope: Scope, headers: Mapping[bytes, bytes], body: bytes) -> Any:
        caller = await self._authenticate(headers)
        endpoint, path = self._admit(scope, headers, caller)
        _check_size(len(body), endpoint.body_limit_bytes or self._body_limit_bytes)
        return await self._hand_over(scope, headers, caller, endpoint, path, body)

    def _recognize(self, headers: Mapping[bytes, bytes]) -> Caller | None:
        """A caller found within the last second is believed, so a revoked token ends within a second."""
        known = self._callers.get(headers.get(b"authorization", b""))
        if known is None or time.monotonic() - known[1] >= CALLER_SECONDS or _is_over(known[0]):
            return None
        return known[0]

    async def _authenticate(self, headers: Mapping[bytes, bytes]) -> Caller:
        authorization = headers.get(b"authorization", b"")
        scheme, _, token = authorization.decode("latin-1").partition(" ")
        token = token.strip()
        if scheme.lower() == "bearer" and token:
            caller = await self._look_up(token)
            if caller is not None and not _is_over(caller):
                if len(self._callers) >= _MOST_CALLERS:
                    self._callers.clear()
                self._callers[authorization] = (caller, time.monotonic())
                return caller
        raise Refusal("unauthorized", headers=(("www-authenticate", "Bearer"),))

    async def _look_up(self, token: str) -> Caller | None:
        """Requests that ask for the same token at the same time share one look: when a busy client's caller has to
        be asked for again, all of its connections want to know at once."""
        looking = self._looking.get(token)
        if looking is None:
            looking = self._looking[token] = asyncio.ensure_future(self._find_caller(token))
            looking.add_done_callback(lambda _: self._looking.pop(token))
        return await asyncio.shield(looking)  # one who goes away must not take it from the others

    def _admit(
        self, scope: Scope, headers: Mapping[bytes, bytes], caller: Caller
    ) -> tuple[Endpoint, dict[str, str]]:
        """Everything between token and body. What the limit tells goes out with any answer from there on."""
        _check_version(headers)
        grant = self._limit.take(caller.token_id)
        scope["limit"] = self._limit.headers(grant)
        if not grant.granted:
            raise Refusal("rate_limited")
        endpoint, path = self._route(scope)
        if endpoint.writes and not caller.may_write:
            raise Refusal("forbidden")
        return endpoint, path

    def _route(self, scope: Scope) -> tuple[Endpoint, dict[str, str]]:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        endpoint = self._exact.get((method, scope["path"]))
        if endpoint is None:
            endpoint, path = self._search_route(method, scope["path"])
        else:
            path = {}
        scope["endpoint"] = endpoint.path
        return endpoint, path

    def _search_route(self, method: str, full_path: str) -> tuple[Endpoint, dict[str, str]]:
        """Paths with ids in them; doubled and trailing slashes are forgiven, since clients join URLs by hand."""
        wanted = "/" + "/".join(part for part in full_path.removeprefix(PREFIX).split("/") if part)
        allowed = {m for m, p in self._exact if p == PREFIX + wanted}
        if method in allowed:
            return self._exact[method, PREFIX + wanted], {}
        if not allowed:  # a path that stands there as it is is never an id
            for endpoint in self._patterns:
                match = endpoint.pattern.fullmatch(wanted)
                if match and endpoint.method == method:
                    return endpoint, match.groupdict()
                if match:
                    allowed.add(endpoint.method)
        if not allowed:
            raise Refusal("not_found")
        if "GET" in allowed:
            allowed.add("HEAD")
        raise Refusal("method_not_allowed", headers=(("allow", ", ".join(sorted(allowed))),))

    def _hand_over(
        self,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        caller: Caller,
        endpoint: Endpoint,
        path: dict[str, str],
        raw: bytes,
    ) -> Awaitable[Answer | Stream]:
        body: Any = None
        if endpoint.body is bytes:
            _check_media_type(headers, endpoint.takes)
            body = raw
        elif endpoint.body is not None:
            _check_content_type(headers)
            body = parse_body(endpoint.body, raw)  # type: ignore[type-var]  # a Struct
        query = parse_query(endpoint.query, scope["query_string"]) if endpoint.query is not None else None
        key = None
        if b"idempotency-key" in headers and endpoint.method == "POST":
            key = _read_idempotency_key(caller, headers[b"idempotency-key"], endpoint, path, raw)
        call = Call(caller, path, query, body, key)
        return endpoint.handler(call) if key is None else self._serve_once(endpoint, call, key)

    async def _serve_once(self, endpoint: Endpoint, call: Call, key: IdempotencyKey) -> Answer | Stream:
        """A second request with a key whose first is still under way is a conflict, not a second effect."""
        name = (key.workspace_id, key.key)
        if name in self._in_flight:
            raise Refusal(
                "conflict",
                "A request with this Idempotency-Key is still being worked on",
                headers=(("retry-after", "1"),),  # the only conflict that ends by itself
            )
        self._in_flight.add(name)
        try:
            return await endpoint.handler(call)
        finally:
            self._in_flight.discard(name)


def _is_over(caller: Caller) -> bool:
    return caller.expires_at is not None and caller.expires_at <= now()


def _check_version(headers: Mapping[bytes, bytes]) -> None:
    version = headers.get(b"certifier-version", b"").strip()
    if version != VERSION:
        raise Refusal("invalid_version" if version else "missing_version")


def _check_content_type(headers: Mapping[bytes, bytes]) -> None:
    """Assumed: no content type at all is taken for JSON; form, text and other types are refused."""
    media_type = headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
    if media_type != b"application/json" and not (
        media_type.startswith(b"application/") and media_type.endswith(b"+json")
    ):
        raise Refusal("unsupported_media_type")


def _check_media_type(headers: Mapping[bytes, bytes], takes: tuple[str, ...]) -> None:
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
    if media_type not in takes:
        sentence = f"The request body must be sent with Content-Type: {', '.join(takes)}"
        raise Refusal("unsupported_media_type", sentence)


def _read_idempotency_key(
    caller: Caller, raw: bytes, endpoint: Endpoint, path: dict[str, str], body: bytes
) -> IdempotencyKey:
    key = raw.decode("latin-1").strip()
    if not (1 <= len(key) <= _LONGEST_KEY) or not key.isprintable():
        raise invalid("Idempotency-Key", f"must be 1 to {_LONGEST_KEY} printable characters")
    effect = "\n".join((endpoint.method, endpoint.path, *path.values(), ""))
    return IdempotencyKey(caller.workspace_id, key, sha256(effect.encode() + body).hexdigest())


def _check_size(size_bytes: int, limit_bytes: int) -> None:
    if size_bytes > limit_bytes:
        raise Refusal("body_too_large", f"The request body must be at most {limit_bytes:,} bytes")


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, limit_bytes: int) -> bytes:
    """The whole body; refuses one above the limit, by its announced length or as soon as it has grown too long."""
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit():
        _check_size(int(announced), limit_bytes)
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client went away while sending its body")
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
        _check_size(size, limit_bytes)
    return b"".join(pieces)


def present_refusal(refusal: Refusal) -> Answer:
    """The refusal as an answer: the error envelope."""
    return Answer(refusal.status, encode(refusal.envelope()), refusal.headers)


def list_headers(answer: Answer, scope: Scope) -> list[tuple[str, str]]:
    """What goes before an Answer: JSON, or the content type that its own headers name."""
    headers = [*answer.headers, *scope.get("limit", ())]
    if answer.status != 204:
        headers.append(("content-length", str(len(answer.body))))
        if all(name != "content-type" for name, _ in answer.headers):
            headers.append(("content-type", "application/json"))
    headers.append(("cache-control", "no-store"))
    return headers


async def send_answer(answer: Answer, scope: Scope, send: Send) -> None:
    """Send an Answer to a request; the body not to HEAD."""
    headers = [(name.encode(), value.encode()) for name, value in list_headers(answer, scope)]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})


async def _send_stream(stream: Stream, scope: Scope, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in (*stream.headers, *scope["limit"])]
    headers.append((b"cache-control", b"no-store"))
    await send({"type": "http.response.start", "status": stream.status, "headers": headers})
    if scope["method"] != "HEAD":
        async for chunk in stream.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
