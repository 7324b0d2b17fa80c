"""The LLM client in a process of its own, so that its CPU is not the shards'."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from frontdesk.agents.llm import wire
from frontdesk.agents.llm.openai_labeller import now_ms
from frontdesk.agents.llm.port import ErrorWord, Observer, answer_to
from frontdesk.agents.llm.wire import Setup
from frontdesk.streams.batch import Answer
from frontdesk.streams.effects import Ask

GRACE = 1.0
"""seconds that an answer may come too late before the process is taken to be stuck"""
SILENT = 10.0
"""seconds without a word, with an answer overdue, after which it is ended, to be started again"""
START_EVERY = 1.0
"""seconds between two starts of the process, should it end by itself"""
COMMAND = (sys.executable, "-P", "-m", "frontdesk.agents.llm.child")
"""-P: not what happens to lie in the present folder"""


class ProcessLabeller:
    """Implements `port.Labeller` through a child process. For one event loop.

    The process starts with `start` or the first ask, and again after it ended: what was under way then fails, cut off. An ask that it does
    not answer in time is answered here; a process that says nothing any more is ended.
    """

    def __init__(
        self,
        setup: Setup,
        observer: Observer | None = None,
        *,
        command: tuple[str, ...] = COMMAND,
        silent: float = SILENT,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._setup = setup
        self._observer = observer
        self._command = command
        self._silent = silent
        self._heard_at = 0.0
        self._clock = clock
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[Ask, asyncio.Future[Answer]]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._started_at = -START_EVERY

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return None if self._process is None else self._process.pid

    async def label(self, ask: Ask) -> Answer:
        """As the port promises."""
        left = (ask.give_up_at - self._clock()) / 1000
        if left <= 0:
            return answer_to(ask, None, error="timeout")
        process = await self._running()
        if process is None or process.stdin is None:
            return answer_to(ask, None, error="unavailable")
        number = next(self._numbers)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = ask, answer
        try:
            process.stdin.write(wire.ask_line(number, ask))
            async with asyncio.timeout(left + GRACE):
                return await answer
        except TimeoutError:
            self._cancel(number)
            if time.monotonic() > self._heard_at + self._silent:
                _kill(process)
            return _lost(ask, "timeout")
        except asyncio.CancelledError:
            self._cancel(number)
            raise
        finally:
            del self._waiting[number]

    async def start(self) -> None:
        """Start the process now: it takes about a second, which the first ask then has for itself. Never raises."""
        await self._running()

    async def close(self) -> None:
        """End the process. Call it when no `label` is under way."""
        process, reader = self._process, self._reader
        if process is None or reader is None:
            return
        _kill(process)
        await reader
        await process.wait()

    async def _running(self) -> asyncio.subprocess.Process | None:
        async with self._starting:
            if self._process is not None:
                return self._process
            if time.monotonic() < self._started_at + START_EVERY:
                return None
            self._started_at = time.monotonic()
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=wire.LONGEST_LINE,
                    start_new_session=True,  # a terminal's Ctrl-C is the worker's, which drains first
                )
            except OSError:
                return None
            assert process.stdin is not None  # noqa: S101  # it was asked for
            process.stdin.write(wire.setup_line(self._setup))
            self._heard_at = self._started_at
            self._process = process
            self._reader = asyncio.create_task(self._read(process))
            return process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hand out answers until the process ends; then fail what waits for it."""
        assert process.stdout is not None  # noqa: S101  # it was asked for
        try:
            while message := await process.stdout.readline():
                self._heard_at = time.monotonic()
                self._take(message)
        finally:
            _kill(process)  # also one that still runs, but says what nobody understands
            self._process = None
            for ask, answer in self._waiting.values():
                if not answer.done():
                    answer.set_result(_lost(ask, "unavailable"))

    def _take(self, message: bytes) -> None:
        found = json.loads(message)
        if "answer" in found:
            ask, answer = self._waiting.get(found["answer"], (None, None))
            if ask is not None and answer is not None and not answer.done():
                answer.set_result(wire.read_answer(found, ask))
        elif self._observer is None:
            pass
        elif "call" in found:
            endpoint, outcome, seconds, usage = found["call"]
            self._observer.llm_call(endpoint, outcome, seconds, wire.read_usage(usage))
        elif "limit" in found:
            self._observer.llm_concurrency(*found["limit"])

    def _cancel(self, number: int) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(wire.line({"cancel": number}))


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def _lost(ask: Ask, error: ErrorWord) -> Answer:
    """Nobody will know what it cost."""
    return replace(answer_to(ask, None, error=error), cut_off=True)
