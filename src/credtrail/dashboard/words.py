"""How the dashboard writes times and sizes. Pure."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from credtrail.errors import Refusal
from credtrail.values import Moment

_UNITS = (
    (31_536_000, "year"),
    (2_592_000, "month"),
    (86_400, "day"),
    (3_600, "hour"),
    (60, "minute"),
    (1, "second"),
)
_MOST = {"day": 60, "hour": 36, "minute": 90}
"""Up to so many a smaller unit is clearer than one of the next."""

_SAME_REQUEST_MS = 2_000
"""What a request makes is a little younger than the request."""


def ago(at: Moment, now: Moment) -> str:
    """How long before (or after) now, in one number and a word: `3 hours ago`, `in 30 days`, `just now`."""
    seconds = abs(now - at) / 1_000
    if seconds < 45:
        return "just now" if at - now < _SAME_REQUEST_MS else "in a moment"
    for length, unit in reversed(_UNITS[:-1]):
        count = max(round(seconds / length), 1)
        if count <= _MOST.get(unit, 23) or unit == "year":
            break
    words = _counted(count, unit)
    return f"{words} ago" if now >= at else f"in {words}"


def exact(at: Moment, time_zone: str) -> str:
    """The moment in a time zone: `Tue 24 Nov 2026, 14:05:07 CET`."""
    local = datetime.fromtimestamp(at / 1_000, ZoneInfo(time_zone))
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S %Z}"


def clock(at: Moment, now: Moment, time_zone: str) -> str:
    """The time of day in a time zone, `14:05:07`; before today the day as well, `23 Nov 14:05`."""
    zone = ZoneInfo(time_zone)
    local, today = datetime.fromtimestamp(at / 1_000, zone), datetime.fromtimestamp(now / 1_000, zone)
    if local.date() == today.date():
        return f"{local:%H:%M:%S}"
    return (
        f"{local.day} {local:%b} {local:%H:%M}"
        if local.year == today.year
        else day_words(f"{local:%Y-%m-%d}")
    )


def day_words(day: str) -> str:
    """A calendar day as people write it: `24 Nov 2026`."""
    date = datetime.fromisoformat(day)
    return f"{date.day} {date:%b %Y}"


def refusal_words(refusal: Refusal, labels: Mapping[str, str]) -> str:
    """Why not, with the fields called as the page calls them."""
    if not refusal.details:
        return refusal.message
    return "; ".join(f"{labels.get(field, field)} {sentence}" for field, sentence in refusal.details)


def brief_duration(seconds: float) -> str:
    """A span of time in its two largest units: `2 d 3 h`, `40 s`; months and years are given in days."""
    left, words = round(seconds), []
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, length)
        if count:
            words.append(f"{count:,} {unit}")
    return " ".join(words[:2]) or "0 s"


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"
