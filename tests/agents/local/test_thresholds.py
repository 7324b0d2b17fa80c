"""From which confidence on a tier is believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.local.thresholds import FLOOR, NEVER, Aim, Trust, lowest, surest, trust

CHANCES = st.lists(st.floats(0.01, 0.99).map(lambda value: round(value, 2)), min_size=1, max_size=40)
NOTHING = np.zeros(0)


def test_the_aim_is_capped_by_what_the_teacher_reaches() -> None:
    assert Aim().goal == Aim(teacher=0.97).goal == 0.97
    assert Aim(teacher=0.9).goal == pytest.approx(0.925)
    assert Aim(accuracy=0.91, teacher=0.9).goal == 0.91


@given(CHANCES, st.floats(0.6, 1.0), st.floats(0.5, 1.0))
def test_everything_from_the_threshold_on_meets_the_aim_and_no_lower_threshold_does(
    chances: list[float], teacher: float, accuracy: float
) -> None:
    """Confidence is the chance itself here, so that a brute search can say what is right."""
    right = np.array(chances)
    aim = Aim(accuracy=accuracy, teacher=teacher)
    found = lowest(right, right, aim=aim, of_all=len(right), settled=NOTHING)

    def overall(threshold: float) -> float:
        return float(np.where(right >= threshold, right, teacher).mean())

    possible = [value for value in sorted({*chances}) if value >= FLOOR]
    met = [value for value in possible if overall(value) >= aim.goal - 1e-9]
    if met:
        assert found == met[0] or overall(found) == pytest.approx(aim.goal)
    elif found != NEVER:
        assert overall(found) >= max(overall(value) for value in possible) - 1e-9
        assert overall(found) > teacher
    else:
        assert all(overall(value) <= teacher + 1e-9 for value in possible)


def test_what_is_settled_already_has_used_up_some_of_what_may_go_wrong() -> None:
    confidence = np.array([0.9, 0.8, 0.7])
    aim = Aim(accuracy=0.95)
    alone = lowest(confidence, confidence, aim=aim, of_all=10, settled=NOTHING)
    after = lowest(confidence, confidence, aim=aim, of_all=10, settled=np.array([0.7]))
    assert (alone, after) == (0.8, 0.9)


def test_the_first_tier_is_believed_message_by_message() -> None:
    confidence = np.array([0.5, 0.9, 0.99])
    assert surest(confidence, confidence, least=0.9) == 0.9
    assert surest(confidence, confidence, least=0.995) == NEVER


def test_trust_is_what_was_seen_and_few_examples_move_it_little() -> None:
    draw = np.random.default_rng(1)
    confidence = draw.uniform(0.3, 0.99, 4000)
    right = draw.random(4000) < confidence**2  # too sure of itself
    found = trust(confidence, right, np.ones(4000))
    assert found.agrees(np.array([0.8]))[0] == pytest.approx(0.64, abs=0.04)
    few = trust(confidence[:1], np.array([False]), np.ones(1))
    assert few.agrees(np.array([0.8]))[0] > 0.5


def test_examples_that_stand_for_many_count_for_many() -> None:
    confidence = np.full(100, 0.9)
    right = np.array([True] * 50 + [False] * 50)
    weights = np.where(right, 33.0, 1.0)
    assert trust(confidence, right, np.ones(100)).agrees(confidence[:1])[0] == pytest.approx(0.5, abs=0.05)
    assert trust(confidence, right, weights).agrees(confidence[:1])[0] == pytest.approx(33 / 34, abs=0.03)


def test_a_teacher_who_errs_hides_how_right_one_is() -> None:
    curve = Trust(1.0, 0.0)
    assert curve.right(np.array([0.81]), 0.9)[0] == pytest.approx(0.9)
    assert curve.right(np.array([0.95]), 0.9)[0] == 1.0
