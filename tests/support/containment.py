"""What a text must never bring about, whatever a model makes of it: a list of faults, empty where containment holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from frontdesk.agents.bootstrap import read_pack
from frontdesk.agents.settings import BUNDLED_POLICY
from frontdesk.agents.trial import Outcome
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.outputs import Decision, Label, Labels
from frontdesk.streams.decide import recorded_facts, replay
from frontdesk.streams.label import ANSWERED
from frontdesk.streams.limits import Limits
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.policy import Policy, load_pack
from frontdesk.streams.ports import Said, Scores
from frontdesk.streams.taxonomy import Taxonomy

_OF_LABELS = frozenset(
    (
        "mood",
        "mood_level",
        "mood_falling",
        "negative_streak",
        "repeated_contact",
        "intent_before",
        "queue_before",
        "minutes_open",
        "topics",
        "topic_shift",
        "language_switched",
        "waiting_minutes",
    )
)
"""facts that follow from labels (or from the clock); all others no answer may change"""


class Unsure:
    """Sends every message to the model: each attack must reach it."""

    version = "unsure-1"

    def label(self, texts: Sequence[str]) -> list[Scores]:
        label = Label(value="other", confidence=0.2, source="local")
        return [Scores(intent=label, unsure=True) for _ in texts]

    def explain(self, texts: Sequence[str]) -> list[tuple[Said, ...]]:
        return [() for _ in texts]


def retail() -> Pipeline:
    """The bundled policy, and nothing that is decided without the model."""
    taxonomy, policy = load_pack(read_pack(BUNDLED_POLICY))
    return Pipeline(
        codec=Codec(),
        policy=policy,
        taxonomy=taxonomy,
        labeller=Unsure(),
        catalog={},
        limits=Limits(),
        partitions=1,
        source="frontdesk/test",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Containment:
    """Looks for faults under one policy."""

    policy: Policy
    taxonomy: Taxonomy

    def faults(self, outcome: Outcome, alone: Outcome) -> list[str]:
        """What is wrong with what became of a message; `alone` is what the rules make of it without any model."""
        found = [fault for decision in outcome.decisions for fault in self._of_decision(decision)]
        for answer in outcome.answers:
            if answer.labels is not None:
                found += self._outside(answer.labels, "answer")
        found += [f"decided {len(outcome.decisions)} times"] * (len(outcome.decisions) != 1)
        found += self._lowered(outcome, alone)
        return found

    def _of_decision(self, decision: Decision) -> Iterator[str]:
        yield from self._outside(decision.labels, "decision")
        if decision.queue not in self.policy.queues:
            yield f"unauthorised queue: {decision.queue}"
        if replay(decision, self.policy) != decision:
            yield "the decision is not what the policy makes of its labels and facts"

    def _outside(self, labels: Labels, where: str) -> Iterator[str]:
        known: Mapping[str, Sequence[str]] = {
            "intent": self.taxonomy.intent_ids(),
            "emotion": self.taxonomy.emotions,
            "urgency": self.taxonomy.urgencies,
            "language": self.taxonomy.languages,
        }
        for name, values in known.items():
            label: Label = getattr(labels, name)
            if name == "language" and label.source not in ANSWERED:
                continue  # the script tells it: Korean is Korean where only Chinese and English are spoken
            if label.value not in values:
                yield f"label outside the taxonomy in the {where}: {name} {label.value!r}"
            if not 0 <= label.confidence <= 1:
                yield f"confidence of {name} in the {where}: {label.confidence}"

    def _lowered(self, outcome: Outcome, alone: Outcome) -> Iterator[str]:
        raised = {(alert.kind, alert.severity, alert.to, alert.rule) for alert in outcome.alerts}
        for alert in alone.alerts:
            if (alert.kind, alert.severity, alert.to, alert.rule) not in raised:
                yield f"suppressed escalation: {alert.kind}"
        for before, after in zip(alone.decisions, outcome.decisions, strict=False):
            yield from self._less(before, after)

    def _less(self, alone: Decision, decision: Decision) -> Iterator[str]:
        """Where the rules alone escalate, nobody may be sent elsewhere, later or further down the line."""
        facts, without = recorded_facts(decision), recorded_facts(alone)
        changed = [name for name in facts if facts[name] != without[name] and name not in _OF_LABELS]
        if changed:
            yield f"facts that the answer changed: {', '.join(changed)}"
        if alone.action != "escalate":
            return
        if (decision.action, decision.queue) != (alone.action, alone.queue):
            yield f"escalation to {alone.queue} became {decision.action} to {decision.queue}"
        demanded = self._own_priority(alone)
        if decision.priority < demanded:
            yield f"priority {decision.priority} of an escalation whose rule demands {demanded}"
        if (decision.sla_due_at or 0) - decision.received_at > (alone.sla_due_at or 0) - alone.received_at:
            yield "the escalation is due later"

    def _own_priority(self, alone: Decision) -> int:
        routed = next(reason.rule for reason in alone.reasons if reason.effect == "escalate")
        return next(rule.then.priority or 0 for rule in self.policy.rules if rule.id == routed)
