"""Servers on loopback that misbehave: one that answers by a script, one that breaks connections to a real server off."""

import random
import select
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec


@dataclass
class Told:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        """The body, read."""
        return msgspec.json.decode(self.body)


@dataclass
class Say:
    """An answer of the script: `lost` closes the connection instead, before (0) or after so many bytes of the body."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    lost: int | None = None

    @property
    def content(self) -> bytes:
        """The body's bytes; anything but bytes is told as JSON."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)


class Scripted:
    """Gives the script's answers in order, the last one for ever, and keeps what it was asked."""

    def __init__(self, *script: Say) -> None:
        self.script = list(script)
        self.told: list[Told] = []
        self._turn = threading.Lock()

    def next(self, told: Told) -> Say:
        """The answer to this request."""
        with self._turn:
            self.told.append(told)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]


@contextmanager
def scripted(*script: Say):
    """A server that answers by a script; its address in `url`."""
    server = Scripted(*script)

    class Speaker(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            say = server.next(Told(self.command, self.path, headers, body, time.monotonic()))
            if say.lost == 0:
                self.close_connection = True
                return
            self.send_response(say.status)
            for name, value in say.headers.items():
                self.send_header(name, value)
            if say.body is not None and not isinstance(say.body, bytes):
                self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(say.content)))
            self.end_headers()
            self.wfile.write(say.content[: say.lost])
            self.close_connection = say.lost is not None

        do_POST = do_PATCH = do_DELETE = do_PUT = do_GET  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Silent."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Speaker)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@contextmanager
def silent():
    """A server that takes connections and never says anything; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@dataclass
class Line:
    """A line that breaks."""

    url: str = ""
    breaks: int = 0


@contextmanager
def breaking(port: int, chance: random.Random, *, bytes_up: int, bytes_down: int):
    """A line to a server on this machine; each connection breaks off after a random number of bytes either way.

    Its address in `url`, how often it broke in `breaks`. What broke off before the whole request was through had no
    effect; what broke off after it had one that the client did not hear of.
    """
    line = Line()
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def carry(near: socket.socket, limits: tuple[int, int]) -> None:
        left = dict(zip("ud", limits, strict=True))
        with near, socket.create_connection(("127.0.0.1", port)) as far, suppress(OSError):
            while not stop.is_set():
                for ready in select.select([near, far], [], [], 0.05)[0]:
                    way, other = ("u", far) if ready is near else ("d", near)
                    piece = ready.recv(65_536)
                    other.sendall(piece[: left[way]])
                    left[way] -= len(piece)
                    if left[way] <= 0:
                        line.breaks += 1
                    if not piece or left[way] <= 0:
                        return

    def listen() -> None:
        while not stop.is_set():
            if select.select([listening], [], [], 0.05)[0]:
                near, _ = listening.accept()
                limits = (chance.randint(0, bytes_up), chance.randint(0, bytes_down))
                threads.append(threading.Thread(target=carry, args=(near, limits)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threads.append(threading.Thread(target=listen))
        threads[0].start()
        line.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            yield line
        finally:
            stop.set()
            for thread in threads:
                thread.join()
