"""The catalogue of metrics: every name, its meaning and its bounded labels, in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from frontdesk.agents.kafka.models import CANDIDATE, SERVING
from frontdesk.agents.llm.port import Saved
from frontdesk.schemas.outputs import Alert, DeadLetter, Decision, Difference, LabelRecord, Suggestion
from frontdesk.schemas.state import Usage
from frontdesk.schemas.transfers import Transfer
from frontdesk.schemas.types import Millis
from frontdesk.streams.candidate import Candidate
from frontdesk.streams.effects import Ask, Count, Draft, Effect, Emit, Remember
from frontdesk.streams.policy import Policy
from frontdesk.streams.shadow import Shadow

STEP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LATENCY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 6.0, 7.5, 10.0, 30.0, 60.0, 300.0)
OUTCOMES = ("decided", "context", "duplicate", "dead_letter")
OTHER = "other"
MOST_VALUES = 100
"""distinct values of one label; later ones count as `other`, so that no input can grow the series without bound"""


class Metrics:
    """Prometheus metrics of one worker, in a registry of its own. Implements `shard.Observer` and
    `llm.port.Observer`."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._seen: dict[str, set[str]] = {}
        self._messages = Counter(
            "frontdesk_messages_total",
            "Records of customer.messages by what became of them; dead_letter counts those of every topic.",
            ["outcome"],
            registry=registry,
        )
        for outcome in OUTCOMES:
            self._messages.labels(outcome)
        self._decisions = Counter(
            "frontdesk_decisions_total",
            "Decisions, amendments included, by queue, action and whether they were provisional.",
            ["queue", "action", "provisional"],
            registry=registry,
        )
        self._labels = Counter(
            "frontdesk_labels_total", "Intent labels of decisions by source.", ["source"], registry=registry
        )
        self._amendments = Counter(
            "frontdesk_amendments_total", "Late answers that changed a route.", registry=registry
        )
        self._alerts = Counter(
            "frontdesk_alerts_total",
            "Escalation alerts, raised and resolved.",
            ["kind", "severity", "status"],
            registry=registry,
        )
        self._suggestions = Counter("frontdesk_suggestions_total", "Suggestions.", registry=registry)
        self._dead = Counter("frontdesk_dead_letters_total", "Dead letters.", ["reason"], registry=registry)
        self._events = Counter(
            "frontdesk_events_total",
            "What the core noticed and no output shows.",
            ["event"],
            registry=registry,
        )
        self._decided = Histogram(
            "frontdesk_decision_seconds",
            "From intake to the commit of revision 1.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._steps = Counter("frontdesk_steps_total", "Committed steps.", registry=registry)
        self._step = Histogram(
            "frontdesk_step_seconds",
            "Computing and committing a step.",
            buckets=STEP_BUCKETS,
            registry=registry,
        )
        self._records = Counter(
            "frontdesk_records_total", "Records of all input topics taken up.", registry=registry
        )
        self._policy = Gauge(
            "frontdesk_policy_info",
            "The policy in force, and the one in its shadow, by hash; 1 for those there are.",
            ["use", "policy"],
            registry=registry,
        )
        self._policies_refused = Counter(
            "frontdesk_policies_refused_total",
            "Published policies that this worker could not put to use: what was in use stays.",
            ["use"],
            registry=registry,
        )
        for use in ("policy", "policy.shadow"):
            self._policies_refused.labels(use)
        self._model = Gauge(
            "frontdesk_model_info",
            "The model that labels, and the one on trial; 1 for those there are.",
            ["stage", "model"],
            registry=registry,
        )
        self._canary = Gauge(
            "frontdesk_candidate_share",
            "Of the customers, those whose messages the model on trial labels; 0 in the shadow, and where there is none.",
            registry=registry,
        )
        self._models_refused = Counter(
            "frontdesk_models_refused_total",
            "Published models that this worker could not put to use: what was in use stays.",
            ["stage"],
            registry=registry,
        )
        for stage in (SERVING, CANDIDATE):
            self._models_refused.labels(stage)
        self._failures = Counter(
            "frontdesk_shard_failures_total",
            "Steps and starts that did not succeed.",
            ["kind"],
            registry=registry,
        )
        self._pending = Gauge(
            "frontdesk_pending_messages", "Messages that wait for their decision.", registry=registry
        )
        self._backlog = Gauge(
            "frontdesk_backlog_records", "Records fetched, not taken up.", registry=registry
        )
        self._lag = Gauge("frontdesk_lag_records", "Records not yet fetched.", registry=registry)
        self._shards = Gauge(
            "frontdesk_shards", "Shards of this worker by phase.", ["phase"], registry=registry
        )
        self._loop = Gauge("frontdesk_event_loop_lag_seconds", "Delay of the event loop.", registry=registry)
        self._calls = Counter(
            "frontdesk_llm_calls_total",
            "LLM calls by endpoint and outcome: ok, or why there are no labels.",
            ["endpoint", "outcome"],
            registry=registry,
        )
        self._call = Histogram(
            "frontdesk_llm_call_seconds",
            "Duration of an LLM call, its pauses included.",
            ["endpoint"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._tokens = Counter(
            "frontdesk_llm_tokens_total", "Tokens used.", ["endpoint", "direction"], registry=registry
        )
        self._cost = Counter(
            "frontdesk_llm_cost_dollars_total",
            "Money spent on LLM calls; what is not known, at its bound.",
            ["endpoint"],
            registry=registry,
        )
        self._saved = Counter(
            "frontdesk_llm_saved_calls_total",
            "Calls not made: the answer was remembered, or under way.",
            ["by"],
            registry=registry,
        )
        for saved in get_args(Saved):
            self._saved.labels(saved)
        self._concurrency = Gauge(
            "frontdesk_llm_concurrency",
            "LLM requests that may be under way.",
            ["endpoint"],
            registry=registry,
        )

    def policies(self, policy: Policy, shadow: Shadow | None) -> None:
        """What is in use now."""
        self._policy.clear()
        self._policy.labels("policy", policy.hash).set(1)
        if shadow is not None:
            self._policy.labels("policy.shadow", shadow.policy.hash).set(1)

    def policy_refused(self, use: str) -> None:
        """A published policy cannot be used."""
        self._policies_refused.labels(use).inc()

    def models(self, serving: str, candidate: Candidate | None) -> None:
        """What is in use now; `serving` is a version."""
        self._model.clear()
        self._model.labels(SERVING, serving).set(1)
        self._canary.set(0.0 if candidate is None else candidate.share)
        if candidate is not None:
            self._model.labels(CANDIDATE, candidate.labeller.version).set(1)

    def model_refused(self, stage: str) -> None:
        """A published model cannot be used."""
        self._models_refused.labels(stage).inc()

    def committed(
        self, shard: int, effects: Sequence[Effect], *, arrivals: int, seconds: float, now: Millis
    ) -> None:
        """A step's effects are durable."""
        self._steps.inc()
        self._step.observe(seconds)
        self._records.inc(arrivals)
        for effect in effects:
            match effect:
                case Emit(record=record):
                    self._emitted(record, now)
                case Count(name=name, n=n):
                    self._events.labels(self._bounded("event", name)).inc(n)
                    if name in OUTCOMES:
                        self._messages.labels(name).inc(n)
                case Remember() | Ask() | Draft():
                    pass  # table records are no business of the router's users; calls are observed when they end
                case _:
                    assert_never(effect)

    def failed(self, shard: int, kind: str) -> None:
        """A step or a start did not succeed."""
        self._failures.labels(self._bounded("kind", kind)).inc()

    def llm_call(self, endpoint: str, outcome: str, seconds: float, usage: Usage | None) -> None:
        """An LLM call ended."""
        endpoint = self._bounded("endpoint", endpoint)
        self._calls.labels(endpoint, self._bounded("outcome", outcome)).inc()
        self._call.labels(endpoint).observe(seconds)
        if usage is not None:
            self._tokens.labels(endpoint, "in").inc(usage.tokens_in)
            self._tokens.labels(endpoint, "out").inc(usage.tokens_out)
            self._cost.labels(endpoint).inc(usage.cost_usd)

    def llm_saved(self, by: Saved) -> None:
        """An ask was answered without a call."""
        self._saved.labels(by).inc()

    def llm_concurrency(self, endpoint: str, limit: int) -> None:
        """So many requests may now be under way at an endpoint."""
        self._concurrency.labels(self._bounded("endpoint", endpoint)).set(limit)

    def state(
        self, *, pending: int, backlog: int, lag: int, phases: Mapping[str, int], loop_lag: float
    ) -> None:
        """Where the worker stands now."""
        self._pending.set(pending)
        self._backlog.set(backlog)
        self._lag.set(lag)
        self._loop.set(loop_lag)
        self._shards.clear()
        for phase, count in phases.items():
            self._shards.labels(phase).set(count)

    def exposition(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self.registry)

    def _emitted(self, record: object, now: Millis) -> None:
        match record:
            case Decision(revision=revision):
                queue = self._bounded("queue", record.queue)
                self._decisions.labels(queue, record.action, str(record.provisional).lower()).inc()
                self._labels.labels(self._bounded("source", record.labels.intent.source)).inc()
                if revision == 1:
                    self._messages.labels("decided").inc()
                    self._decided.observe(max(0, now - record.received_at) / 1000)
                else:
                    self._amendments.inc()
            case DeadLetter(reason=reason):
                self._messages.labels("dead_letter").inc()
                self._dead.labels(self._bounded("reason", reason)).inc()
            case Alert(kind=kind, severity=severity, status=status):
                self._alerts.labels(
                    self._bounded("alert", kind), self._bounded("severity", severity), status
                ).inc()
            case Suggestion():
                self._suggestions.inc()
            case LabelRecord() | Difference() | Transfer():
                pass  # counted with its decision, and by the core
            case _:
                self._events.labels(OTHER).inc()

    def _bounded(self, label: str, value: str) -> str:
        seen = self._seen.setdefault(label, set())
        if value not in seen:
            if len(seen) >= MOST_VALUES:
                return OTHER
            seen.add(value)
        return value
