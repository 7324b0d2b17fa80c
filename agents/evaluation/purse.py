"""Money for one run: reserved before a call, settled after it. Never more is spent than is in it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from frontdesk.streams.batch import Answer
from frontdesk.streams.effects import Ask
from frontdesk.streams.ports import Llm


class Purse:
    """Holds `dollars`, of which `spent` are gone. For one event loop."""

    def __init__(self, dollars: float, llm: Llm, *, spent: float = 0.0) -> None:
        self.spent = spent
        """a call that was cut off counts as the most it may have cost"""
        self._dollars = dollars
        self._llm = llm
        self._reserved: dict[int, float] = {}
        """by the ask's seq"""
        self._settled = asyncio.Condition()

    async def reserve(self, ask: Ask) -> Ask | None:
        """The ask with what it may cost at most; None where that is not there. Waits for calls that may leave enough."""
        most = self._llm.most(ask)

        def enough() -> bool:
            return self.spent + sum(self._reserved.values()) + most <= self._dollars

        async with self._settled:
            await self._settled.wait_for(lambda: enough() or not self._reserved)
            if not enough():
                return None
            self._reserved[ask.seq] = most
        return replace(ask, max_cost_usd=most)

    async def settle(self, ask: Ask, answer: Answer | None) -> None:
        """What the call cost; None if nobody knows any more."""
        async with self._settled:
            most = self._reserved.pop(ask.seq)
            if answer is None or answer.cut_off:
                self.spent += most
            elif answer.usage is not None:
                self.spent += answer.usage.cost_usd
            self._settled.notify_all()
