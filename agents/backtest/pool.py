"""The processes of a backtest. A few chunks are under way at a time; what comes of them is merged as it comes, in any order."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self

from frontdesk.agents.backtest.chunks import Chunk
from frontdesk.agents.backtest.counting import Counted, Counting, Pack
from frontdesk.agents.errors import StartupError

_AHEAD = 2
"""chunks of each process that are under way: one worked on, one ready"""

_counting: Counting | None = None
"""of a process of the pool: policies cannot be sent to it, their conditions are compiled there"""


class Pool:
    """Counts chunks in so many processes; with one, in this one."""

    def __init__(
        self,
        jobs: int,
        old: Pack,
        new: Pack,
        since: int | None,
        done: Callable[[int], None] = lambda records: None,
    ) -> None:
        self.counted = Counted()
        self._done = done
        self._jobs = jobs
        self._pending: set[Future[Counted]] = set()
        self._here = Counting(old, new, since) if jobs == 1 else None
        self._pool = (
            ProcessPoolExecutor(
                jobs,
                # A fork would copy the threads' locks of whoever calls.
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start,
                initargs=(old, new, since),
            )
            if jobs > 1
            else None
        )
        if self._pool is not None:
            # All processes now: one that is started while another's death is found out is waited for, and never ended.
            for _ in range(jobs):
                self._pool.submit(_nothing)

    def put(self, chunk: Chunk) -> None:
        """Have a chunk counted. Blocks while enough are under way.

        Raises:
            StartupError: a file cannot be read any more, or a process ended.
        """
        if self._pool is None:
            assert self._here is not None  # noqa: S101  # one of the two is there
            self._take(self._here.count(chunk))
            return
        while len(self._pending) >= self._jobs * _AHEAD:
            self._collect()
        try:
            self._pending.add(self._pool.submit(_count, chunk))
        except BrokenProcessPool:
            raise _ended() from None

    def finish(self) -> Counted:
        """Everything that was put, counted."""
        while self._pending:
            self._collect()
        return self.counted

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _collect(self) -> None:
        done, self._pending = wait(self._pending, return_when=FIRST_COMPLETED)
        for one in done:
            try:
                self._take(one.result())
            except BrokenProcessPool:
                raise _ended() from None

    def _take(self, counted: Counted) -> None:
        self.counted.merge(counted)
        self._done(self.counted.records)


def _ended() -> StartupError:
    return StartupError(
        "a process of the backtest ended unexpectedly, perhaps for want of memory: try --jobs 1"
    )


def _start(old: Pack, new: Pack, since: int | None) -> None:
    # Ctrl-C reaches the whole group; the command itself ends its processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    global _counting
    _counting = Counting(old, new, since)


def _nothing() -> None:
    """What there is to do before the first chunk."""


def _count(chunk: Chunk) -> Counted:
    assert _counting is not None  # noqa: S101  # the pool's initializer ran before
    return _counting.count(chunk)
