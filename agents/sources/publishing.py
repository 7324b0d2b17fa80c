"""Publishing entries at a chosen rate, in the order read."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from frontdesk.agents.clock import now
from frontdesk.agents.sources.entry import Entry, Fault
from frontdesk.agents.sources.formats import READERS, Format, detect
from frontdesk.schemas.types import Millis, Record

_TIMES = ("sent_at", "purchased_at", "updated_at", "at")


class Sends(Protocol):
    """What publishing needs of a `Sender`."""

    async def send(self, topic: str, record: Record, *, now: Millis) -> None:
        """Queue one record."""

    async def flush(self) -> None:
        """Wait for every acknowledgement."""


@dataclass(slots=True)
class Tally:
    """What happened so far."""

    sent: int = 0
    topics: Counter[str] = field(default_factory=Counter)


def read(
    paths: Iterable[Path], topic: str, form: Format | None, limit: int | None
) -> Iterator[Entry | Fault]:
    """The entries of all files, one file after the other; at most `limit`, faults included.

    Raises:
        StartupError: a file cannot be read, or is none of the formats.
    """
    entries = (entry for path in paths for entry in READERS[form or detect(path)](path, topic))
    return islice(entries, limit)


async def publish(
    entries: Iterable[Entry],
    sender: Sends,
    *,
    tally: Tally,
    rate: float | None,
    start_at: Millis | None = None,
    progress: Callable[[int], None] = lambda sent: None,
) -> None:
    """Send every entry in order, `rate` records a second (None: as fast as the broker takes them), and wait for all.

    `progress` is told the number sent, a few times a second at most.

    Raises:
        SendFailed: a record was not taken; nothing was sent after it.
    """
    started = time.monotonic()
    told = 0.0
    restamp = _Restamp(start_at)
    for entry in entries:
        tick = time.monotonic()
        if rate is not None and (ahead := started + tally.sent / rate - tick) > 0.001:
            await asyncio.sleep(ahead)
        record = restamp(entry.record, elapsed=time.monotonic() - started)
        await sender.send(entry.topic, record, now=now())
        tally.sent += 1
        tally.topics[entry.topic] += 1
        if tick - told > 0.1:
            told = tick
            progress(tally.sent)
            await asyncio.sleep(0)  # queueing alone never yields to the network
    await sender.flush()
    progress(tally.sent)


class _Restamp:
    """Moves the times of records so that the first one given becomes `start_at`; the distances between them stay.

    A record without a time gets `start_at` plus the time since publishing began.
    """

    def __init__(self, start_at: Millis | None) -> None:
        self._start_at = start_at
        self._shift: int | None = None

    def __call__(self, record: Record, *, elapsed: float) -> Record:
        name = next((name for name in _TIMES if hasattr(record, name)), None)
        if self._start_at is None or name is None:
            return record
        given: int = getattr(record, name)
        if given == 0:
            moved = self._start_at + int(elapsed * 1000)
        else:
            if self._shift is None:
                self._shift = self._start_at - given
            moved = given + self._shift
        return replace(record, **{name: moved})  # type: ignore[type-var]  # every Record is a dataclass
