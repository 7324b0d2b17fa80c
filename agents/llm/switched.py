"""The kill switch: off, nobody is asked, and who was being asked is let go."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from frontdesk.agents.llm.port import ErrorWord, Labeller
from frontdesk.streams.batch import Answer
from frontdesk.streams.effects import Ask

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
        if not self.on:
            return _nothing(ask)
        off = asyncio.create_task(self._turned_off.wait())
        call = asyncio.create_task(self._labeller.label(ask))
        try:
            await asyncio.wait({call, off}, return_when=asyncio.FIRST_COMPLETED)
            # Nobody will know what a call cost that is given up half-way.
            return call.result() if call.done() else replace(_nothing(ask), cut_off=True)
        finally:
            off.cancel()
            call.cancel()
            await asyncio.gather(off, call, return_exceptions=True)

    async def close(self) -> None:
        """Close the one below."""
        await self._labeller.close()


def _nothing(ask: Ask) -> Answer:
    return Answer(customer=ask.customer, seq=ask.seq, attempt=ask.attempt, labels=None, error=OFF)
