"""Metrics of stages: what the learner has decided about models, and on what."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from frontdesk.agents.learning.controller import Situation, Verdict
from frontdesk.agents.learning.evidence import Evidence
from frontdesk.agents.learning.learner_state import State

STAGES = ("none", "shadow", "canary", "serving")
ACTIONS = ("try", "canary", "promote", "drop", "roll_back", "watch")


class StageMetrics:
    """In a registry of its own, or in one that is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = registry or CollectorRegistry()
        self._stage = Gauge(
            "frontdesk_learner_stage",
            "1 for the stage that the newest model has: none, shadow, canary or serving.",
            ["stage"],
            registry=registry,
        )
        self._share = Gauge(
            "frontdesk_learner_canary_share", "Of the customers that a canary labels for.", registry=registry
        )
        self._pairs = Gauge(
            "frontdesk_learner_pairs",
            "Messages that show both models beside a teacher's answer.",
            registry=registry,
        )
        self._audits = Gauge(
            "frontdesk_learner_audits", "Of those, audits since the stage began.", registry=registry
        )
        self._verdicts = Counter(
            "frontdesk_learner_verdicts_total",
            "Verdicts that changed a stage.",
            ["action"],
            registry=registry,
        )
        for action in ACTIONS:
            self._verdicts.labels(action)
        self._held = Gauge(
            "frontdesk_learner_sources_held",
            "Sources of answers that are held back until somebody has looked.",
            registry=registry,
        )
        self._examples = Gauge(
            "frontdesk_learner_dataset_examples", "Of the newest dataset.", registry=registry
        )
        self._answers = Gauge(
            "frontdesk_learner_answers_new", "Answers since the newest model.", registry=registry
        )
        self._age = Gauge(
            "frontdesk_learner_model_age_seconds",
            "Since teaching of the newest model began.",
            registry=registry,
        )
        self._failures = Counter(
            "frontdesk_learner_failures_total", "Models that could not be taught.", registry=registry
        )
        self._frozen = Gauge("frontdesk_learner_frozen", "1 while learning is frozen.", registry=registry)

    def looked(
        self, situation: Situation, evidence: Evidence | None, state: State, new: int, now: int
    ) -> None:
        """What a look found."""
        for stage in STAGES:
            self._stage.labels(stage).set(stage == situation.stage)
        self._share.set(situation.share)
        self._pairs.set(0 if evidence is None else evidence.pairs)
        self._audits.set(0 if evidence is None else evidence.audits)
        self._held.set(len(state.held))
        self._examples.set(state.examples)
        self._answers.set(new)
        self._age.set((now - state.taught_at) / 1000 if state.taught_at else 0)
        self._frozen.set(situation.frozen)

    def decided(self, verdict: Verdict) -> None:
        """A stage was changed."""
        self._verdicts.labels(verdict.action).inc()

    def failed(self) -> None:
        """A model could not be taught."""
        self._failures.inc()

    def exposition(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self.registry)
