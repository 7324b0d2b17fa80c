"""Who is ended, and who is left alone."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from frontdesk.agents.runtime.watchdog import LoopGuard, Watchdog
from frontdesk.schemas.types import Millis

STALL, RECOVERY = 60_000, 300_000


def shard(**fields: Any) -> Any:
    return SimpleNamespace(
        **{"phase": "serving", "progress_at": 0, "backlog": 0, "moves": 0, "writing_since": None, **fields}
    )


def watchdog() -> Watchdog:
    return Watchdog(stall_ms=STALL, recovery_ms=RECOVERY)


@pytest.mark.parametrize(("lag", "backlog"), [(5, 0), (0, 5)])
def test_work_without_progress_ends_the_process(lag: int, backlog: int) -> None:
    """Also where the shard itself is idle because nothing is fetched for it."""
    dog, still = watchdog(), shard(backlog=backlog, progress_at=10**9)
    assert dog.look({7: still}, {7: lag}, Millis(0)) is None
    assert dog.look({7: still}, {7: lag}, Millis(STALL)) is None
    why = dog.look({7: still}, {7: lag}, Millis(STALL + 1))
    assert why is not None
    assert "shard 7" in why


def test_a_step_now_and_then_is_progress() -> None:
    dog, busy = watchdog(), shard(backlog=5)
    for now in range(0, 10 * STALL, STALL // 2):
        busy.moves += 1
        assert dog.look({7: busy}, {7: 100}, Millis(now)) is None


def test_work_that_came_after_an_idle_hour_has_its_time() -> None:
    dog, idle = watchdog(), shard()
    assert dog.look({7: idle}, {}, Millis(0)) is None
    assert dog.look({7: idle}, {7: 1}, Millis(3_600_000)) is None
    assert dog.look({7: idle}, {7: 0}, Millis(3_600_000 + STALL)) is None
    assert dog.look({7: idle}, {7: 1}, Millis(3_600_000 + 2 * STALL)) is None


def test_a_shard_that_came_back_is_another_one() -> None:
    dog = watchdog()
    assert dog.look({7: shard(backlog=5)}, {}, Millis(0)) is None
    assert dog.look({7: shard(backlog=5)}, {}, Millis(STALL + 1)) is None


@pytest.mark.parametrize("phase", ["halted", "backing_off"])
def test_what_a_restart_would_not_help_is_exempt(phase: str) -> None:
    dog, other = watchdog(), shard(phase=phase, backlog=3)
    for now in (0, STALL + 1, RECOVERY + 1):
        assert dog.look({7: other}, {7: 5}, Millis(now)) is None


def test_recovery_has_its_own_patience() -> None:
    for phase in ("starting", "recovering"):
        assert watchdog().look({7: shard(phase=phase)}, {7: 5}, Millis(RECOVERY)) is None
        assert watchdog().look({7: shard(phase=phase)}, {7: 5}, Millis(RECOVERY + 1)) is not None


def test_a_commit_that_never_ends_ends_the_process_though_nothing_else_waits() -> None:
    hung = shard(writing_since=1_000)
    assert watchdog().look({7: hung}, {}, Millis(1_000 + STALL)) is None
    why = watchdog().look({7: hung}, {}, Millis(1_001 + STALL))
    assert why is not None
    assert "committing" in why


async def test_an_event_loop_that_stands_still_ends_the_process() -> None:
    ended = threading.Event()
    with LoopGuard(0.2, ended.set) as guard:
        for _ in range(5):
            await asyncio.sleep(0.1)
            guard.beat()
        assert not ended.is_set(), "it beats"
        assert await asyncio.to_thread(ended.wait, 10)


async def test_a_guard_that_is_over_ends_nothing() -> None:
    ended = threading.Event()
    with LoopGuard(0.05, ended.set):
        pass
    await asyncio.sleep(0.2)
    assert not ended.is_set()
