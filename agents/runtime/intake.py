"""The records of one shard that are fetched and not yet taken up, and where each input topic stands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from aiokafka import ConsumerRecord

from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival

RECORD_BYTES = 100
"""what holding a record costs beside its key and value, about"""


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

    def oldest(self) -> dict[str, Millis]:
        """Kafka's timestamp of the oldest record held, by topic; not later than it was delivered."""
        return {topic: Millis(queue[0].since) for topic, queue in self._queues.items() if queue}

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
        if records and records[0].offset < expected:
            records = [record for record in records if record.offset >= expected]
        if records:
            self._queues[topic].extend(self._hold([arrival_of(record) for record in records]))
            self._next[topic] = records[-1].offset + 1

    def take(self, *, messages: int, size: int) -> tuple[Arrival, ...]:
        """The oldest records, within both bounds; one at least when there is any.

        Topics are merged by timestamp, each in its own order: catching up, an event is seen between the messages it came
        between. Of equal ones facts come before messages.
        """
        taken: list[Arrival] = []
        total = 0
        queues = [queue for queue in self._queues.values() if queue]
        while queues and len(taken) < messages:
            queue = queues[0] if len(queues) == 1 else min(queues, key=_merge_key)
            weight = queue[0].weight
            if taken and total + weight > size:
                break
            total += weight
            taken.append(queue.popleft().arrival)
            if not queue:
                queues = [other for other in queues if other]
        self._count -= len(taken)
        self._bytes -= total
        return tuple(taken)

    def put_back(self, arrivals: Sequence[Arrival]) -> None:
        """Return the last of what `take` gave, to be taken first again."""
        for held in reversed(self._hold(arrivals)):
            self._queues[held.arrival.topic].appendleft(held)

    def _hold(self, arrivals: Sequence[Arrival]) -> list[_Held]:
        # A timestamp that lies ahead must not make its record wait for all others.
        now = self._clock()
        held = [_Held(min(one.timestamp, now), _weight(one), one) for one in arrivals]
        self._count += len(held)
        self._bytes += sum(one.weight for one in held)
        return held


class _Held(NamedTuple):
    since: int
    weight: int
    arrival: Arrival


def _merge_key(queue: deque[_Held]) -> tuple[int, bool]:
    return queue[0].since, queue[0].arrival.topic == CUSTOMER_MESSAGES


def _weight(arrival: Arrival) -> int:
    value, key = arrival.value, arrival.key
    return RECORD_BYTES + (0 if value is None else len(value)) + (0 if key is None else len(key))


def arrival_of(record: ConsumerRecord) -> Arrival:
    """A consumed record as the core sees it."""
    return Arrival(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=Millis(record.timestamp),
        key=record.key,
        value=record.value,
        headers=tuple([(str(name), value) for name, value in record.headers]) if record.headers else (),
    )
