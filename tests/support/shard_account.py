"""What must hold of a router's topics at every moment, judged from what readers with `read_committed` see, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from aiokafka import ConsumerRecord, TopicPartition

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Alert, DeadLetter, Decision
from frontdesk.schemas.state import Companions, Customer, ShardState, Timer, Waiting
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    ESCALATION_ALERTS,
    INPUT_TOPICS,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
    ROUTING_LABELS,
    SERVICE_SUGGESTIONS,
    TABLES,
    changelog_topic,
)
from frontdesk.streams.state import customer_key, split_waiting_key
from tests.support.memory_broker import Broker
from tests.support.shard_fold import Fold

OUTPUTS = (
    ROUTING_DECISIONS,
    ROUTING_LABELS,
    SERVICE_SUGGESTIONS,
    ROUTING_DEAD_LETTERS,
    ESCALATION_ALERTS,
)


class Violation(AssertionError):
    """Something that may never be seen."""


class Lost(Violation):
    """An input is taken for done, and neither decided, buried nor pending."""


class Doubled(Violation):
    """Two decisions, labels or dead letters where there may be one."""


class Ahead(Violation):
    """There is an output of an input that is not taken up; or a position is beyond its log."""


class Disordered(Violation):
    """A customer's decisions are not in the order of the messages, or contradict each other."""


class Overdue(Violation):
    """A message waits beyond its deadline, or its deadline has moved."""


class Unbounded(Violation):
    """More waits than may."""


class Untrue(Violation):
    """A state that is not the fold of what was committed."""


class Early(Violation):
    """The LLM was called before what says so was committed."""


class Changed(Violation):
    """After a known abort something else was written than before it."""


class Stuck(Violation):
    """Nothing is in the way any more, and there is still something to do."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A customer's message that was not seen before, and so must be decided."""

    offset: int
    message_id: str
    customer: bytes
    """state key"""


@dataclass(slots=True)
class Books:
    """Of one shard: what was sent to it, and what is to be seen of it."""

    expected: dict[str, Expected] = field(default_factory=dict)
    """by message, in order of arrival"""
    unusable: set[tuple[str, int]] = field(default_factory=set)
    """topic and offset of records that must be buried"""
    read_to: dict[str, int] = field(default_factory=dict)
    ids: set[bytes] = field(default_factory=set)
    """of all published events"""
    revisions: dict[str, int] = field(default_factory=dict)
    """by message, the latest"""
    latest: dict[bytes, Expected] = field(default_factory=dict)
    """by customer, the message decided last"""
    buried: set[tuple[str, int]] = field(default_factory=set)
    positions: Mapping[str, int] = field(default_factory=dict)
    halted: bool = False
    waiting: dict[bytes, Waiting] = field(default_factory=dict)
    customers: dict[bytes, bytes] = field(default_factory=dict)
    """encoded"""
    asked: set[tuple[bytes, int, int]] = field(default_factory=set)
    """customer, seq and latest attempt of whatever has waited"""
    audited: set[str] = field(default_factory=set)
    """messages that are asked about, and wait for nothing"""
    deadlines: dict[str, int] = field(default_factory=dict)
    """of messages that have waited"""
    decided_at: dict[str, int] = field(default_factory=dict)
    timers: dict[bytes, int] = field(default_factory=dict)
    """when each rings, by customer"""
    sla_due: dict[str, int] = field(default_factory=dict)
    """by customer, the first thing that was promised"""
    told: dict[str, list[Alert]] = field(default_factory=dict)
    """by customer, the alerts that timers raised and those that resolve them"""
    fold: Fold = field(default_factory=Fold)
    grown: bool = False
    """whether anything was read since the state was last compared with the fold"""


class Account:
    """The books of all shards. `watched` names the kinds of violations that are raised; others are passed over."""

    def __init__(
        self,
        broker: Broker,
        *,
        application: str,
        partitions: int,
        codec: Codec,
        per_customer: int,
        per_shard: int,
        idle: int = 24 * 3_600_000,
        transactional: bool = True,
        watched: Collection[type[Violation]] = (Violation,),
    ) -> None:
        self.books = [Books() for _ in range(partitions)]
        self.seen: Counter[str] = Counter()
        """what happened, so that a run which shows nothing can be told"""
        self._broker = broker
        self._codec = codec
        self._per_customer = per_customer
        self._per_shard = per_shard
        self._idle = idle
        self._transactional = transactional
        self._watched = tuple(watched)
        self._customer = lru_cache(64)(lambda value: codec.decode(Customer, value))
        self._tables = {changelog_topic(application, table): table for table in TABLES}
        self._logs = [
            [broker.log(topic, number) for topic in (*OUTPUTS, *self._tables)] for number in range(partitions)
        ]

    def check(self) -> None:
        """Read on, and raise what is wrong."""
        self._broker.expire()
        for number, books in enumerate(self.books):
            self._read(number, books)
            if not self._transactional:
                group = self._broker.offsets
                books.positions = {
                    topic: group.get(TopicPartition(topic, number), 0) for topic in INPUT_TOPICS
                }
            self._balance(books)
            self._bounds(books)
            self._positions(number, books)
            if self._transactional and books.grown:
                self._folded(number, books)

    def settled(self) -> bool:
        """Whether every input is taken up and nothing waits any more."""
        return all(
            not books.waiting
            and all(
                not self._broker.log(topic, number).committed(books.positions.get(topic, 0))
                for topic in INPUT_TOPICS
            )
            for number, books in enumerate(self.books)
        )

    def names(self, customer: bytes, seq: int, attempt: int) -> bool:
        """Whether what is committed knows of this call: its attempt is noted, or its message is taken up and decided already."""
        for books in self.books:
            if (customer, seq, attempt) in books.asked:
                return True
            for message, expected in books.expected.items():
                if (expected.customer, expected.offset) == (customer, seq) and message in books.revisions:
                    return True
        return False

    def customers(self, number: int) -> dict[bytes, Customer]:
        """The customers' table of a shard."""
        return {key: self._customer(value) for key, value in self.books[number].customers.items()}

    def fail(self, kind: type[Violation], what: str) -> None:
        """Raise it, if it is watched for."""
        if issubclass(kind, self._watched):
            raise kind(what)

    # -- reading -----------------------------------------------------------------------------------------------------

    def _read(self, number: int, books: Books) -> None:
        for log in self._logs[number]:
            topic = log.tp.topic
            for record in log.committed(books.read_to.get(topic, 0)):
                books.read_to[topic] = record.offset + 1
                books.grown = True
                if topic in self._tables:
                    self._remember(self._tables[topic], record, books)
                else:
                    self._published(record, books)

    def _published(self, record: ConsumerRecord, books: Books) -> None:
        if record.topic == ESCALATION_ALERTS:
            self._alerted(self._codec.decode(Alert, record.value), books)
            return
        event = dict(record.headers)["ce_id"]
        if record.topic != ROUTING_DECISIONS and event in books.ids:
            self.fail(Doubled, f"{record.topic} has {event.decode()} twice")
        books.ids.add(event)
        self.seen["audits"] += event.endswith(b"/labels/audit")
        if record.topic == ROUTING_DECISIONS:
            self._decided(self._codec.decode(Decision, record.value), books)
        elif record.topic == ROUTING_DEAD_LETTERS:
            letter = self._codec.decode(DeadLetter, record.value)
            books.buried.add((letter.topic, letter.offset))
            self.seen["buried"] += 1

    def _alerted(self, alert: Alert, books: Books) -> None:
        """Raised once in a life of a conversation, which an erasure ends, after it was due; and resolved once at most."""
        if alert.kind != "sla":
            return
        told = books.told.setdefault(alert.customer_id, [])
        told.append(alert)
        self.seen[f"sla_{alert.status}"] += 1
        raised = sum(one.status == "raised" for one in told)
        lives = 1 + sum(
            tier is None for _, tier in books.fold.sent(customer_key("default", alert.customer_id)).tiers
        )
        if raised > lives:
            self.fail(Doubled, f"{alert.customer_id} waits, and it was told {raised} times in {lives} lives")
        if sum(one.status == "resolved" for one in told) > raised:
            self.fail(Doubled, f"what was told of {alert.customer_id} is resolved more often than raised")
        due = books.sla_due.get(alert.customer_id)
        if due is None or alert.raised_at < due:
            self.fail(Early, f"{alert.customer_id} was told of at {alert.raised_at}, due was {due}")

    def _decided(self, decision: Decision, books: Books) -> None:
        message = decision.message_id
        before = books.revisions.get(message, 0)
        expected = books.expected.get(message)
        if expected is None:
            self.fail(Doubled, f"{message} was decided, and nobody asked")
            return
        if decision.revision <= before:
            self.fail(Doubled, f"{message} was decided again at revision {decision.revision}")
            return
        if decision.revision != before + 1:
            self.fail(Disordered, f"{message} went from revision {before} to {decision.revision}")
        if decision.sla_due_at is not None:
            due = books.sla_due.get(decision.customer_id, decision.sla_due_at)
            books.sla_due[decision.customer_id] = min(due, decision.sla_due_at)
        books.fold.decided(expected.customer, decision)
        latest = books.latest.get(expected.customer)
        if decision.revision == 1:
            if latest is not None and latest.offset > expected.offset:
                self.fail(Disordered, f"{message} was decided after {latest.message_id}")
            books.latest[expected.customer] = expected
            books.decided_at[message] = decision.decided_at
            self.seen["provisional" if decision.provisional else "decided"] += 1
            self.seen["fallback"] += decision.labels.intent.source == "fallback"
            self.seen["llm"] += decision.labels.intent.source == "llm"
        else:
            if latest is not expected:
                self.fail(Disordered, f"{message} was amended after a later decision")
            if message in books.audited:
                self.fail(Doubled, f"{message} was decided again after an audit")
            self.seen["amended"] += 1
        books.revisions[message] = decision.revision

    def _remember(self, table: str, record: ConsumerRecord, books: Books) -> None:
        key, value = record.key, record.value
        if table == "customers":
            if value is None:
                books.customers.pop(key, None)
            else:
                books.customers[key] = value
        elif table == "shards":
            self._shard(self._codec.decode(ShardState, value), books)
        elif table == "timers":
            if value is None:
                books.timers.pop(key, None)
            else:
                books.timers[key] = self._codec.decode(Timer, value).due_at
        elif table == "companions":
            self._codec.decode(
                Companions, value
            )  # counts that only grow: how, tests/streams/test_companions.py shows
        elif value is None:
            books.waiting.pop(key, None)
        else:
            entry = self._codec.decode(Waiting, value)
            message = entry.message.message_id
            if books.deadlines.setdefault(message, entry.deadline) != entry.deadline:
                self.fail(Overdue, f"the deadline of {message} has moved")
            if entry.audit and entry.phase == "late":
                books.audited.add(message)
                self.seen["audited"] += 1
            books.waiting[key] = entry
            books.asked.add((*split_waiting_key(key), entry.attempt))
            self.seen[entry.phase] += 1

    def _shard(self, state: ShardState, books: Books) -> None:
        for topic, position in books.positions.items():
            if state.positions.get(topic, 0) < position:
                self.fail(Untrue, f"the position in {topic} went back from {position}")
        books.positions = state.positions
        books.halted = state.halted_at is not None
        self.seen["halted"] += books.halted

    # -- judging -----------------------------------------------------------------------------------------------------

    def _balance(self, books: Books) -> None:
        """messages = decisions at revision 1 + context + duplicates + dead letters + pending, each in one place only."""
        position = books.positions.get(CUSTOMER_MESSAGES, 0)
        pending = {
            entry.message.message_id
            for entry in books.waiting.values()
            if entry.phase != "late" and entry.message.role == "customer"
        }
        for message, expected in books.expected.items():
            decided = message in books.revisions
            if expected.offset >= position:
                if decided or message in pending:
                    self.fail(Ahead, f"{message} at {expected.offset} is done, the position is {position}")
            elif decided and message in pending:
                self.fail(Doubled, f"{message} is decided and waits to be")
            elif not decided and message not in pending:
                self.fail(Lost, f"{message} at {expected.offset} is lost, the position is {position}")
        for topic, offset in books.unusable:
            done = offset < books.positions.get(topic, 0)
            if done and (topic, offset) not in books.buried:
                self.fail(Lost, f"unusable {topic}/{offset} was not buried")
            if not done and (topic, offset) in books.buried:
                self.fail(Ahead, f"unusable {topic}/{offset} is buried already")
        for topic, offset in books.buried - books.unusable:
            self.fail(Lost, f"{topic}/{offset} was buried, and is usable")

    def _bounds(self, books: Books) -> None:
        undecided = Counter(
            split_waiting_key(key)[0] for key, e in books.waiting.items() if e.phase != "late"
        )
        late = Counter(split_waiting_key(key)[0] for key, e in books.waiting.items() if e.phase == "late")
        for held in (undecided, late):
            if held.total() > self._per_shard or max(held.values(), default=0) > self._per_customer:
                self.fail(Unbounded, f"{dict(held)} wait")

    def _positions(self, number: int, books: Books) -> None:
        for topic, position in books.positions.items():
            if position > self._broker.log(topic, number).end:
                self.fail(Ahead, f"position {position} of {topic} is beyond its end")
            group = self._broker.offsets.get(TopicPartition(topic, number), 0)
            if group > position:
                self.fail(Ahead, f"the group stands at {group} of {topic}, the state at {position}")

    def _folded(self, number: int, books: Books) -> None:
        """The tables are what the inputs up to the positions, and what was published, make of them."""
        books.grown = False
        pending = {entry.message.message_id for entry in books.waiting.values() if entry.phase != "late"}
        customers = self.customers(number)
        for key, customer in customers.items():
            if any(split_waiting_key(one)[0] == key for one in books.waiting):
                continue  # what waits is not asleep: its timer rings again a little later
            due = [] if books.fold.sent(key).misplaced else _due_of(customer, self._idle)
            timer = books.timers.get(key)
            if (timer is None) != (not due) or (timer is not None and timer > min(due)):
                self.fail(Untrue, f"the timer of {key!r} is set to {timer}, due is {due}")
        profiles = {entry.record.offset for entry in self._broker.log(CUSTOMER_PROFILES, number).entries}
        for wrong in books.fold.differences(customers, books.positions, pending, profiles):
            self.fail(Untrue, wrong)


def _due_of(customer: Customer, idle: int) -> list[int]:
    """When things are due of a customer: an answer to who waits, or the end of what nobody closes."""
    talks = [one for one in customer.conversations if one.status == "open"]
    told = [one.sla_due_at for one in talks if one.sla_due_at is not None and "sla" not in one.escalated]
    return [*(one.last_at + idle for one in talks), *told]


def key_of(customer: str) -> bytes:
    """Kafka key of a customer of the default tenant."""
    return wire_key("default", customer)
