"""Limits by a visitor's network: who shares one, who has none, and what is remembered of it."""

import pytest

from credtrail.web.limits import NetworkLimit

DAY = 86_400


class Clock:
    """Seconds since 1970, as the test says."""

    def __init__(self):
        self.seconds = 20_000.0 * DAY

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("203.0.113.1", "203.0.113.254", True),
        ("203.0.113.1", "203.0.112.1", False),
        ("2001:db8:1::1", "2001:db8:1:ffff::2", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("203.0.113.1", "::ffff:203.0.113.9", True),
    ],
)
def test_who_shares_a_network(clock, one, other, is_same):
    limit = NetworkLimit(1, clock)
    assert limit.take(one)
    assert limit.take(other) is not is_same


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.18.0.1", "192.168.1.9", "::1", "fe80::1", "fd00::1", "", None, "a socket"],
)
def test_inner_networks_have_no_limit(clock, address):
    limit = NetworkLimit(1, clock)
    assert all(limit.take(address) for _ in range(10))


def test_a_share_comes_back_with_time(clock):
    limit = NetworkLimit(60, clock)
    assert [limit.take("203.0.113.1") for _ in range(61)] == [True] * 60 + [False]
    clock.seconds += 1
    assert [limit.take("203.0.113.1") for _ in range(2)] == [True, False]


def test_nothing_remembered_tells_a_network_and_all_is_forgotten_with_the_day(clock):
    limit = NetworkLimit(1, clock)
    other = NetworkLimit(1, clock)
    for one in (limit, other):
        one.take("203.0.113.1")
    known, elsewhere = set(limit._limit._full_at), set(other._limit._full_at)
    assert len(known) == len(elsewhere) == 1
    assert not known & elsewhere  # each process has a salt of its own
    assert "203" not in repr(vars(limit))
    clock.seconds += DAY
    assert limit.take("203.0.113.1")
    assert not known & set(limit._limit._full_at)
