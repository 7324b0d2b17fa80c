"""The process of the LLM client: reads asks from its standard input, writes answers to its standard output.

    python -m frontdesk.agents.llm.child        started by `process.ProcessLabeller`, never by hand

It ends when its input does, so that no worker's end, however sudden, leaves it behind.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any, BinaryIO

from frontdesk.agents.llm import wire
from frontdesk.agents.llm.port import Labeller, Saved
from frontdesk.agents.llm.router import build_router
from frontdesk.schemas.state import Usage


class Child:
    """Answers asks as they come. Implements `port.Observer`: what it is told goes to the worker."""

    def __init__(self, output: asyncio.StreamWriter) -> None:
        self._output = output
        self._calls: dict[int, asyncio.Task[None]] = {}

    async def run(self, source: asyncio.StreamReader) -> None:
        """Serve until there is no more input."""
        first = await source.readline()
        if not first:
            return
        setup = wire.read_setup(first)
        router = build_router(setup.routes, setup.taxonomy, setup.context_tokens, self)
        while message := await source.readline():
            self._take(router, json.loads(message))
        for call in self._calls.values():
            call.cancel()

    def llm_call(self, endpoint: str, outcome: str, seconds: float, usage: Usage | None) -> None:
        """As `port.Observer`."""
        self._output.write(wire.line({"call": [endpoint, outcome, seconds, wire.usage_values(usage)]}))

    def llm_saved(self, by: Saved) -> None:
        """As `port.Observer`; saving is the worker's."""

    def llm_concurrency(self, endpoint: str, limit: int) -> None:
        """As `port.Observer`."""
        self._output.write(wire.line({"limit": [endpoint, limit]}))

    def llm_breaker(self, endpoint: str, is_open: bool) -> None:
        """As `port.Observer`."""
        self._output.write(wire.line({"breaker": [endpoint, is_open]}))

    def _take(self, labeller: Labeller, message: dict[str, Any]) -> None:
        if "cancel" in message:
            if (call := self._calls.get(message["cancel"])) is not None:
                call.cancel()
            return
        number = message["ask"] if "ask" in message else message["draft"]
        call = asyncio.create_task(self._answer(labeller, message))
        self._calls[number] = call
        call.add_done_callback(lambda _: self._calls.pop(number))

    async def _answer(self, labeller: Labeller, message: dict[str, Any]) -> None:
        if "ask" in message:
            line = wire.answer_line(await labeller.label(wire.read_ask(message)))
        else:
            line = wire.drafted_line(message["draft"], await labeller.draft(wire.read_draft(message)))
        self._output.write(line)


async def _serve(output: BinaryIO) -> None:
    loop = asyncio.get_running_loop()
    source = asyncio.StreamReader(limit=wire.LONGEST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(source), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, output)
    await Child(asyncio.StreamWriter(transport, protocol, None, loop)).run(source)


def main() -> None:
    """Serve until the worker ends."""
    # A service manager may tell the whole group to stop: the worker first ends its steps, then this.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    # Nothing but answers goes to the pipe, whatever a library may print.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    asyncio.run(_serve(output))
    os._exit(0)  # connections that hang do not hold it


if __name__ == "__main__":
    main()
