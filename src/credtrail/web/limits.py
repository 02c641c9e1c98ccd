"""Counting requests per access token: a token bucket, kept as one number per token.

Called by `gate.py`. Knows no feature. In memory: each server process counts by itself, so that with several
worker processes a client that spreads its requests over them may get up to that many times the limit.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

_MOST_KEYS = 100_000


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
