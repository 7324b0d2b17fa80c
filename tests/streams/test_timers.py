"""Timers: SLA alerts and conversations that fall asleep, whatever the order of messages, events and time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.schemas.inputs import ConversationEvent, CustomerProfile
from frontdesk.schemas.state import Conversation, Customer, Timer
from frontdesk.schemas.topics import CUSTOMER_PROFILES
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Batch
from frontdesk.streams.effects import Remember
from frontdesk.streams.ids import alert_id
from frontdesk.streams.memory_state import MemoryState
from frontdesk.streams.remember import conversation_of
from frontdesk.streams.state import TIMERS, customer_key
from frontdesk.streams.timers import PUT_OFF_MS
from tests.support.core import NOW, POLICY, Shard, answer, message, pipeline
from tests.support.effort import examples

MINUTE = 60_000
HOUR = 60 * MINUTE
SLA = 60 * MINUTE
"""of the queue `general`, where nearly everything goes here"""
IDLE = 24 * HOUR
ANN = customer_key("default", "ann")


@pytest.fixture
def shard() -> Shard:
    return Shard(pipeline())


def timer(shard: Shard, key: bytes = ANN) -> int | None:
    """When the customer's timer rings."""
    found = shard.state.row(TIMERS, key)
    return None if found is None else found.due_at


def talk(shard: Shard, conversation_id: str = "talk") -> Conversation:
    found = conversation_of(shard.state.customer(ANN), conversation_id)
    assert found is not None
    return found


def event(shard: Shard, kind: str, **fields: object) -> None:
    given = {"conversation_id": "talk", "customer_id": "ann", "at": shard.now, **fields}
    shard.send(ConversationEvent(kind=kind, **given))  # type: ignore[arg-type]  # the caller's


def told(shard: Shard) -> list[tuple[str, str]]:
    """Kind and status of every alert in order."""
    return [(alert.kind, alert.status) for alert in shard.alerts]


# -- SLA ---------------------------------------------------------------------------------------------------------------


def test_nobody_takes_a_conversation_in_time(shard: Shard) -> None:
    shard.send(CustomerProfile(customer_id="ann", tier="silver"))
    shard.send(message("m1", "my number is 13812345678, please call"))
    assert timer(shard) == NOW + SLA
    shard.at(NOW + SLA - 1)
    assert shard.alerts == []
    shard.at(NOW + SLA)
    (alert,) = shard.alerts
    assert (alert.kind, alert.severity, alert.to, alert.rule) == ("sla", "warning", "general", "path.sla")
    assert alert.alert_id == alert_id("default", "talk", "sla")
    assert (alert.decision_id, alert.message_id) == (shard.decisions[0].decision_id, "")
    assert (alert.raised_at, alert.status, alert.resolved_at) == (NOW + SLA, "raised", None)
    assert "please call" in alert.evidence[0]
    assert "13812345678" not in repr(alert)
    assert {"waiting for 60 minutes", "queue: general", "tier = silver"} <= set(alert.evidence)
    assert timer(shard) == NOW + IDLE, "what is due next"


def test_once_in_a_conversation(shard: Shard) -> None:
    shard.send(message("m1"))
    shard.at(NOW + SLA)
    shard.send(message("m2"))
    shard.at(NOW + 3 * SLA)
    event(shard, "assigned", representative="rep")
    event(shard, "resolved")
    shard.send(message("m3"))
    shard.at(NOW + 9 * SLA)
    assert told(shard) == [("sla", "raised"), ("sla", "resolved")]


@pytest.mark.parametrize("how", ["assigned", "transferred", "resolved", "abandoned", "answered"])
def test_somebody_takes_it_in_time(shard: Shard, how: str) -> None:
    shard.send(message("m1"))
    shard.now = Millis(NOW + SLA - 1)
    if how == "answered":
        shard.send(message("r1", "how can I help?", role="representative"))
    else:
        event(shard, how, representative="rep")
    assert talk(shard).sla_due_at is None
    shard.at(NOW + SLA)
    shard.at(NOW + 2 * SLA)
    assert shard.alerts == []


def test_a_bot_takes_nothing(shard: Shard) -> None:
    shard.send(message("m1"), message("b1", "we have your message", role="bot"))
    shard.at(NOW + SLA)
    assert told(shard) == [("sla", "raised")]


@pytest.mark.parametrize("how", ["assigned", "transferred", "resolved", "abandoned", "answered"])
def test_taken_too_late_the_alert_is_resolved_once(shard: Shard, how: str) -> None:
    shard.send(message("m1"))
    shard.at(NOW + SLA)
    shard.now = Millis(NOW + SLA + MINUTE)
    if how == "answered":
        shard.send(message("r1", "sorry!", role="representative"))
    else:
        event(shard, how)
    shard.send(message("r2", "anything else?", role="representative"))
    shard.now = Millis(NOW + SLA + 2 * MINUTE)
    event(shard, "resolved")
    raised, resolved = shard.alerts
    assert (raised.status, resolved.status) == ("raised", "resolved")
    assert resolved.resolved_at == NOW + SLA + MINUTE
    assert (resolved.alert_id, resolved.raised_at) == (raised.alert_id, raised.raised_at)


def test_an_event_in_the_step_in_which_it_is_due_is_in_time(shard: Shard) -> None:
    shard.send(message("m1"))
    shard.now = Millis(NOW + SLA)
    taken = ConversationEvent(conversation_id="talk", customer_id="ann", kind="assigned", at=shard.now)
    shard.step(Batch(arrivals=(shard.arrival(taken),), due=shard.state.due(shard.now)))
    assert shard.alerts == []


def test_the_earliest_that_nobody_has_met_counts(shard: Shard) -> None:
    shard.send(message("m1"))
    shard.now = Millis(NOW + MINUTE)
    shard.send(message("m2", "complaint"))
    assert talk(shard).sla_due_at == timer(shard) == NOW + 6 * MINUTE
    shard.send(message("m3"))
    assert talk(shard).sla_due_at == NOW + 6 * MINUTE
    shard.at(NOW + 6 * MINUTE)
    assert [(alert.kind, alert.to) for alert in shard.alerts] == [
        ("complaint", "managers"),
        ("sla", "general"),
    ]


def test_a_revision_may_shorten_it() -> None:
    shard = Shard(pipeline(deadline_ms=1000))
    shard.send(message("m1", "unsure"))
    shard.at(NOW + 1000)
    assert talk(shard).sla_due_at == NOW + SLA
    shard.answers(answer(shard.asks[0], "complaint"))
    assert talk(shard).sla_due_at == timer(shard) == NOW + 5 * MINUTE


def test_who_has_it_need_not_take_it_again(shard: Shard) -> None:
    event_first = message("m1")
    shard.send(event_first)
    event(shard, "assigned", representative="rep")
    shard.send(message("m2"))
    assert talk(shard).sla_due_at is None
    shard.at(NOW + SLA)
    assert shard.alerts == []


@pytest.mark.parametrize(
    ("tier", "text", "severity"),
    [
        (None, "hello", "warning"),
        ("gold", "hello", "critical"),
        (None, "this is terrible, worst service ever, useless liars!!", "critical"),
        (None, "it caught fire", "critical"),
        ("golden", "hello", "warning"),
    ],
)
def test_it_is_critical_where_a_customer_is_to_be_lost(tier: str | None, text: str, severity: str) -> None:
    shard = Shard(
        pipeline(
            rules=POLICY.replace("sla_alert: true", "sla_alert: true, vip_tiers: [gold, golden]")
            + "customers: {tiers: [gold]}\n"
        )
    )
    shard.send(CustomerProfile(customer_id="ann", tier=tier))
    shard.send(message("m1", text))
    shard.at(NOW + SLA)
    assert [alert.severity for alert in shard.alerts if alert.kind == "sla"] == [severity]


@pytest.mark.parametrize(
    ("rules", "raised"),
    [
        (POLICY.replace(", sla_alert: true", ""), []),
        (POLICY.replace("sla: 60m}", "sla: 60m, sla_alert: false}"), []),
        (
            POLICY.replace("sla: 60m}", "sla: 60m, sla_alert: true, alert_to: lead}").replace(
                "sla_alert: true}\n", "sla_alert: false}\n"
            ),
            ["lead"],
        ),
    ],
    ids=["not by default", "not of this queue", "of this queue alone"],
)
def test_the_policy_says_whether(rules: str, raised: list[str]) -> None:
    shard = Shard(pipeline(rules=rules))
    shard.send(message("m1"))
    shard.at(NOW + SLA)
    assert [alert.to for alert in shard.alerts] == raised
    assert timer(shard) == NOW + IDLE


# -- sleep -------------------------------------------------------------------------------------------------------------


def test_a_conversation_that_nobody_closes_falls_asleep_and_wakes(shard: Shard) -> None:
    shard.send(message("m1", "complaint"))
    event(shard, "assigned", representative="rep", queue="managers")
    shard.now = Millis(NOW + HOUR)
    shard.send(message("r1", "looking", role="representative"))
    shard.at(NOW + IDLE)
    assert talk(shard).status == "open", "somebody said something since"
    shard.at(NOW + HOUR + IDLE)
    over = talk(shard)
    assert (over.status, over.assigned_at, over.representative) == ("timed_out", None, None)
    (past,) = shard.state.customer(ANN).consultations
    assert (past.outcome, past.representative, past.queue) == ("timed_out", "rep", "managers")
    assert past.at == NOW + HOUR
    assert told(shard) == [("complaint", "raised"), ("complaint", "resolved")]
    assert timer(shard) is None
    shard.send(message("m2"))
    assert (talk(shard).status, talk(shard).customer_turns) == ("open", 2)
    assert timer(shard) == shard.now + SLA
    assert {fact.name: fact.value for fact in shard.decisions[-1].facts}["turn"] == 2


def test_a_rating_that_came_before_is_kept(shard: Shard) -> None:
    shard.send(message("m1"))
    event(shard, "rated", score=4.0)
    shard.at(NOW + SLA)
    shard.at(NOW + IDLE)
    (past,) = shard.state.customer(ANN).consultations
    assert (past.outcome, past.score) == ("timed_out", 4.0)


def test_what_waits_for_an_answer_is_not_asleep() -> None:
    shard = Shard(pipeline(conversation_idle_ms=10_000, deadline_ms=6_000))
    shard.send(message("m1"))
    shard.now = Millis(NOW + 9_000)
    shard.send(message("m2", "unsure"))
    shard.at(NOW + 10_000)
    assert talk(shard).status == "open"
    assert NOW + 10_000 < (timer(shard) or 0) <= NOW + 16_000, "it does not ring on and on"
    shard.at(NOW + 16_000)
    assert talk(shard).status == "open"
    shard.at(NOW + 19_000)  # ten seconds after it was taken up
    assert talk(shard).status == "timed_out"


def test_the_setting_reaches_the_core() -> None:
    from frontdesk.agents.bootstrap import build_limits
    from frontdesk.agents.settings import load

    assert build_limits(load(conversation_idle=90), partitions=1).conversation_idle_ms == 90_000


# -- timers ------------------------------------------------------------------------------------------------------------


def test_a_timer_is_written_only_when_something_is_due_earlier(shard: Shard) -> None:
    def written(effects: object) -> list[Remember]:
        assert isinstance(effects, tuple)
        return [one for one in effects if isinstance(one, Remember) and one.table == TIMERS.name]

    assert len(written(shard.send(message("m1")))) == 1
    shard.now = Millis(NOW + MINUTE)
    assert written(shard.send(message("m2"))) == []
    assert written(shard.send(message("r1", "hi", role="representative"))) == []
    assert len(written(shard.send(message("m3", "complaint")))) == 1


def test_one_that_rings_too_early_changes_nothing_but_itself(shard: Shard) -> None:
    shard.send(message("m1"))
    shard.send(message("r1", "hello", role="representative"))
    assert timer(shard) == NOW + SLA
    before = shard.state.customer(ANN)
    effects = shard.at(NOW + SLA)
    assert effects == (Remember(table=TIMERS.name, key=ANN, record=Timer(due_at=Millis(NOW + IDLE))),)
    assert shard.state.customer(ANN) == before


@pytest.mark.parametrize("how", ["resolved", "abandoned", "erased"])
def test_who_has_nothing_open_has_none(shard: Shard, how: str) -> None:
    shard.send(message("m1", "complaint"))
    if how == "erased":
        shard.step(Batch(arrivals=(shard.arrival(None, topic=CUSTOMER_PROFILES, key=b"ann"),)))
    else:
        event(shard, how)
    assert timer(shard) is None
    assert told(shard) == [("complaint", "raised"), ("complaint", "resolved")]


def test_misplaced_messages_have_none() -> None:
    shard = Shard(pipeline(partitions=2))
    one = message("m1", "complaint")
    right = shard.arrival(one)
    shard.step(Batch(arrivals=(right._replace(partition=1 - right.partition),)))
    shard.step(Batch(arrivals=(right._replace(key=b"other", value=shard.pipeline.codec.encode(one)),)))
    assert shard.decisions != []
    assert shard.state.rows(TIMERS) == ()


def test_a_timer_that_the_core_fails_on_does_not_spin(shard: Shard) -> None:
    shard.send(message("m1"))
    shard.now = Millis(NOW + SLA)
    shard.apply(shard.pipeline.abandon(shard.state, ANN, shard.now))
    assert timer(shard) == shard.now + PUT_OFF_MS
    shard.at(shard.now + PUT_OFF_MS)
    assert told(shard) == [("sla", "raised")], "late, but told"


def test_a_poisonous_message_leaves_the_timer_as_it_is(shard: Shard) -> None:
    shard.send(message("m1"))
    shard.now = Millis(NOW + SLA)
    shard.apply(shard.pipeline.fallback(shard.state, shard.arrival(message("m2", "poison")), shard.now))
    assert timer(shard) == NOW + SLA


def test_what_a_conversation_raised_is_over_when_it_is_not_remembered_any_more() -> None:
    shard = Shard(pipeline(conversations=2))
    shard.send(message("m1", "complaint", conversation_id="a"))
    shard.send(message("m2", conversation_id="b"), message("m3", conversation_id="c"))
    assert told(shard) == [("complaint", "raised"), ("complaint", "resolved")]


def test_the_newest_alerts_are_remembered() -> None:
    shard = Shard(pipeline(alerts=2, conversations=5))
    for number in range(4):
        shard.send(message(f"m{number}", "complaint", conversation_id=str(number)))
    kept = shard.state.customer(ANN).alerts
    assert [one.conversation_id for one in kept] == ["2", "3"]


# -- whatever the order --------------------------------------------------------------------------------------------------


@dataclass
class World:
    """Two customers with two conversations each, and what must come of it, kept apart from the core's state."""

    shard: Shard = field(
        default_factory=lambda: Shard(
            pipeline(
                rules=POLICY.replace("sla: 5m", "sla: 20s").replace("sla: 60m", "sla: 60s"),
                conversation_idle_ms=100_000,
                llm_enabled=False,
            )
        )
    )
    due: dict[str, int] = field(default_factory=dict)
    """by conversation: until when somebody has to take it"""
    told: dict[str, int] = field(default_factory=dict)
    with_somebody: set[str] = field(default_factory=set)
    last: dict[str, int] = field(default_factory=dict)
    """by open conversation"""
    known: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)
    """ended before anything was said in it"""
    sent: int = 0

    def run(self, step: tuple[str, int, int]) -> None:
        what, a, b = step
        who, conversation = ("ann", "bob")[a % 2], f"{('ann', 'bob')[a % 2]}-{a // 2 % 2}"
        now = int(self.shard.now)
        self.sent += 1
        match what:
            case "customer":
                text = ("hello", "complaint")[b % 2]
                said = message(
                    f"m{self.sent}",
                    text,
                    customer_id=who,
                    conversation_id=conversation,
                    sent_at=Millis(now + self.sent),
                )
                self.shard.send(said)
                self.known.add(conversation)
                self.last[conversation] = now
                if conversation not in self.with_somebody and conversation not in self.told:
                    due = now + (60_000, 20_000)[b % 2]
                    self.due[conversation] = min(due, self.due.get(conversation, due))
            case "representative":
                self.shard.send(
                    message(f"m{self.sent}", "yes?", role=what, customer_id=who, conversation_id=conversation)
                )
                self.due.pop(conversation, None)
                begins = conversation not in self.known and conversation not in self.over
                if conversation in self.last or begins:
                    self.last[conversation] = now
                self.known.add(conversation)
            case "assigned" | "resolved" | "abandoned":
                happened = ConversationEvent(
                    conversation_id=conversation, customer_id=who, kind=what, at=Millis(now + self.sent)
                )
                self.shard.send(happened)
                self.due.pop(conversation, None)
                if what == "assigned":
                    self.with_somebody.add(conversation)
                else:
                    self.with_somebody.discard(conversation)
                    self.last.pop(conversation, None)
                    if conversation not in self.known:
                        self.over.add(conversation)
            case "restart":
                again = MemoryState()
                for table, key, record in reversed(list(self.shard.state.records())):
                    again.apply(Remember(table=table, key=key, record=record))
                self.shard.state = again
            case _:
                self.wait(b * 1_700)

    def wait(self, span: int) -> None:
        """A shell that sleeps through: one step at the end, in which everything is late."""
        self.shard.at(self.shard.now + span)
        now = int(self.shard.now)
        for conversation, due in list(self.due.items()):
            if due <= now:
                self.told[conversation] = now
                del self.due[conversation]
        for conversation, last in list(self.last.items()):
            if last + 100_000 <= now:
                del self.last[conversation]
                self.with_somebody.discard(conversation)


KINDS = (
    "customer",
    "customer",
    "representative",
    "assigned",
    "resolved",
    "abandoned",
    "wait",
    "wait",
    "restart",
)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 3), st.integers(0, 40)), max_size=30))
def test_an_sla_alert_is_raised_once_and_only_if_nobody_took_it_in_time(
    steps: list[tuple[str, int, int]],
) -> None:
    world = World()
    shard = world.shard
    for step in steps:
        world.run(step)
        raised = {
            alert.conversation_id: int(alert.raised_at)
            for alert in shard.alerts
            if (alert.kind, alert.status) == ("sla", "raised")
        }
        assert raised == world.told
        for who in ("ann", "bob"):
            due = [at for one, at in world.due.items() if one.startswith(who)]
            due += [at + 100_000 for one, at in world.last.items() if one.startswith(who)]
            rings = timer(shard, customer_key("default", who))
            assert (rings is None) == (not any(one.startswith(who) for one in world.last))
            assert rings is None or rings <= min(due)
    world.wait(200_000)
    world.wait(200_000)
    assert shard.state.rows(TIMERS) == ()
    counts = Counter((alert.alert_id, alert.status) for alert in shard.alerts)
    assert max(counts.values(), default=1) == 1
    # Everything is over now: what was raised is resolved, and nothing else.
    assert {one for one, status in counts if status == "raised"} == {
        one for one, status in counts if status == "resolved"
    }
    for customer in (shard.state.customer(customer_key("default", who)) for who in ("ann", "bob")):
        talks = () if customer is None else customer.conversations
        assert all(one.status != "open" and one.sla_due_at is None for one in talks)


def test_an_old_customer_gets_a_timer_with_the_next_message(shard: Shard) -> None:
    """From before there were timers."""
    old = Conversation(conversation_id="old", opened_at=NOW, last_at=NOW)
    customer = Customer(tenant_id="default", customer_id="ann", conversations=(old,))
    shard.state.apply(Remember(table="customers", key=ANN, record=customer))
    shard.now = Millis(NOW + 2 * IDLE)
    shard.send(message("m1"))
    shard.at(shard.now)
    assert talk(shard, "old").status == "timed_out"
    assert talk(shard).status == "open"
