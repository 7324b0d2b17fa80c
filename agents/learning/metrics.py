"""The learner's metrics: every name, its meaning and its bounded labels, in one place."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from frontdesk.agents.learning.drift import Report
from frontdesk.agents.learning.outcome_counts import (
    SHARES,
    Counts,
    Group,
    only_newest,
    rows,
    without_queues,
)

NEWEST = 5
"""policies, and models, that have a label of their own; the rest are `older`"""


class LearnerMetrics:
    """Prometheus metrics of what learning looks at, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        by = ["policy", "model"]
        self._messages = Gauge(
            "frontdesk_outcome_messages",
            "Messages decided, by policy hash and model version; the newest few by name.",
            by,
            registry=registry,
        )
        self._share = Gauge(
            "frontdesk_outcome_share",
            "Share of conversations transferred, repeated or resolved at first contact; of messages corrected or asked about.",
            [*by, "outcome"],
            registry=registry,
        )
        self._rating = Gauge("frontdesk_outcome_rating", "Mean rating by customers.", by, registry=registry)
        self._wait = Gauge(
            "frontdesk_outcome_wait_seconds",
            "From decision to assignment.",
            [*by, "quantile"],
            registry=registry,
        )
        self._cost = Gauge(
            "frontdesk_outcome_llm_dollars", "Cost of the LLM for a message.", by, registry=registry
        )
        self._sampled = Gauge(
            "frontdesk_outcome_customers_share",
            "Share of the customers that was looked at.",
            registry=registry,
        )
        self._flagged = Gauge(
            "frontdesk_drift_flagged", "Findings that somebody should look at.", ["kind"], registry=registry
        )
        self._distance = Gauge(
            "frontdesk_drift_distance",
            "How far messages have shifted: population stability index, or the means' distance.",
            ["measure"],
            registry=registry,
        )
        self._calibration = Gauge(
            "frontdesk_drift_calibration",
            "Of local confidence against the teacher on audits: expected calibration error, Brier score.",
            ["measure"],
            registry=registry,
        )
        self._disagreement = Gauge(
            "frontdesk_drift_disagreement_share",
            "How often two voices differ about an intent.",
            ["between"],
            registry=registry,
        )

    def outcomes(self, counts: Mapping[Group, Counts], share: float) -> None:
        """What became of decisions, as `Outcomes.counts` and its share say."""
        for gauge in (self._messages, self._share, self._rating, self._wait, self._cost):
            gauge.clear()
        self._sampled.set(share)
        for row in rows(only_newest(without_queues(counts), NEWEST)):
            by = row.group.policy, row.group.model
            self._messages.labels(*by).set(row.messages)
            for name in SHARES:
                if (found := row.figures.get(name)) is not None:
                    self._share.labels(*by, name).set(found.value)
            for name, gauge in (("rating", self._rating), ("cost", self._cost)):
                if (found := row.figures.get(name)) is not None:
                    gauge.labels(*by).set(found.value)
            for name, quantile in (("wait_p50", "0.5"), ("wait_p95", "0.95")):
                if (found := row.figures.get(name)) is not None:
                    self._wait.labels(*by, quantile).set(found.value)

    def drift(self, report: Report) -> None:
        """What a look at the dataset found."""
        calibration = report.calibration
        voices = {"people_llm": report.people_and_llm, "llm_local": report.llm_and_local}
        flagged = {
            "intent": len(report.new_intents),
            "shift": sum(one.flagged for one in report.shifts),
            "calibration": int(calibration is not None and calibration.flagged),
            "disagreement": sum(one.flagged for found in voices.values() for one in found),
        }
        for kind, count in flagged.items():
            self._flagged.labels(kind).set(count)
        for shift in report.shifts:
            self._distance.labels(shift.measure).set(shift.distance)
        self._calibration.clear()
        if calibration is not None:
            self._calibration.labels("error").set(calibration.current.error)
            self._calibration.labels("brier").set(calibration.current.brier)
        self._disagreement.clear()
        for between, found in voices.items():
            for one in found:
                if one.intent == "*":
                    self._disagreement.labels(between).set(one.share)

    def exposition(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self.registry)
