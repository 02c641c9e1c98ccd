"""A real receiver of webhooks on loopback: keeps what comes, and behaves as its paths say."""

import asyncio
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from conftest import free_port


@dataclass
class Came:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Receiver:
    """`answers` by path, in turn: bytes to answer, a status, `hang`, `drop`, or [`drip`, first, again and again]; then
    (and else) 204. With a certificate it speaks TLS, and keeps which names it was asked for. Runs in a thread."""

    port: int = field(default_factory=free_port)
    answers: dict[str, list] = field(default_factory=dict)
    came: list[Came] = field(default_factory=list)
    connections: int = 0
    certificate: Any = None
    names_asked: list[str | None] = field(default_factory=list)

    def __enter__(self):
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()

        async def run():
            server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls())
            ready.set()
            await self._stop.wait()
            server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        def live():
            # All of it in this thread: in another, a browser's event loop may be running.
            self._loop.run_until_complete(run())
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

        self._thread = threading.Thread(target=live)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def url(self, path="/"):
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}{path}"

    def of(self, path):
        """What came to one path."""
        return [one for one in self.came if one.path == path]

    def wait_for(self, count, seconds=15):
        """Until so much has come."""
        deadline = time.monotonic() + seconds
        while len(self.came) < count and time.monotonic() < deadline:
            time.sleep(0.02)  # another thread: there is nothing else to wait on
        return len(self.came)

    def _tls(self):
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.certificate.configure_cert(context)
        context.sni_callback = lambda _, name, __: self.names_asked.append(name)
        return context

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *rest = head.decode("latin-1").split("\r\n")
                headers = {k.lower(): v for k, _, v in (one.partition(": ") for one in rest if one)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                path = line.split(" ")[1]
                self.came.append(Came(path, headers, body, time.monotonic()))
                planned = self.answers.get(path, [])
                answer = planned.pop(0) if len(planned) > 1 else planned[0] if planned else 204
                if answer == "hang":
                    await asyncio.sleep(60)
                if answer == "drop":
                    break
                while isinstance(answer, list):
                    writer.write(answer[1] + answer[2])
                    answer = ["drip", b"", answer[2]]
                    await writer.drain()
                    await asyncio.sleep(0.02)
                writer.write(
                    f"HTTP/1.1 {answer} x\r\nContent-Length: 0\r\n\r\n".encode()
                    if isinstance(answer, int)
                    else answer
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
