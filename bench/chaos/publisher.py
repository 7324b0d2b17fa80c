"""Publishing the traffic past every fault: what was not acknowledged is sent again, as a platform would."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from aiokafka import AIOKafkaProducer

from bench.chaos.traffic import Item, Traffic

TICKS = 10
"""times a second that something is sent, so that a shard which pauses is seen to"""
PATIENCE = 60.0
"""seconds of tries before the broker counts as gone"""


class Publisher:
    """A little traffic at a time, straight to the broker."""

    def __init__(self, bootstrap: str, traffic: Traffic, *, per_second: int) -> None:
        self.published = 0
        self.resent = 0
        """records sent again since nobody acknowledged them"""
        self._bootstrap = bootstrap
        self._traffic = traffic
        self._per_second = per_second
        self._producer: AIOKafkaProducer | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`.

        Raises:
            RuntimeError: the broker did not come back.
        """
        try:
            while not stop.is_set():
                began = time.monotonic()
                await self._publish(self._traffic.next(self._per_second // TICKS, int(time.time() * 1000)))
                await asyncio.sleep(max(0.0, 1.0 / TICKS - (time.monotonic() - began)))
        finally:
            await self._close()

    async def _publish(self, items: list[Item]) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                await self._send(items)
            except Exception:  # noqa: BLE001  # whatever it was, nobody knows what has arrived: all of it again
                self.resent += len(items)
                await self._close()
                await asyncio.sleep(0.5)
            else:
                self.published += len(items)
                return
        raise RuntimeError("the broker did not come back")

    async def _send(self, items: list[Item]) -> None:
        if self._producer is None:
            self._producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, request_timeout_ms=5_000)
            await self._producer.start()
        sent = [
            await self._producer.send(item.topic, item.value, item.key, timestamp_ms=item.timestamp)
            for item in items
        ]
        for outcome in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(Exception):
                await asyncio.wait_for(producer.stop(), 5)
