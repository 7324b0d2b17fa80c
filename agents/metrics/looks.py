"""What the learner's long looks found, as readings: of outcomes, and of drift. Made in a process that ends with its look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from frontdesk.agents.learning.drift import Report
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

Look = Literal["drift", "outcomes"]
Found: TypeAlias = Mapping[Family, Readings]


def outcomes(counts: Mapping[Group, Counts], share: float) -> Found:
    """What became of decisions, as `Outcomes.counts` and its share say."""
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
    return {
        of.OUTCOME_MESSAGES: messages,
        of.OUTCOME_SHARE: shares,
        of.OUTCOME_RATING: ratings,
        of.OUTCOME_COST: costs,
        of.OUTCOME_WAIT: waits,
        of.OUTCOME_SAMPLED: {(): share},
    }


def drift(report: Report) -> Found:
    """What a look at the dataset found."""
    calibration = report.calibration
    voices = {"people_llm": report.people_and_llm, "llm_local": report.llm_and_local}
    flagged = {
        "intent": len(report.new_intents),
        "shift": sum(one.flagged for one in report.shifts),
        "calibration": int(calibration is not None and calibration.flagged),
        "disagreement": sum(one.flagged for found in voices.values() for one in found),
    }
    scores: Readings = {}
    if calibration is not None:
        scores = {("error",): calibration.current.error, ("brier",): calibration.current.brier}
    return {
        of.DRIFT_FLAGGED: {(kind,): count for kind, count in flagged.items()},
        of.DRIFT_DISTANCE: {(shift.measure,): shift.distance for shift in report.shifts},
        of.DRIFT_CALIBRATION: scores,
        of.DRIFT_DISAGREEMENT: {
            (between,): one.share for between, found in voices.items() for one in found if one.intent == "*"
        },
    }


def plain(found: Found) -> dict[str, list[tuple[Sequence[str], float]]]:
    """As JSON can hold it, by the families' names."""
    return {family.name: list(readings.items()) for family, readings in found.items()}


def read(told: Mapping[str, Any]) -> Found:
    """What `plain` made; families that this version does not know are passed over."""
    known = {family.name: family for family in of.families("learner")}
    return {
        known[name]: {tuple(values): float(reading) for values, reading in readings}
        for name, readings in told.items()
        if name in known
    }


def text(found: Found) -> bytes:
    """These readings alone, in the text format of Prometheus: for a file."""
    exposed = Exposed("learner", only=tuple(found))
    for family, readings in found.items():
        exposed.replace(family, readings)
    return exposed.exposition()
