"""The LLM client in a process of its own, so that its CPU is not the shards'."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from frontdesk.agents.llm import wire
from frontdesk.agents.llm.openai_labeller import now_ms
from frontdesk.agents.llm.port import ErrorWord, Observer, answer_to
from frontdesk.agents.llm.wire import Setup
from frontdesk.streams.batch import Answer, Drafted
from frontdesk.streams.effects import Ask, Draft

A = TypeVar("A", Answer, Drafted)

GRACE = 1.0
"""seconds that an answer may come too late before the process is taken to be stuck"""
SILENT = 10.0
"""seconds without a word, with an answer overdue, after which it is ended, to be started again"""
START_EVERY = 1.0
"""seconds between two starts of the process, should it end by itself"""
COMMAND = (sys.executable, "-P", "-m", "frontdesk.agents.llm.child")
"""-P: not what happens to lie in the present folder"""
_NEEDED = re.compile(
    r"PATH|HOME|TMPDIR|TZ|LANG|LC_\w+|PYTHON\w+|VIRTUAL_ENV|LD_\w+|DYLD_\w+|MALLOC_\w+|GLIBC_TUNABLES|SYSTEMROOT|"
    r"SSL_CERT_FILE|SSL_CERT_DIR|OPENSSL_\w+|LOCALDOMAIN|RES_OPTIONS|HOSTALIASES|(?:HTTPS?|ALL|NO|http|https|all|no)_(?:PROXY|proxy)"
)
"""variables that Python, TLS, the resolver and a proxy ask for; the endpoints and their keys come through the pipe"""


def environment_of(worker: Mapping[str, str]) -> dict[str, str]:
    """What the process gets of the worker's variables. Not the others, which may be secrets, whatever their names: the password for
    Kafka, keys of endpoints, of object stores, of collectors."""
    return {name: value for name, value in worker.items() if _NEEDED.fullmatch(name)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call(Generic[A]):
    """What waits for the process."""

    answer: asyncio.Future[A]
    read: Callable[[dict[str, Any]], A]
    """what it says of the call"""
    failed: Callable[[ErrorWord], A]

    def take(self, found: dict[str, Any]) -> None:
        if not self.answer.done():
            self.answer.set_result(self.read(found))

    def lose(self) -> None:
        if not self.answer.done():
            self.answer.set_result(self.lost("unavailable"))

    def lost(self, error: ErrorWord) -> A:
        """Nobody will know what it cost."""
        return replace(self.failed(error), cut_off=True)


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
        self._waiting: dict[int, _Call[Answer] | _Call[Drafted]] = {}
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
        call: _Call[Answer] = _Call(
            answer=asyncio.get_running_loop().create_future(),
            read=lambda found: wire.read_answer(found, ask),
            failed=lambda error: answer_to(ask, None, error=error),
        )
        return await self._exchanged(call, lambda number: wire.ask_line(number, ask), ask.give_up_at)

    async def draft(self, draft: Draft) -> Drafted:
        """As the port promises."""
        call: _Call[Drafted] = _Call(
            answer=asyncio.get_running_loop().create_future(),
            read=lambda found: wire.read_drafted(found, draft),
            failed=lambda error: Drafted(draft=draft, reply=None, error=error),
        )
        return await self._exchanged(call, lambda number: wire.draft_line(number, draft), draft.give_up_at)

    async def _exchanged(self, call: _Call[A], line: Callable[[int], bytes], give_up_at: int) -> A:
        left = (give_up_at - self._clock()) / 1000
        if left <= 0:
            return call.failed("timeout")
        process = await self._running()
        if process is None or process.stdin is None:
            return call.failed("unavailable")
        number = next(self._numbers)
        self._waiting[number] = call
        try:
            process.stdin.write(line(number))
            async with asyncio.timeout(left + GRACE):
                return await call.answer
        except TimeoutError:
            self._cancel(number)
            if time.monotonic() > self._heard_at + self._silent:
                _kill(process)
            return call.lost("timeout")
        except asyncio.CancelledError:
            self._cancel(number)
            raise
        finally:
            del self._waiting[number]

    async def start(self) -> None:
        """Start the process now: it takes about a second, which the first ask then has for itself. Never raises."""
        await self._running()

    async def close(self) -> None:
        """End the process. Call it when no call is under way."""
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
                    env=environment_of(os.environ),
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
            for call in self._waiting.values():
                call.lose()

    def _take(self, message: bytes) -> None:
        found = json.loads(message)
        if "answer" in found:
            if (call := self._waiting.get(found["answer"])) is not None:
                call.take(found)
        elif self._observer is None:
            pass
        elif "call" in found:
            endpoint, outcome, seconds, usage = found["call"]
            self._observer.llm_call(endpoint, outcome, seconds, wire.read_usage(usage))
        elif "limit" in found:
            self._observer.llm_concurrency(*found["limit"])
        elif "breaker" in found:
            self._observer.llm_breaker(*found["breaker"])

    def _cancel(self, number: int) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(wire.line({"cancel": number}))


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
