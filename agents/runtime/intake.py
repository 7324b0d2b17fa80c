"""The records of one shard that are fetched and not yet taken up, and where each input topic stands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from aiokafka import ConsumerRecord

from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival


class Gap(Exception):
    """Records are missing between what the shard has and what was delivered: seek back to `wanted`, drop the batch."""

    def __init__(self, wanted: int) -> None:
        super().__init__(f"wanted offset {wanted}")
        self.wanted = wanted


class Intake:
    """Bounded by count and bytes: `full` says when fetching should pause. Not thread-safe; lives on the event loop."""

    def __init__(self, *, max_messages: int, max_bytes: int, clock: Callable[[], Millis]) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._clock = clock
        self._queues: dict[str, deque[_Held]] = {}
        self._count = 0
        self._bytes = 0
        self._next: dict[str, int] = {}

    def __len__(self) -> int:
        return self._count

    @property
    def full(self) -> bool:
        """True when no more should be fetched for now."""
        return self._count >= self._max_messages or self._bytes >= self._max_bytes

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
        self._queues[topic] = deque()

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
            if record.offset >= expected:
                self._queues[topic].append(self._hold(arrival_of(record)))
        if records:
            self._next[topic] = max(expected, records[-1].offset + 1)

    def take(self, *, messages: int, size: int) -> tuple[Arrival, ...]:
        """The oldest records, within both bounds; one at least when there is any.

        Topics are merged by timestamp, each in its own order: catching up, an event is seen between the messages it came
        between. Of equal ones facts come before messages.
        """
        taken: list[Arrival] = []
        total = 0
        while self._count and len(taken) < messages:
            queue = min(filter(None, self._queues.values()), key=_merge_key)
            if taken and total + queue[0].weight > size:
                break
            held = queue.popleft()
            self._count -= 1
            self._bytes -= held.weight
            total += held.weight
            taken.append(held.arrival)
        return tuple(taken)

    def put_back(self, arrivals: Sequence[Arrival]) -> None:
        """Return the last of what `take` gave, to be taken first again."""
        for arrival in reversed(arrivals):
            self._queues[arrival.topic].appendleft(self._hold(arrival))

    def _hold(self, arrival: Arrival) -> _Held:
        # A timestamp that lies ahead must not make its record wait for all others.
        held = _Held(min(arrival.timestamp, self._clock()), _weight(arrival), arrival)
        self._count += 1
        self._bytes += held.weight
        return held


class _Held(NamedTuple):
    since: int
    weight: int
    arrival: Arrival


def _merge_key(queue: deque[_Held]) -> tuple[int, bool]:
    return queue[0].since, queue[0].arrival.topic == CUSTOMER_MESSAGES


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
