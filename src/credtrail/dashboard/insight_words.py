"""How insights are asked for in an address, and told in words, charts and sheets. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from credtrail.dashboard.credential_words import event_words
from credtrail.dashboard.words import brief_duration, day_words
from credtrail.insights.figures import Funnel, Timeseries
from credtrail.insights.model import BUCKETS, Bucket, Period

PERIODS = (
    ("7", "last 7 days"),
    ("30", "last 30 days"),
    ("90", "last 90 days"),
    ("365", "last 365 days"),
    ("own", "own dates"),
)
BUCKET_CHOICES = (
    ("", "by itself"),
    ("hour", "hours"),
    ("day", "days"),
    ("week", "weeks"),
    ("month", "months"),
)
ACTOR_CHOICES = (("", "both"), ("recipient", "recipients"), ("guest", "guests"))
SORT_CHOICES = (
    ("guestViews", "guest views"),
    ("shares", "shares"),
    ("guestVerifications", "guest verifications"),
)
STEP_WORDS: Mapping[str, str] = {
    "issued": "Issued",
    "opened": "Opened by the recipient",
    "shared": "Shared or added to a profile",
    "guestViewed": "Viewed by guests",
    "guestVerified": "Verified by guests",
}
LABELS = {"from": "From", "to": "To", "groupId": "Group", "designId": "Design", "bucket": "Columns"}
"""What the form calls the fields that a refusal may name."""

MOST_LINES = 6
"""So many a chart draws; its table has all."""
_SUITABLE: tuple[tuple[Bucket, int], ...] = (("hour", 2), ("day", 120), ("week", 800))
"""A bucket, and the days of the longest period that it suits."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Wanted(NamedTuple):
    """What an address asks for; empty where it says nothing, or nothing that is known."""

    period: str = "30"
    first: str = ""
    last: str = ""
    group: str = ""
    design: str = ""
    actor: str = ""
    bucket: str = ""
    sort: str = "guestViews"

    @property
    def query(self) -> dict[str, str]:
        """What has to stand in an address to ask for the same."""
        usual = Wanted()._asdict()
        names = {"first": "from", "last": "to"}
        return {
            names.get(name, name): value for name, value in self._asdict().items() if value != usual[name]
        }


def read_wanted(query: Mapping[str, str]) -> Wanted:
    """From the names of a query; days are read only with `period=own`, and it is meant where they stand alone."""
    period = _one_of(query, "period", [name for name, _ in PERIODS], "")
    days = (query.get("from", ""), query.get("to", ""))
    if not period:
        period = "own" if any(days) else "30"
    return Wanted(
        period,
        *(days if period == "own" else ("", "")),
        query.get("group", ""),
        query.get("design", ""),
        _one_of(query, "actor", ["recipient", "guest"], ""),
        _one_of(query, "bucket", BUCKETS, ""),
        _one_of(query, "sort", [name for name, _ in SORT_CHOICES], "guestViews"),
    )


def _one_of(query: Mapping[str, str], name: str, allowed: Iterable[str], usual: str) -> str:
    value = query.get(name, "")
    return value if value in allowed else usual


def days_wanted(wanted: Wanted, today: date) -> tuple[str | None, str | None]:
    """First and last day, as `read_period` takes them."""
    if wanted.period == "own":
        return wanted.first or None, wanted.last or None
    return (today - timedelta(days=int(wanted.period) - 1)).isoformat(), today.isoformat()


def bucket_for(wanted: Wanted, period: Period) -> Bucket:
    """The one asked for, or one that suits the period's length."""
    if wanted.bucket:
        return wanted.bucket  # type: ignore[return-value]  # only known ones are read
    for bucket, most in _SUITABLE:
        if period.length <= most:
            return bucket
    return "month"


def span_words(first: str, last: str) -> str:
    """Days in words: `1 Oct 2026 – 30 Oct 2026`."""
    return day_words(first) if first == last else f"{day_words(first)} – {day_words(last)}"


def count_words(count: int) -> str:
    """`12,345`."""
    return f"{count:,}"


def percent(rate: float | None) -> str:
    """`42.3 %`; a dash where there is nothing to divide by."""
    return "–" if rate is None else f"{rate * 100:.1f} %".replace(".0 %", " %")


def quotient(number: float | None) -> str:
    """`3.25`."""
    return "–" if number is None else f"{number:,.2f}"


def span(seconds: int | None) -> str:
    """`2 d 3 h`."""
    return "–" if seconds is None else brief_duration(seconds)


class Tile(NamedTuple):
    """A number with its definition, and how it compares with the period before: up, down, same or nothing."""

    name: str
    title: str
    value: str
    before: str
    trend: str


def tile(name: str, title: str, figure: Any, words: Any = count_words) -> Tile:
    """A figure as a tile."""
    value, before = figure.value, figure.before
    if value is None or before is None:
        trend = ""
    else:
        trend = "same" if value == before else "up" if value > before else "down"
    return Tile(name, title, words(value), words(before), trend)


def start_words(start: str, bucket: Bucket) -> str:
    """A column's name: `29 Mar 2026`, `29 Mar 2026 02:00 +02:00`, `from 23 Mar 2026`, `Mar 2026`."""
    if bucket == "hour":
        return f"{day_words(start[:10])} {start[11:16]} {start[16:]}"
    if bucket == "month":
        return day_words(start).split(" ", 1)[1]
    return f"from {day_words(start)}" if bucket == "week" else day_words(start)


def tick_words(start: str, bucket: Bucket) -> str:
    """The same, as short as it has to be below a chart: `29 Mar`, `29 Mar 02:00`, `Mar 2026`."""
    if bucket == "month":
        return start_words(start, bucket)
    day = day_words(start[:10]).rsplit(" ", 1)[0]
    return f"{day} {start[11:16]}" if bucket == "hour" else day


def chart_of(
    title: str, starts: Sequence[str], bucket: Bucket, lines: Mapping[str, Sequence[int]]
) -> dict[str, Any]:
    """A chart as its script wants it: lines by their words."""
    return {
        "title": title,
        "starts": [start_words(start, bucket) for start in starts],
        "ticks": [tick_words(start, bucket) for start in starts],
        "lines": [{"label": label, "counts": counts} for label, counts in lines.items()],
    }


def series_words(event_type: str, triggered_by: str) -> str:
    """`Viewed by guests`."""
    return f"{event_words(event_type)} by {triggered_by}s"


def chart_of_series(series: Timeseries) -> dict[str, Any]:
    """Of the largest series."""
    largest = sorted(series.series, key=lambda one: -one.total)[:MOST_LINES]
    lines = {series_words(one.event_type, one.triggered_by): one.counts for one in largest}
    return chart_of(f"Interactions by {series.bucket}", series.starts, series.bucket, lines)


class Bar(NamedTuple):
    """One bar of a chart: its words, its number, and its length and that of the period before, in thousandths."""

    label: str
    value: int
    length: int
    before: int


def bars(rows: Iterable[tuple[str, int, int]]) -> list[Bar]:
    """Bars of (words, count, count before), the longest as long as the chart is wide."""
    rows = list(rows)
    most = max((max(count, before) for _, count, before in rows), default=0) or 1
    return [
        Bar(label, count, round(1_000 * count / most), round(1_000 * before / most))
        for label, count, before in rows
    ]


def lost_words(funnel: Funnel) -> list[str]:
    """What share of the step above each step keeps; nothing for the first."""
    words = [""]
    for above, step in zip(funnel.data, funnel.data[1:], strict=False):
        words.append(percent(round(step.count / above.count, 4) if above.count else None))
    return words


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A sheet, with a mark by which spreadsheets know UTF-8. What begins like a formula gets an apostrophe, so that
    none is run. Source: OWASP, CSV injection."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    for row in rows:
        writer.writerow([_safe(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def _safe(cell: Any) -> Any:
    if cell is None:
        return ""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
