"""A hypothesis state machine that does to a world what platforms, operators and accidents do, in any order and at any point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from frontdesk.schemas.topics import CUSTOMER_MESSAGES, INPUT_TOPICS
from tests.support.memory_broker import WRITE_FAULTS
from tests.support.memory_worker import Disk
from tests.support.shard_world import CUSTOMERS, ORDINARY, PARTITIONS, TEXTS, WORKERS, World

STEPS = 12
"""rules of one example, at most"""

customers = st.sampled_from(CUSTOMERS)
numbers = st.integers(0, PARTITIONS - 1)
workers = st.integers(0, WORKERS - 1)
turns = st.integers(0, 99).map(lambda number: number * number // 25)
"""up to 392: recovery alone takes some 100"""
texts = st.sampled_from((*ORDINARY, *TEXTS))
messages = st.lists(st.tuples(customers, texts), min_size=1, max_size=6)
faults = st.lists(st.sampled_from((None, "aborts", *WRITE_FAULTS)), min_size=1, max_size=4)
topics = st.sampled_from((CUSTOMER_MESSAGES, *INPUT_TOPICS))
few = st.integers(0, 3)


class ShardMachine(RuleBasedStateMachine):
    """Every rule ends after some turns of the loop, so that the next one comes between any two awaits."""

    def __init__(self, make: Callable[[], World] = World, seen: Counter[str] | None = None) -> None:
        super().__init__()
        self.world = make()
        self._seen = seen
        self._sound = False

    @initialize(both=st.booleans(), disk=st.booleans(), said=messages)
    def begin(self, both, disk, said) -> None:
        if disk:
            self.world.disks = [Disk() for _ in range(WORKERS)]
        self.world.start(0)
        if both:
            self.world.start(1)
        self._say(said)

    @rule(said=messages, turns=turns)
    def talk(self, said, turns) -> None:
        self._say(said)
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
            case _:
                world.resume()
        world.loop.turns(turns)

    @rule(seconds=st.sampled_from([0.005, 0.05, 0.5, 2.0, 6.0, 30.0]), said=messages, turns=turns)
    def wait(self, seconds, said, turns) -> None:
        self.world.loop.wait(seconds)
        self._say(said)
        self.world.loop.turns(turns)

    @rule(worker=workers, again=st.sampled_from((True, True, False)), before=turns, after=turns)
    def kill(self, worker, again, before, after) -> None:
        self.world.loop.turns(before)
        alive = self.world.workers[worker] is not None
        self.world.kill(worker)
        if again or not alive:
            self.world.start(worker)
            self.world.loop.turns(after)

    @rule(number=numbers, worker=workers, told=st.booleans(), said=messages, before=turns, after=turns)
    def move(self, number, worker, told, said, before, after) -> None:
        if self.world.owners[number] == worker:
            self.world.tell()
        self.world.start(worker)
        self._say(said)
        self.world.loop.turns(before)
        self.world.move(number, worker, told=told)
        self.world.loop.turns(after)

    @rule(faults=faults, said=messages, turns=turns)
    def writes_fail(self, faults, said, turns) -> None:
        self.world.faults.writes.extend(faults)
        self._say(said)
        self.world.loop.turns(turns)

    @rule(opens=few, reads=few, most=st.sampled_from([None, None, 3, 6]), worker=workers, pause=st.booleans())
    def trouble(self, opens, reads, most, worker, pause) -> None:
        self.world.faults.opens, self.world.faults.reads, self.world.faults.most = opens, reads, most
        self.world.pause(worker, pause)
        self.world.compact()

    @rule(number=numbers, topic=topics, ahead=st.integers(-5, 4), said=messages, turns=turns)
    def disturb(self, number, topic, ahead, said, turns) -> None:
        self._say(said)
        self.world.disturb(number, topic, ahead)
        self.world.loop.turns(turns)

    @invariant()
    def holds(self) -> None:
        self._sound = False
        self.world.check()
        self._sound = True

    def teardown(self) -> None:
        """Whatever was done, once nothing goes wrong any more everything comes to its end and adds up."""
        try:
            if self._sound:
                self.world.quiesce()
        finally:
            if self._seen is not None:
                self._seen.update(self.world.account.seen)
            self.world.close()

    def _say(self, said) -> None:
        for customer, text in said:
            self.world.say(customer, text)
