"""Who is ended, and who is left alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from frontdesk.agents.runtime.watchdog import stalled
from frontdesk.schemas.types import Millis


def judge(lag: int = 0, **shard: Any) -> str | None:
    given = SimpleNamespace(**{"phase": "serving", "progress_at": 0, "backlog": 0, **shard})
    return stalled({7: given}, {7: lag}, Millis(61_000), stall_ms=60_000, recovery_ms=300_000)  # type: ignore[dict-item]


@pytest.mark.parametrize("waiting", [{"lag": 5}, {"backlog": 5}])
def test_work_without_progress_ends_the_process(waiting: dict[str, int]) -> None:
    why = judge(**waiting)
    assert why is not None
    assert "shard 7" in why
    assert judge(**waiting, progress_at=2_000) is None


def test_no_work_is_no_stall() -> None:
    assert judge() is None


@pytest.mark.parametrize("phase", ["halted", "backing_off"])
def test_what_a_restart_would_not_help_is_exempt(phase: str) -> None:
    assert judge(lag=5, phase=phase) is None


def test_recovery_has_its_own_patience() -> None:
    assert judge(phase="recovering", progress_at=0) is None
    assert judge(phase="recovering", progress_at=-300_000) is not None
