"""Logs without Kafka: the core fed with the chaos run's traffic in steps of any size, its effects written down as a shard would.

For tests of the auditor: what it says of a run in which nothing went wrong, and of the same run with something put wrong.
"""

from __future__ import annotations

import random
from collections import deque

from bench.chaos.traffic import Item, Traffic
from frontdesk.schemas.keys import partition_of
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.topics import INPUT_TOPICS, SHARDS_TABLE, changelog_topic
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer, Arrival, Batch, Drafted
from frontdesk.streams.effects import Ask, Draft, Emit, Remember
from frontdesk.streams.memory_state import MemoryState
from tests.support import core
from tests.support.audit.fold import DEADLINE_MS
from tests.support.audit.logs import APPLICATION, Entry, Logs, Sample
from tests.support.audit.order import merged

TEXTS = ("hello billing", "unsure about that", "a complaint", "unsure complaint!!", "product_enquiry please")
PARTITIONS = 2


class Paper:
    """A few shards on paper. `logs` is what they and the platform have written."""

    def __init__(self, seed: int, *, customers: int = 20, outages: float = 0.0, drafts: bool = False) -> None:
        self.logs = Logs()
        self.now = int(core.NOW)
        self._random = random.Random(seed)
        self._outages = outages
        """chance, at each step, that a shard stands still for up to 30 s, so that its next steps are large"""
        self._traffic = Traffic(seed, customers=customers, texts=TEXTS)
        # Some minutes are all the time there is: what waits for a manager waits too long soon.
        rules = core.POLICY.replace("sla: 5m", "sla: 5s").replace(
            "sla_alert: true", "sla_alert: true, alert_again_after: 10s"
        )
        self._pipeline = core.pipeline(
            partitions=PARTITIONS,
            deadline_ms=DEADLINE_MS,
            amend_within_ms=5_000,
            rules=rules,
            llm_replies=drafts,
        )
        self._shards = [_Shard(self, number) for number in range(PARTITIONS)]

    def run(self, seconds: int, *, messages: int = 10) -> Logs:
        """So many seconds of traffic, then until nothing waits."""
        for _ in range(seconds):
            for item in self._traffic.next(messages, self.now):
                self._publish(item)
            for _ in range(self._random.randrange(1, 5)):
                self.now += self._random.choice((0, 1, 200, 400))
                for shard in self._shards:
                    if self._random.random() < self._outages:
                        shard.away_until = self.now + self._random.randrange(30_000)
                    if self.now >= shard.away_until:
                        shard.step(self._random.choice((30, 30, 300)), self._random)
                self._sample()
        for _ in range(30):
            self.now += 500
            for shard in self._shards:
                shard.step(1000, self._random)
        self._sample()
        self.logs.sort()
        return self.logs

    def write(
        self, topic: str, partition: int, key: bytes, value: bytes | None, at: int | None = None
    ) -> Entry:
        """Append one record. Every other offset is a transaction's marker."""
        offset = self.logs.ends.get((topic, partition), 0)
        if topic not in INPUT_TOPICS:
            offset += self._random.randrange(2)
        entry = Entry(topic, partition, offset, self.now if at is None else at, key, value)
        self.logs.add([entry])
        return entry

    def _publish(self, item: Item) -> None:
        partition = partition_of(item.key, PARTITIONS)
        entry = self.write(item.topic, partition, item.key, item.value, item.timestamp)
        self._shards[partition].ready[item.topic].append(entry)
        self.now += self._random.randrange(3)

    def _sample(self) -> None:
        self.logs.samples.append(Sample(dict(self.logs.committed), dict(self.logs.ends)))


class _Shard:
    def __init__(self, paper: Paper, number: int) -> None:
        self.ready: dict[str, deque[Entry]] = {topic: deque() for topic in INPUT_TOPICS}
        self.away_until = 0
        self._paper = paper
        self._number = number
        self._state = MemoryState()
        self._asked: list[Ask] = []
        self._drafts: list[Draft] = []
        self._positions = dict.fromkeys(INPUT_TOPICS, 0)

    def step(self, most: int, choose: random.Random) -> None:
        paper, now = self._paper, Millis(self._paper.now)
        entries = merged(self.ready)[:most]
        for entry in entries:
            self.ready[entry.topic].popleft()
            self._positions[entry.topic] = entry.offset + 1
        batch = Batch(
            arrivals=tuple(
                Arrival(
                    topic=one.topic,
                    partition=one.partition,
                    offset=one.offset,
                    timestamp=Millis(one.timestamp),
                    key=one.key,
                    value=one.value,
                )
                for one in entries
            ),
            answers=tuple(self._answers(choose)),
            drafts=tuple(self._drafted(choose)),
            due=self._state.due(now),
        )
        if not (batch.arrivals or batch.answers or batch.due or batch.drafts):
            return
        for effect in paper._pipeline.step(self._state, batch, now):
            match effect:
                case Emit(topic=topic, key=key, record=record):
                    paper.write(topic, self._number, key, core.Codec().encode(record))
                case Remember(table=table, key=key, record=record):
                    self._state.apply(effect)
                    value = None if record is None else core.Codec().encode(record)
                    paper.write(changelog_topic(APPLICATION, table), self._number, key, value)
                case Ask():
                    self._asked.append(effect)
                case Draft():
                    self._drafts.append(effect)
        own = core.Codec().encode(ShardState(positions=dict(self._positions)))
        paper.write(changelog_topic(APPLICATION, SHARDS_TABLE), self._number, b"shard", own)
        for topic, offset in self._positions.items():
            if offset:
                paper.logs.committed[topic, self._number] = offset

    def _answers(self, choose: random.Random) -> list[Answer]:
        """Some now, some late, some never, some failures."""
        ready = [ask for ask in self._asked if choose.random() < 0.3]
        self._asked = [ask for ask in self._asked if ask not in ready and choose.random() < 0.95]
        return [core.answer(ask, choose.choice(("billing", "complaint", "other", None))) for ask in ready]

    def _drafted(self, choose: random.Random) -> list[Drafted]:
        """Some now, some late, some never; some that may be published."""
        if not self._drafts:
            return []  # as without drafts: nothing is drawn
        ready = [draft for draft in self._drafts if choose.random() < 0.5]
        self._drafts = [draft for draft in self._drafts if draft not in ready and choose.random() < 0.9]
        replies = ("Thank you for writing. Please tell me more about it.", "You get 500 dollars.", None)
        return [Drafted(draft=draft, reply=choose.choice(replies)) for draft in ready]
