"""How many requests are under way at an endpoint: as many as it bears, found out by additive increase, multiplicative decrease.

D. Chiu, R. Jain: Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in Computer Networks, 1989.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NewType

Period = NewType("Period", int)
"""From one decrease to the next. What was begun in an earlier one says nothing of the present limit."""

TOLERATED = 0.1
"""share of timeouts in a window that is no overload: with a hundredth of slow calls, halving at each would end at 14 requests,
whatever the endpoint bears (the limit at which the gain between two losses equals one loss)"""


@dataclass(slots=True, kw_only=True)
class AdaptiveLimit:
    """A limit between 1 and `most`. Pure: it is told how each request ended.

    A window is as many successes as the limit is; after each the limit grows by one. It halves when the endpoint says that it
    is overloaded, and when more than a tenth of a window's requests run out of time; at most once for all that were under
    way together.
    """

    most: int
    limit: int = 0
    """now; starts at `most`, because an endpoint that bears it shall not be slow at first"""
    period: Period = Period(0)
    _successes: int = 0
    _timeouts: int = 0

    def __post_init__(self) -> None:
        self.limit = self.limit or self.most

    def succeeded(self, period: Period) -> None:
        """A request begun in `period` was answered."""
        if period != self.period:
            return
        self._successes += 1
        if self._successes >= self.limit:
            self._successes = self._timeouts = 0
            self.limit = min(self.most, self.limit + 1)

    def timed_out(self, period: Period) -> None:
        """A request begun in `period` took longer than it may."""
        if period != self.period:
            return
        self._timeouts += 1
        if self._timeouts > self.limit * TOLERATED:
            self.overloaded(period)

    def overloaded(self, period: Period) -> None:
        """The endpoint asked for less."""
        if period != self.period:
            return
        self.period = Period(self.period + 1)
        self._successes = self._timeouts = 0
        self.limit = max(1, self.limit // 2)


class Gate:
    """Lets as many in as an `AdaptiveLimit` allows now, first come first served. For one event loop."""

    def __init__(self, limit: AdaptiveLimit, changed: Callable[[int], None] | None = None) -> None:
        self.limit = limit
        self._changed = changed
        self._told = limit.limit
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> Period:
        """Wait for a place. Give it back through `leave`, whatever happens."""
        if self._waiting or self._inside >= self.limit.limit:
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.cancelled():
                    if place in self._waiting:
                        self._waiting.remove(place)
                else:
                    self.leave()  # it was given a place in the same moment
                raise
        else:
            self._inside += 1
        return self.limit.period

    def leave(self) -> None:
        """Give a place back. Tell the limit first how the request ended."""
        self._inside -= 1
        self._admit()

    def _admit(self) -> None:
        if self._changed is not None and self._told != self.limit.limit:
            self._told = self.limit.limit
            self._changed(self._told)
        while self._waiting and self._inside < self.limit.limit:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                self._inside += 1
