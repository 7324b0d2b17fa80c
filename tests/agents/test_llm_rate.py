"""Rate limits: no 60 seconds see more than was allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.llm.rate import Bucket, rate_limit


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


USES = st.lists(
    st.tuples(st.integers(min_value=0, max_value=20_000), st.floats(min_value=0.01, max_value=1.0)),
    max_size=60,
)
"""pauses before each, in milliseconds, and amounts as shares of the burst"""


@given(st.integers(min_value=1, max_value=10_000), USES)
def test_no_minute_sees_more_than_its_allowance_and_nobody_overtakes(
    per_minute: int, uses: list[tuple[int, float]]
) -> None:
    clock = Clock()
    bucket = Bucket(per_minute, clock)
    started: list[tuple[float, float]] = []
    for pause, share in uses:
        clock.now += pause
        amount = share * max(1.0, per_minute / 6)
        started.append((clock.now / 1000 + bucket.reserve(amount), amount))
    times = [at for at, _ in started]
    assert times == sorted(times)
    allowed = max(per_minute, 1 + per_minute / 2)
    for begin in times:
        assert sum(amount for at, amount in started if begin <= at < begin + 60) <= allowed * 1.0001 + 0.001


def test_a_burst_is_let_through_and_the_rest_comes_evenly() -> None:
    bucket = Bucket(60, Clock())
    waits = [bucket.reserve(1) for _ in range(13)]
    assert waits[:10] == [0.0] * 10
    assert waits[10:] == pytest.approx([1.2, 2.4, 3.6])


def test_what_was_not_used_is_given_back() -> None:
    clock = Clock()
    limit = rate_limit(None, 600, clock)
    assert limit.reserve(100) == 0.0
    limit.correct(100, 20)
    assert limit.reserve(80) == 0.0
    assert limit.reserve(10) > 0.0


def test_what_was_used_beyond_the_estimate_is_missing_afterwards() -> None:
    limit = rate_limit(None, 600, Clock())
    limit.reserve(50)
    limit.correct(50, 100)
    assert limit.reserve(1) > 0.0


def test_a_request_larger_than_the_burst_goes_alone() -> None:
    clock = Clock()
    limit = rate_limit(None, 600, clock)
    assert limit.reserve(300) == 0.0
    assert limit.reserve(1) == pytest.approx((200 + 1) / 500 * 60)


def test_a_request_that_is_not_sent_takes_nothing() -> None:
    limit = rate_limit(6, 600, Clock())
    assert limit.reserve(100) == 0.0
    limit.cancel(100)
    assert limit.reserve(100) == 0.0


def test_without_limits_nobody_waits() -> None:
    limit = rate_limit(None, None, Clock())
    assert [limit.reserve(10**9) for _ in range(3)] == [0.0] * 3


def test_both_limits_hold() -> None:
    by_requests, by_tokens = rate_limit(6, 10**9, Clock()), rate_limit(10**6, 60, Clock())
    for limit in (by_requests, by_tokens):
        assert limit.reserve(10) == 0.0
        assert limit.reserve(10) > 1.0


def test_what_is_spare_leaves_half_of_a_burst() -> None:
    limit = rate_limit(60, 60_000, Clock())  # bursts of 10 and of 10,000
    assert not limit.spare(5_001)
    assert [limit.spare(500) for _ in range(6)] == [True] * 5 + [False]
    assert [limit.reserve(500) for _ in range(5)] == [0.0] * 5, "what was refused took nothing"
    assert limit.reserve(500) > 0
    assert not limit.spare(1), "there is a queue"
    assert rate_limit(None, None, Clock()).spare(10**9)
