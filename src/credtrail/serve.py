"""Runs the HTTP server. The only file that knows which one. Called by the command line."""

import asyncio
import gc
import math
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache, partial
from threading import Thread
from typing import Any

import uvicorn
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from credtrail.app import build
from credtrail.logs import set_up_logs
from credtrail.settings import Settings, read_settings
from credtrail.web.edge import Edge
from credtrail.web.gate import Gate, Scope
from credtrail.work import work

GRACE_SECONDS = 30
_SWITCH_SECONDS = 0.0001
_GARBAGE_THRESHOLDS = (20_000, 20, 20)


def serve(settings: Settings, host: str, port: int, workers: int, *, with_work: bool = False) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way, commit, and return.

    Each worker is a process of its own that reads the settings from the environment, as this one did.
    `with_work`: what happens later is done in a thread of this process, instead of by `credtrail work`.
    """
    # The server raises SIGTERM once more when it has stopped; what is opened here is closed before the end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    work_beside = _work_beside(settings) if with_work else nullcontext()
    with _shared_metrics() if workers > 1 else nullcontext(), work_beside:
        uvicorn.run(
            "credtrail.serve:create_app",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            http=DirectProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.proxy_addresses),
            forwarded_allow_ips=settings.proxy_addresses or None,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """A folder in which all worker processes count, so that any of them can tell the sum."""
    with tempfile.TemporaryDirectory(prefix="credtrail-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


@contextmanager
def _work_beside(settings: Settings) -> Iterator[None]:
    """The jobs of `work.py` in a thread with an event loop of its own; a job under way is finished at the end."""
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = Thread(target=loop.run_until_complete, args=(work(settings, stop),), name="work", daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def create_app() -> Any:
    """The ASGI application of one server process, by the settings of its environment."""
    settings = read_settings()
    set_up_logs(settings)
    # The writing thread needs the interpreter often and briefly; the usual 5 ms would be its longest wait by far.
    sys.setswitchinterval(_SWITCH_SECONDS)
    parts = build(settings)
    DirectProtocol.gate, DirectProtocol.edge = parts.gate, parts.application
    # What is loaded by now stays. Without this, each full collection walks it all and stops requests for 60 ms.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    return parts.application


class DirectProtocol(HttpToolsProtocol):
    """Takes requests that the gate takes whole straight there and answers them in one write; what is left to uvicorn
    is the parser, the connection and everything else: larger bodies, other routes, requests that wait their turn.

    Measured: ASGI and its task take more processor time than parsing, checking and answering such a request.
    """

    gate: Gate
    edge: Edge
    _exchange: "_Exchange | None" = None
    _joining: "_JoiningTransport"
    _idle_since = math.inf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put the joining transport between protocol and socket."""
        super().connection_made(transport)
        self._joining = _JoiningTransport(transport)
        self.transport = self._joining  # type: ignore[assignment]

    def on_message_begin(self) -> None:
        """Only what the parser fills; a scope is made where one is needed."""
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """Choose the way."""
        self._exchange = self._begin_exchange()
        if self._exchange is not None:
            self.cycle = self._exchange  # type: ignore[assignment]
            return
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        self.scope["headers"] = headers
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is here."""
        super().on_message_complete()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            self.edge.answer(self.gate, exchange.scope, bytes(exchange.body), partial(self._write, exchange))

    def on_response_complete(self) -> None:
        """As ever, but that the timer for idle connections stays as it is: one for each request costs more than
        parsing it."""
        has_more = bool(self.pipeline)
        if self.timeout_keep_alive_task is None or has_more or self.transport.is_closing():
            super().on_response_complete()
        else:
            self.server_state.total_requests += 1
            self.flow.resume_reading()
        if not has_more:
            self._idle_since = self.loop.time()

    def _unset_keepalive_if_required(self) -> None:
        """Called when something comes in; see `timeout_keep_alive_handler`."""
        self._idle_since = math.inf

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it has been idle for so long, or else look again when it may have been."""
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            super().timeout_keep_alive_handler()
        else:
            left = min(left, self.timeout_keep_alive)
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to look at."""
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def shutdown(self) -> None:
        """Tell the application, whose streams would keep the server from stopping; see `app`."""
        self.app_state["stopping"].set()
        super().shutdown()

    def _begin_exchange(self) -> "_Exchange | None":
        """None: this request goes uvicorn's way."""
        is_idle = self.cycle is None or self.cycle.response_complete
        is_usual = self.parser.get_http_version() == "1.1" and not self.parser.should_upgrade()
        if not is_idle or not is_usual or self.expect_100_continue:
            return None
        method, path = self.parser.get_method().decode(), self.url.decode("latin-1")
        if not self.gate.takes_whole(method, path):
            return None
        headers = dict(self.headers)
        length = headers.get(b"content-length", b"")
        if not length.isdigit() or int(length) > HIGH_WATER_LIMIT or self.flow.write_paused:
            return None
        scope = {"method": method, "path": path, "query_string": b"", "headers": headers}
        return _Exchange(scope, self.parser.should_keep_alive())

    def _write(self, exchange: "_Exchange", status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        exchange.response_complete = True
        if not exchange.keep_alive:
            headers.append(("connection", "close"))
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
        start = _start_answer(status, tuple(self.server_state.default_headers))
        if not self.transport.is_closing():
            self._joining.write_whole(b"%b%b\r\n%b" % (start, lines.encode(), body))
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()


class _Exchange:
    """A request on its direct way and its answer; to uvicorn it looks like one of its own cycles."""

    __slots__ = ("body", "disconnected", "keep_alive", "more_body", "response_complete", "scope")
    message_event = asyncio.Event()  # nobody waits for it

    def __init__(self, scope: Scope, keep_alive: bool) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.body = bytearray()
        self.more_body = True
        self.disconnected = False
        self.response_complete = False


@lru_cache
def _start_answer(status: int, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The status line and the server's own headers, which change once a second."""
    return STATUS_LINE[status] + b"".join([b"%b: %b\r\n" % header for header in headers])


class _JoiningTransport:
    """A transport that sends head and body of an answer in one system call and one packet instead of two: it holds a
    first write back for a second one, until the event loop's next turn at the latest.

    Measured: a third more requests a second on one core.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._call_soon = asyncio.get_running_loop().call_soon
        self._held = b""

    def write(self, data: bytes) -> None:
        if self._held:
            self.write_whole(data)
        else:
            self._held = data
            self._call_soon(self._flush)

    def write_whole(self, data: bytes) -> None:
        data, self._held = self._held + data, b""
        self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            self.write_whole(b"")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
