"""Periods and their parts, as laws over days and time zones."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from credtrail.errors import Refusal
from credtrail.insights.model import BUCKETS, MOST_BUCKETS, Period, divide, read_period
from credtrail.values import day_of

ZONES = [
    "UTC",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Cairo",
    "America/Sao_Paulo",
]
days = st.dates(date(2005, 1, 1), date(2035, 12, 31))


@given(first=days, length=st.integers(0, 15), zone=st.sampled_from(ZONES), bucket=st.sampled_from(BUCKETS))
def test_parts_cover_the_period_and_nothing_twice(first, length, zone, bucket):
    period = Period(first, first + timedelta(days=length), zone)
    assume(period.from_at < period.to_at)  # Apia has had a day that never was
    parts = divide(period, bucket)
    assert parts[0].from_at == period.from_at
    assert parts[-1].to_at == period.to_at
    for one, following in pairwise(parts):
        assert one.to_at == following.from_at
        assert one.from_at <= one.to_at
    assert len({part.start for part in parts}) == len(parts)


@given(first=days, length=st.integers(0, 400), zone=st.sampled_from(ZONES))
def test_a_day_begins_and_ends_where_its_moments_say(first, length, zone):
    period = Period(first, first + timedelta(days=length), zone)
    assert day_of(period.to_at - 1, zone) <= period.last_day.isoformat()
    assert day_of(period.from_at, zone) >= period.first_day.isoformat()
    assert day_of(period.from_at - 1, zone) < period.first_day.isoformat()
    before = period.before
    assert before.last_day + timedelta(days=1) == period.first_day
    assert before.last_day - before.first_day == period.last_day - period.first_day


@pytest.mark.parametrize(
    ("zone", "day", "hours", "length"),
    [
        ("Europe/Berlin", "2026-03-29", 23, 23),
        ("Europe/Berlin", "2026-10-25", 25, 25),
        ("Australia/Lord_Howe", "2026-04-05", 25, 24.5),
        ("Asia/Kathmandu", "2026-06-01", 24, 24),
        ("Pacific/Apia", "2011-12-30", 0, 0),
    ],
)
def test_days_on_which_clocks_change(zone, day, hours, length):
    period = Period(date.fromisoformat(day), date.fromisoformat(day), zone)
    if not hours:
        assert period.from_at == period.to_at, "a day that never was"
        return
    parts = divide(period, "hour")
    assert len(parts) == hours
    assert (period.to_at - period.from_at) / 3_600_000 == length
    for part in parts:
        local = datetime.fromtimestamp(part.from_at / 1_000, ZoneInfo(zone))
        assert part.start == local.isoformat(timespec="minutes")


def test_weeks_and_months_are_cut_at_the_edges():
    period = Period(date(2026, 1, 30), date(2026, 3, 3), "UTC")
    weeks = [(part.start, part.last_day.isoformat()) for part in divide(period, "week")]
    assert weeks[0] == ("2026-01-30", "2026-02-01")
    assert weeks[1] == ("2026-02-02", "2026-02-08")
    months = [(part.start, part.last_day.isoformat()) for part in divide(period, "month")]
    assert months == [
        ("2026-01-30", "2026-01-31"),
        ("2026-02-01", "2026-02-28"),
        ("2026-03-01", "2026-03-03"),
    ]


def test_what_is_asked_for():
    today = date(2026, 11, 24)
    assert read_period(None, None, today, "UTC")[:2] == (date(2026, 10, 26), today)
    assert read_period("2026-01-01", "2026-01-01", today, "UTC")[:2] == (date(2026, 1, 1), date(2026, 1, 1))
    for first, last, field in [
        ("2026-02-30", None, "from"),
        ("2026-12-01", None, "from"),
        (None, "soon", "to"),
        ("2001-01-01", "2026-01-01", "from"),
        ("1999-01-01", None, "from"),
    ]:
        with pytest.raises(Refusal) as refused:
            read_period(first, last, today, "UTC")
        assert refused.value.details[0][0] == field
    with pytest.raises(Refusal):
        divide(Period(date(2020, 1, 1), date(2020, 1, 1) + timedelta(days=MOST_BUCKETS), "UTC"), "day")
