"""The kill switch: off, nobody is asked, and who was being asked is let go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from frontdesk.agents.llm.port import ErrorWord, Labeller
from frontdesk.streams.batch import Answer, Drafted
from frontdesk.streams.effects import Ask, Draft

A = TypeVar("A", Answer, Drafted)

OFF: ErrorWord = "switched_off"


class Switched:
    """Implements `port.Labeller` over another. Lives on one event loop."""

    def __init__(self, labeller: Labeller) -> None:
        self._labeller = labeller
        self._turned_off = asyncio.Event()

    @property
    def on(self) -> bool:
        """Whether anybody is asked."""
        return not self._turned_off.is_set()

    def turn(self, on: bool) -> None:
        """From now on. Off ends the calls under way as well: each is answered at once, without labels."""
        if on:
            self._turned_off.clear()
        else:
            self._turned_off.set()

    async def label(self, ask: Ask) -> Answer:
        """As the port promises; `switched_off` while it is off."""
        answer = Answer(customer=ask.customer, seq=ask.seq, attempt=ask.attempt, labels=None, error=OFF)
        return await self._unless_off(lambda: self._labeller.label(ask), answer)

    async def draft(self, draft: Draft) -> Drafted:
        """As the port promises; `switched_off` while it is off."""
        drafted = Drafted(draft=draft, reply=None, error=OFF)
        return await self._unless_off(lambda: self._labeller.draft(draft), drafted)

    async def close(self) -> None:
        """Close the one below."""
        await self._labeller.close()

    async def _unless_off(self, begin: Callable[[], Coroutine[Any, Any, A]], nothing: A) -> A:
        if not self.on:
            return nothing
        off = asyncio.create_task(self._turned_off.wait())
        call = asyncio.create_task(begin())
        try:
            await asyncio.wait({call, off}, return_when=asyncio.FIRST_COMPLETED)
            # Nobody will know what a call cost that is given up half-way.
            return call.result() if call.done() else replace(nothing, cut_off=True)
        finally:
            off.cancel()
            call.cancel()
            await asyncio.gather(off, call, return_exceptions=True)
