"""The learner's metrics: what it has decided about models, what became of decisions, and how messages drift."""

from __future__ import annotations

from collections.abc import Mapping

from frontdesk import __version__
from frontdesk.agents.learning.controller import Situation, Verdict
from frontdesk.agents.learning.evidence import Evidence
from frontdesk.agents.learning.learner_state import State
from frontdesk.agents.metrics import catalogue as of
from frontdesk.agents.metrics.exposed import Exposed
from frontdesk.agents.metrics.family import Family
from frontdesk.agents.metrics.looks import Found, Look


class LearnerMetrics:
    """Prometheus metrics of a learner, in a registry of its own."""

    def __init__(self) -> None:
        self.exposed = exposed = Exposed("learner")
        self.exposition, self.negotiated = exposed.exposition, exposed.negotiated
        self._verdicts = exposed.counter(of.LEARNER_VERDICTS)
        self._failures = exposed.counter(of.LEARNER_FAILURES).of()
        exposed.gauge(of.BUILD).of(__version__).set(1)
        self.will_look("stages")

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

    def found(self, look: Look, found: Found, now: int) -> None:
        """What a long look found that began then."""
        for family, readings in found.items():
            self.exposed.replace(family, readings)
        self._at(look, now)

    def will_look(self, *names: str) -> None:
        """Such looks are to come: until the first one their time is 0, which tells one that never succeeds from one that nobody asked for."""
        for look in names:
            self.exposed.gauge(of.LEARNER_LOOKED).of(look)

    def _at(self, look: str, now: int) -> None:
        self.exposed.gauge(of.LEARNER_LOOKED).of(look).set(now / 1000)
