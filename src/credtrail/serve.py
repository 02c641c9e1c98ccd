"""Runs the HTTP server. The only file that knows which one. Called by the command line."""

import asyncio
import gc
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Thread
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from credtrail.app import build
from credtrail.logs import set_up_logs
from credtrail.settings import Settings, read_settings
from credtrail.work import work

GRACE_SECONDS = 30
_SWITCH_SECONDS = 0.0005
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
            http=OneWriteProtocol,
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
    application = build(settings).application
    # What is loaded by now stays. Without this, each full collection walks it all and stops requests for 60 ms.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    return application


class OneWriteProtocol(HttpToolsProtocol):
    """Sends head and body of an answer in one system call and one packet instead of two.

    Measured: a third more requests a second on one core.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put the joining transport between protocol and socket."""
        super().connection_made(transport)
        self.transport = _JoiningTransport(transport)  # type: ignore[assignment]

    def shutdown(self) -> None:
        """Tell the application, whose streams would keep the server from stopping; see `app`."""
        self.app_state["stopping"].set()
        super().shutdown()


class _JoiningTransport:
    """A transport that holds a first write back for a second one, until the event loop's next turn at the latest."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._call_soon = asyncio.get_running_loop().call_soon
        self._held = b""

    def write(self, data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
            self._transport.write(data)
        else:
            self._held = data
            self._call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            data, self._held = self._held, b""
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
