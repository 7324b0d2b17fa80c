"""One bad message costs itself its normal way, and nobody else anything (rule 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from frontdesk.agents.runtime.step import compute
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import ConversationEvent, CustomerMessage, Purchase
from frontdesk.schemas.outputs import DeadLetter, Decision
from frontdesk.schemas.state import Customer, Waiting
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PROFILES, ROUTING_DEAD_LETTERS
from frontdesk.schemas.transfers import Transfer
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Batch, Drafted
from frontdesk.streams.conclude import Conclusions
from frontdesk.streams.effects import Effect, Emit, Remember
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.state import customer_key
from tests.support.core import NOW, Shard, answer, message, pipeline

POISON = "poison"


@dataclass(frozen=True)
class Poisoned:
    """The real core, with a defect for texts that hold a word, or for a kind of work."""

    core: Pipeline
    fails_on: str = POISON
    fails_on_due: bool = False

    def step(self, state: Any, batch: Batch, now: Any) -> tuple[Effect, ...]:
        if any(
            self.fails_on in (arrival.value or b"").decode(errors="replace") for arrival in batch.arrivals
        ):
            raise RuntimeError("the customer's secret words")
        if self.fails_on_due and (batch.due or batch.answers or batch.drafts):
            raise RuntimeError("a defect in what is due")
        return self.core.step(state, batch, now)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.core, name)


def run(core: Any, shard: Shard, batch: Batch) -> Any:
    return compute(core, shard.state, batch, shard.now, codec=Codec(), application="app")


def decisions(outcome: Any) -> dict[str, Decision]:
    return {
        effect.record.message_id: effect.record
        for effect in outcome.effects
        if isinstance(effect, Emit) and isinstance(effect.record, Decision)
    }


def test_a_healthy_batch_is_computed_as_one() -> None:
    shard = Shard(pipeline())
    batch = Batch(arrivals=tuple(shard.arrival(message(f"m{n}")) for n in range(4)))
    outcome = run(shard.pipeline, shard, batch)
    assert outcome.effects == shard.pipeline.step(shard.state, batch, shard.now)
    assert outcome.failures == ()
    assert {record.topic for record in outcome.records} >= {"routing.decisions", "app.customers-changelog"}


@pytest.mark.parametrize("at", [0, 3, 6])
def test_one_poisonous_message_gets_a_fallback_decision_the_others_their_own(at: int) -> None:
    shard = Shard(pipeline())
    texts = ["complaint"] * 7
    texts[at] = f"complaint {POISON}"
    batch = Batch(arrivals=tuple(shard.arrival(message(f"m{n}", text)) for n, text in enumerate(texts)))
    outcome = run(Poisoned(shard.pipeline), shard, batch)
    decided = decisions(outcome)
    assert set(decided) == {f"m{n}" for n in range(7)}
    for n in range(7):
        assert ("core_error" in decided[f"m{n}"].flags) == (n == at)
        assert decided[f"m{n}"].queue == ("general" if n == at else "managers")
    keys = [(effect.table, effect.key) for effect in outcome.effects if isinstance(effect, Remember)]
    assert len(keys) == len(set(keys)), "one changelog record per key, however often it was bisected"
    shard.apply(outcome.effects)
    assert shard.state.customer(b"default/ann").seen[-7:] == tuple(f"m{n}" for n in range(7))


def test_a_poisonous_record_without_ids_is_a_dead_letter_with_its_bytes() -> None:
    shard = Shard(pipeline())
    outcome = run(Poisoned(shard.pipeline), shard, Batch(arrivals=(shard.arrival(b"{poison"),)))
    (letter,) = [e.record for e in outcome.effects if isinstance(e, Emit) and e.topic == ROUTING_DEAD_LETTERS]
    assert isinstance(letter, DeadLetter)
    assert letter.value == b"{poison"


def test_failures_name_the_place_and_not_the_words() -> None:
    shard = Shard(pipeline())
    outcome = run(Poisoned(shard.pipeline), shard, Batch(arrivals=(shard.arrival(message("m", POISON)),)))
    assert outcome.failures
    assert all("RuntimeError" in failure and "secret" not in failure for failure in outcome.failures)


@pytest.mark.parametrize("kind", ["due", "answers"])
def test_a_defect_in_what_is_due_decides_the_customer_by_fallback(kind: str) -> None:
    shard = Shard(pipeline())
    shard.send(message("m", "unsure"))
    assert shard.state.waiting_count() == 1
    given = {"due": (b"default/ann",)} if kind == "due" else {"answers": (answer(shard.asks[0], "billing"),)}
    outcome = run(Poisoned(shard.pipeline, fails_on_due=True), shard, Batch(**given))
    assert "core_error" in decisions(outcome)["m"].flags
    shard.apply(outcome.effects)
    assert shard.state.waiting_count() == 0


@pytest.fixture
def conclude_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect in what becomes of one message, that shows whenever it is concluded."""
    conclude = Conclusions.conclude

    def failing(self: Conclusions, key: bytes, entry: Waiting) -> Decision | None:
        if POISON in (entry.message.text or ""):
            raise RuntimeError("a defect")
        return conclude(self, key, entry)

    monkeypatch.setattr(Conclusions, "conclude", failing)


@pytest.mark.usefixtures("conclude_fails")
@pytest.mark.parametrize("kind", ["tombstone", "merged", "transfer"])
def test_whoever_is_to_be_forgotten_or_merged_is_whatever_waits(kind: str) -> None:
    shard = Shard(pipeline())
    shard.send(Purchase(order_id="o", customer_id="ann", product_id="p", amount=1.0, purchased_at=NOW))
    shard.send(message("m", f"unsure {POISON}"))
    assert shard.state.waiting_count() == 1
    given = {
        "tombstone": shard.arrival(None, topic=CUSTOMER_PROFILES),
        "merged": shard.arrival(
            ConversationEvent(conversation_id="-", customer_id="ann", kind="merged", into="bob")
        ),
        "transfer": shard.arrival(
            Transfer(transfer_id="t", customer_id="ann", from_customer_id="v", kind="erasure", at=NOW)
        ),
    }
    outcome = run(shard.pipeline, shard, Batch(arrivals=(given[kind],)))
    assert "core_error" in decisions(outcome)["m"].flags
    assert outcome.dead == 0
    shard.apply(outcome.effects)
    known = shard.state.customer(customer_key("default", "ann"))
    assert known is not None
    assert (known.purchases, shard.state.waiting_count()) == ((), 0)
    assert (known.merged_into if kind == "merged" else known.erased_at) is not None


@pytest.mark.usefixtures("conclude_fails")
def test_an_erasure_that_fails_for_another_reason_is_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(customer: Customer, at: Millis) -> Customer:
        raise RuntimeError("a defect")

    monkeypatch.setattr("frontdesk.streams.desk.erase", failing)
    shard = Shard(pipeline())
    shard.send(message("m", f"unsure {POISON}"))
    outcome = run(shard.pipeline, shard, Batch(arrivals=(shard.arrival(None, topic=CUSTOMER_PROFILES),)))
    assert (outcome.dead, decisions(outcome)) == (1, {}), "what waits still waits: nothing is done by half"


def test_a_defect_in_a_draft_costs_the_draft_and_nothing_else() -> None:
    shard = Shard(pipeline(llm_replies=True))
    shard.send(message("m1", "complaint"))
    drafts = tuple(Drafted(draft=shard.drafts[0], reply=f"Thank you. {n}") for n in range(2))
    batch = Batch(arrivals=(shard.arrival(message("m2", "unsure")),), drafts=drafts)
    outcome = run(Poisoned(shard.pipeline, fails_on_due=True), shard, batch)
    shard.apply(outcome.effects)
    assert outcome.failures
    assert (len(shard.asks), shard.pending()) == (1, 1)
    assert [one.message_id for one in shard.decisions] == ["m1"]


def test_what_does_not_fit_its_topic_fails_its_message_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state record can never be committed when it is larger than its topic takes."""
    shard = Shard(pipeline(max_text_chars=10_000))
    monkeypatch.setattr("frontdesk.agents.runtime.step._limit", lambda topic: 4_000)
    long = message("long", "unsure " + "x" * 5_000)
    batch = Batch(arrivals=(shard.arrival(message("ok")), shard.arrival(long)))
    outcome = run(shard.pipeline, shard, batch)
    assert set(decisions(outcome)) == {"ok", "long"}
    assert all(len(record.value or b"") <= 4_000 for record in outcome.records)


def test_a_dead_letter_too_large_keeps_the_start_of_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    shard = Shard(pipeline())
    monkeypatch.setattr("frontdesk.agents.runtime.step._limit", lambda topic: 1_000)
    outcome = run(shard.pipeline, shard, Batch(arrivals=(shard.arrival(b"\x00" * 5_000),)))
    (record,) = [record for record in outcome.records if record.topic == ROUTING_DEAD_LETTERS]
    letter = Codec().decode(DeadLetter, record.value)
    assert len(record.value or b"") <= 1_100
    assert letter.value is not None
    assert letter.value.startswith(b"\x00")
    assert "cut" in letter.detail


def test_state_is_never_changed_by_computing() -> None:
    shard = Shard(pipeline())
    shard.send(message("before"))
    before = list(shard.state.records())
    arrival = shard.arrival(
        CustomerMessage(message_id="m", conversation_id="c", customer_id="ann", text=POISON)
    )
    run(Poisoned(shard.pipeline), shard, Batch(arrivals=(arrival,)))
    assert list(shard.state.records()) == before
    assert arrival.topic == CUSTOMER_MESSAGES
    assert shard.now == NOW
