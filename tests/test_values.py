"""Laws of ids and moments."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credtrail.values import IdMaker, day_of, moment_of_id, parse_moment, present_moment

moments = st.integers(min_value=0, max_value=4_102_444_799_999)  # to the end of 2099


@given(moments)
def test_parse_after_present_gives_the_same_moment(at):
    assert parse_moment(present_moment(at)) == at


@given(moments, st.integers(min_value=-14 * 60, max_value=14 * 60))
def test_the_same_moment_in_any_offset_is_the_same(at, minutes):
    local = datetime.fromtimestamp(at // 1_000, timezone(timedelta(minutes=minutes)))
    assert parse_moment(local.isoformat(timespec="seconds")) == at // 1_000 * 1_000


@given(moments, st.text(alphabet="0123456789", min_size=4, max_size=12))
def test_finer_than_a_millisecond_is_cut_off(at, digits):
    text = present_moment(at)[:-5] + "." + digits + "Z"
    assert parse_moment(text) == at // 1_000 * 1_000 + int(digits[:3])


@given(st.text(max_size=40))
def test_any_other_text_is_refused_and_never_an_accident(text):
    try:
        at = parse_moment(text)
    except ValueError:
        return
    assert datetime.fromisoformat(text.upper().replace(",", ".")).utcoffset() is not None
    assert present_moment(at).endswith("Z")


@given(st.lists(moments, min_size=1, max_size=50))
def test_ids_sort_in_the_order_they_were_made_even_when_the_clock_goes_back(clock):
    maker = IdMaker()
    ids = [maker.make(at) for at in clock]
    assert ids == sorted(set(ids))
    assert moment_of_id(ids[-1]) == max(clock)


@given(st.lists(moments, min_size=2, max_size=50, unique=True))
def test_ids_of_different_makers_sort_as_the_time_received(clock):
    by_time = sorted(clock)
    ids = [IdMaker().make(at) for at in by_time]
    assert ids == sorted(ids)
    assert [moment_of_id(id_) for id_ in ids] == by_time


def test_an_id_has_the_public_form():
    id_ = IdMaker().make(parse_moment("2024-03-12T17:33:05.784Z"))
    assert len(id_) == 26
    assert set(id_) <= set("0123456789abcdefghjkmnpqrstvwxyz")
    # The published example's id was made 2.1 s after its triggeredAt, and so sorts after ours.
    published = "01hrsvk8xnj8vkt8p1e2tc1jt7"
    assert 2_000 < moment_of_id(published) - moment_of_id(id_) < 3_000
    assert id_ < published


@given(
    moments, st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"])
)
def test_a_day_is_the_workspaces_own(at, zone):
    local = datetime.fromtimestamp(at / 1_000, UTC).astimezone(ZoneInfo(zone))
    if at > 946_684_800_000:  # before 2000 nothing is recorded
        assert day_of(at, zone) == local.date().isoformat()


@pytest.mark.parametrize(
    ("at", "day"),
    [("2024-03-30T22:59:59.999Z", "2024-03-30"), ("2024-03-30T23:00:00.000Z", "2024-03-31"),
     ("2024-03-31T21:59:59.999Z", "2024-03-31"), ("2024-03-31T22:00:00.000Z", "2024-04-01")],
)  # fmt: skip
def test_the_day_on_which_summer_time_begins_has_23_hours(at, day):
    assert day_of(parse_moment(at), "Europe/Berlin") == day
