from __future__ import annotations

import os
import time
from collections import Counter

import hypothesis
import pytest
import structlog
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from frontdesk.schemas.topics import INPUT_TOPICS
from tests.support.memory_broker import WRITE_FAULTS
from tests.support.shard_world import CUSTOMERS, PARTITIONS, TEXTS, WORKERS, World

EXAMPLES = int(os.environ.get("FRONTDESK_EXAMPLES", "300"))

customers = st.sampled_from(CUSTOMERS)
numbers = st.integers(0, PARTITIONS - 1)
workers = st.integers(0, WORKERS - 1)
turns = st.integers(0, 120)
messages = st.lists(st.tuples(customers, st.sampled_from(TEXTS)), min_size=1, max_size=6)
few = st.integers(0, 3)

SEEN: Counter[str] = Counter()


class ShardMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.sound = False

    @initialize(both=st.booleans(), said=messages)
    def begin(self, both, said) -> None:
        self.world.start(0)
        if both:
            self.world.start(1)
        self.say(said)

    def say(self, said) -> None:
        for customer, text in said:
            self.world.say(customer, text)

    @rule(said=messages, turns=turns)
    def talk(self, said, turns) -> None:
        self.say(said)
        self.world.loop.turns(turns)

    @rule(customer=customers, what=st.integers(0, 11), back=few, turns=turns)
    def else_happens(self, customer, what, back, turns) -> None:
        world = self.world
        match what:
            case 0 | 1:
                world.say_again(customer, back)
            case 2:
                world.say_nearby(customer)
            case 3:
                world.say_elsewhere(customer, TEXTS[back])
            case 4 | 5:
                world.garbage(back % PARTITIONS, INPUT_TOPICS[back], 1 + back)
            case 6:
                world.tier(customer, f"tier {back}")
            case 7:
                world.buy(customer)
            case 8:
                world.happen(customer, "assigned" if back else "resolved")
            case 9:
                world.erase(customer)
            case 10:
                world.take_back(customer)
            case 11:
                world.resume()
        world.loop.turns(turns)

    @rule(seconds=st.sampled_from([0.005, 0.05, 0.5, 2.0, 6.0, 30.0]), said=messages, turns=turns)
    def wait(self, seconds, said, turns) -> None:
        self.world.loop.wait(seconds)
        self.say(said)
        self.world.loop.turns(turns)

    @rule(worker=workers, again=st.booleans(), before=turns, after=turns)
    def kill(self, worker, again, before, after) -> None:
        self.world.loop.turns(before)
        if self.world.workers[worker] is not None:
            self.world.kill(worker)
        else:
            again = True
        if again:
            self.world.start(worker)
            self.world.loop.turns(after)

    @rule(number=numbers, worker=workers, told=st.booleans(), turns=turns)
    def move(self, number, worker, told, turns) -> None:
        if self.world.owners[number] == worker:
            self.world.tell()
        self.world.start(worker)
        self.world.move(number, worker, told=told)
        self.world.loop.turns(turns)

    @rule(faults=st.lists(st.sampled_from([None, *WRITE_FAULTS]), min_size=1, max_size=4), said=messages, turns=turns)
    def writes_fail(self, faults, said, turns) -> None:
        self.world.faults.writes.extend(faults)
        self.say(said)
        self.world.loop.turns(turns)

    @rule(opens=few, reads=few, most=st.sampled_from([None, None, 3, 6]), worker=workers, pause=st.booleans())
    def trouble(self, opens, reads, most, worker, pause) -> None:
        self.world.faults.opens, self.world.faults.reads, self.world.faults.most = opens, reads, most
        self.world.pause(worker, pause)
        self.world.compact()

    @rule(number=numbers, topic=st.sampled_from(INPUT_TOPICS), start=st.integers(0, 12), turns=turns)
    def disturb(self, number, topic, start, turns) -> None:
        self.world.disturb(number, topic, start)
        self.world.loop.turns(turns)

    @invariant()
    def holds(self) -> None:
        self.sound = False
        self.world.check()
        self.sound = True

    def teardown(self) -> None:
        try:
            if self.sound:
                self.world.quiesce()
        finally:
            SEEN.update(self.world.account.seen)
            self.world.close()


@pytest.fixture(autouse=True)
def quiet():
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def test_invariants() -> None:
    began = time.perf_counter()
    machine = hypothesis.seed(1)(ShardMachine)
    run_state_machine_as_test(
        machine,
        settings=hypothesis.settings(max_examples=EXAMPLES, stateful_step_count=15),
    )
    print(SEEN, EXAMPLES / (time.perf_counter() - began))
