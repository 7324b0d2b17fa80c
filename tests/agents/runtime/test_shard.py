"""The life of a shard between a consumer and a writer that do what a broker may do: refuse, fence, fail, commit in silence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

import pytest
from aiokafka import ConsumerRecord
from structlog.testing import capture_logs

from frontdesk.agents.runtime import shard as module
from frontdesk.agents.runtime.calls import DRAFTS, Calls
from frontdesk.agents.runtime.writer import Fenced, Outgoing, Refused, WriteFailed
from frontdesk.schemas.inputs import CustomerProfile
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Decision, Suggestion
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    CUSTOMER_PURCHASES,
    INPUT_TOPICS,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
    SERVICE_SUGGESTIONS,
)
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer
from frontdesk.streams.effects import Ask
from tests.support.asks import draft
from tests.support.core import NOW, pipeline
from tests.support.desk import COMMITTED_IN_SILENCE, Desk, Running
from tests.support.scripted_labeller import ScriptedLabeller


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_FIRST", 0.002)
    monkeypatch.setattr(module, "BACKOFF_MOST", 0.01)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(
    "script",
    [
        [],
        [WriteFailed("before")],
        [None, COMMITTED_IN_SILENCE, None, COMMITTED_IN_SILENCE],
        [None, Fenced("another"), None, WriteFailed("lost"), Fenced("again")],
        [Refused("too large")] * 5,
        [None, None, Refused("too large"), COMMITTED_IN_SILENCE, None, None, Fenced("late")],
    ],
)
async def test_whatever_becomes_of_a_write_each_message_is_decided_once_and_in_order(
    desk: Desk, script: list[Exception | None]
) -> None:
    desk.script = script
    failures = sum(outcome is not None for outcome in script)
    desk.send(*["complaint"] * 50)
    async with Running(desk) as shard:
        await desk.until(lambda: len(set(desk.decided())) == 50)
        assert shard.crashed is None
    assert desk.decided() == [f"m{n}" for n in range(50)]
    assert desk.recovered == desk.opened == desk.closed == failures + 1
    assert desk.state().positions[CUSTOMER_MESSAGES] == 50


async def test_a_refused_step_is_tried_again_smaller_and_smaller_then_larger_again(desk: Desk) -> None:
    desk.most = 2
    desk.send(*["complaint"] * 20)
    async with Running(desk):
        await desk.until(lambda: len(desk.decided()) == 20)
        refused = [decided for decided, outcome in desk.writes if outcome == "Refused"]
        assert refused[0] > 2
        assert max(refused[1:], default=3) < 8, "what was refused is not tried again as it was"
        desk.most = None
        desk.send(*["complaint"] * 60)
        await desk.until(lambda: len(desk.decided()) == 80)
    assert max(decided for decided, outcome in desk.writes if outcome == "ok") == 8


async def test_a_record_that_is_always_refused_stops_its_shard_alone_and_only_there(desk: Desk) -> None:
    desk.send(*["complaint"] * 20)

    async def write(records: Sequence[Outgoing], offsets: Mapping[str, int]) -> Mapping[str, int]:
        if any(
            record.topic == ROUTING_DECISIONS
            and desk.codec.decode(Decision, record.value).message_id == "m13"
            for record in records
        ):
            raise Refused("too large")
        desk.log += records
        return {}

    desk.write = write  # type: ignore[method-assign]  # this broker has a rule instead of a script
    async with Running(desk) as shard:
        await desk.until(lambda: desk.failures["Refused"] > 8)
        assert shard.crashed is None
        assert shard.moves
    assert desk.decided() == [f"m{n}" for n in range(13)]


async def test_failing_ever_again_it_waits_in_between_however_much_arrives(desk: Desk) -> None:
    """What wakes a serving shard, records and switches, must not hurry one that is failing."""
    desk.open_fails = 10_000
    async with Running(desk) as shard:
        for _ in range(200):
            shard.poke()
            await asyncio.sleep(0.0005)
        tried = desk.failures["WriteFailed"]
        assert shard.phase in ("backing_off", "recovering")
    assert 3 < tried < 40, tried


async def test_time_spent_without_a_broker_is_not_held_against_the_recovery_after_it(desk: Desk) -> None:
    desk.open_fails = 3
    async with Running(desk) as shard:
        desk.now = Millis(desk.now + 3_600_000)
        await desk.until(lambda: shard.ready)
        assert shard.progress_at == desk.now


async def test_after_a_quiet_night_a_failure_is_the_first_again(desk: Desk) -> None:
    desk.open_fails = 4
    with capture_logs() as logged:
        async with Running(desk) as shard:
            await desk.until(lambda: shard.ready and shard.moves > 0)
            desk.now = Millis(desk.now + 3_600_000)
            desk.script = [WriteFailed("lost")]
            desk.send("complaint")
            await desk.until(lambda: desk.decided() == ["m0"])
    waits = [entry["in_seconds"] for entry in logged if entry["event"] == "shard_starts_over"]
    assert waits == [0.002, 0.004, 0.008, 0.01, 0.002]


async def test_a_step_under_way_is_finished_when_told_to_stop(desk: Desk) -> None:
    desk.send(*["complaint"] * 3)
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready)
        await desk.until(lambda: len(desk.decided()) == 3)
        desk.gate = asyncio.Event()
        desk.send("complaint")
        await desk.until(lambda: desk.fetched_to == 4)
        await asyncio.sleep(0.02)
        stopping = asyncio.create_task(shard.stop(5))
        await asyncio.sleep(0.02)
        assert not stopping.done()
        desk.gate.set()
        await stopping
        assert shard.phase == "stopped"
    assert desk.decided() == ["m0", "m1", "m2", "m3"]
    assert desk.opened == desk.closed


async def test_a_step_that_hangs_is_given_up_at_the_end_of_the_time_to_stop(desk: Desk) -> None:
    desk.gate = asyncio.Event()
    async with Running(desk) as shard:
        await asyncio.sleep(0.02)
        async with asyncio.timeout(1):
            await shard.stop(0.05)
        assert shard.phase == "stopped"
        assert shard.crashed is None
    assert desk.closed == desk.opened == 1
    assert desk.log == []


async def test_a_shard_that_comes_back_waits_for_the_one_before(desk: Desk) -> None:
    desk.gate = asyncio.Event()
    async with Running(desk) as first:
        await asyncio.sleep(0.02)
        leaving = asyncio.create_task(first.stop(5))
        second = Running(desk)
        second.shard.start(after=leaving)
        await asyncio.sleep(0.02)
        assert desk.opened == 1
        desk.gate.set()
        await desk.until(lambda: second.shard.ready)
        assert desk.closed == 1
        await second.shard.stop(1)


async def test_a_cancellation_that_nobody_asked_for_is_a_crash_and_not_silence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancelled(*_: object) -> None:
        raise asyncio.CancelledError

    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready)
        monkeypatch.setattr(desk, "write", cancelled)
        desk.send("complaint")
        await desk.until(lambda: shard.crashed is not None)
        assert "cancelled" in str(shard.crashed)


async def test_an_unreadable_state_is_a_crash(desk: Desk) -> None:
    desk.unreadable = True
    async with Running(desk) as shard:
        await desk.until(lambda: isinstance(shard.crashed, ValueError))
        assert desk.closed == 1


async def test_a_halt_keeps_what_was_fetched_and_a_resume_goes_on_without_anything_new(desk: Desk) -> None:
    """Also what is delivered after the halt: the consumer believes that the shard has it."""
    desk.inputs = [(CUSTOMER_MESSAGES, b"ann", b"{broken")] * 12
    async with Running(desk) as shard:
        await desk.until(lambda: shard.halted_because is not None)
        await asyncio.sleep(0.02)  # the step that halted it is being committed
        before = len([r for r in desk.log if r.topic == ROUTING_DEAD_LETTERS])
        assert before < 12
        assert not shard.ready
        desk.send("complaint")
        assert desk.fetched_to is not None
        shard.deliver(CUSTOMER_MESSAGES, desk.fetched_to, desk.records(desk.fetched_to, 13))
        desk.fetched_to = 13
        await asyncio.sleep(0.02)
        assert len([r for r in desk.log if r.topic == ROUTING_DEAD_LETTERS]) == before
        # Broken ones left in the intake halt it again; the operator insists.
        for _ in range(8):
            desk.now = Millis(desk.now + 1)
            desk.resumed_at = desk.now
            shard.poke()
            await asyncio.sleep(0.02)
        await desk.until(lambda: desk.decided() == ["m12"])
    assert len([r for r in desk.log if r.topic == ROUTING_DEAD_LETTERS]) == 12


async def test_a_halt_outlives_the_process(desk: Desk) -> None:
    desk.inputs = [(CUSTOMER_MESSAGES, b"ann", b"{broken")] * 40
    async with Running(desk) as shard:
        await desk.until(lambda: shard.halted_because is not None)
    buried = len([r for r in desk.log if r.topic == ROUTING_DEAD_LETTERS])
    async with Running(desk) as shard:
        await desk.until(lambda: shard.phase == "halted")
        await asyncio.sleep(0.02)
        assert "dead letters" in (shard.halted_because or "")
    assert len([r for r in desk.log if r.topic == ROUTING_DEAD_LETTERS]) == buried


async def test_priming_that_was_cut_off_is_finished_by_the_next_owner(desk: Desk) -> None:
    """The profiles of a shard that moved while it was priming are learned before its first message all the same."""
    profile = CustomerProfile(customer_id="ann", tier="gold")
    value = desk.codec.encode(profile)
    record = ConsumerRecord(
        CUSTOMER_PROFILES, 0, 7, NOW, 0, wire_key("default", "ann"), value, None, 0, 0, ()
    )
    desk.profiles = [record]
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready)
        await desk.until(lambda: set(desk.state().positions) == set(INPUT_TOPICS))
    assert desk.primed == [None, 8]
    assert desk.state().positions[CUSTOMER_PURCHASES] == 0
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready)
    assert len(desk.primed) == 2, "once done, it is done"


async def test_a_call_cut_off_by_a_failure_is_asked_again_and_its_first_answer_is_dropped(desk: Desk) -> None:
    desk.llm = True
    desk.now = Millis(int(time.time() * 1000))  # the labeller's clock is the real one
    desk.labeller = ScriptedLabeller(gate=asyncio.Event(), answer=lambda _: _answer())
    desk.send("unsure")
    async with Running(desk) as shard:
        await desk.until(lambda: len(desk.labeller.asked) == 1)  # type: ignore[union-attr]  # set above
        desk.script = [Fenced("another")]
        desk.send("complaint")
        await desk.until(lambda: len(desk.labeller.asked) == 2)  # type: ignore[union-attr]  # likewise
        desk.labeller.gate.set()  # type: ignore[union-attr]  # likewise
        await desk.until(lambda: len(desk.decided()) == 2)
        assert shard.pending == 0
    assert [ask.attempt for ask in desk.labeller.asked] == [1, 2]
    assert desk.decided() == ["m0", "m1"]


async def test_a_reply_is_worded_after_the_commit_and_a_draft_is_lost_with_the_life_that_asked_for_it(
    desk: Desk,
) -> None:
    desk.now = Millis(int(time.time() * 1000))  # as above
    desk.core = pipeline(llm_replies=True, llm_backlog_ms=10**12)
    desk.labeller = labeller = ScriptedLabeller(gate=asyncio.Event())

    def told() -> list[tuple[str, int]]:
        records = [one.value for one in desk.log if one.topic == SERVICE_SUGGESTIONS]
        found = [desk.codec.decode(Suggestion, value) for value in records if value is not None]
        return [(one.message_id, one.revision) for one in found]

    desk.send("complaint")
    async with Running(desk) as shard:
        await desk.until(lambda: len(labeller.asked) == 1)
        assert told() == [("m0", 1)]
        desk.script = [Fenced("another")]
        desk.send("billing")
        await desk.until(lambda: len(labeller.asked) == 2)
        labeller.gate.set()  # type: ignore[union-attr]  # set above
        await desk.until(lambda: len(told()) == 3)
        assert shard.crashed is None
    assert told() == [("m0", 1), ("m1", 1), ("m1", 2)]
    assert [one.suggestion.message_id for one in labeller.asked] == ["m0", "m1"]  # type: ignore[union-attr]  # drafts


async def test_drafts_under_way_are_bounded_and_the_others_end_at_once() -> None:
    labeller = ScriptedLabeller(gate=asyncio.Event())
    calls = Calls(labeller, lambda: None)
    calls.start(draft() for _ in range(DRAFTS + 3))
    assert [one.error for one in calls.take_drafts(100)] == ["too_many"] * 3
    labeller.gate.set()  # type: ignore[union-attr]  # set above
    async with asyncio.timeout(20):
        while len(calls):  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.001)
    assert [one.error for one in calls.take_drafts(100)] == [None] * DRAFTS
    calls.start([draft()])
    assert len(calls) == 1
    await calls.close()


def _answer() -> Mapping[str, str]:
    return {"intent": "billing", "emotion": "neutral", "urgency": "normal", "language": "en"}


# -- a clock that somebody sets ----------------------------------------------------------------------------------------

HOUR = 3_600_000


def set_clock(desk: Desk, by: int) -> None:
    desk.now, desk.set_by = Millis(desk.now + by), desk.set_by + by


class Mute(ScriptedLabeller):
    """Never answers."""

    async def label(self, ask: Ask) -> Answer:
        return await asyncio.get_running_loop().create_future()


async def test_a_clock_that_is_set_back_stalls_no_message(desk: Desk) -> None:
    """Its deadline is an hour and a minute away then, and no answer comes."""
    desk.llm, desk.labeller = True, Mute()
    desk.send("unsure complaint", "complaint")
    async with Running(desk) as shard:
        await desk.until(lambda: shard.calls == 1)
        assert desk.decided() == []
        set_clock(desk, -HOUR)
        shard.poke()
        await desk.until(lambda: desk.decided() == ["m0", "m1"])
        desk.send("unsure complaint")
        await desk.until(lambda: shard.calls == 2)
        desk.now = Millis(desk.now + 60_000)
        shard.poke()
        await desk.until(lambda: desk.decided() == ["m0", "m1", "m2"])


@pytest.mark.parametrize("by", [HOUR, -HOUR])
async def test_what_the_watchdog_goes_by_does_not_jump(desk: Desk, by: int) -> None:
    desk.gate = asyncio.Event()
    set_clock(desk, by)
    desk.send("complaint")
    async with Running(desk) as shard:
        await desk.until(lambda: shard.writing_since is not None)
        assert (shard.writing_since, shard.progress_at) == (NOW, NOW)
        desk.gate.set()


async def test_a_halt_of_a_time_to_come_can_be_ended(desk: Desk) -> None:
    desk.inputs += [(CUSTOMER_MESSAGES, b"ann", b"{")] * desk.settings.halt_dead_letter_minimum
    async with Running(desk) as shard:
        await desk.until(lambda: shard.phase == "halted")
        set_clock(desk, -HOUR)
        shard.poke()
        await asyncio.sleep(0.01)
        assert shard.phase == "halted", "that is no reason to go on"
        desk.now = desk.resumed_at = Millis(desk.now + 1_000)
        shard.poke()
        await desk.until(lambda: shard.phase == "serving")


async def test_a_halt_of_a_time_to_come_is_ended_by_who_resumes_before_the_shard_looks(desk: Desk) -> None:
    desk.inputs += [(CUSTOMER_MESSAGES, b"ann", b"{")] * desk.settings.halt_dead_letter_minimum
    async with Running(desk) as shard:
        await desk.until(lambda: shard.phase == "halted")
        set_clock(desk, -HOUR)
        desk.resumed_at = desk.now
        shard.poke()
        await desk.until(lambda: shard.phase == "serving")


async def test_who_resumed_before_the_clock_was_set_back_ends_no_halt_that_comes_after(desk: Desk) -> None:
    """By the clock that resume is yet to come."""
    desk.resumed_at = desk.now
    async with Running(desk) as shard:
        await desk.until(lambda: shard.phase == "serving")
        set_clock(desk, -HOUR)
        desk.inputs += [(CUSTOMER_MESSAGES, b"ann", b"{")] * desk.settings.halt_dead_letter_minimum
        await desk.until(lambda: shard.phase == "halted")
        shard.poke()
        await asyncio.sleep(0.01)
        assert shard.phase == "halted"
        desk.now = desk.resumed_at = Millis(desk.now + 1_000)
        shard.poke()
        await desk.until(lambda: shard.phase == "serving")
