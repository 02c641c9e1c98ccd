"""The schedule of attempts, as a law."""

from hypothesis import given
from hypothesis import strategies as st

from credtrail.webhooks.model import next_attempt_at

SECONDS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
AT = 1_800_000_000_000


@given(
    attempts=st.integers(1, 12),
    chance=st.floats(0, 1),
    retry_after=st.none() | st.integers(0, 10**9),
)
def test_each_attempt_comes_in_its_time(attempts, chance, retry_after):
    at = next_attempt_at(attempts, AT, retry_after, chance)
    if attempts > len(SECONDS):
        assert at is None
        return
    planned = SECONDS[attempts - 1]
    waited = (at - AT) / 1_000
    least = max(planned * 0.8, min(retry_after or 0, 86_400))
    most = max(planned * 1.2, min(retry_after or 0, 86_400))
    assert least - 0.001 <= waited <= most + 0.001


def test_jitter_spreads():
    assert len({next_attempt_at(3, AT) for _ in range(50)}) > 40
