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
from contextlib import aclosing
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, NamedTuple

import httpcore2
from httpcore2 import AsyncNetworkBackend, AsyncNetworkStream

from credtrail.webhooks.model import FailureName

TIMEOUT_SECONDS = 15.0
_ANSWER_BYTES = 65_536
_KEPT_BYTES = 4_096
_IDLE_SECONDS = 30.0
_LONGEST_RETRY_AFTER = 86_400
_NAT64 = IPv6Network("64:ff9b::/96")


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
        except socket.gaierror as problem:
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


class _Guard(AsyncNetworkBackend):
    """Opens connections, after a look at where they lead."""

    def __init__(self, allowed_hosts: frozenset[str]) -> None:
        self._allowed_hosts = allowed_hosts
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own parameter
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        """To the first address of the host that answers, all of which must be allowed."""
        addresses = await _resolve(host, port)
        if host not in self._allowed_hosts:
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


async def _resolve(host: str, port: int) -> list[IPv4Address | IPv6Address]:
    """The host's addresses, however it is written: the system's own resolver reads `0x7f.1` as it connects to it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(address[0]).partition("%")[0]) for *_, address in found))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is somewhere on the internet, and not this machine, this network, or an address of special purpose.

    An IPv4 address inside an IPv6 one (mapped, 6to4, Teredo, NAT64) is looked at as itself.
    """
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
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
    """Retry-After in seconds; its other form, a date, is as rare as it is wrong, and left aside."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.strip().isdigit():
            return min(int(value.strip()[:9]), _LONGEST_RETRY_AFTER)
    return None


def _host_of(url: str) -> list[tuple[bytes, bytes]]:
    target = httpcore2.URL(url)
    default = {b"http": 80, b"https": 443}.get(target.scheme)
    host = target.host if b":" not in target.host else b"[" + target.host + b"]"
    return [(b"Host", host if target.port in (None, default) else host + b":%d" % target.port)]
