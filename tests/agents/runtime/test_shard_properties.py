"""What must hold of a shard whatever happens, and does not hold of the agent that Faust's manual teaches.

A run of many more examples: make properties ARGS="--examples 100000"
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import structlog
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.manual_worker import ManualWorld
from tests.support.shard_account import Disordered, Doubled, Lost, Violation
from tests.support.shard_machine import STEPS, ShardMachine

EXAMPLES = 300
HAPPENED = (
    "decided",
    "asked",
    "behind",
    "late",
    "amended",
    "provisional",
    "fallback",
    "duplicate",
    "buried",
    "halted",
    "recovered_waiting",
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


def test_nothing_is_lost_doubled_contradicted_or_out_of_order_whatever_happens() -> None:
    seen: Counter[str] = Counter()
    run(lambda: ShardMachine(seen=seen), EXAMPLES)
    assert {what for what in HAPPENED if not seen[what]} == set()


@pytest.mark.parametrize("kind", [Lost, Doubled, Disordered])
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
