"""One call of the API as a value: what is asked, and what a success is read as. Pure.

Made by `parts`, sent by `conversation`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from msgspec.json import encode

from credtrail.client.model import Page

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """A method on a path below /v1.

    `answer` is the type of a success (NoneType: nothing is read); `query` and `body` are in Python's spelling, and
    None in a query is not sent. `key` is the caller's own idempotency key. `searches`: a POST that only reads.
    A body of bytes is sent as it is, as `media_type`. `streamed`: the answer is handed on piece by piece as it comes, unread.
    """

    method: str
    path: str
    answer: type[T]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | bytes | None = None
    key: str | None = None
    media_type: str = "application/json"
    searches: bool = False
    streamed: bool = False

    @property
    def target(self) -> str:
        """Path and query as they are sent."""
        given = wire({name: value for name, value in self.query.items() if value is not None})
        return self.path + ("?" + urlencode(given, doseq=True) if given else "")

    @property
    def content(self) -> bytes | None:
        """The body as it is sent."""
        return encode(wire(self.body)) if isinstance(self.body, Mapping) else self.body

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.searches or self.method == "GET"

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice has the effect of sending it once, without any key."""
        return self.reads or self.method != "POST"


def next_page(call: Call[Page[T]], page: Page[T]) -> Call[Page[T]] | None:
    """The call for the page after this one; None after the last."""
    cursor = page.pagination.next
    if not cursor:
        return None
    if isinstance(call.body, Mapping):
        return replace(call, body={**call.body, "cursor": cursor})
    return replace(call, query={**call.query, "cursor": cursor})


def path_of(*parts: str) -> str:
    """A path below /v1, ids in it made safe. Raises ValueError for what is no id: it could name something else."""
    for part in parts:
        if not isinstance(part, str) or part in ("", ".", ".."):
            raise ValueError(f"{part!r} is not an id")
    return "/" + "/".join(quote(part, safe="") for part in parts)


def check(shape: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, if it fits the typed dictionary's names. Raises TypeError like a function called wrongly.

    The server ignores keys that it doesn't know, so that a misspelt one would be lost without a word.
    """
    unknown = [name for name in given if name not in shape.__annotations__]
    missing = sorted(name for name in shape.__required_keys__ if name not in given)
    if unknown or missing:
        word = f"unknown: {', '.join(unknown)}" if unknown else f"missing: {', '.join(missing)}"
        raise TypeError(f"{shape.__name__}: {word}")
    return dict(given)


def wire(given: Mapping[str, Any]) -> dict[str, Any]:
    """A body in the wire's spelling: names in camelCase, times in UTC. What is inside a value is sent as it is."""
    return {_camel(name): _time(value) for name, value in given.items()}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _time(value: Any) -> Any:
    """Refuses a time without an offset, since nobody knows which it is; anything that is no time stays as it is."""
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError(f"{value!r} has no time zone; datetime.now(UTC) has one")
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
