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
    """Lets as many in as an `AdaptiveLimit` allows now, first come first served. For one event loop.

    Who comes for what is *spare* goes in only while nobody else waits, and has half of the present limit at most; where that is
    none, a single one when nobody is inside.
    """

    def __init__(self, limit: AdaptiveLimit, changed: Callable[[int], None] | None = None) -> None:
        self.limit = limit
        self._changed = changed
        self._told = limit.limit
        self._inside = 0
        self._spare_inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._spare_waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self, *, spare: bool = False) -> Period:
        """Wait for a place. Give it back through `leave`, whatever happens."""
        waiting = self._spare_waiting if spare else self._waiting
        if waiting or not self._has_room(spare=spare):
            place = asyncio.get_running_loop().create_future()
            waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.cancelled():
                    if place in waiting:
                        waiting.remove(place)
                else:
                    self.leave(spare=spare)  # it was given a place in the same moment
                raise
        else:
            self._take(spare=spare)
        return self.limit.period

    def leave(self, *, spare: bool = False) -> None:
        """Give a place back. Tell the limit first how the request ended."""
        self._inside -= 1
        self._spare_inside -= spare
        if self._changed is not None and self._told != self.limit.limit:
            self._told = self.limit.limit
            self._changed(self._told)
        self._admit(self._waiting, spare=False)
        self._admit(self._spare_waiting, spare=True)

    def _admit(self, waiting: deque[asyncio.Future[None]], *, spare: bool) -> None:
        while waiting and self._has_room(spare=spare):
            place = waiting.popleft()
            if not place.done():
                place.set_result(None)
                self._take(spare=spare)

    def _has_room(self, *, spare: bool) -> bool:
        room = self._inside < self.limit.limit
        if not spare:
            return room
        half = self.limit.limit // 2 or int(self._inside == 0)
        return room and self._spare_inside < half

    def _take(self, *, spare: bool) -> None:
        self._inside += 1
        self._spare_inside += spare
