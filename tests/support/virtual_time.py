"""An event loop whose time is a number: deadlines, backoffs and lingers cost nothing, and every run is the same run."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

TASKS: ContextVar[set[asyncio.Task[Any]] | None] = ContextVar("TASKS", default=None)
"""where tasks that are created in this context are noted, so that all of a process can be ended at once"""
TURN = 1e-6
"""seconds that a turn takes"""
AWHILE = 0.1
"""seconds"""
THREAD = 0.0007
"""seconds that work on another thread takes"""
SPINNING = 20_000
"""turns of the loop at one time after which something waits for itself"""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs what is ready; when nothing is, its clock jumps to the next timer. Nothing outside it can wake it."""

    def __init__(self) -> None:
        self._now = 0.0
        self._until = 0.0
        self._turns: int | None = None
        self._still = 0
        super().__init__(_Nothing(self._turn))
        self.set_task_factory(_noted)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now

    def wait(self, seconds: float) -> None:
        """Run until so much later."""
        self._until = self._now + seconds
        self._turns = None
        self.run_forever()

    def turns(self, number: int) -> None:
        """Run so many turns, each of which resumes every task that is ready; fewer when nothing is ready for a while.

        Between any two of them a process may be killed: every await that returns is the end of a turn.
        """
        if number:
            self._until = self._now + AWHILE
            self._turns = number
            self.run_forever()

    def run_in_executor(self, executor: object, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """What a thread would do, done on the loop a little later; like there, nobody can take it back."""
        future = self.create_future()
        self.call_later(THREAD, _run, future, func, args)
        return future

    def _turn(self, timeout: float | None) -> None:
        """Called before every turn with the seconds until the next timer; None: there is none."""
        self._now += TURN  # a wait for less than a float can tell would never end
        if self._turns is not None:
            self._turns -= 1
            if not self._turns:
                self.stop()
        if timeout == 0:
            self._still += 1
            if self._still > SPINNING:
                raise RuntimeError("the loop turns and turns, and its time stands still")
            return
        self._still = 0
        if timeout is not None and self._now + timeout <= self._until:
            self._now += timeout
            if self._turns is not None:
                self._until = self._now + AWHILE
            return
        if self._turns is None:
            self._now = self._until
        self.stop()

    def _write_to_self(self) -> None:
        """No other thread has to wake it."""


class _Nothing(selectors.BaseSelector):
    """Has no sockets to look at: it only tells the loop that a turn begins."""

    def __init__(self, turn: Callable[[float | None], None]) -> None:
        self._turn = turn

    def select(self, timeout: float | None = None) -> list[Any]:
        self._turn(timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        raise KeyError(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}


def _run(future: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        result = func(*args)
    except BaseException as error:  # noqa: BLE001  # an executor hands on whatever it was, or to nobody
        if not future.done():
            future.set_exception(error)
    else:
        if not future.done():
            future.set_result(result)


def _noted(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
    noted = TASKS.get()
    if noted is not None:
        noted.add(task)
    return task
