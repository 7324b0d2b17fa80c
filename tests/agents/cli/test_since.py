"""What `--since` takes."""

from __future__ import annotations

import pytest

from frontdesk.agents.cli.since import parse_since
from frontdesk.agents.errors import StartupError


def test_since_is_an_age_or_a_time() -> None:
    assert parse_since("90s", now_ms=100_000) == 10_000
    assert parse_since("2d", now_ms=200_000_000) == 27_200_000
    assert parse_since("1970-01-01T00:01", now_ms=0) == 60_000
    assert parse_since("1970-01-01T01:00+01:00", now_ms=0) == 0
    for before_all in (f"{10**12}d", "2d", "0001-01-01", "1969-12-31T23:59:59.999"):
        assert parse_since(before_all, now_ms=1_000) == 0, "-1 and -2 would mean the end and the beginning"


@pytest.mark.parametrize(
    "text",
    ["yesterday", "", "7", "7w", "-1d", "1.5h", "2026-13-01", "9" * 5_000 + "d"],
    ids=lambda text: text[:9],
)
def test_what_is_neither_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(StartupError, match=f"--since '{text}': neither 30m"):
        parse_since(text, now_ms=0)
