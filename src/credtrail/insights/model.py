"""Periods of days, their parts, and the period before, in a workspace's time zone. Pure.

A day is a calendar day of the time zone, 23 or 25 hours long where clocks change; an hour is one that a clock on the
wall shows, told apart by its offset when it comes twice.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from credtrail.errors import invalid
from credtrail.values import Moment, first_moment_of, hour_of, parse_date

Bucket = Literal["hour", "day", "week", "month"]
BUCKETS: tuple[Bucket, ...] = get_args(Bucket)

MOST_BUCKETS = 800
MOST_HOURS = 400
_QUARTER_MS = 900_000


class Period(NamedTuple):
    """From one calendar day to another, both included."""

    first_day: date
    last_day: date
    time_zone: str

    @property
    def length(self) -> int:
        """In days."""
        return (self.last_day - self.first_day).days + 1

    @property
    def from_at(self) -> Moment:
        """When its first day begins."""
        return first_moment_of(self.first_day.isoformat(), self.time_zone)

    @property
    def to_at(self) -> Moment:
        """When the day after its last begins."""
        return first_moment_of((self.last_day + timedelta(days=1)).isoformat(), self.time_zone)

    @property
    def before(self) -> "Period":
        """As many days, just before it."""
        length = timedelta(days=self.length)
        return Period(self.first_day - length, self.last_day - length, self.time_zone)


class Part(NamedTuple):
    """One column of a series: `start` as it is written (`2026-03-29`, `2026-03-29T02:00+02:00`), and what it holds of
    the period: days, both included, and for hours the moments."""

    start: str
    first_day: date
    last_day: date
    from_at: Moment
    to_at: Moment


def read_period(first: str | None, last: str | None, today: date, time_zone: str) -> Period:
    """The period asked for; the last thirty days where nothing is said.

    Refuses (400) what isn't a day, an end before the beginning, and more than ten years.
    """
    last_day = _read_day("to", last) or today
    first_day = _read_day("from", first) or last_day - timedelta(days=29)
    if first_day > last_day:
        raise invalid("from", "must not be after to")
    if last_day - first_day > timedelta(days=3_653):
        raise invalid("from", "must not be more than ten years before to")
    return Period(first_day, last_day, time_zone)


def _read_day(field: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        raise invalid(field, "must be a day such as 2026-03-12") from None
    if not date(2000, 1, 1) <= day <= date(2199, 12, 31):
        raise invalid(field, "must be a day from 2000-01-01 to 2199-12-31")
    return day


def divide(period: Period, bucket: Bucket) -> list[Part]:
    """The period's hours, days, weeks (from Monday on) or months, in order; those at its edges are cut to it.

    Refuses (400) what would be more than `MOST_BUCKETS`, or `MOST_HOURS`.
    """
    most = MOST_HOURS if bucket == "hour" else MOST_BUCKETS
    parts = list(islice(_hours(period) if bucket == "hour" else _days(period, bucket), most + 1))
    if len(parts) > most:
        raise invalid("bucket", f"must leave at most {most} columns; take a longer one, or a shorter period")
    return parts


def _days(period: Period, bucket: Bucket) -> Iterator[Part]:
    day = period.first_day
    while day <= period.last_day:
        last = min(_last_of(day, bucket), period.last_day)
        whole = Period(day, last, period.time_zone)
        yield Part(day.isoformat(), day, last, whole.from_at, whole.to_at)
        day = last + timedelta(days=1)


def _last_of(day: date, bucket: Bucket) -> date:
    if bucket == "week":
        return day + timedelta(days=6 - day.weekday())
    if bucket == "month":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return day


def _hours(period: Period) -> Iterator[Part]:
    """Cut where the wall's clock shows a full hour, or was put on or back: offsets have quarters of an hour."""
    zone, at, end = ZoneInfo(period.time_zone), period.from_at, period.to_at
    while at < end:
        begin = datetime.fromtimestamp(at / 1_000, UTC).astimezone(zone)
        then = at + _QUARTER_MS
        while then < end and hour_of(then, period.time_zone) == hour_of(at, period.time_zone):
            then += _QUARTER_MS
        then = min(then, end)
        yield Part(begin.isoformat(timespec="minutes"), begin.date(), begin.date(), at, then)
        at = then
