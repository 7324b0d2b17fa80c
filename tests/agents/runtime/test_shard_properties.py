"""What must hold of a shard whatever happens, and does not hold of the agent that Faust's manual teaches.

A run of many more examples: make properties ARGS="--examples 100000"
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import structlog
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from tests.support.manual_worker import ManualWorld
from tests.support.shard_account import Disordered, Doubled, Lost, Violation
from tests.support.shard_machine import STEPS, ShardMachine
from tests.support.shard_world import SLACK, World

EXAMPLES = 300
HAPPENED = (
    "decided",
    "asked",
    "behind",
    "late",
    "amended",
    "audited",
    "audits",
    "provisional",
    "fallback",
    "duplicate",
    "buried",
    "halted",
    "recovered_waiting",
    "recovered_timers",
    "sla_raised",
    "sla_resolved",
    "Fenced",
    "WriteFailed",
    "Refused",
    "Aborted",
    "zombie",
    "gap",
)


@pytest.fixture(autouse=True)
def quiet():
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def run(machine: Callable[[], ShardMachine], examples: int) -> None:
    run_state_machine_as_test(
        seed(1)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            database=None,
            deadline=None,
            phases=[Phase.generate],  # shrinking takes longer than all the rest; `make properties` does it
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_nothing_is_lost_doubled_contradicted_or_out_of_order() -> None:
    run(lambda: ShardMachine(seen=Counter()), EXAMPLES // 10)


@pytest.mark.slow
def test_nothing_is_lost_doubled_contradicted_or_out_of_order_whatever_happens() -> None:
    seen: Counter[str] = Counter()
    run(lambda: ShardMachine(seen=seen), EXAMPLES)
    assert {what for what in HAPPENED if not seen[what]} == set()


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.start(0)
    made.loop.wait(1.0)
    yield made
    made.close()


def test_after_a_kill_what_waits_is_asked_again_and_answered_before_its_deadline(world: World) -> None:
    world.say("ann", "unsure complaint second")  # the first call never comes back
    world.say("ann", "hello there")
    world.loop.wait(0.5)
    world.check()
    assert world.account.seen["decided"] == 0
    world.kill(0)
    world.start(0)
    world.loop.wait(1.0)
    world.check()
    assert (world.account.seen["llm"], world.account.seen["decided"]) == (1, 2)


def test_a_halted_shard_takes_nothing_in_and_goes_on_with_what_waits(world: World) -> None:
    world.say("ann", "unsure billing slow")
    ann = next(number for number, books in enumerate(world.account.books) if books.expected)
    world.loop.wait(0.5)
    world.garbage(ann, CUSTOMER_MESSAGES, 4)
    world.say("ann", "hello there")  # fetched before the halt is known
    world.loop.wait(3.0)
    world.check()
    assert world.account.books[ann].halted
    assert world.account.seen["decided"] == 1
    world.resume()
    world.loop.wait(1.0)
    world.check()
    assert world.account.seen["decided"] == 2


@pytest.mark.parametrize("how", ["restarted", "moved"])
def test_a_timer_set_in_one_life_rings_in_the_next_and_at_the_new_owner(world: World, how: str) -> None:
    world.say("ann", "complaint")  # somebody has four seconds to take it
    ann = next(number for number, books in enumerate(world.account.books) if books.expected)
    world.loop.wait(1.0)
    world.check()
    assert world.account.books[ann].timers
    if how == "restarted":
        world.kill(0)
        world.start(0)
    else:
        world.start(1)
        world.move(ann, 1, told=True)
    world.loop.wait(2.0)
    world.check()
    assert world.account.seen["sla_raised"] == 0
    world.loop.wait(2.0)
    world.check()
    (alert,) = world.account.books[ann].told["ann"]
    assert 0 <= alert.raised_at - world.account.books[ann].sla_due["ann"] <= SLACK
    world.happen("ann", "assigned")
    world.loop.wait(30.0)
    world.check()
    assert [one.status for one in world.account.books[ann].told["ann"]] == ["raised", "resolved"]
    assert world.account.books[ann].timers == {}, "it fell asleep"


@pytest.mark.parametrize("kind", [Lost, Doubled, Disordered])
@pytest.mark.slow
def test_the_agent_of_the_manual_breaks_the_same_rules(kind: type[Violation]) -> None:
    with pytest.raises(kind):
        run(lambda: ShardMachine(lambda: ManualWorld(kind)), 500)


def test_the_agent_of_the_manual_commits_beyond_a_message_it_still_works_on() -> None:
    world = ManualWorld(Lost)
    try:
        world.start(0)
        world.loop.wait(1.0)
        world.say("ann", "unsure billing never")
        world.say("ann", "hello there")
        world.loop.wait(3.0)
        world.kill(0)
        world.start(0)
        world.loop.wait(30.0)
        with pytest.raises(Lost):
            world.check()
    finally:
        world.close()
