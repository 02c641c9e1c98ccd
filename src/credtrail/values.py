"""The two values everything shares: Id and Moment, and the wire's small types built on them.

Called by every slice. Knows no feature, no database, no web. `IdMaker` and `now` are the only places that
ask the operating system for randomness and time; whoever holds a transaction takes the time from it.
"""

import secrets
import time
from calendar import monthrange
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from re import compile as re_compile
from struct import unpack
from typing import Annotated, Any, Literal, NamedTuple, get_args
from unicodedata import normalize
from zoneinfo import ZoneInfo

from msgspec import Meta
from msgspec.json import Encoder as JsonEncoder

Moment = int
"""Milliseconds since 1970-01-01T00:00:00Z, always UTC."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_RANDOM_BITS = 80
_STEPS = 256
_DATE_TIME = re_compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d(:?\d\d)?)", flags=256
)  # 256: re.ASCII, so that only 0-9 are digits
_DATE = re_compile(r"\d{4}-\d\d-\d\d", flags=256)


def must(sentence: str, *, example: Any = None, **constraints: Any) -> Meta:
    """The constraint of a wire field together with the words a refusal uses for it.

    `sentence` completes "<field> must …"; it is also the field's description in the OpenAPI document.
    """
    extra_schema = {"examples": [example]} if example is not None else None
    return Meta(
        description=f"Must {sentence}.",
        extra={"must": sentence},
        extra_json_schema=extra_schema,
        **constraints,
    )


NO_NUL = r"^[^\u0000]*$"
"""PostgreSQL's text can't hold U+0000; refusing it everywhere keeps both databases alike."""

AnyId = Annotated[
    str,
    must(
        "be an id: a string of 1 to 64 characters",
        min_length=1,
        max_length=64,
        pattern=NO_NUL,
        example="01hrsvjp560yksep2a3bek3z97",
    ),
]
"""An id as callers may send it: ours, or a foreign opaque one (contract, section 1)."""

Name = Annotated[
    str,
    must(
        "be a string of 1 to 255 characters, not blank",
        min_length=1,
        max_length=255,
        pattern=r"^[^\u0000]*[^\s\u0000][^\u0000]*$",
        example="Amélie Østergård",
    ),
]
"""What people or things are called; text for people to read, of any script."""

WebAddress = Annotated[
    str,
    must(
        "be an http:// or https:// address of at most 2,000 characters",
        max_length=2_000,
        pattern=r"^https?://[^\s/?#\u0000]+[^\s\u0000]*$",
        example="https://learning.example/botany",
    ),
]
DateTime = Annotated[
    str,
    must(
        "be an ISO 8601 date and time with Z or an offset, such as 2024-03-12T17:33:05.784Z",
        example="2024-03-12T17:33:05.784Z",
    ),
]
"""A date-time on its way in, still text: `parse_moment` reads it."""

IsoDate = Annotated[
    str,
    must(
        "be a calendar day written YYYY-MM-DD", pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", example="2024-03-12"
    ),
]
"""A day on its way in, still text: `parse_date` reads it."""


Period = Annotated[
    str,
    must(
        "be an ISO 8601 duration in years, months, weeks or days, such as P2Y, P18M or P90D",
        pattern=r"^P([0-9]{1,3}Y[0-9MWD]*|[0-9]{1,4}M[0-9WD]*|[0-9]{1,4}W[0-9D]*|[0-9]{1,5}D)$",
        example="P2Y",
    ),
]
_PERIOD = re_compile(r"P(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?", flags=256)

EventType = Literal[
    "credential_viewed",
    "credential_shared_to_linkedin",
    "credential_added_to_linkedin_profile",
    "credential_shared_to_facebook",
    "credential_shared_to_twitter",
    "credential_shared_to_messenger",
    "credential_shared_to_whatsapp",
    "credential_shared_to_pinterest",
    "credential_shared_to_telegram",
    "credential_shared_to_weibo",
    "credential_downloaded",
    "credential_link_copied",
    "credential_verified",
]
"""What a credential interaction can be. Source: contract, section 2."""
EVENT_TYPES: tuple[str, ...] = get_args(EventType)

Actor = Literal["recipient", "guest"]
ACTORS: tuple[str, ...] = get_args(Actor)


def now() -> Moment:
    """The operating system's wall clock."""
    return time.time_ns() // 1_000_000


class IdMaker:
    """Makes ids (26-character lower-case ULIDs) that sort in the order they were made, whatever the clock does.

    Within one millisecond the random part grows by a random step, so that neighbours can't be guessed from each
    other; when the system's clock is set back, the last moment is kept until it is passed again.
    Source: the ULID specification (monotonic ids), contract section 1. Not for several threads at once.
    """

    def __init__(self) -> None:
        self.last: Moment = 0
        self._time = _encode(0, 5)
        self._low = 0
        self._steps: list[
            int
        ] = []  # asked of the system in bulk: one by one, it costs as much as all the rest

    def make(self, at: Moment) -> str:
        """The next id; its time is `at`, or the last id's where that is later."""
        if at > self.last:
            self.last = at
            self._time = _encode(at, 5)
            self._low = secrets.randbits(_RANDOM_BITS - 1)  # the top bit stays free for the steps
        else:
            self._low += 1 + self._step()
        return self._time + _encode(self._low, 8)

    def _step(self) -> int:
        if not self._steps:
            self._steps = list(unpack(f"{_STEPS}I", secrets.token_bytes(_STEPS * 4)))
        return self._steps.pop()


def new_id(at: Moment) -> str:
    """One id for this moment, in no order with others of the same millisecond."""
    return IdMaker().make(at)


def _encode(number: int, pairs: int) -> str:
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(pairs * 10 - 10, -1, -10)])


def moment_of_id(id_: str) -> Moment:
    """The time received that one of our own ids carries. Undefined for foreign ids."""
    number = 0
    for character in id_[:10]:
        number = number * 32 + _ALPHABET.index(character)
    return number


def parse_moment(text: str) -> Moment:
    """Read an ISO 8601 date-time with Z or an offset; any precision, truncated to milliseconds.

    Raises ValueError for anything else: no offset, a day that isn't in the calendar, a leap second.
    Assumed: a time without an offset is refused, since nobody can know which it is.
    """
    if _DATE_TIME.fullmatch(text) is None:
        raise ValueError(text)
    delta = datetime.fromisoformat(text.upper().replace(",", ".")) - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000 + delta.microseconds // 1_000


def present_moment(at: Moment) -> str:
    """Write a moment the wire's way: `2024-03-12T17:33:05.784Z`."""
    seconds, ms = divmod(at, 1_000)
    return f"{_present_second(seconds)}{ms:03d}Z"


@lru_cache(maxsize=4_096)
def _present_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.")


def parse_date(text: str) -> date:
    """Read `YYYY-MM-DD`. Raises ValueError when it is written otherwise or isn't in the calendar."""
    if _DATE.fullmatch(text) is None:
        raise ValueError(text)
    return date.fromisoformat(text)


def day_of(at: Moment, time_zone: str) -> str:
    """The calendar day (`YYYY-MM-DD`) of a moment in an IANA time zone."""
    # A quarter of an hour is the finest step at which any zone's offset has changed since 1972.
    return _day_of_quarter(at // 900_000, time_zone)


@lru_cache(maxsize=16_384)
def _day_of_quarter(quarter: int, time_zone: str) -> str:
    return datetime.fromtimestamp(quarter * 900, ZoneInfo(time_zone)).date().isoformat()


def hour_of(at: Moment, time_zone: str) -> Moment:
    """When the hour begins that a clock on the wall of an IANA time zone shows at this moment.

    An hour that comes twice, since clocks are put back, is two; where they are put by half an hour, one is shorter.
    """
    return _hour_of_quarter(at // 900_000, time_zone)


@lru_cache(maxsize=16_384)
def _hour_of_quarter(quarter: int, time_zone: str) -> Moment:
    zone = ZoneInfo(time_zone)

    def shown(quarter: int) -> tuple[date, int, timedelta | None]:
        local = datetime.fromtimestamp(quarter * 900, zone)
        return local.date(), local.hour, local.utcoffset()

    first = quarter
    while shown(first - 1) == shown(quarter):
        first -= 1
    return first * 900_000


def first_moment_of(day: str, time_zone: str) -> Moment:
    """When a calendar day begins in an IANA time zone; where midnight is skipped, at the first moment after it."""
    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(time_zone))
    return int(begin.timestamp() * 1_000)


def add_period(day: str, period: str) -> str:
    """The day (`YYYY-MM-DD`) so long after a day; `period` as in `Period`, such as P2Y or P18M.

    Years and months first: a day that its month doesn't have becomes the month's last. Never beyond 9999-12-31.
    Source: ISO 8601 durations.
    """
    years, months, days = split_period(period)
    begin = date.fromisoformat(day)
    month = begin.year * 12 + begin.month - 1 + years * 12 + months
    if month // 12 > 9999:
        return "9999-12-31"
    last = monthrange(month // 12, month % 12 + 1)[1]
    moved = date(month // 12, month % 12 + 1, min(begin.day, last))
    try:
        return (moved + timedelta(days=days)).isoformat()
    except OverflowError:
        return "9999-12-31"


def split_period(period: str) -> tuple[int, int, int]:
    """Years, months and days of a duration as in `Period`; weeks count as days. Raises ValueError."""
    found = _PERIOD.fullmatch(period)
    if found is None:
        raise ValueError(period)
    years, months, weeks, days = (int(part or 0) for part in found.groups())
    return years, months, weeks * 7 + days


def fold(text: str) -> str:
    """Text as search compares it: without difference of case or of the ways to write the same character.

    Source: Unicode Standard, chapter 3.13, caseless matching (compatibility).
    """
    return normalize("NFKC", normalize("NFKC", text).casefold())


class Answer(NamedTuple):
    """What goes back over the wire: status, the exact bytes of the body, further headers."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Stream(NamedTuple):
    """A body sent piece by piece as it is made; an error midway breaks the connection off, so that none is taken for whole."""

    status: int
    chunks: AsyncIterator[bytes]
    headers: tuple[tuple[str, str], ...]


class IdempotencyKey(NamedTuple):
    """A caller's promise that requests with this key are one and the same.

    `digest` is the SHA-256 (hex) of method, path and body: the same key with another digest is a conflict.
    """

    workspace_id: str
    key: str
    digest: str


def answer(status: int, value: Any) -> Answer:
    """An Answer whose body is the JSON of a wire value."""
    return Answer(status, _encode_json(value))


_encode_json = JsonEncoder().encode
