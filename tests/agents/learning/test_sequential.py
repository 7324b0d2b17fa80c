"""Tests that may be looked at after every message: wrong no more often than they say, and right in the end."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from frontdesk.agents.learning.sequential import (
    above,
    below,
    better,
    interval,
    proven,
    radius,
    spent,
    worse,
)

STREAMS, LENGTH, WRONG = 150, 500, 0.05


def streams(
    seed: int, win: float, lose: float, weights: tuple[float, ...] = (1.0, 0.03)
) -> list[Counter[tuple[int, float]]]:
    """The pairs of one stream after each message."""
    draw = random.Random(seed)
    seen: Counter[tuple[int, float]] = Counter()
    out = []
    for _ in range(LENGTH):
        one = draw.random()
        seen[(1 if one < win else -1 if one < win + lose else 0), draw.choice(weights)] += 1
        out.append(Counter(seen))
    return out


def ever(test: object, win: float, lose: float, count: int = STREAMS) -> float:
    """The share of streams in which a test is ever won, looked at after each tenth message."""
    return (
        sum(
            any(proven(test(pairs), WRONG) for pairs in streams(seed, win, lose)[9::10])  # type: ignore[operator]
            for seed in range(count)
        )
        / count
    )


def test_models_that_are_alike_are_seldom_proven_worse_however_often_one_looks() -> None:
    assert ever(worse, 0.15, 0.15) <= WRONG


def test_a_model_that_is_worse_by_the_margin_is_seldom_proven_to_be_within_it() -> None:
    assert ever(lambda pairs: better(pairs, -0.1), 0.05, 0.15) <= WRONG


def test_what_is_worse_is_found_and_what_is_as_good_is_found_to_be_so() -> None:
    assert ever(worse, 0.02, 0.2, 20) == 1
    assert ever(lambda pairs: better(pairs, -0.1), 0.05, 0.05, 20) >= 0.9


def test_an_interval_holds_the_truth_at_all_times_together() -> None:
    missed = 0
    for seed in range(40):
        bounds = [interval(pairs, WRONG) for pairs in streams(seed, 0.3, 0.1)[49::50]]
        missed += not all(one.low <= 0.2 <= one.high for one in bounds)
        assert bounds[-1].high - bounds[-1].low < 0.45
    assert missed <= 40 * WRONG


def test_a_radius_holds_the_truth_at_all_times_together() -> None:
    missed = 0
    for seed in range(STREAMS):
        draw, hits, out = random.Random(seed), 0, False
        for count in range(1, 2_000):
            hits += draw.random() < 0.3
            out |= count >= 100 and abs(hits / count - 0.3) > radius(count, 0.21, WRONG)
        missed += out
    assert missed <= STREAMS * WRONG
    assert radius(0, 0.2, WRONG) == 1


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_what_happens_as_often_as_it_may_is_seldom_proven_to_happen_more(share: float) -> None:
    wrong = 0
    for seed in range(STREAMS):
        draw, hits, won = random.Random(seed), 0, False
        for count in range(1, 1_000):
            hits += draw.random() < share
            won |= count % 10 == 0 and proven(above({1.0: hits, 0.0: count - hits}, share, lowest=0.0), WRONG)
        wrong += won
    assert wrong <= STREAMS * WRONG
    assert proven(above({1.0: 60, 0.0: 140}, 0.1, lowest=0.0), WRONG)
    assert proven(below({1.0: 2, 0.0: 198}, 0.1, highest=1.0), WRONG)


def test_nothing_seen_is_nothing_proven() -> None:
    assert above({}, 0.5) == 0
    assert interval({}, WRONG).low == pytest.approx(-1, abs=1e-2)
    assert interval({}, WRONG).high == pytest.approx(1, abs=1e-2)


def test_what_is_spent_on_all_tests_that_ever_come_is_what_there_is() -> None:
    assert sum(spent(WRONG, number) for number in range(1, 100_000)) == pytest.approx(WRONG, rel=1e-3)
