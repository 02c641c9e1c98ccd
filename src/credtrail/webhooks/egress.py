"""The way out to endpoints, and its guard: whoever may write a webhook's address must not reach what only we can reach.

The only file that knows the HTTP library below. A name is resolved when a connection is opened, every address it has
is checked, and the connection goes to a checked address, not to the name again; TLS still proves the name. Redirects
aren't followed, proxies of the environment aren't used, answers are bounded in size and time. Sources: OWASP's
cheat sheet on server-side request forgery; IANA's special-purpose address registries (by `ipaddress`).
"""

import asyncio
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from email.utils import parsedate_to_datetime
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from math import ceil
from typing import Any, NamedTuple

import httpcore2
import structlog
from httpcore2 import AsyncNetworkBackend, AsyncNetworkStream

from credtrail.webhooks.model import FailureName

TIMEOUT_SECONDS = 15.0
_ANSWER_BYTES = 65_536
_KEPT_BYTES = 4_096
_IDLE_SECONDS = 30.0
_LOOKUPS = 256
_LONGEST_RETRY_AFTER = 86_400
_NAT64 = IPv6Network("64:ff9b::/96")
_SPECIAL = tuple(
    ip_network(one)
    for one in ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "2001::/23", "3fff::/20", "5f00::/16")
)
"""Of IANA's special-purpose registries, what some versions of `ipaddress` count as global, or parts of it. A cloud's
metadata are at 192.0.0.192."""


log = structlog.get_logger("credtrail.webhooks")


class Answered(NamedTuple):
    """How an attempt ended. `failure` is None for 2xx."""

    status_code: int | None
    failure: FailureName | None
    answer: str
    duration_ms: int
    retry_after_seconds: int | None


class NotAllowedError(OSError):
    """The name leads to an address that we don't talk to."""


class Egress:
    """Posts to endpoints, each over connections of its own. `allowed_hosts` may have any address, and plain http."""

    def __init__(self, allowed_hosts: frozenset[str], most_connections: int) -> None:
        """`most_connections` to one endpoint. One pool for all would look through all of them for each request."""
        self._guard = _Guard(allowed_hosts)
        self._tls = ssl.create_default_context()
        self._most_connections = most_connections
        self._pools: OrderedDict[str, httpcore2.AsyncConnectionPool] = OrderedDict()

    async def close(self) -> None:
        """Let go of all connections."""
        while self._pools:
            await self._pools.popitem()[1].aclose()
        self._guard.close()

    async def forget(self, most: int) -> None:
        """Let go of connections to all but so many of the endpoints used last; to none that is being used."""
        while len(self._pools) > most:
            await self._pools.popitem(last=False)[1].aclose()

    def _find_pool(self, key: str) -> httpcore2.AsyncConnectionPool:
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = httpcore2.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=self._most_connections,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=self._guard,
            )
        self._pools.move_to_end(key)
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
                    headers=[*sent, *_host_of(url)],
                    content=body,
                    # Shorter than the whole: the library lets go of a half-opened connection after its own time-outs.
                    extensions={"timeout": {"connect": TIMEOUT_SECONDS * 0.6}},
                )
                async with stream as response:
                    content, is_whole = await _read(response)
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


class _Guard(AsyncNetworkBackend):
    """Opens connections, after a look at where they lead."""

    def __init__(self, allowed_hosts: frozenset[str]) -> None:
        self._allowed_hosts = allowed_hosts
        self._inner = httpcore2.AnyIOBackend()
        self._names = _Names()

    def close(self) -> None:
        """Ask for no names any more."""
        self._names.close()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own parameter
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        """To the first address of the host that answers, all of which must be allowed."""
        addresses = await self._names.resolve(host, port)
        if host.lower() not in self._allowed_hosts:
            for address in addresses:
                if not is_public(address):
                    raise NotAllowedError(f"{host} leads to {address}, an address of an inner network")
        problem: Exception | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as refused:
                problem = refused
        raise problem or httpcore2.ConnectError(f"{host} has no address")

    async def connect_unix_socket(self, *_: Any, **__: Any) -> AsyncNetworkStream:
        """Never."""
        raise NotAllowedError("sockets of this machine are not endpoints")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class _Names:
    """Asks the system's resolver in threads of its own, for each name once at a time: names that nobody answers for,
    however many wait for them, keep no other from being resolved."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="webhook-names")
        self._asked: dict[tuple[str, int], asyncio.Future[Any]] = {}

    async def resolve(self, host: str, port: int) -> list[IPv4Address | IPv6Address]:
        """The host's addresses, however it is written: the resolver reads `0x7f.1` as it connects to it."""
        asked = self._asked.get((host, port))
        if asked is None:
            ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            asked = asyncio.get_running_loop().run_in_executor(self._threads, ask)
            self._asked[host, port] = asked
            asked.add_done_callback(partial(self._forget, host, port))
        found = await asyncio.shield(asked)  # whoever gives up doesn't give up for the others
        return list(dict.fromkeys(ip_address(str(address[0]).partition("%")[0]) for *_, address in found))

    def _forget(self, host: str, port: int, asked: "asyncio.Future[Any]") -> None:
        self._asked.pop((host, port), None)
        if not asked.cancelled():
            asked.exception()  # seen, even where everybody has given up

    def close(self) -> None:
        """Without waiting for what was asked."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is somewhere on the internet, and not this machine, this network, or an address of special purpose.

    An IPv4 address inside an IPv6 one (mapped, 6to4, NAT64) is looked at as itself.
    """
    if any(address in special for special in _SPECIAL):
        return False
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if int(address) < 1 << 32 or address.is_site_local:  # IPv4-compatible and site-local, long deprecated
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


async def _read(response: httpcore2.Response) -> tuple[bytes, bool]:
    """Up to the bound of the answer, and whether that was all of it."""
    content = b""
    chunks: AsyncIterator[bytes] = response.aiter_stream()
    async with aclosing(chunks) as stream:  # type: ignore[type-var]  # it is an asynchronous generator
        async for chunk in stream:
            content += chunk
            if len(content) > _ANSWER_BYTES:
                return content, False
    return content, True


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


def _host_of(url: str) -> list[tuple[bytes, bytes]]:
    target = httpcore2.URL(url)
    default = {b"http": 80, b"https": 443}.get(target.scheme)
    host = target.host if b":" not in target.host else b"[" + target.host + b"]"
    return [(b"Host", host if target.port in (None, default) else host + b":%d" % target.port)]
