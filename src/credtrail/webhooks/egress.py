"""The way out to endpoints: posts, bounded in size and time, through the guard of `web/egress.py`.

Redirects aren't followed, proxies of the environment aren't used.
"""

import asyncio
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from math import ceil
from typing import NamedTuple

import httpcore2
import structlog

from credtrail.web.egress import Guard, NotAllowedError, host_header, read_answer
from credtrail.webhooks.model import FailureName

TIMEOUT_SECONDS = 15.0
_ANSWER_BYTES = 65_536
_KEPT_BYTES = 4_096
_IDLE_SECONDS = 30.0
_LONGEST_RETRY_AFTER = 86_400
_LOOKUPS = 256


log = structlog.get_logger("credtrail.webhooks")


class Answered(NamedTuple):
    """How an attempt ended. `failure` is None for 2xx."""

    status_code: int | None
    failure: FailureName | None
    answer: str
    duration_ms: int
    retry_after_seconds: int | None


class Egress:
    """Posts to endpoints, each over connections of its own. `allowed_hosts` may have any address, and plain http."""

    def __init__(self, allowed_hosts: frozenset[str], most_connections: int) -> None:
        """`most_connections` to one endpoint. One pool for all would look through all of them for each request."""
        self._guard = Guard(allowed_hosts, "webhook-names", _LOOKUPS)
        self._tls = ssl.create_default_context()
        self._most_connections = most_connections
        self._pools: OrderedDict[str, tuple[httpcore2.AsyncConnectionPool, float]] = OrderedDict()

    async def close(self) -> None:
        """Let go of all connections."""
        while self._pools:
            await self._pools.popitem()[1][0].aclose()
        self._guard.close()

    async def forget(self) -> None:
        """Let go of connections that nothing was sent over for a while; an attempt takes less than that."""
        while self._pools:
            key, (pool, used) = next(iter(self._pools.items()))
            if time.monotonic() - used < _IDLE_SECONDS:
                return
            del self._pools[key]
            await pool.aclose()

    def _find_pool(self, key: str) -> httpcore2.AsyncConnectionPool:
        """Those used last stand last."""
        pool, _ = self._pools.pop(key, (None, 0))
        if pool is None:
            pool = httpcore2.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=self._most_connections,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=self._guard,
            )
        self._pools[key] = pool, time.monotonic()
        return pool

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, key: str = "") -> Answered:
        """One attempt; however it ends, in `TIMEOUT_SECONDS` at most. Those with the same key share connections."""
        began = time.monotonic()

        def ended(
            failure: FailureName | None,
            text: str = "",
            status_code: int | None = None,
            retry_after: int | None = None,
        ) -> Answered:
            took_ms = round((time.monotonic() - began) * 1_000)
            return Answered(status_code, failure, text, took_ms, retry_after)

        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                sent = [(name.encode(), value.encode()) for name, value in headers.items()]
                stream = self._find_pool(key).stream(
                    "POST",
                    url,
                    headers=[*sent, *host_header(url)],
                    content=body,
                    # Shorter than the whole: the library lets go of a half-opened connection after its own time-outs.
                    extensions={"timeout": {"connect": TIMEOUT_SECONDS * 0.6}},
                )
                async with stream as response:
                    content, is_whole = await read_answer(response, _ANSWER_BYTES)
                text = content[:_KEPT_BYTES].decode(errors="replace").replace("\x00", "\ufffd")
                status = response.status
                if not is_whole:
                    return ended("too_large", text, status)
                return ended(_failure_of(status), text, status, _retry_after(response.headers))
        except NotAllowedError as problem:
            return ended("address_not_allowed", str(problem))
        except (socket.gaierror, UnicodeError) as problem:  # the latter: no name can be written like that
            return ended("dns_failed", str(problem))
        except (TimeoutError, httpcore2.TimeoutException):
            return ended("timeout")
        except ssl.SSLError as problem:
            return ended("tls_failed", str(problem)[:_KEPT_BYTES])
        except httpcore2.ConnectError as problem:
            is_tls = isinstance(problem.__cause__, ssl.SSLError) or "SSL" in str(problem)
            return ended("tls_failed" if is_tls else "refused", str(problem)[:_KEPT_BYTES])
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as problem:
            return ended("connection_lost", str(problem)[:_KEPT_BYTES])
        except (
            Exception
        ) as problem:  # ours to mend; it must be a failed attempt, or it would be made for ever
            log.exception("webhook attempt failed", url=url)
            return ended("connection_lost", str(problem)[:_KEPT_BYTES])


def _failure_of(status: int) -> FailureName | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return "redirect"
    return "gone" if status == 410 else "not_2xx"


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """Retry-After in seconds, whether it is written so or as a date (RFC 9110); None where it says nothing."""
    for name, value in headers:
        if name.lower() == b"retry-after":
            text = value.decode("latin-1").strip()
            if text.isdecimal():
                return min(int(text[:9]), _LONGEST_RETRY_AFTER)
            try:
                at = parsedate_to_datetime(text).timestamp()
            except (ValueError, OverflowError):
                return None
            return min(max(0, ceil(at - time.time())), _LONGEST_RETRY_AFTER)
    return None
