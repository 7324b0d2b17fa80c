"""The promise of the core, over any sequence of steps: nothing lost, nothing twice, in order, in time, within bounds."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.schemas.inputs import ConversationEvent, CustomerProfile, Purchase
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PROFILES
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer, Arrival, Batch
from frontdesk.streams.decide import replay
from frontdesk.streams.effects import Ask, Emit, Remember
from frontdesk.streams.memory_state import MemoryState
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.state import TIMERS, customer_key
from tests.support.core import NOW, KeywordLabeller, Shard, answer, llm_labels, message, pipeline
from tests.support.effort import examples

ANN = customer_key("default", "ann")
DEADLINE, AMEND, PER_CUSTOMER, PER_SHARD = 1000, 3000, 3, 5

TEXTS = (
    "billing",
    "unsure",
    "unsure billing",
    "a complaint",
    "",
    None,
    "🙂🙂",
    "terrible, unsure",
    "it caught fire!",
)

Step = tuple[str, int, int, int]

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(slots=True)
class World:
    """A shard together with what went into it."""

    shard: Shard
    sent: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    arrived: dict[str, int] = field(default_factory=dict)
    records: int = 0
    roles: Counter[str] = field(default_factory=Counter)

    def run(self, step: Step) -> None:
        """One move: what a shell might hand to the core, at a time at which it might."""
        kind, a, b, c = step
        shard = self.shard
        match kind:
            case "messages":
                shard.step(
                    Batch(arrivals=tuple(self._message(a + n, b * (n + 1), c + n) for n in range(1 + c % 4)))
                )
            case "garbage":
                self.records += 1
                shard.step(Batch(arrivals=(shard.arrival((b"{", b"\xc3\x01", b"", None)[a % 4]),)))
            case "answer" if shard.asks:
                shard.answers(answer(shard.asks[a % len(shard.asks)], (None, "billing", "complaint")[b % 3]))
            case "event":
                who = "ann" if a % 2 else "bob"
                kinds = ("assigned", "resolved", "rated", "abandoned", "nonsense")
                shard.send(
                    ConversationEvent(
                        conversation_id=f"{who}-{b % 2}",
                        customer_id=who,
                        kind=kinds[c % 5],
                        score=3.0,
                        at=shard.now,
                    )
                )
            case "erase":
                who = (b"ann", b"bob")[a % 2]
                shard.step(Batch(arrivals=(shard.arrival(None, topic=CUSTOMER_PROFILES, key=who),)))
            case "recover":
                # What was under way is lost with the process; the state comes back from its changelog in any order.
                again = MemoryState()
                for table, key, record in sorted(
                    shard.state.records(), key=lambda one: (one[0], one[1][::-1])
                ):
                    again.apply(Remember(table=table, key=key, record=record))
                shard.state = again
                shard.step(Batch(recovered=True))
            case _:
                self._wait(a * 37)

    def finish(self) -> None:
        """Until nothing is due any more."""
        while (due := self.shard.state.next_due()) is not None:
            self._wait(max(0, due - self.shard.now))

    def _wait(self, span: int) -> None:
        """Let time pass as a shell does: it runs a step when one is due."""
        until = Millis(self.shard.now + span)
        while (due := self.shard.state.next_due()) is not None and due <= until:
            self.shard.at(max(due, self.shard.now))
        self.shard.now = until

    def _message(self, which: int, text: int, how: int) -> Arrival:
        self.records += 1
        who = "ann" if which % 2 else "bob"
        role = ("customer", "customer", "customer", "bot", "ghost")[how % 5]
        one = message(
            f"{who}-m{which % 40}",
            TEXTS[text % len(TEXTS)],
            customer_id=who,
            conversation_id=f"{who}-{which // 2 % 2}",
            role=role,
        )
        if one.message_id not in self.arrived:
            self.arrived[one.message_id] = self.shard.now
            if role == "customer":
                self.sent[who].append(one.message_id)
        return self.shard.arrival(one)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            (
                "messages",
                "messages",
                "messages",
                "answer",
                "answer",
                "wait",
                "garbage",
                "event",
                "erase",
                "recover",
            )
        ),
        st.integers(0, 60),
        st.integers(0, 60),
        st.integers(0, 60),
    ),
    max_size=30,
)


@settings(max_examples=examples(150), deadline=None)
@given(STEPS)
def test_nothing_is_lost_doubled_reordered_or_late(steps: list[Step]) -> None:
    world = World(
        Shard(
            pipeline(
                deadline_ms=DEADLINE,
                amend_within_ms=AMEND,
                waiting_per_customer=PER_CUSTOMER,
                waiting_per_shard=PER_SHARD,
                audit_share=0.5,
            )
        )
    )
    shard = world.shard
    for step in steps:
        world.run(step)
        first = [one for one in shard.decisions if one.revision == 1]
        accounted = len(first) + shard.counts["context"] + shard.counts["duplicate"] + len(shard.letters)
        assert accounted + shard.pending() == world.records
        assert shard.pending() <= PER_SHARD
        for customer in shard.state.waiting_customers():
            entries = shard.state.waiting(customer).values()
            assert sum(entry.phase != "late" for entry in entries) <= PER_CUSTOMER
            assert sum(entry.phase == "late" for entry in entries) <= PER_CUSTOMER
    world.finish()
    assert shard.pending() == 0
    assert shard.state.waiting_customers() == ()
    first = [one for one in shard.decisions if one.revision == 1]
    for who, sent in world.sent.items():
        assert [one.message_id for one in first if one.customer_id == who] == sent
    for one in first:
        assert one.decided_at <= world.arrived[one.message_id] + DEADLINE
    keys = Counter((one.message_id, one.revision) for one in shard.decisions)
    assert max(keys.values(), default=1) == 1
    assert len({one.decision_id for one in shard.decisions}) == len(shard.decisions)
    for one in shard.decisions:
        assert replace(replay(one, shard.pipeline.policy), decided_at=one.decided_at) == one
    # Every conversation has come to its end: nothing is left to look at, and every alert is resolved.
    assert list(shard.state.rows(TIMERS)) == []
    alerts = Counter((alert.alert_id, alert.status) for alert in shard.alerts)
    if not any(step[0] == "erase" for step in steps):
        assert max(alerts.values(), default=1) == 1


def test_texts_of_a_step_are_labelled_in_one_call() -> None:
    shard = Shard(pipeline())
    shard.send(
        message("m1", "billing"),
        message("m2", "hello"),
        message("m3", "🙂"),
        message("m4", ""),
        message("m5", "an answer", role="representative"),
        message("m1", "again"),
        message("m6", "complaint", customer_id="bob"),
    )
    labeller = shard.pipeline.labeller
    assert isinstance(labeller, KeywordLabeller)
    assert labeller.calls[0] == ("billing", "hello", "complaint")
    assert {one.message_id: one.labels.intent.value for one in shard.decisions} == {
        "m1": "billing",
        "m2": "other",
        "m3": "other",
        "m4": "other",
        "m6": "complaint",
    }


def test_a_crash_before_the_commit_changes_nothing() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "unsure"))
    batch = Batch(arrivals=(shard.arrival(message("m2", "billing")),))
    lost = shard.pipeline.step(shard.state, batch, shard.now)
    assert shard.step(batch) == lost


def test_records_carry_cloud_events_and_their_customers_key() -> None:
    shard = Shard(pipeline())
    trace = TRACE
    one = message("m1", "billing", customer_id="张三", tenant_id="acme")
    shard.step(Batch(arrivals=(shard.arrival(one, headers=(("traceparent", trace),)),)))
    emits = [effect for effect in shard.effects if isinstance(effect, Emit)]
    assert {emit.key for emit in emits} == {"acme/张三".encode()}
    headers = dict(emits[0].headers)
    assert headers["ce_id"] == shard.decisions[0].decision_id.encode()
    assert headers["ce_source"] == b"frontdesk/test"
    assert {dict(emit.headers).get("traceparent") for emit in emits} == {trace}


def test_what_is_published_carries_the_trace_on_after_a_wait_and_in_an_amendment() -> None:
    shard = Shard(pipeline(deadline_ms=1_000, amend_within_ms=60_000))
    shard.step(Batch(arrivals=(shard.arrival(message("m1", "unsure"), headers=(("traceparent", TRACE),)),)))
    (ask,) = shard.asks
    assert (shard.decisions, ask.traceparent) == ([], TRACE)
    shard.now = Millis(shard.now + 1_000)
    shard.step(Batch(due=(ask.customer,)))
    late = Answer(customer=ask.customer, seq=ask.seq, attempt=ask.attempt, labels=llm_labels("complaint"))
    shard.step(Batch(answers=(late,)))
    assert [decision.revision for decision in shard.decisions] == [1, 2]
    emits = [effect for effect in shard.effects if isinstance(effect, Emit)]
    assert {dict(emit.headers).get("traceparent") for emit in emits} == {TRACE}


class _Poison(KeywordLabeller):
    """A labeller with a bug."""

    def label(self, texts: object) -> list[object]:  # type: ignore[override]  # it raises
        raise RuntimeError("bug")


def _poisoned(of: Pipeline) -> Pipeline:
    return replace(of, labeller=_Poison())


def test_a_message_that_breaks_the_core_gets_the_fallback_decision() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "unsure"))
    arrival = shard.arrival(message("m2", "billing"))
    broken = _poisoned(shard.pipeline)
    with pytest.raises(RuntimeError):
        broken.step(shard.state, Batch(arrivals=(arrival,)), shard.now)
    shard.apply(broken.fallback(shard.state, arrival, shard.now))
    assert shard.routes() == [("m1", "general", 1, False), ("m2", "general", 1, False)]
    for one in shard.decisions:
        assert one.labels.intent.source == "fallback"
        assert "core_error" in one.flags
        assert [reason.rule for reason in one.reasons] == ["path.core_error"]
        assert replay(one, broken.policy) == one
    assert shard.pending() == 0
    assert shard.state.waiting_customers() == ()
    shard.apply(broken.fallback(shard.state, arrival, shard.now))
    assert shard.counts["duplicate"] == 1
    shard.send(message("m2", "billing"))
    assert shard.counts["duplicate"] == 2


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (
            json.dumps({"message_id": "m", "conversation_id": "c", "customer_id": "ann", "role": "bot"}),
            "core_error",
        ),
        ("{}", "missing_id"),
    ],
)
def test_what_is_no_message_of_a_customer_falls_back_to_a_dead_letter(value: str, reason: str) -> None:
    shard = Shard(pipeline())
    arrival = shard.arrival(value.encode())
    shard.apply(shard.pipeline.fallback(shard.state, arrival, shard.now))
    assert [letter.reason for letter in shard.letters] == [reason]
    assert shard.letters[0].value == value.encode()


def test_facts_fall_back_to_a_dead_letter() -> None:
    shard = Shard(pipeline())
    profile = shard.arrival(CustomerProfile(customer_id="ann"))
    shard.apply(shard.pipeline.fallback(shard.state, profile, shard.now))
    assert [letter.reason for letter in shard.letters] == ["core_error"]


def test_a_customer_can_be_given_up() -> None:
    shard = Shard(pipeline(deadline_ms=1000))
    shard.send(message("m1", "unsure"))
    shard.at(NOW + 1000)
    shard.send(message("m2", "unsure"), message("c1", "hi", role="bot"))
    shard.apply(shard.pipeline.abandon(shard.state, ANN, shard.now))
    assert shard.routes() == [("m1", "general", 1, True), ("m2", "general", 1, False)]
    assert shard.counts["context"] == 1
    assert shard.state.waiting_customers() == ()


def test_an_erased_customer_leaves_ids_and_nothing_else() -> None:
    shard = Shard(pipeline())
    shard.send(
        CustomerProfile(customer_id="ann", tier="gold"),
        Purchase(order_id="o", customer_id="ann", product_id="p", amount=9.0, purchased_at=NOW),
        message("m1", "my secret"),
        message("m2", "unsure secret"),
    )
    shard.step(Batch(arrivals=(shard.arrival(None, topic=CUSTOMER_PROFILES),)))
    assert [one[0] for one in shard.routes()] == ["m1", "m2"], "what waited is decided first"
    customer = shard.state.customer(ANN)
    assert customer is not None
    assert customer.seen == ("m1", "m2")
    assert customer.erased_at == NOW
    assert (customer.profile, customer.purchases, customer.conversations) == (None, (), ())
    assert "secret" not in repr(list(shard.state.records()))
    assert shard.state.waiting(ANN) == {}
    shard.send(message("m1"))
    assert shard.counts["duplicate"] == 1
    old = shard.arrival(
        Purchase(order_id="o", customer_id="ann", product_id="p", purchased_at=NOW), timestamp=NOW - 1
    )
    shard.step(Batch(arrivals=(old,)))
    assert shard.state.customer(ANN) == customer, "what was known before the erasure does not come back"
    shard.send(CustomerProfile(customer_id="ann", tier="basic"))
    again = shard.state.customer(ANN)
    assert again is not None
    assert again.profile is not None, "a profile behind the tombstone is a new one"


def test_questions_that_nobody_waits_for_are_not_asked() -> None:
    shard = Shard(pipeline())
    arrivals = (
        shard.arrival(message("m1", "unsure")),
        shard.arrival(None, topic=CUSTOMER_PROFILES),
    )
    effects = shard.step(Batch(arrivals=arrivals))
    assert not [effect for effect in effects if isinstance(effect, Ask)]


def test_unused_answers_do_not_disturb_an_unknown_customer() -> None:
    shard = Shard(pipeline())
    shard.answers(Answer(customer=b"nobody", seq=1, attempt=1, labels=None, error="timeout"))
    assert shard.counts == {"stale_answer": 1}
    assert shard.pipeline.step(shard.state, Batch(), shard.now) == ()


def test_the_topic_of_every_record_is_the_one_it_belongs_to() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "complaint, it caught fire"))
    topics = [effect.topic for effect in shard.effects if isinstance(effect, Emit)]
    assert topics == [
        "routing.decisions",
        "routing.labels",
        *["escalation.alerts"] * len(shard.alerts),
        "service.suggestions",
    ]
    assert shard.arrival(message("m")).topic == CUSTOMER_MESSAGES


def test_a_cue_with_something_between_its_words_brings_none_of_it_into_the_alert() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "complaint: the battery was on ١٣٨١٢٣٤٥٦٧٨ fire"))
    [safety] = [alert for alert in shard.alerts if alert.kind == "safety"]
    assert "cue: on fire" in safety.evidence
    assert "١٣٨١٢٣٤٥٦٧٨" not in "".join(line for alert in shard.alerts for line in alert.evidence)


@pytest.mark.parametrize("private", ["4111 1111 1111 1111", "13812345678", "john.smith@example.com"])
@pytest.mark.parametrize("kept", [4, 9])
def test_a_text_is_not_cut_within_what_would_be_redacted(private: str, kept: int) -> None:
    shard = Shard(pipeline(max_text_chars=100))
    shard.send(message("m1", "billing" + "。" * (93 - kept) + private + " and so on"))
    assert shard.labels[0].text == "billing" + "。" * (93 - kept)
    assert shard.decisions[0].flags == ("truncated",)


def test_a_follow_up_is_understood_from_the_turn_before_it_in_the_same_step_or_an_earlier_one() -> None:
    shard = Shard(pipeline(llm_enabled=False))
    shard.send(message("m1", "billing"), message("m2", "unsure too?"))
    shard.send(message("m3", "unsure again"))
    shard.send(message("m4", "unsure", conversation_id="another"))
    labeller = shard.pipeline.labeller
    assert isinstance(labeller, KeywordLabeller)
    together = [call for call in labeller.calls if "\n" in call[0]]
    assert together[::2] == [("billing\nunsure too?",), ("unsure too?\nunsure again",)], (
        "each step runs twice"
    )
