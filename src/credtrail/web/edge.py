"""The outermost layer of every request: its id, its metric, its log line, and the answer when all else failed.

Wrapped around the whole application by `app.py`. What it logs holds no token, no query, no address of a
visitor, no name: route, method, status, duration, request id.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from random import getrandbits
from typing import Any

import structlog

from credtrail import metrics
from credtrail.errors import Refusal
from credtrail.values import Answer
from credtrail.web.gate import Gate, Receive, Scope, Send, list_headers, present_refusal, send_answer

log = structlog.get_logger("credtrail.requests")

Write = Callable[[int, list[tuple[str, str]], bytes], None]
"""Sends a whole answer: status, headers, body."""


class Edge:
    """Wraps an ASGI application. `log_all`: a line for every request, else only for refused and failed ones."""

    def __init__(self, app: Any, *, log_all: bool) -> None:
        self._app = app
        self._log_all = log_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope; lifespan passes through untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _make_request_id()
        status = 0

        async def send_with_id(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ConnectionResetError:
            status = 499  # the client's own doing; the number is nginx's
        except Exception:
            log.exception("failed", request_id=request_id, route=_route(scope), method=scope["method"])
            if status == 0:
                await send_answer(_failed(), {"method": scope["method"]}, send_with_id)
        self._tell(scope, status, request_id, time.perf_counter() - began)

    def answer(self, gate: Gate, scope: Scope, body: bytes, write: Write) -> None:
        """The same for a request that `gate` takes whole: no ASGI, and no task where it needs none."""
        began = time.perf_counter()
        answering: asyncio.Future[Answer]
        try:
            answering = asyncio.ensure_future(gate.answer(scope, body))
        except Exception as error:
            answering = asyncio.get_running_loop().create_future()
            answering.set_exception(error)
        answering.add_done_callback(partial(self._write_answer, scope, began, write))

    def _write_answer(
        self, scope: Scope, began: float, write: Write, answering: asyncio.Future[Answer]
    ) -> None:
        request_id = _make_request_id()
        try:
            answer = answering.result()
        except Refusal as refusal:
            answer = present_refusal(refusal)
        except Exception:
            log.exception("failed", request_id=request_id, route=_route(scope), method=scope["method"])
            answer = _failed()
        headers = list_headers(answer, scope)
        headers.append(("x-request-id", request_id))
        write(answer.status, headers, answer.body)
        self._tell(scope, answer.status, request_id, time.perf_counter() - began)

    def _tell(self, scope: Scope, status: int, request_id: str, seconds: float) -> None:
        route = _route(scope)
        _count(route, scope["method"], status)
        if self._log_all or status >= 400:
            log.info(
                "request",
                request_id=request_id,
                route=route,
                method=scope["method"],
                status=status,
                ms=round(seconds * 1_000, 1),
            )


def _make_request_id() -> str:
    """Tells requests apart, keeps no secret: no need of the system's randomness."""
    return f"{getrandbits(96):024x}"


def _failed() -> Answer:
    return present_refusal(Refusal("internal_server_error"))


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_counters: dict[tuple[str, str, int], Any] = {}


def _count(route: str, method: str, status: int) -> None:
    key = (route, method if method in _METHODS else "other", status)
    counter = _counters.get(key)
    if counter is None:
        counter = _counters[key] = metrics.REQUESTS.labels(key[0], key[1], str(status))
    counter.inc()


def _route(scope: Scope) -> str:
    """The route's pattern, never the path itself: a path holds ids, and anything a scanner thinks of."""
    if "endpoint" in scope:
        endpoint = scope["endpoint"]
        return endpoint if isinstance(endpoint, str) else getattr(endpoint, "__name__", "page")
    return "unknown"
