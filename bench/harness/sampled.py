"""Runs a module under a sampler that tells where its CPU time goes.

    python -m bench.harness.sampled FILE bench.peers.frontdesk_worker --bootstrap 127.0.0.1:9092 ...

Every few milliseconds each thread's stack is looked at, and the CPU time that the thread used since the last look is booked on it:
waiting costs nothing, and sums are those of the system's own clocks. Collections of garbage are timed apart. One JSON object a line goes to FILE when the module ends, for
each TENTH of a second of the monotonic clock. Linux.
"""

from __future__ import annotations

import gc
import json
import runpy
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from bench.harness.where import Stack, where

EVERY = 0.003
TENTH = 0.1
GARBAGE = "collecting garbage"


class Booked(NamedTuple):
    """What CPU time is booked on."""

    thread: str
    stage: str
    function: str


class Sampler(threading.Thread):
    """Looks at all other threads of Python until told to stop."""

    def __init__(self) -> None:
        super().__init__(name="sampler", daemon=True)
        self.tenths: dict[int, Counter[Booked]] = {}
        self._used: dict[int, int] = {}
        self._collecting: tuple[int, int] | None = None
        """the thread that collects garbage, and what it had used before"""
        self._done = threading.Event()
        gc.callbacks.append(self._collection)

    def run(self) -> None:
        """Until `stop`."""
        while not self._done.wait(EVERY):
            self._look()

    def stop(self) -> None:
        """No look begins after this."""
        self._done.set()
        self.join()

    def _look(self) -> None:
        booked = self.tenths.setdefault(int(time.monotonic() / TENTH), Counter())
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        for ident, frame in sys._current_frames().items():  # noqa: SLF001  # there is no public way
            if ident == self.ident or ident not in names:
                continue
            if self._collecting is not None and self._collecting[0] == ident:
                continue  # booked as a whole when it is done
            used = time.clock_gettime_ns(time.pthread_getcpuclockid(ident))
            spent = used - self._used.get(ident, used)
            self._used[ident] = used
            if spent:
                at = where(_stack(frame))
                booked[Booked(_kind(names[ident]), at.stage, at.function)] += spent

    def _collection(self, phase: str, info: Mapping[str, int]) -> None:
        """Book a collection of garbage on itself: it happens wherever something is allocated, and no look sees it."""
        thread, now = threading.current_thread(), time.thread_time_ns()
        ident = thread.ident or 0
        if phase == "start":
            self._collecting = ident, now
        elif self._collecting is not None:
            spent = now - self._collecting[1]
            if ident in self._used:
                self._used[ident] += spent
            at = Booked(_kind(thread.name), GARBAGE, f"generation {info['generation']}")
            self.tenths.setdefault(int(time.monotonic() / TENTH), Counter())[at] += spent
            self._collecting = None


def _stack(frame: FrameType | None) -> Stack:
    """Files and functions, the innermost first."""
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_code.co_name
        frame = frame.f_back


def _kind(name: str) -> str:
    """What a thread is for."""
    if name == "MainThread":
        return "event loop"
    return "step" if name.startswith("step") else "other threads"


def main() -> None:
    """Run the module named on the command line as if it were the main one."""
    out, module, *rest = sys.argv[1:]
    sys.argv = [module, *rest]
    sampler = Sampler()
    sampler.start()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        sampler.stop()
        lines = (
            json.dumps({"at": at * TENTH, "spent": [[*booked, spent / 1e9] for booked, spent in of.items()]})
            for at, of in sampler.tenths.items()
        )
        Path(out).write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
