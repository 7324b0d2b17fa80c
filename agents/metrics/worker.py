"""What a worker's metrics are told, and what they make of it. Every name is of the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import assert_never

from frontdesk import __version__
from frontdesk.agents.kafka.models import CANDIDATE, SERVING
from frontdesk.agents.llm.port import Saved
from frontdesk.agents.metrics import catalogue as of
from frontdesk.agents.metrics.exposed import Exposed, Readings
from frontdesk.agents.metrics.family import Family
from frontdesk.agents.metrics.standing import Standing
from frontdesk.schemas.headers import TRACEPARENT
from frontdesk.schemas.outputs import Alert, DeadLetter, Decision, Difference, LabelRecord, Suggestion
from frontdesk.schemas.state import Usage
from frontdesk.schemas.transfers import Transfer
from frontdesk.schemas.types import Millis
from frontdesk.streams.candidate import Candidate
from frontdesk.streams.drafting import LLM
from frontdesk.streams.effects import Ask, Count, Draft, Effect, Emit, Remember
from frontdesk.streams.policy import Policy
from frontdesk.streams.shadow import Shadow


class Metrics:
    """Prometheus metrics of one worker, in a registry of its own. Implements `services.Observer` and `llm.port.Observer`."""

    def __init__(self) -> None:
        self.exposed = exposed = Exposed("worker")
        self.exposition, self.negotiated = exposed.exposition, exposed.negotiated
        counter, gauge, histogram = exposed.counter, exposed.gauge, exposed.histogram
        self._records, self._messages = counter(of.RECORDS), counter(of.MESSAGES)
        self._decisions, self._amendments = counter(of.DECISIONS), counter(of.AMENDMENTS).of()
        self._sources, self._values = counter(of.INTENT_LABELS), counter(of.LABEL_VALUES)
        self._confidence = histogram(of.CONFIDENCE)
        self._alerts, self._dead, self._events = (
            counter(of.ALERTS),
            counter(of.DEAD_LETTERS),
            counter(of.EVENTS),
        )
        self._suggestions, self._recommendations = counter(of.SUGGESTIONS), counter(of.RECOMMENDATIONS)
        self._decided, self._end_to_end = histogram(of.DECIDED).of(), histogram(of.END_TO_END).of()
        self._steps, self._step = counter(of.STEPS).of(), histogram(of.STEP_SECONDS).of()
        self._failures = counter(of.FAILURES)
        self._transactions = counter(of.TRANSACTIONS)
        self._transaction = histogram(of.TRANSACTION_SECONDS).of()
        self._recovery, self._recovered = histogram(of.RECOVERIES).of(), counter(of.RECOVERED)
        self._rebalances, self._moves = counter(of.REBALANCES).of(), counter(of.SHARD_MOVES)
        self._calls, self._call = counter(of.CALLS), histogram(of.CALL_SECONDS)
        self._tokens, self._cost, self._saved = counter(of.TOKENS), counter(of.COST), counter(of.SAVED)
        self._concurrency, self._breaker = gauge(of.CONCURRENCY), gauge(of.BREAKER)
        self._loop_lag = gauge(of.LOOP_LAG).of()
        self._canary = gauge(of.CANDIDATE_SHARE).of()
        self._policies_refused, self._models_refused = (
            counter(of.POLICIES_REFUSED),
            counter(of.MODELS_REFUSED),
        )
        gauge(of.BUILD).of(__version__).set(1)

    # -- what is in use ----------------------------------------------------------------------------------------------

    def policies(
        self, policy: Policy, shadow: Shadow | None, *, refusing: Collection[str] = frozenset()
    ) -> None:
        """What is in use now, and for what the published one cannot be."""
        used: Readings = {("policy", policy.hash): 1.0}
        if shadow is not None:
            used["policy.shadow", shadow.policy.hash] = 1.0
        self.exposed.replace(of.POLICY, used)
        self._refusing(of.POLICY_REFUSED, refusing)

    def policy_refused(self, use: str) -> None:
        """A published policy cannot be used."""
        self._policies_refused.of(use).inc()
        self.exposed.gauge(of.POLICY_REFUSED).of(use).set(1)

    def models(
        self, serving: str, candidate: Candidate | None, *, refusing: Collection[str] = frozenset()
    ) -> None:
        """What is in use now, and for which stages the published one cannot be; `serving` is a version."""
        used: Readings = {(SERVING, serving): 1.0}
        if candidate is not None:
            used[CANDIDATE, candidate.labeller.version] = 1.0
        self.exposed.replace(of.MODEL, used)
        self._canary.set(0.0 if candidate is None else candidate.share)
        self._refusing(of.MODEL_REFUSED, refusing)

    def model_refused(self, stage: str) -> None:
        """A published model cannot be used."""
        self._models_refused.of(stage).inc()
        self.exposed.gauge(of.MODEL_REFUSED).of(stage).set(1)

    def _refusing(self, family: Family, refusing: Collection[str]) -> None:
        (label,) = family.labels
        self.exposed.replace(family, {(value,): float(value in refusing) for value in label.values})

    # -- services.Observer -------------------------------------------------------------------------------------------

    def committed(
        self,
        shard: int,
        effects: Sequence[Effect],
        *,
        arrivals: Mapping[str, int],
        seconds: float,
        now: Millis,
    ) -> None:
        """A step's effects are durable."""
        self._steps.inc()
        self._step.observe(seconds)
        for topic, records in arrivals.items():
            self._records.of(topic).inc(records)
        decisions: list[tuple[Decision, Emit]] = []
        for effect in effects:  # by `isinstance`, which costs a third of what `match` does
            if isinstance(effect, Emit):
                if isinstance(effect.record, Decision):
                    decisions.append((effect.record, effect))
                else:
                    self._emitted(effect.record)
            elif isinstance(effect, Count):
                self._events.of(effect.name).inc(effect.n)
                if effect.name in of.OUTCOMES:
                    self._messages.of(effect.name).inc(effect.n)
            elif not isinstance(effect, Remember | Ask | Draft):
                # Table records are no business of the router's users; calls are observed when they end.
                assert_never(effect)
        if decisions:
            self._took([decision for decision, _ in decisions])
            self._latencies([found for found in decisions if found[0].revision == 1], now)

    def failed(self, shard: int, kind: str) -> None:
        """A step or a start did not succeed."""
        self._failures.of(kind).inc()

    def written(self, shard: int, outcome: str, seconds: float) -> None:
        """A transaction ended."""
        self._transactions.of(outcome).inc()
        self._transaction.observe(seconds)

    def serves(self, shard: int, *, records: int, snapshot: bool, seconds: float) -> None:
        """A shard has its state again."""
        self._recovery.observe(seconds)
        self._recovered.of(_word(snapshot)).inc(records)

    def assigned(self, *, gained: int, lost: int) -> None:
        """The group has told which shards are this worker's."""
        self._rebalances.inc()
        self._moves.of("gained").inc(gained)
        self._moves.of("lost").inc(lost)

    # -- llm.port.Observer -------------------------------------------------------------------------------------------

    def llm_call(self, endpoint: str, outcome: str, seconds: float, usage: Usage | None) -> None:
        """An LLM call ended."""
        self._calls.of(endpoint, outcome).inc()
        self._call.of(endpoint).observe(seconds)
        if usage is not None:
            self._tokens.of(endpoint, "in").inc(usage.tokens_in)
            self._tokens.of(endpoint, "out").inc(usage.tokens_out)
            self._cost.of(endpoint).inc(usage.cost_usd)

    def llm_saved(self, by: Saved) -> None:
        """An ask was answered without a call."""
        self._saved.of(by).inc()

    def llm_concurrency(self, endpoint: str, limit: int) -> None:
        """So many requests may now be under way at an endpoint."""
        self._concurrency.of(endpoint).set(limit)

    def llm_breaker(self, endpoint: str, is_open: bool) -> None:
        """An endpoint counts as down, or no longer."""
        self._breaker.of(endpoint).set(is_open)

    # -- where the worker stands -------------------------------------------------------------------------------------

    def looped(self, lag: float) -> None:
        """The event loop was so many seconds late."""
        self._loop_lag.set(lag)

    def stands(self, standing: Standing) -> None:
        """Where the worker stands now."""
        for family, reading in standing.readings.items():
            self.exposed.gauge(family).of().set(reading)
        for family, readings in standing.labelled.items():
            self.exposed.replace(family, {(value,): reading for value, reading in readings.items()})

    def switches(self, *, llm_off: bool, everything_to: bool, frozen: bool) -> None:
        """What operators have switched."""
        pulled = {"llm": llm_off, "everything_to": everything_to, "learning": frozen}
        self.exposed.replace(of.SWITCHES, {(switch,): float(on) for switch, on in pulled.items()})

    # -- of a step ---------------------------------------------------------------------------------------------------

    def _took(self, decisions: Sequence[Decision]) -> None:
        """Added up first: a step has hundreds of them, of few kinds."""
        for (queue, action, provisional), n in Counter(
            [(one.queue, one.action, one.provisional) for one in decisions]
        ).items():
            self._decisions.of(queue, action, _word(provisional)).inc(n)
        if first := sum(one.revision == 1 for one in decisions):
            self._messages.of("decided").inc(first)
        if first < len(decisions):
            self._amendments.inc(len(decisions) - first)
        labels = [one.labels for one in decisions]
        for source, n in Counter([each.intent.source for each in labels]).items():
            self._sources.of(source).inc(n)
        for each in labels:
            self._confidence.of(each.intent.source).observe(each.intent.confidence)
        for name, values in (
            ("intent", [each.intent.value for each in labels]),
            ("emotion", [each.emotion.value for each in labels]),
            ("urgency", [each.urgency.value for each in labels]),
            ("language", [each.language.value for each in labels]),
        ):
            for value, n in Counter(values).items():
                self._values.of(name, value).inc(n)

    def _latencies(self, decided: Sequence[tuple[Decision, Emit]], now: Millis) -> None:
        """Of these the slowest of a step is worth looking at: it is the exemplar."""
        if not decided:
            return
        slowest = min(decided, key=lambda found: found[0].received_at)
        oldest = min(decided, key=lambda found: found[0].sent_at)
        for found in decided:
            decision = found[0]
            self._decided.observe(
                max(0, now - decision.received_at) / 1000, _exemplar(*found) if found is slowest else None
            )
            self._end_to_end.observe(
                max(0, now - decision.sent_at) / 1000, _exemplar(*found) if found is oldest else None
            )

    def _emitted(self, record: object) -> None:
        match record:
            case DeadLetter(topic=topic, reason=reason):
                self._messages.of("dead_letter").inc()
                self._dead.of(topic, reason).inc()
            case Alert(kind=kind, severity=severity, status=status):
                self._alerts.of(kind, severity, status).inc()
            case Suggestion():
                self._suggestions.of(suggested(record)).inc()
                for one in record.recommendations:
                    self._recommendations.of(one.kind).inc()
            case LabelRecord() | Difference() | Transfer():
                pass  # counted with its decision, and by the core
            case _:
                self._events.of("unknown_record").inc()


def suggested(suggestion: Suggestion) -> str:
    """The most that is in a suggestion, in a word of the catalogue."""
    if suggestion.automatic:
        return "automatic"
    if suggestion.reply is not None:
        return "drafted" if suggestion.source == LLM else "reply"
    if suggestion.clarifying_question is not None:
        return "question"
    return "offer" if suggestion.recommendations else "tone"


def _exemplar(decision: Decision, emit: Emit) -> dict[str, str]:
    """Where to look: the decision, and its trace where the platform began one. Well below OpenMetrics' 128 characters."""
    found = {"decision_id": decision.decision_id[:32]}
    name, value = emit.headers[-1] if emit.headers else ("", b"")
    if name == TRACEPARENT:
        found["trace_id"] = value[3:35].decode()
    return found


def _word(true: bool) -> str:
    return "true" if true else "false"
