"""The guard of every connection that goes out to an address somebody else has written.

Called by what speaks with the outside: webhooks, and the verification of others' credentials. A name is resolved when a
connection is opened, every address it has is checked, and the connection goes to a checked address, not to the name
again; TLS still proves the name. Sources: OWASP's cheat sheet on server-side request forgery; IANA's special-purpose
address registries (by `ipaddress`).
"""

import asyncio
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpcore2
from httpcore2 import AsyncNetworkBackend, AsyncNetworkStream

_FETCH_SECONDS = 5.0
_FETCH_BYTES = 262_144
_FETCH_KEPT_SECONDS = 60
_FETCH_MOST_KEPT = 50
_FETCH_LOOKUPS = 8
_FETCH_HEADERS = (
    (b"Accept", b"application/json, application/*+json;q=0.9, */*;q=0.1"),
    (b"User-Agent", b"Credtrail"),
)
_NAT64 = IPv6Network("64:ff9b::/96")
_SPECIAL = tuple(
    ip_network(one)
    for one in ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "2001::/23", "3fff::/20", "5f00::/16")
)
"""Of IANA's special-purpose registries, what some versions of `ipaddress` count as global, or parts of it. A cloud's
metadata are at 192.0.0.192."""


class NotAllowedError(OSError):
    """The name leads to an address that we don't talk to."""


class Guard(AsyncNetworkBackend):
    """Opens connections, after a look at where they lead."""

    def __init__(self, allowed_hosts: frozenset[str], name: str, most_lookups: int) -> None:
        """`allowed_hosts` may have any address. So many threads of that name ask the resolver."""
        self._allowed_hosts = allowed_hosts
        self._inner = httpcore2.AnyIOBackend()
        self._names = _Names(name, most_lookups)

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

    def __init__(self, name: str, most_lookups: int) -> None:
        self._threads = ThreadPoolExecutor(most_lookups, thread_name_prefix=name)
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


async def read_answer(response: httpcore2.Response, most_bytes: int) -> tuple[bytes, bool]:
    """What was answered, up to that bound and a piece more, and whether that was all of it."""
    content = b""
    chunks: AsyncIterator[bytes] = response.aiter_stream()
    async with aclosing(chunks) as stream:  # type: ignore[type-var]  # it is an asynchronous generator
        async for chunk in stream:
            content += chunk
            if len(content) > most_bytes:
                return content, False
    return content, True


def host_header(url: str) -> list[tuple[bytes, bytes]]:
    """The header that names whom it is for."""
    target = httpcore2.URL(url)
    default = {b"http": 80, b"https": 443}.get(target.scheme)
    host = target.host if b":" not in target.host else b"[" + target.host + b"]"
    return [(b"Host", host if target.port in (None, default) else host + b":%d" % target.port)]


class Fetcher:
    """Gets documents by https from named hosts, bounded in size and time, without following redirects.

    `hosts` may lead anywhere, as whoever runs this has named them; with `*` among them, every host of the internet.
    What was got is good for a minute, so that nobody can make us ask a host again and again.
    """

    def __init__(self, hosts: frozenset[str], tls: ssl.SSLContext | None = None) -> None:
        self._hosts = hosts
        self._guard = Guard(hosts, "fetch-names", _FETCH_LOOKUPS)
        self._tls = tls or ssl.create_default_context()
        self._kept: OrderedDict[str, tuple[float, bytes | None]] = OrderedDict()

    async def get(self, address: str) -> bytes | None:
        """What is there; None where it may not be asked for, or nothing whole was to be had in time."""
        try:
            url = httpcore2.URL(address)
        except (ValueError, TypeError, UnicodeError, httpcore2.ProtocolError):
            return None
        host = url.host.decode("ascii", "replace").lower()
        if url.scheme != b"https" or not {host, "*"} & self._hosts:
            return None
        kept = self._kept.get(address)
        if kept is None or kept[0] < time.monotonic():
            kept = self._kept[address] = (time.monotonic() + _FETCH_KEPT_SECONDS, await self._get(address))
            self._kept.move_to_end(address)
            while len(self._kept) > _FETCH_MOST_KEPT:
                self._kept.popitem(last=False)
        return kept[1]

    async def _get(self, address: str) -> bytes | None:
        try:
            async with (
                asyncio.timeout(_FETCH_SECONDS),
                httpcore2.AsyncConnectionPool(ssl_context=self._tls, network_backend=self._guard) as pool,
                pool.stream("GET", address, headers=[*_FETCH_HEADERS, *host_header(address)]) as response,
            ):
                content, is_whole = await read_answer(response, _FETCH_BYTES)
                return content if response.status == 200 and is_whole else None
        except (OSError, TimeoutError, UnicodeError, httpcore2.TimeoutException, httpcore2.NetworkError):
            return None
        except (httpcore2.ProtocolError, ValueError):
            return None

    def close(self) -> None:
        """Ask for no names any more."""
        self._guard.close()
