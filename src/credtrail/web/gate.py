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

from msgspec import Struct
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
        self._callers: dict[str, tuple[Caller, float]] = {}
        self._looking: dict[str, asyncio.Future[Caller | None]] = {}
        self._in_flight: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Refusals become the error envelope; anything unforeseen is left to the edge."""
        extra: tuple[tuple[str, str], ...] = ()
        try:
            headers = dict(scope["headers"])
            caller = await self._authenticate(headers)
            _check_version(headers)
            grant = self._limit.take(caller.token_id)
            extra = self._limit.headers(grant)
            if not grant.granted:
                raise Refusal("rate_limited")
            endpoint, path = self._route(scope)
            answer = await self._serve(endpoint, path, caller, headers, scope, receive)
        except Refusal as refusal:
            answer = Answer(refusal.status, encode(refusal.envelope()), refusal.headers)
        if isinstance(answer, Stream):
            await _send_stream(answer, extra, send, head=scope["method"] == "HEAD")
        else:
            await send_answer(answer, extra, send, head=scope["method"] == "HEAD")

    async def _authenticate(self, headers: Mapping[bytes, bytes]) -> Caller:
        """A caller found within the last second is believed, so a revoked token ends within a second."""
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        token = token.strip()
        if scheme.lower() == "bearer" and token:
            known = self._callers.get(token)
            if known is not None and time.monotonic() - known[1] < CALLER_SECONDS:
                caller: Caller | None = known[0]
            else:
                caller = await self._look_up(token)
            if caller is not None and (caller.expires_at is None or caller.expires_at > now()):
                return caller
        raise Refusal("unauthorized", headers=(("www-authenticate", "Bearer"),))

    async def _look_up(self, token: str) -> Caller | None:
        """Requests that ask for the same token at the same time share one look: when a busy client's caller has to
        be asked for again, all of its connections want to know at once."""
        looking = self._looking.get(token)
        if looking is None:
            looking = self._looking[token] = asyncio.ensure_future(self._find_caller(token))
            looking.add_done_callback(lambda _: self._looking.pop(token))
        caller = await asyncio.shield(looking)  # one who goes away must not take it from the others
        if len(self._callers) >= _MOST_CALLERS:
            self._callers.clear()
        if caller is not None:
            self._callers[token] = (caller, time.monotonic())
        return caller

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

    async def _serve(
        self,
        endpoint: Endpoint,
        path: dict[str, str],
        caller: Caller,
        headers: Mapping[bytes, bytes],
        scope: Scope,
        receive: Receive,
    ) -> Answer | Stream:
        if endpoint.writes and not caller.may_write:
            raise Refusal("forbidden")
        raw = await read_body(headers, receive, endpoint.body_limit_bytes or self._body_limit_bytes)
        body: Any = None
        if endpoint.body is not None and issubclass(endpoint.body, Struct):
            _check_content_type(headers)
            body = parse_body(endpoint.body, raw)
        elif endpoint.body is not None:
            _check_media_type(headers, endpoint.takes)
            body = raw
        query = parse_query(endpoint.query, scope["query_string"]) if endpoint.query is not None else None
        key = None
        if endpoint.method == "POST" and b"idempotency-key" in headers:
            key = _read_idempotency_key(caller, headers[b"idempotency-key"], endpoint, path, raw)
        call = Call(caller, path, query, body, key)
        return await (endpoint.handler(call) if key is None else self._serve_once(endpoint, call, key))

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


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, limit_bytes: int) -> bytes:
    """The whole body; refuses one above the limit, by its announced length or as soon as it has grown too long."""
    sentence = f"The request body must be at most {limit_bytes:,} bytes"
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > limit_bytes:
        raise Refusal("body_too_large", sentence)
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client went away while sending its body")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit_bytes:
            raise Refusal("body_too_large", sentence)
    return body


async def send_answer(
    answer: Answer, extra: tuple[tuple[str, str], ...], send: Send, *, head: bool = False
) -> None:
    """Send an Answer as JSON, or with the content type that its own headers name."""
    headers = [(name.encode(), value.encode()) for name, value in (*answer.headers, *extra)]
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
        if all(name != "content-type" for name, _ in answer.headers):
            headers.append((b"content-type", b"application/json"))
    headers.append((b"cache-control", b"no-store"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


async def _send_stream(stream: Stream, extra: tuple[tuple[str, str], ...], send: Send, *, head: bool) -> None:
    headers = [(name.encode(), value.encode()) for name, value in (*stream.headers, *extra)]
    headers.append((b"cache-control", b"no-store"))
    await send({"type": "http.response.start", "status": stream.status, "headers": headers})
    if not head:
        async for chunk in stream.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
