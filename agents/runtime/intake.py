"""The records of one shard that are fetched and not yet taken up, and where each input topic stands."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from aiokafka import ConsumerRecord

from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival


class Gap(Exception):
    """Records are missing between what the shard has and what was delivered: seek back to `wanted`, drop the batch."""

    def __init__(self, wanted: int) -> None:
        super().__init__(f"wanted offset {wanted}")
        self.wanted = wanted


class Intake:
    """Bounded by count and bytes: `full` says when fetching should pause. Not thread-safe; lives on the event loop."""

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._queue: deque[tuple[Arrival, int]] = deque()
        self._bytes = 0
        self._next: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def full(self) -> bool:
        """True when no more should be fetched for now."""
        return len(self._queue) >= self._max_messages or self._bytes >= self._max_bytes

    @property
    def bytes(self) -> int:
        """What is held."""
        return self._bytes

    @property
    def positions(self) -> Mapping[str, int]:
        """Next offset expected, by topic."""
        return self._next

    def start_at(self, topic: str, offset: int) -> None:
        """Expect this offset next. Called once per topic after recovery."""
        self._next[topic] = offset

    def deliver(self, topic: str, start: int, records: Sequence[ConsumerRecord]) -> None:
        """Take a fetched batch that begins at position `start`. What the shard already has is dropped.

        Offsets inside a batch may jump (compaction, transaction markers); between batches they may not.

        Raises:
            Gap: `start` lies beyond what is expected.
        """
        expected = self._next[topic]
        if start > expected:
            raise Gap(expected)
        for record in records:
            if record.offset < expected:
                continue
            arrival = arrival_of(record)
            size = _weight(arrival)
            self._queue.append((arrival, size))
            self._bytes += size
        if records:
            self._next[topic] = max(expected, records[-1].offset + 1)

    def take(self, *, messages: int, size: int) -> tuple[Arrival, ...]:
        """The oldest records, within both bounds; one at least when there is any."""
        taken: list[Arrival] = []
        total = 0
        while self._queue and len(taken) < messages:
            arrival, weight = self._queue[0]
            if taken and total + weight > size:
                break
            self._queue.popleft()
            self._bytes -= weight
            total += weight
            taken.append(arrival)
        return tuple(taken)

    def put_back(self, arrivals: Sequence[Arrival]) -> None:
        """Return the last of what `take` gave, to be taken first again."""
        for arrival in reversed(arrivals):
            size = _weight(arrival)
            self._queue.appendleft((arrival, size))
            self._bytes += size


def _weight(arrival: Arrival) -> int:
    return len(arrival.value or b"") + len(arrival.key or b"") + 100


def arrival_of(record: ConsumerRecord) -> Arrival:
    """A consumed record as the core sees it."""
    return Arrival(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=Millis(record.timestamp),
        key=record.key,
        value=record.value,
        headers=tuple((str(name), value) for name, value in record.headers),
    )
