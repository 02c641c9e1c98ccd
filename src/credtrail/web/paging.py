"""Pages of a list, newest first, by opaque signed cursors on the id.

Called by the faces; the stores get a Slice and answer with rows. A cursor says "older than this id" or "newer
than this id" for one list of one workspace with one set of filters; made with the secret key, it can't be
forged, changed, or used on another list. Since it names an id and not a number of rows, inserts in between
neither repeat nor hide an item. Source: contract section 1, pagination.

Assumed: lists are newest first; a limit outside 1 to 100 and a cursor not made for this very list are 400.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from credtrail.errors import invalid
from credtrail.values import must

T = TypeVar("T")

_MAC_BYTES = 16

Limit = Annotated[int, must("be a whole number from 1 to 100", ge=1, le=100)]
Cursor = Annotated[
    str, must("be a cursor from the pagination of an answer to this same list", max_length=1_000)
]


class PageQuery(msgspec.Struct):
    """What every list takes."""

    cursor: Cursor | None = None
    limit: Limit = 20


class Pagination(msgspec.Struct):
    """Cursors to the neighbouring pages; null where there is none."""

    prev: str | None
    next: str | None


class Slice(NamedTuple):
    """Which rows a store shall find: up to `limit` rows before or after the id `edge` (None: from the newest).

    With `newer` the rows come oldest first (nearest to the edge first), else newest first.
    """

    edge: str | None
    newer: bool
    limit: int


class Cursors:
    """Makes and reads cursors with the installation's secret key."""

    def __init__(self, secret_key: str) -> None:
        self._key = sha256(b"cursor:" + secret_key.encode()).digest()

    def read(self, cursor: str | None, limit: int, scope: tuple[Any, ...]) -> Slice:
        """The slice a request asks for; one row more than the page holds, to know whether there are more.

        `scope` names list, workspace and filters. Refuses a cursor that isn't one of ours for this scope.
        """
        if cursor is None:
            return Slice(None, False, limit + 1)
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            payload, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
            if not hmac.compare_digest(mac, self._mac(payload, scope)):
                raise ValueError(cursor)
            direction, edge = payload[:1], payload[1:].decode()
        except ValueError:
            raise invalid(
                "cursor", "must be a cursor from the pagination of an answer to this same list"
            ) from None
        return Slice(edge, direction == b">", limit + 1)

    def page(
        self, rows: Sequence[T], slice_: Slice, scope: tuple[Any, ...], id_of: Callable[[T], str]
    ) -> tuple[list[T], Pagination]:
        """The page's rows, newest first, and the cursors around it, from what the store found for the slice."""
        limit = slice_.limit - 1
        more, found = len(rows) > limit, list(rows[:limit])
        if slice_.newer:
            found.reverse()
        has_newer = more if slice_.newer else slice_.edge is not None
        has_older = slice_.newer or more
        return found, Pagination(
            prev=self._make(">", id_of(found[0]), scope) if found and has_newer else None,
            next=self._make("<", id_of(found[-1]), scope) if found and has_older else None,
        )

    def _make(self, direction: str, edge: str, scope: tuple[Any, ...]) -> str:
        payload = (direction + edge).encode()
        return urlsafe_b64encode(payload + self._mac(payload, scope)).decode().rstrip("=")

    def _mac(self, payload: bytes, scope: tuple[Any, ...]) -> bytes:
        text = msgspec.json.encode((payload.decode(errors="replace"), scope))
        return hmac.digest(self._key, text, "sha256")[:_MAC_BYTES]
