"""How times are written."""

import pytest

from credtrail.dashboard.words import ago, brief_duration, day_words, exact

AT = 1_750_000_000_000
DAY = 86_400_000


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "just now"),
        (44_000, "just now"),
        (60_000, "1 minute ago"),
        (89 * 60_000, "89 minutes ago"),
        (2 * 3_600_000, "2 hours ago"),
        (30 * 3_600_000, "30 hours ago"),
        (3 * DAY, "3 days ago"),
        (59 * DAY, "59 days ago"),
        (90 * DAY, "3 months ago"),
        (800 * DAY, "2 years ago"),
        (-1_000, "just now"),
        (-5_000, "in a moment"),
        (-30 * DAY + 5, "in 30 days"),
    ],
)
def test_ago(ms, words):
    assert ago(AT, AT + ms) == words


def test_exact_in_a_time_zone():
    assert exact(AT, "Asia/Kathmandu") == "Sun 15 Jun 2025, 20:51:40 +0545"
    assert exact(AT, "America/New_York") == "Sun 15 Jun 2025, 11:06:40 EDT"
    assert day_words("2026-02-05") == "5 Feb 2026"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (40.4, "40 s"), (61, "1 min 1 s"), (97_200, "1 d 3 h"), (1_200 * 86_400, "1,200 d")],
)
def test_brief_duration(seconds, words):
    assert brief_duration(seconds) == words
