"""Holding a shard's records back until the schemas that they name are known; timers and answers go on meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from frontdesk.agents.errors import RegistryUnavailable
from frontdesk.schemas.codec import schema_ids_in
from frontdesk.streams.batch import Arrival

PAUSE_FIRST = 0.5
PAUSE_MOST = 10.0


class Schemas(Protocol):
    """What a gate needs of a schema registry."""

    def missing(self, ids: Iterable[int]) -> set[int]:
        """Those of the ids that must be asked for."""

    async def prefetch(self, ids: Iterable[int]) -> None:
        """Ask for them.

        Raises:
            RegistryUnavailable: as it says.
        """


class Gate:
    """Of one incarnation of a shard. Without a registry everything passes.

    A registry that is away never makes a record unreadable: the record waits, and with it all that come after it.
    """

    def __init__(
        self,
        schemas: Schemas | None,
        *,
        wake: Callable[[], None],
        failed: Callable[[RegistryUnavailable], None],
    ) -> None:
        self._schemas = schemas
        self._wake = wake
        self._failed = failed
        self._asked: set[int] = set()
        self._loading: asyncio.Task[None] | None = None

    @property
    def holding(self) -> bool:
        """Whether records wait for the registry."""
        return self._loading is not None and not self._loading.done()

    def passing(self, arrivals: Sequence[Arrival]) -> int:
        """How many of these, from the first, can be decoded now. If not all, what the others need is being loaded, and
        `wake` is called when that is done."""
        if self._schemas is None:
            return len(arrivals)
        missing = self._schemas.missing(schema_ids_in(arrival.value for arrival in arrivals)) - self._asked
        if not missing:
            # Asked once is enough for this batch, even where what it learned did not fit into memory or is old by now.
            self._asked = set()
            return len(arrivals)
        if not self.holding:
            if self._loading is not None:
                self._loading.result()  # a defect ends the process instead of holding records back for ever
            self._loading = asyncio.create_task(self._load(missing))
        return next(
            number
            for number, arrival in enumerate(arrivals)
            if not missing.isdisjoint(schema_ids_in([arrival.value]))
        )

    async def close(self) -> None:
        """Stop asking."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)

    async def _load(self, ids: set[int]) -> None:
        assert self._schemas is not None  # noqa: S101  # `passing` starts it with a registry only
        pause = PAUSE_FIRST
        while True:
            try:
                await self._schemas.prefetch(ids)
                break
            except RegistryUnavailable as error:
                self._failed(error)
            await asyncio.sleep(pause * random.uniform(1.0, 1.1))  # noqa: S311  # jitter: shards must not ask in step
            pause = min(pause * 2, PAUSE_MOST)
        self._asked = ids
        self._wake()
