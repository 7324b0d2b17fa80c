"""Too many dead letters in a minute halt the intake."""

from __future__ import annotations

from frontdesk.agents.runtime.halt import DeadLetterShare
from frontdesk.schemas.types import Millis


def test_share_and_minimum_must_both_be_met() -> None:
    share = DeadLetterShare(share=0.5, minimum=10)
    assert share.add(Millis(0), 9, 9) is None
    assert share.add(Millis(1), 100, 9) is None
    assert share.add(Millis(2), 0, 0) is None
    because = share.add(Millis(3), 100, 100)
    assert because is not None
    assert "118 of 209" in because


def test_what_is_older_than_a_minute_does_not_count() -> None:
    share = DeadLetterShare(share=0.5, minimum=10)
    share.add(Millis(0), 8, 8)
    assert share.add(Millis(60_000), 8, 8) is None
    assert share.add(Millis(60_001), 8, 8) is not None


def test_clear_forgets() -> None:
    share = DeadLetterShare(share=0.5, minimum=10)
    share.add(Millis(0), 9, 9)
    share.clear()
    assert share.add(Millis(1), 9, 9) is None


def test_what_was_counted_before_the_clock_was_set_back_counts_no_more() -> None:
    share = DeadLetterShare(share=0.5, minimum=10)
    share.add(Millis(3_600_000), 9, 9)
    assert share.add(Millis(0), 9, 9) is None
    assert share.add(Millis(1), 9, 9) is not None
