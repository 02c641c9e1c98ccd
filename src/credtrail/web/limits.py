"""Counting requests per access token, or per network of a visitor: token buckets, kept as one number each.

Called by `gate.py` and by what takes requests without a token. Knows no feature. In memory: each server process
counts by itself, so that with several worker processes a client that spreads its requests over them may get up to
that many times the limit.
"""

import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

_MOST_KEYS = 100_000
_DAY_SECONDS = 86_400
_HASH_BYTES = 12
_NETWORK_BYTES = {4: 3, 6: 6}
"""Of an address of IPv4 and IPv6: /24 and /48 are what one household, office or operator is given at least."""

_INNER_NETWORKS = tuple(
    map(
        ip_network,
        (
            "127.0.0.0/8",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "169.254.0.0/16",
            "::1/128",
            "fc00::/7",
            "fe80::/10",
        ),
    )
)


class Grant(NamedTuple):
    """The bucket after one request: granted or not, what is left, and how long until the next is granted."""

    granted: bool
    left: int
    retry_after_seconds: int


class RateLimit:
    """`per_second` requests in the long run, `burst` at once after a pause.

    The generic cell rate algorithm: per key only the time at which its bucket will be full again.
    """

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_second
        self.burst = burst
        self._clock = clock
        self._interval = 1 / per_second
        self._full_at: OrderedDict[str, float] = OrderedDict()
        window = math.ceil(burst / per_second)
        self.policy = f'"default";q={burst};w={window}'

    def take(self, key: str) -> Grant:
        """Take one request from the key's bucket; a refused request takes nothing."""
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now)
        room = self.burst - (full_at - now) / self._interval
        if room < 1:
            return Grant(False, 0, max(1, math.ceil((1 - room) * self._interval)))
        self._full_at[key] = full_at + self._interval
        self._full_at.move_to_end(key)
        if len(self._full_at) > _MOST_KEYS:
            self._full_at.popitem(last=False)
        return Grant(True, int(room - 1), 0)

    def headers(self, grant: Grant) -> tuple[tuple[str, str], ...]:
        """RateLimit and RateLimit-Policy (IETF draft-ietf-httpapi-ratelimit-headers), Retry-After when refused."""
        seconds = grant.retry_after_seconds or math.ceil((self.burst - grant.left) * self._interval)
        headers: tuple[tuple[str, str], ...] = (
            ("ratelimit-policy", self.policy),
            ("ratelimit", f'"default";r={grant.left};t={seconds}'),
        )
        if not grant.granted:
            headers += (("retry-after", str(grant.retry_after_seconds)),)
        return headers


class NetworkLimit:
    """At most so many requests from one network of the outside world, without anything kept that tells which.

    A network is a /24 of IPv4 or a /48 of IPv6. In memory there is only its hash, with a salt that was never
    written anywhere and is forgotten after a day (UTC), along with all that was counted under it. Addresses of
    inner networks (this machine, private ranges) are not limited: there it is a reverse proxy that speaks for
    everybody, and whoever wants visitors told apart names it in CREDTRAIL_PROXY_ADDRESSES.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.time) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._day = -1
        self._salt = b""
        self._limit = limit_per_minute(per_minute, clock)

    def take(self, address: str | None) -> bool:
        """Take one request from the bucket of this address's network; False when there is nothing left in it."""
        network = _find_network(address)
        if network is None:
            return True
        today = int(self._clock() // _DAY_SECONDS)
        if today != self._day:
            self._day, self._salt = today, secrets.token_bytes(32)
            self._limit = limit_per_minute(self._per_minute, self._clock)
        return self._limit.take(blake2b(network, digest_size=_HASH_BYTES, key=self._salt).hexdigest()).granted


def limit_per_minute(count: int, clock: Callable[[], float] = time.monotonic) -> RateLimit:
    """A limit of so many in a minute, all of them at once if need be."""
    return RateLimit(count / 60, count, clock)


def _find_network(address: str | None) -> bytes | None:
    """The leading bytes that make an address's network; None for what isn't an address of the outside world."""
    try:
        given = ip_address(address or "")
    except ValueError:
        return None
    if isinstance(given, IPv6Address) and given.ipv4_mapped is not None:
        given = given.ipv4_mapped
    if any(given in network for network in _INNER_NETWORKS):
        return None
    return bytes([given.version]) + given.packed[: _NETWORK_BYTES[given.version]]
