"""Tokens, estimated and bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.llm.tokens import at_most, cut, estimate

ANY_TEXT = st.text(alphabet=st.characters(codec=None), max_size=300)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("where is my parcel now", 6),
        ("我的快递三天没到", 8),
        ("我的快递三天没到，order 12345", 12),
        ("Где моя посылка", 8),
        ("配送がまだです。", 8),
    ],
)
def test_an_estimate_goes_by_the_script(text: str, tokens: int) -> None:
    assert estimate(text) == tokens


def test_the_bound_is_a_token_for_each_byte() -> None:
    assert at_most("aé快😡") == 1 + 2 + 3 + 4


@given(ANY_TEXT)
def test_no_text_is_estimated_above_its_bound_and_none_counts_for_nothing(text: str) -> None:
    assert estimate(text) <= at_most(text)
    assert bool(estimate(text)) == bool(text)


@given(ANY_TEXT, st.integers(min_value=-5, max_value=80))
def test_a_cut_text_fits_and_what_fits_is_not_cut(text: str, tokens: int) -> None:
    short = cut(text, tokens)
    assert estimate(short) <= max(0, tokens)
    if estimate(text) <= tokens:
        assert short == text


def test_a_cut_text_keeps_its_beginning_and_its_end() -> None:
    short = cut("first " + "z" * 9_000 + " last", 50)
    assert short.startswith("first ")
    assert short.endswith(" last")
    assert estimate(short) > 40
