"""What cannot be helped ends the process: a shard that has work and makes no progress, an event loop that stands still."""

from __future__ import annotations

import faulthandler
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from frontdesk.agents.runtime.shard import Shard
from frontdesk.schemas.types import Millis

RECOVERING = ("starting", "recovering")


class Watchdog:
    """Looks again and again. A shard stalls when at every look records wait for it, fetched or not, and it commits nothing.

    That is judged here and not by the shard: one whose fetches have died is idle, and sees nothing wrong.
    """

    def __init__(self, *, stall_ms: int, recovery_ms: int) -> None:
        self._stall_ms = stall_ms
        self._recovery_ms = recovery_ms
        self._still: dict[int, tuple[Shard, int, Millis]] = {}
        """by number: the shard, its moves, and since when it has work and has not moved"""

    def look(self, shards: Mapping[int, Shard], lag: Mapping[int, int], now: Millis) -> str | None:
        """Why the process must end, or None.

        A shard that recovers has its own patience. Backing off (the broker is away or refuses) and halted shards are exempt:
        a restart would not help them.
        """
        before, self._still = self._still, {}
        for number, shard in sorted(shards.items()):
            if shard.phase in RECOVERING and (still := now - shard.progress_at) > self._recovery_ms:
                return f"shard {number} has been {shard.phase} for {still / 1000:.0f} s without progress"
            if shard.writing_since is not None and (hung := now - shard.writing_since) > self._stall_ms:
                # A batch that was sent once never expires in aiokafka: it is the process that has to.
                return f"shard {number} has been committing a step for {hung / 1000:.0f} s"
            waiting = shard.backlog + lag.get(number, 0)
            if shard.phase != "serving" or not waiting:
                continue
            known = before.get(number)
            same = known is not None and known[0] is shard and known[1] == shard.moves
            since = known[2] if known is not None and same else now
            if now - since > self._stall_ms:
                return f"shard {number} has {waiting} records waiting and made no progress for {(now - since) / 1000:.0f} s"
            self._still[number] = (shard, shard.moves, since)
        return None


HELD = 1.5
"""times the seconds after which a process whose threads cannot run is ended"""


class LoopGuard:
    """Ends the process when the event loop stands still: no watchdog that runs on it could. A context on that loop.

    `beat` is called by the loop now and then; `end` is called from another thread once it has not been for `seconds`. All
    threads' stacks go to stderr first: what the loop hangs in is seen nowhere else. Where C code holds the interpreter's lock, no thread
    of Python's runs at all: then one of faulthandler's ends the process with 1 after `HELD` times as long.
    """

    def __init__(self, seconds: float, end: Callable[[], None]) -> None:
        self._seconds = seconds
        self._end = end
        self._beat = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop-guard", daemon=True)

    def beat(self) -> None:
        """The loop is alive."""
        self._beat = time.monotonic()
        faulthandler.dump_traceback_later(self._seconds * HELD, exit=True, file=sys.stderr)

    def __enter__(self) -> Self:
        self.beat()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        while not self._over.wait(min(1.0, self._seconds / 4)):
            if time.monotonic() - self._beat > self._seconds:
                faulthandler.dump_traceback(file=sys.stderr)
                self._end()
                return
