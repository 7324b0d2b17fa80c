"""A small world for property tests: two partitions, two workers, an LLM, and everything that can go wrong between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiokafka import TopicPartition

from frontdesk.agents.runtime.step import Core
from frontdesk.agents.runtime.writer import Outgoing
from frontdesk.agents.settings import Settings
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import ConversationEvent, CustomerMessage, CustomerProfile, Purchase
from frontdesk.schemas.keys import partition_of
from frontdesk.schemas.outputs import Label
from frontdesk.schemas.topics import (
    CONVERSATION_EVENTS,
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    CUSTOMER_PURCHASES,
    INPUT_TOPICS,
    TABLES,
    changelog_topic,
)
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import misplaced_key
from frontdesk.streams.batch import Answer, Arrival, Batch
from frontdesk.streams.effects import Ask, Effect
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.ports import Scores
from frontdesk.streams.state import TIMERS, StateView, customer_key, split_waiting_key
from tests.support.core import NOW, POLICY, KeywordLabeller, llm_labels, pipeline
from tests.support.memory_broker import Broker, Connection, Faults
from tests.support.memory_worker import Disk, MemoryWorker, Parts
from tests.support.shard_account import (
    Account,
    Changed,
    Early,
    Expected,
    Overdue,
    Stuck,
    Untrue,
    Violation,
    key_of,
)
from tests.support.shard_fold import Sent
from tests.support.virtual_time import VirtualLoop

APP = "app"
PARTITIONS = 2
WORKERS = 2
DEADLINE = 2_000
AMEND_WITHIN = 3_000
IDLE = 25_000
"""milliseconds without a word after which a conversation is over"""
RULES = POLICY.replace("sla: 5m", "sla: 4s").replace("sla: 30m", "sla: 8s").replace("sla: 60m", "sla: 20s")
PER_CUSTOMER = 3
PER_SHARD = 4
SLACK = 200
"""milliseconds: a step under way, and one more"""
CUSTOMERS = tuple(
    name
    for number in range(PARTITIONS)
    for name in [
        n for n in ("ann", "bob", "cat", "dan", "eve", "fay") if partition_of(key_of(n), PARTITIONS) == number
    ][:2]
)
SETTINGS = Settings(
    application=APP,
    step_messages=5,
    step_seconds=1_000.0,  # CPU time is not the world's time
    intake_messages=12,
    heartbeat_interval=0.2,
    transaction_timeout=2.0,
    halt_dead_letter_minimum=4,
    drain_timeout=4.0,
)
ORDINARY = ("hello there", "billing", "complaint", "unsure billing quick", "unsure complaint slow")
TEXTS = (
    "hello there",
    "complaint",
    "unsure billing quick",
    "unsure complaint slow",
    "unsure billing late",
    "unsure complaint never",
    "unsure billing fails",
    "unsure complaint second",
    "unsure billing stale",
    "unsure complaint broken",
    "unsure billing raises",
    "poison",
)
"""what a labeller makes of each: see `Model` and `Local`"""
DELAYS = {"quick": 0.05, "slow": 1.5, "late": 3.0, "never": 60.0, "second": 0.02}


class Local(KeywordLabeller):
    """Raises for poison, which its port forbids; keeps no record of its calls."""

    def label(self, texts: Sequence[str]) -> list[Scores]:
        if any("poison" in text for text in texts):
            raise ValueError("poison")
        return [self._score(text) for text in texts]


class Model:
    """An LLM that does what the text says. Never before or after the loop's own time."""

    def __init__(self, asked: Callable[[Ask], None]) -> None:
        self._asked = asked

    async def label(self, ask: Ask) -> Answer:
        """In time, late, with an error, for another attempt, with nonsense, or not at all."""
        self._asked(ask)
        how = ask.text.rsplit(" ", 1)[-1]
        if how == "second" and ask.attempt < 2:
            how = "never"
        await asyncio.sleep(DELAYS.get(how, 0.3))
        if how == "raises":
            raise RuntimeError("a defect of the adapter")
        labels = llm_labels(
            "complaint" if "billing" in ask.text else "billing"
        )  # another route than the local one
        if how == "broken":
            labels = replace(labels, intent=Label(value="billing", confidence="much", source="llm"))  # type: ignore[arg-type]  # on purpose
        return Answer(
            customer=ask.customer,
            seq=ask.seq,
            attempt=ask.attempt + (how == "stale"),
            labels=None if how in ("fails", "never") else labels,
            error="timeout" if how in ("fails", "never") else None,
        )


CODEC = Codec()
CORE = replace(
    pipeline(
        partitions=PARTITIONS,
        deadline_ms=DEADLINE,
        amend_within_ms=AMEND_WITHIN,
        waiting_per_customer=PER_CUSTOMER,
        waiting_per_shard=PER_SHARD,
        conversation_idle_ms=IDLE,
        audit_share=0.5,
        rules=RULES,
    ),
    labeller=Local(),
)


@dataclass(frozen=True, slots=True)
class Watched:
    """The core, and a look at the state that a shard has recovered."""

    world: World
    worker: MemoryWorker
    number: int
    core: Pipeline = CORE

    def step(self, state: StateView, batch: Batch, now: Millis) -> tuple[Effect, ...]:
        if batch.recovered:
            self.world.recovered(self.worker, self.number, state)
        return self.core.step(state, batch, now)

    def fallback(self, state: StateView, arrival: Arrival, now: Millis) -> tuple[Effect, ...]:
        return self.core.fallback(state, arrival, now)

    def abandon(self, state: StateView, customer: bytes, now: Millis) -> tuple[Effect, ...]:
        return self.core.abandon(state, customer, now)


class World:
    """Ports and clock of the workers, and what tests do to them. `check` raises a `Violation`."""

    def __init__(
        self, *, watched: Collection[type[Violation]] = (Violation,), transactional: bool = True
    ) -> None:
        self.loop = VirtualLoop()
        self.loop.set_exception_handler(self._defect)
        # Coordinators look at their transactions now and then: one may commit a little after its time.
        self.broker = Broker(
            lambda: NOW / 1000 + self.loop.time(), transaction_timeout=SETTINGS.transaction_timeout + 1
        )
        self.faults = Faults(told=self._troubled)
        self.account = Account(
            self.broker,
            application=APP,
            partitions=PARTITIONS,
            codec=CODEC,
            per_customer=PER_CUSTOMER,
            per_shard=PER_SHARD,
            idle=IDLE,
            transactional=transactional,
            watched=watched,
        )
        self.disks: list[Disk | None] = [None] * WORKERS
        """where workers keep snapshots; None: nowhere"""
        self.parts = Parts(
            settings=SETTINGS,
            codec=CODEC,
            core=self._core,
            labeller=Model(self._asked),
            clock=self.now,
            resumed_at=lambda: self._resumed_at,
            seen=self.account.seen,
            troubled=self._troubled,
        )
        self.workers: list[MemoryWorker | None] = [None] * WORKERS
        self.owners: list[int | None] = [None] * PARTITIONS
        self._resumed_at = Millis(0)
        self._held: list[set[int]] = [set() for _ in range(WORKERS)]
        """shards that each worker believes to have"""
        self._calm: list[int | None] = [None] * PARTITIONS
        """since when nothing has been in a shard's way"""
        self._wrong: list[BaseException] = []
        self._sent = 0
        self._tiers: dict[str, str | None] = {}
        self._orders: dict[str, set[str]] = {name: set() for name in CUSTOMERS}
        self._erased: set[str] = set()

    def now(self) -> Millis:
        """The time of everything in the world."""
        return Millis(NOW + round(self.loop.time() * 1000))

    # -- what platforms do -------------------------------------------------------------------------------------------

    def say(self, customer: str, text: str) -> str:
        """A customer's message; its id."""
        name = self._next("m")
        offset = self._publish(CUSTOMER_MESSAGES, customer, _message(name, customer, text))
        self._expect(customer, name, offset, customer_key("default", customer))
        return name

    def say_nearby(self, customer: str) -> None:
        """Context: a representative's words."""
        message = replace(_message(self._next("c"), customer, "how can I help"), role="representative")
        offset = self._publish(CUSTOMER_MESSAGES, customer, message)
        self._sent_of(customer).messages[message.message_id] = offset

    def say_again(self, customer: str, back: int) -> None:
        """One of the customer's last messages a second time."""
        books = self.account.books[_home(customer)]
        mine = [one for one in books.expected.values() if one.customer == customer_key("default", customer)]
        if mine:
            again = mine[-1 - back % len(mine)].message_id
            self._publish(CUSTOMER_MESSAGES, customer, _message(again, customer, "again"))
            self.account.seen["duplicate"] += 1

    def say_elsewhere(self, customer: str, text: str) -> None:
        """A message in a partition that is not its customer's."""
        name, number = self._next("m"), (_home(customer) + 1) % PARTITIONS
        message = _message(name, customer, text)
        offset = self._publish(CUSTOMER_MESSAGES, customer, message, number=number)
        key = misplaced_key(customer_key("default", customer))
        self.account.books[number].expected[name] = Expected(offset, name, key)
        sent = self.account.books[number].fold.sent(key)
        sent.misplaced = True
        sent.messages[name] = offset

    def garbage(self, number: int, topic: str, records: int) -> None:
        """Bytes that nobody can read, each under a key of its own: compaction keeps them."""
        for _ in range(records):
            offset = self.broker.append(
                topic, number, [Outgoing(topic, self._next("g").encode(), b"{broken")]
            )
            self.account.books[number].unusable.add((topic, offset))

    def tier(self, customer: str, tier: str) -> None:
        """A profile."""
        offset = self._publish(CUSTOMER_PROFILES, customer, CustomerProfile(customer_id=customer, tier=tier))
        self._sent_of(customer).tiers.append((offset, tier))
        self._tiers[customer] = tier

    def buy(self, customer: str) -> None:
        """A purchase."""
        order = self._next("o")
        purchase = Purchase(order_id=order, customer_id=customer, product_id="p", amount=1.0)
        offset = self._publish(CUSTOMER_PURCHASES, customer, purchase)
        self._sent_of(customer).orders.append((offset, order))
        self._orders[customer].add(order)

    def happen(self, customer: str, kind: str) -> None:
        """Something happens to the conversation."""
        event = ConversationEvent(conversation_id="talk", customer_id=customer, kind=kind, at=self.now())
        self._publish(CONVERSATION_EVENTS, customer, event)

    def erase(self, customer: str) -> None:
        """A tombstone."""
        tombstone = Outgoing(CUSTOMER_PROFILES, key_of(customer), None)
        offset = self.broker.append(CUSTOMER_PROFILES, _home(customer), [tombstone])
        self._sent_of(customer).tiers.append((offset, None))
        self._tiers[customer] = None
        self._erased.add(customer)

    def take_back(self, customer: str) -> None:
        """A platform's own transaction that is aborted: nobody may see it."""
        epoch = self.broker.init_producer("platform")
        value = CODEC.encode(_message(self._next("never"), customer, "complaint"))
        record = Outgoing(CUSTOMER_MESSAGES, key_of(customer), value)
        self.broker.produce("platform", epoch, CUSTOMER_MESSAGES, _home(customer), [record])
        self.broker.end("platform", epoch, "aborted")

    # -- what operators and accidents do -----------------------------------------------------------------------------

    def start(self, worker: int) -> None:
        """Start a worker that is not there. It is given the shards that nobody has."""
        if self.workers[worker] is None:
            connection = Connection(self.broker, self.faults)
            started = self.workers[worker] = self._new_worker(worker, connection)
            started.start()
            for number, owner in enumerate(self.owners):
                if owner is None:
                    self._own(number, worker)
            self.tell()

    def kill(self, worker: int) -> None:
        """kill -9."""
        killed = self.workers[worker]
        if killed is not None:
            killed.kill()
            self.workers[worker] = None
            self._held[worker] = set()
            for number, owner in enumerate(self.owners):
                if owner == worker:
                    self._own(number, None)

    def move(self, number: int, worker: int, *, told: bool) -> None:
        """Give a shard to another worker. Whoever had it is told now, or runs on for a while."""
        if self.workers[worker] is None or self.owners[number] == worker:
            return
        self._own(number, worker)
        if told:
            self.tell()
        else:
            self.account.seen["zombie"] += 1
            self._assign(worker)

    def tell(self) -> None:
        """Everybody learns whose the shards are."""
        for worker in range(WORKERS):
            self._held[worker] = {number for number, owner in enumerate(self.owners) if owner == worker}
            self._assign(worker)

    def pause(self, worker: int, paused: bool) -> None:
        """The consumer of a worker fetches nothing for a while."""
        if (running := self.workers[worker]) is not None:
            running.paused = paused

    def disturb(self, number: int, topic: str, ahead: int) -> None:
        """A batch from before or beyond what the shard expects."""
        for worker in self.workers:
            if worker is not None:
                worker.disturb(TopicPartition(topic, number), ahead)

    def compact(self) -> None:
        """Compact what Kafka compacts."""
        for number in range(PARTITIONS):
            for topic in (CUSTOMER_PROFILES, *(changelog_topic(APP, table) for table in TABLES)):
                self.broker.log(topic, number).compact()

    def resume(self) -> None:
        """Clear the halts of intakes."""
        self._resumed_at = self.now()
        for worker in self.workers:
            if worker is not None:
                worker.poke()

    # -- time and judgement ------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise what is wrong at this moment."""
        self.account.check()
        if self._wrong:
            raise self._wrong[0]
        if self.broker.contradicted:
            self.account.fail(Changed, f"after an abort {self.broker.contradicted[0]} wrote something else")
        for worker in self.workers:
            for defect in () if worker is None else worker.defects():
                raise defect
        for number in range(PARTITIONS):
            self._check_deadlines(number)

    def quiesce(self) -> None:
        """Nothing goes wrong any more, after a while: everything must come to its end, and add up."""
        self.loop.wait(5.0)
        self.check()
        self.faults.clear()
        for worker in range(WORKERS):
            self.start(worker)
            self.pause(worker, paused=False)
        self.tell()
        for _ in range(60):
            self.loop.wait(2.0)
            self.resume()
            self.check()
            if self.account.settled():
                break
        else:
            self.account.fail(Stuck, f"nothing comes to an end: {self.account.books}")
        self._check_facts()
        self.loop.wait((IDLE + SLACK) / 1000)
        self.check()
        if left := [books.timers for books in self.account.books if books.timers]:
            self.account.fail(Stuck, f"conversations that nobody closes: {left}")

    def close(self) -> None:
        """End it all."""
        for worker in range(WORKERS):
            self.kill(worker)
        self.loop.turns(200)
        left = [task for task in asyncio.all_tasks(self.loop) if not task.done()]
        self.loop.close()
        assert not left, left

    def recovered(self, worker: MemoryWorker, number: int, state: StateView) -> None:
        """A shard takes its first step: what it knows must be what is committed, if it is still the shard's owner."""
        self._troubled(number)
        if not worker.writers[number].current:
            return
        try:
            self.account.check()
            self._compare(worker, number, state)
        except Violation as wrong:
            self._wrong.append(wrong)

    def _asked(self, ask: Ask) -> None:
        """The LLM is called: what waits for its answer, this attempt counted, must be committed."""
        try:
            self.account.check()
            if not self.account.names(ask.customer, ask.seq, ask.attempt):
                self.account.fail(Early, f"attempt {ask.attempt} of {ask.seq} was made, and is not committed")
        except Violation as wrong:
            self._wrong.append(wrong)

    def _compare(self, worker: MemoryWorker, number: int, state: StateView) -> None:
        books = self.account.books[number]
        if not books.positions.keys() >= set(INPUT_TOPICS):
            return  # what it has learned before its first message is not all committed
        self.account.seen["recovered"] += 1
        if dict(worker.positions[number]) != dict(books.positions):
            raise Untrue(f"recovered positions {worker.positions[number]}, committed {books.positions}")
        for key, customer in self.account.customers(number).items():
            if state.customer(key) != customer:
                raise Untrue(f"recovered {state.customer(key)}, committed {customer}")
        waiting: dict[bytes, dict[int, object]] = {}
        for key, entry in sorted(books.waiting.items()):
            customer, seq = split_waiting_key(key)
            waiting.setdefault(customer, {})[seq] = entry
        found = {customer: dict(state.waiting(customer)) for customer in state.waiting_customers()}
        if found != waiting:
            raise Untrue(f"recovered {found}, committed {waiting}")
        self.account.seen["recovered_waiting"] += bool(waiting)
        timers = {key: row.due_at for key in books.customers if (row := state.row(TIMERS, key)) is not None}
        if timers != books.timers:
            raise Untrue(f"recovered timers {timers}, committed {books.timers}")
        self.account.seen["recovered_timers"] += bool(timers)

    def _check_deadlines(self, number: int) -> None:
        """What waits is decided by its deadline and a step, unless something was in the shard's way until just before."""
        now, books, owner = self.now(), self.account.books[number], self.owners[number]
        worker = None if owner is None else self.workers[owner]
        shard = None if worker is None else worker.shards.get(number)
        zombie = any(number in held and index != owner for index, held in enumerate(self._held))
        writing = None if shard is None else shard.writing_since
        held_up = writing is not None and now - writing > SLACK // 2  # by a broker that is slow, or aborts
        if shard is None or shard.phase not in ("serving", "halted") or zombie or held_up or self.faults:
            self._calm[number] = None
            return
        since = self._calm[number]
        if since is None:
            self._calm[number] = now
            return
        for entry in books.waiting.values():
            due = entry.forget_at if entry.phase == "late" else entry.deadline
            if now > max(due, since) + SLACK:
                self.account.fail(Overdue, f"{entry.message.message_id} waits at {now}, it was due at {due}")
        for customer, due in books.timers.items():
            if now > max(due, since) + SLACK:
                self.account.fail(Overdue, f"the timer of {customer!r} is due since {due}, it is {now}")
        for message, decided_at in books.decided_at.items():
            due = books.deadlines.get(message, decided_at)
            if decided_at > max(due, since) + SLACK:
                self.account.fail(Overdue, f"{message} was decided at {decided_at}, it was due at {due}")

    def _troubled(self, number: int) -> None:
        """Something has just been in the way of a shard."""
        if self._calm[number] is not None:
            self._calm[number] = self.now()

    def _check_facts(self) -> None:
        """Profiles and purchases are those that were published last."""
        for name in CUSTOMERS:
            known = self.account.customers(_home(name)).get(customer_key("default", name))
            profile = None if known is None else known.profile
            if (None if profile is None else profile.tier) != self._tiers.get(name):
                self.account.fail(Untrue, f"{name} is {profile}, and should be {self._tiers.get(name)}")
            orders = set() if known is None else {purchase.order_id for purchase in known.purchases}
            if orders != self._orders[name] and not (name in self._erased and orders < self._orders[name]):
                self.account.fail(
                    Untrue, f"{name} bought {orders}, and should have bought {self._orders[name]}"
                )

    def _defect(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._wrong.append(context.get("exception") or RuntimeError(context["message"]))

    # -- helpers -----------------------------------------------------------------------------------------------------

    def _new_worker(self, worker: int, connection: Connection) -> MemoryWorker:
        return MemoryWorker(connection, self.parts, self.loop, self.disks[worker])

    def _core(self, worker: MemoryWorker, number: int) -> Core:
        return Watched(self, worker, number)

    def _next(self, kind: str) -> str:
        self._sent += 1
        return f"{kind}{self._sent}"

    def _publish(self, topic: str, customer: str, record: object, number: int | None = None) -> int:
        value = CODEC.encode(record)  # type: ignore[arg-type]  # a record of the topic
        number = _home(customer) if number is None else number
        return self.broker.append(topic, number, [Outgoing(topic, key_of(customer), value)])

    def _expect(self, customer: str, name: str, offset: int, key: bytes) -> None:
        self.account.books[_home(customer)].expected[name] = Expected(offset, name, key)
        self._sent_of(customer).messages[name] = offset

    def _sent_of(self, customer: str) -> Sent:
        return self.account.books[_home(customer)].fold.sent(customer_key("default", customer))

    def _own(self, number: int, worker: int | None) -> None:
        self.owners[number] = worker
        self._calm[number] = None
        if worker is not None:
            self._held[worker].add(number)

    def _assign(self, worker: int) -> None:
        if (running := self.workers[worker]) is not None:
            running.assign(self._held[worker])


def _home(customer: str) -> int:
    return partition_of(key_of(customer), PARTITIONS)


def _message(name: str, customer: str, text: str) -> CustomerMessage:
    return CustomerMessage(
        message_id=name, conversation_id="talk", customer_id=customer, text=text, sent_at=NOW
    )
