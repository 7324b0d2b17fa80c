"""The core on the bench: a small pack, a labeller that reads keywords, and a shard that is stepped by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import (
    ConversationEvent,
    CustomerMessage,
    CustomerProfile,
    Feedback,
    Purchase,
)
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import (
    Alert,
    DeadLetter,
    Decision,
    Difference,
    Label,
    LabelRecord,
    Labels,
    Suggestion,
)
from frontdesk.schemas.state import Usage
from frontdesk.schemas.topics import (
    CONVERSATION_EVENTS,
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    CUSTOMER_PURCHASES,
    CUSTOMER_TRANSFERS,
    ROUTING_FEEDBACK,
)
from frontdesk.schemas.transfers import Transfer
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer, Arrival, Batch, Drafted
from frontdesk.streams.effects import Ask, Count, Draft, Effect, Emit, Remember
from frontdesk.streams.limits import Limits
from frontdesk.streams.memory_state import MemoryState
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.policy import load_pack
from frontdesk.streams.ports import Said, Scores

NOW = Millis(1_790_000_000_000)

TAXONOMY = """
version: 1
fallback_intent: other
languages: [en, zh]
intents:
  - {id: complaint, name: {en: Complaint}, description: {en: The customer complains}}
  - {id: billing, name: {en: Billing}, description: {en: Bills and payments}}
  - {id: product_enquiry, name: {en: Product}, description: {en: Questions about products}}
  - {id: other, name: {en: Other}, description: {en: Anything else}}
"""

POLICY = """
version: 1
queues:
  managers: {name: {en: Managers}, sla: 5m}
  billing: {name: {en: Billing}, sla: 30m}
  products: {name: {en: Products}}
  general: {name: {en: General}, sla: 60m}
defaults: {queue: general, sla_alert: true}
rules:
  - {id: safety, when: "cue_safety", then: {alert: {kind: safety, severity: critical, to: safety-desk}}}
  - {id: assigned, when: "assigned", then: {action: keep}}
  - {id: complaint, match: {intent: complaint}, then: {queue: managers, alert: {kind: complaint, severity: warning, to: managers}}}
  - {id: billing, match: {intent: billing}, then: {queue: billing}}
  - {id: product, match: {intent: product_enquiry}, then: {queue: products}}
"""

INPUTS = {
    CustomerMessage: CUSTOMER_MESSAGES,
    CustomerProfile: CUSTOMER_PROFILES,
    Purchase: CUSTOMER_PURCHASES,
    ConversationEvent: CONVERSATION_EVENTS,
    Feedback: ROUTING_FEEDBACK,
    Transfer: CUSTOMER_TRANSFERS,
}
Input = CustomerMessage | CustomerProfile | Purchase | ConversationEvent | Feedback | Transfer


class KeywordLabeller:
    """Knows an intent by its id in the text, and is unsure of every text with ``unsure`` in it. Counts its calls."""

    version = "keywords-1"

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []

    def label(self, texts: Sequence[str]) -> list[Scores]:
        self.calls.append(tuple(texts))
        return [self._score(text) for text in texts]

    def explain(self, texts: Sequence[str]) -> list[tuple[Said, ...]]:
        return [
            (
                Said(
                    label="intent",
                    tier="keywords",
                    value=score.intent.value,
                    confidence=score.intent.confidence,
                    threshold=0.5,
                ),
            )
            for score in map(self._score, texts)
        ]

    def _score(self, text: str) -> Scores:
        intent = next((one for one in ("complaint", "billing", "product_enquiry") if one in text), "other")
        unsure = "unsure" in text
        return Scores(
            intent=Label(value=intent, confidence=0.4 if unsure else 0.9, source="local"), unsure=unsure
        )


def pipeline(
    *, catalog: Sequence[Product] = (), partitions: int = 1, rules: str = POLICY, **limits: float
) -> Pipeline:
    """A pipeline over the small pack."""
    taxonomy, policy = load_pack({"taxonomy.yaml": TAXONOMY, "policy.yaml": rules})
    return Pipeline(
        codec=Codec(),
        policy=policy,
        taxonomy=taxonomy,
        labeller=KeywordLabeller(),
        catalog={product.product_id: product for product in catalog},
        limits=replace(Limits(), **limits),  # type: ignore[arg-type]  # every limit is a number
        partitions=partitions,
        source="frontdesk/test",
    )


def message(
    message_id: str, text: str | None = "hello there", *, customer_id: str = "ann", **fields: object
) -> CustomerMessage:
    """A customer's message in the conversation ``talk``."""
    given = {"conversation_id": "talk", "sent_at": NOW, **fields}
    return CustomerMessage(message_id=message_id, customer_id=customer_id, text=text, **given)  # type: ignore[arg-type]  # the caller's


def llm_labels(intent: str, emotion: str = "neutral") -> Labels:
    """What an LLM might answer."""

    def label(value: str) -> Label:
        return Label(value=value, confidence=0.95, source="llm")

    return Labels(intent=label(intent), emotion=label(emotion), urgency=label("normal"), language=label("en"))


def answer(ask: Ask, intent: str | None, **fields: object) -> Answer:
    """The answer to a question; None is a failure."""
    given = {
        "customer": ask.customer,
        "seq": ask.seq,
        "attempt": ask.attempt,
        "labels": None if intent is None else llm_labels(intent),
        "prompt_version": None if intent is None else "p1",
        "usage": Usage(model="m", tokens_in=10, tokens_out=2, cost_usd=0.001),
        "error": "timeout" if intent is None else None,
        **fields,
    }
    return Answer(**given)  # type: ignore[arg-type]  # the caller's


@dataclass(slots=True)
class Shard:
    """Memory, clock and everything that was said. Each step is run twice: the same input must give the same effects."""

    pipeline: Pipeline
    state: MemoryState = field(default_factory=MemoryState)
    now: Millis = NOW
    offset: int = 0
    effects: list[Effect] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    labels: list[LabelRecord] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    transfers: list[Emit] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def arrival(self, record: Input | bytes | None, **fields: object) -> Arrival:
        """The record as it lies in Kafka, at the next offset; anything about it may be given otherwise."""
        self.offset += 1
        given: dict[str, object] = {
            "topic": CUSTOMER_MESSAGES,
            "partition": 0,
            "offset": self.offset,
            "timestamp": self.now,
            "key": b"ann",
        }
        if isinstance(record, bytes | None):
            given["value"] = record
        else:
            given["topic"] = INPUTS[type(record)]
            given["key"] = wire_key(record.tenant_id, record.customer_id)
            given["value"] = self.pipeline.codec.encode(record)
        return Arrival(**{**given, **fields})  # type: ignore[arg-type]  # the caller's

    def send(self, *records: Input) -> tuple[Effect, ...]:
        """One step with these records."""
        return self.step(Batch(arrivals=tuple(self.arrival(record) for record in records)))

    def answers(self, *answers: Answer) -> tuple[Effect, ...]:
        """One step with these answers."""
        return self.step(Batch(answers=answers))

    def drafted(self, *replies: str | None, **fields: object) -> tuple[Effect, ...]:
        """One step with replies to the newest drafts, in order; None is a failure."""
        newest = self.drafts[len(self.drafts) - len(replies) :]
        given = {"usage": Usage(model="m", tokens_in=10, tokens_out=2, cost_usd=0.001), **fields}
        drafts = [
            Drafted(draft=one, reply=reply, **given) for one, reply in zip(newest, replies, strict=True)
        ]  # type: ignore[arg-type]  # the caller's
        return self.step(Batch(drafts=tuple(drafts)))

    def at(self, now: int) -> tuple[Effect, ...]:
        """Move the clock, and run what is due."""
        self.now = Millis(now)
        return self.step(Batch(due=self.state.due(self.now)))

    def step(self, batch: Batch) -> tuple[Effect, ...]:
        """One step, and its effects applied."""
        before = list(self.state.records())
        effects = self.pipeline.step(self.state, batch, self.now)
        assert list(self.state.records()) == before, "a step must not change the state it reads"
        assert self.pipeline.step(self.state, batch, self.now) == effects, "a step must be deterministic"
        return self.apply(effects)

    def apply(self, effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
        """Carry effects out, as a shell would."""
        self.effects += effects
        changed = [(one.table, one.key) for one in effects if isinstance(one, Remember)]
        assert len(changed) == len(set(changed)), "one change for each record"
        for effect in effects:
            match effect:
                case Emit():
                    self._emitted(effect)
                case Remember():
                    self.state.apply(effect)
                case Ask():
                    self.asks.append(effect)
                case Draft():
                    self.drafts.append(effect)
                case Count():
                    self.counts[effect.name] += effect.n
        return effects

    def pending(self) -> int:
        """Messages that no decision stands for yet."""
        return self.state.waiting_count()

    def routes(self) -> list[tuple[str, str, int, bool]]:
        """Message, queue, revision and whether provisional, of every decision in order."""
        return [(one.message_id, one.queue, one.revision, one.provisional) for one in self.decisions]

    def _emitted(self, effect: Emit) -> None:
        self.pipeline.codec.encode(effect.record)
        match effect.record:
            case Decision():
                self.decisions.append(effect.record)
            case LabelRecord():
                self.labels.append(effect.record)
            case Alert():
                self.alerts.append(effect.record)
            case Suggestion():
                self.suggestions.append(effect.record)
            case Transfer():
                self.transfers.append(effect)
            case DeadLetter():
                self.letters.append(effect.record)
            case Difference():
                self.differences.append(effect.record)
            case other:
                raise AssertionError(f"nothing else is published: {type(other).__name__}")
