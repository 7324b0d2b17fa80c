"""The learner's metrics: what it has decided about models, what became of decisions, and how messages drift."""

from __future__ import annotations

from collections.abc import Mapping

from frontdesk import __version__
from frontdesk.agents.learning.controller import Situation, Verdict
from frontdesk.agents.learning.drift import Report
from frontdesk.agents.learning.evidence import Evidence
from frontdesk.agents.learning.learner_state import State
from frontdesk.agents.learning.outcome_counts import (
    SHARES,
    Counts,
    Group,
    only_newest,
    rows,
    without_queues,
)
from frontdesk.agents.metrics import catalogue as of
from frontdesk.agents.metrics.exposed import Exposed, Readings
from frontdesk.agents.metrics.family import Family


class LearnerMetrics:
    """Prometheus metrics of a learner, in a registry of its own."""

    def __init__(self) -> None:
        self.exposed = exposed = Exposed("learner")
        self.exposition, self.negotiated = exposed.exposition, exposed.negotiated
        self._verdicts = exposed.counter(of.LEARNER_VERDICTS)
        self._failures = exposed.counter(of.LEARNER_FAILURES).of()
        exposed.gauge(of.BUILD).of(__version__).set(1)

    # -- stages ------------------------------------------------------------------------------------------------------

    def looked(
        self, situation: Situation, evidence: Evidence | None, state: State, new: int, now: int
    ) -> None:
        """What a look found."""
        readings: Mapping[Family, float] = {
            of.LEARNER_SHARE: situation.share,
            of.LEARNER_PAIRS: 0 if evidence is None else evidence.pairs,
            of.LEARNER_AUDITS: 0 if evidence is None else evidence.audits,
            of.LEARNER_HELD: len(state.held),
            of.LEARNER_EXAMPLES: state.examples,
            of.LEARNER_ANSWERS: new,
            of.LEARNER_AGE: (now - state.taught_at) / 1000 if state.taught_at else 0,
            of.LEARNER_FROZEN: situation.frozen,
        }
        for family, reading in readings.items():
            self.exposed.gauge(family).of().set(reading)
        for stage in of.STAGES:
            self.exposed.gauge(of.LEARNER_STAGE).of(stage).set(stage == situation.stage)
        self._at("stages", now)

    def decided(self, verdict: Verdict) -> None:
        """A stage was changed."""
        self._verdicts.of(verdict.action).inc()

    def failed(self) -> None:
        """A model could not be taught."""
        self._failures.inc()

    # -- outcomes and drift ------------------------------------------------------------------------------------------

    def outcomes(self, counts: Mapping[Group, Counts], share: float, now: int = 0) -> None:
        """What became of decisions, as `Outcomes.counts` and its share say; `now` is when that was looked at."""
        messages, shares, ratings, costs, waits = Readings(), Readings(), Readings(), Readings(), Readings()
        for row in rows(only_newest(without_queues(counts), of.NEWEST)):
            by = row.group.policy, row.group.model
            messages[by] = row.messages
            values = {name: found.value for name, found in row.figures.items()}
            shares |= {(*by, name): values[name] for name in SHARES if name in values}
            for name, readings in (("rating", ratings), ("cost", costs)):
                if name in values:
                    readings[by] = values[name]
            waits |= {(*by, at): values[f"wait_{at}"] for at in ("p50", "p95") if f"wait_{at}" in values}
        for family, found in (
            (of.OUTCOME_MESSAGES, messages),
            (of.OUTCOME_SHARE, shares),
            (of.OUTCOME_RATING, ratings),
            (of.OUTCOME_COST, costs),
            (of.OUTCOME_WAIT, waits),
        ):
            self.exposed.replace(family, found)
        self.exposed.gauge(of.OUTCOME_SAMPLED).of().set(share)
        self._at("outcomes", now)

    def drift(self, report: Report, now: int = 0) -> None:
        """What a look at the dataset found, and when that was."""
        calibration = report.calibration
        voices = {"people_llm": report.people_and_llm, "llm_local": report.llm_and_local}
        flagged = {
            "intent": len(report.new_intents),
            "shift": sum(one.flagged for one in report.shifts),
            "calibration": int(calibration is not None and calibration.flagged),
            "disagreement": sum(one.flagged for found in voices.values() for one in found),
        }
        replace = self.exposed.replace
        replace(of.DRIFT_FLAGGED, {(kind,): count for kind, count in flagged.items()})
        replace(of.DRIFT_DISTANCE, {(shift.measure,): shift.distance for shift in report.shifts})
        scores: Readings = {}
        if calibration is not None:
            scores = {("error",): calibration.current.error, ("brier",): calibration.current.brier}
        replace(of.DRIFT_CALIBRATION, scores)
        replace(
            of.DRIFT_DISAGREEMENT,
            {
                (between,): one.share
                for between, found in voices.items()
                for one in found
                if one.intent == "*"
            },
        )
        self._at("drift", now)

    def _at(self, look: str, now: int) -> None:
        self.exposed.gauge(of.LEARNER_LOOKED).of(look).set(now / 1000)
