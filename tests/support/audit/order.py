"""In which order a shard took its records, and when: read from what each of its transactions left in the table of shards.

A step moves the positions, so the positions say which records it took. Within a step the topics are merged by the records'
timestamps, facts before messages of the same one. All that a step decides bears the step's time, which is how a step gets a time
here; one that decided nothing has a time between those before and after it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, INPUT_TOPICS, SHARDS_TABLE, changelog_topic
from tests.support.audit.logs import Entry, Logs

FOREVER = 2**62


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction of a shard."""

    positions: Mapping[str, int]
    written_at: int
    offset: int
    """of its record in the changelog"""


@dataclass(slots=True)
class Shard:
    """The steps of one shard, and bounds of the time of each."""

    steps: list[Step]
    earliest: list[int]
    latest: list[int]
    _ends: dict[str, list[int]] = field(default_factory=dict)
    _offsets: list[int] = field(default_factory=list)

    def step_of(self, topic: str, offset: int) -> int | None:
        """Which step took a record; None where none has."""
        if topic not in self._ends:
            self._ends[topic] = [step.positions.get(topic, 0) for step in self.steps]
        ends = self._ends[topic]
        number = bisect_right(ends, offset)
        return number if number < len(ends) else None

    def visible(self, end: int) -> Mapping[str, int]:
        """Positions as they were for a reader to whom the changelog ended there."""
        if not self._offsets:
            self._offsets = [step.offset for step in self.steps]
        before = bisect_left(self._offsets, end)
        return self.steps[before - 1].positions if before else {}


def shards(logs: Logs, codec: Codec) -> dict[int, Shard]:
    """Every shard's steps as they were committed, without times."""
    found: dict[int, Shard] = {}
    for entry in logs.table(SHARDS_TABLE):
        state = codec.decode(ShardState, entry.value)
        shard = found.setdefault(entry.partition, Shard([], [], []))
        shard.steps.append(Step(state.positions, entry.timestamp, entry.offset))
    return found


def set_times(shard: Shard, known: Mapping[int, Iterable[int]]) -> None:
    """Bound each step's time by those that are known, by step: time goes on; a step is written after it has begun, and begins
    after the last but one was written (it may overlap with the last)."""
    count = len(shard.steps)
    shard.earliest, shard.latest = [0] * count, [FOREVER] * count
    before = 0
    for number in range(count):
        written = shard.steps[number - 2].written_at if number >= 2 else 0
        before = max(before, written, *known.get(number, ()))
        shard.earliest[number] = max(known.get(number, ()), default=before)
    after = FOREVER
    for number in reversed(range(count)):
        after = min(after, shard.steps[number].written_at, *known.get(number, ()))
        shard.latest[number] = after


def taken(logs: Logs, partition: int, shard: Shard) -> list[tuple[int, Entry]]:
    """Every record that the shard took, in the order in which it took them, with the number of its step."""
    queues = {
        topic: [entry for entry in logs.entries[topic] if entry.partition == partition]
        for topic in INPUT_TOPICS
    }
    at = dict.fromkeys(INPUT_TOPICS, 0)
    order: list[tuple[int, Entry]] = []
    for number, step in enumerate(shard.steps):
        ready: dict[str, Sequence[Entry]] = {}
        for topic, entries in queues.items():
            start = at[topic]
            while at[topic] < len(entries) and entries[at[topic]].offset < step.positions.get(topic, 0):
                at[topic] += 1
            ready[topic] = entries[start : at[topic]]
        order += [(number, entry) for entry in merged(ready)]
    return order


def merged(queues: Mapping[str, Sequence[Entry]]) -> list[Entry]:
    """Topics each in its own order, always the head with the lowest timestamp first."""
    heads = {topic: 0 for topic, entries in queues.items() if entries}
    out: list[Entry] = []
    while heads:
        topic = min(
            heads, key=lambda topic: (queues[topic][heads[topic]].timestamp, topic == CUSTOMER_MESSAGES)
        )
        out.append(queues[topic][heads[topic]])
        heads[topic] += 1
        if heads[topic] == len(queues[topic]):
            del heads[topic]
    return out


def position_faults(logs: Logs, found: Mapping[int, Shard]) -> list[str]:
    """Positions only grow; at the end they are the ends of the inputs, and the group's offsets say the same; no sample ever
    showed an offset of the group beyond what the shard's state, as it was visible a moment later, said."""
    faults = []
    for number, shard in found.items():
        for before, after in zip(shard.steps, shard.steps[1:], strict=False):
            faults += [
                f"shard {number} went back on {topic}: {position} to {after.positions.get(topic, 0)}"
                for topic, position in before.positions.items()
                if after.positions.get(topic, 0) < position
            ]
    for (topic, number), end in logs.ends.items():
        if topic not in INPUT_TOPICS:
            continue
        position = found[number].steps[-1].positions.get(topic, 0) if number in found else 0
        offset = logs.committed.get((topic, number))
        if position != end:
            faults.append(f"shard {number} stands at {position} of {topic}, which ends at {end}")
        # A shard that begins takes its positions without a record of the group.
        if (offset is not None and offset != position) or (offset is None and position > 0):
            faults.append(f"the group stands at {offset} of {topic}/{number}, the shard at {position}")
    topic_of_shards = changelog_topic(logs.application, SHARDS_TABLE)
    for sample in logs.samples:
        for (topic, number), offset in sample.committed.items():
            end = sample.ends.get((topic_of_shards, number), 0)
            position = found[number].visible(end).get(topic, 0) if number in found else 0
            if offset > position:
                faults.append(
                    f"the group stood at {offset} of {topic}/{number}, the state visible then at {position}"
                )
    return faults


def steps_by_time(decided: Iterable[tuple[int, int]]) -> dict[int, set[int]]:
    """Known times by step, from pairs of a step's number and a time."""
    known: dict[int, set[int]] = defaultdict(set)
    for number, at in decided:
        known[number].add(at)
    return known
