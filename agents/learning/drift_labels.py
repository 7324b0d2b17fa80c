"""Whether labels are as right as they were: the local tiers' confidence against a teacher, and teachers against each other. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from frontdesk.agents.evaluation.metrics import Flags, Interval, Numbers, calibration, calibration_error
from frontdesk.agents.learning.examples import PERSON, Example
from frontdesk.agents.learning.intervals import wilson

AUDIT = "audit"
PERMUTATIONS = 999
ALPHA = 0.005
"""for each of the two measures"""
LEAST_RISE = 0.02
"""of the calibration error, or of the Brier score: less is of no account"""
LEAST_ROWS = 30
"""of a window, to be judged"""
_BINS = 10
"""fewer than in an evaluation: a window has some hundred audits"""
_SURER = 2.807
"""standard deviations of an interval of 99.5 %: many intents are looked at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How far the local tiers' confidence was from the share of right labels, on audits."""

    start: int
    """milliseconds since the epoch"""
    audits: int
    confidence: float
    """mean"""
    right: float
    """share that the teacher agreed with"""
    error: float
    """expected calibration error"""
    brier: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationDrift:
    """The newest window against the reference."""

    reference: Calibration
    current: Calibration
    windows: tuple[Calibration, ...]
    """of both periods, in order of time"""
    error_probability: float
    """of such a rise by chance"""
    brier_probability: float
    flagged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """How often two voices differed about messages of one intent."""

    intent: str
    """as the better voice says; `*` for all"""
    messages: int
    share: float
    interval: Interval
    before: Interval
    """of the reference"""
    flagged: bool
    """more than in the reference, beyond both intervals"""


def calibration_drift(
    reference: Sequence[Example], current: Sequence[Example], window_ms: int, rng: np.random.Generator
) -> CalibrationDrift | None:
    """The calibration of audits by window, and whether the current one is worse; None where there are no audits to compare.

    Both measures grow where rows are few, by chance alone: so a rise counts only against the rises of random deals of all rows.
    """
    before, now = [one for one in reference if _judged(one)], [one for one in current if _judged(one)]
    if not before or not now:
        return None
    confidence = np.array([one.local_confidence for one in (*before, *now)])
    right = np.array([one.local_intent == teacher(one) for one in (*before, *now)])
    is_now = np.arange(len(right)) >= len(before)
    found = {}
    for name, measure in (("error", _error), ("brier", _brier)):
        rise = measure(confidence[is_now], right[is_now]) - measure(confidence[~is_now], right[~is_now])
        found[name] = rise, _by_chance(rise, confidence, right, is_now, measure, rng)
    enough = min(len(before), len(now)) >= LEAST_ROWS
    return CalibrationDrift(
        reference=_calibration(before),
        current=_calibration(now),
        windows=tuple(_windows([*before, *now], window_ms)),
        error_probability=found["error"][1],
        brier_probability=found["brier"][1],
        flagged=enough and any(rise >= LEAST_RISE and chance <= ALPHA for rise, chance in found.values()),
    )


def teacher(example: Example) -> str:
    """What the local tiers are held against: a person's word, else the LLM's."""
    return example.intent if example.intent_source == PERSON else example.llm_intent


def people_and_llm(reference: Sequence[Example], current: Sequence[Example]) -> list[Disagreement]:
    """Where people said otherwise than the LLM, by what people said."""

    def pair(one: Example) -> tuple[str, str] | None:
        return (one.intent, one.llm_intent) if one.intent_source == PERSON and one.llm_intent else None

    return _disagreements(reference, current, pair)


def llm_and_local(reference: Sequence[Example], current: Sequence[Example]) -> list[Disagreement]:
    """Where the LLM said otherwise than local tiers that were sure, by what the LLM said. Of audits: of others the local tiers were not sure."""

    def pair(one: Example) -> tuple[str, str] | None:
        return (one.llm_intent, one.local_intent) if one.asked == AUDIT and one.llm_intent else None

    return _disagreements(reference, current, pair)


def _judged(one: Example) -> bool:
    return one.asked == AUDIT and bool(one.local_intent) and bool(teacher(one))


def _disagreements(
    reference: Sequence[Example],
    current: Sequence[Example],
    pair: Callable[[Example], tuple[str, str] | None],
) -> list[Disagreement]:
    before, now = _counted(map(pair, reference)), _counted(map(pair, current))
    out = []
    for intent, (differ, of) in sorted(now.items(), key=lambda item: (item[0] != "*", -item[1][1], item[0])):
        was = before.get(intent, (0, 0))
        out.append(
            Disagreement(
                intent=intent,
                messages=of,
                share=differ / of,
                interval=wilson(differ, of),
                before=wilson(*was),
                flagged=was[1] >= LEAST_ROWS and wilson(differ, of, _SURER).low > wilson(*was, _SURER).high,
            )
        )
    return out


def _counted(pairs: Iterable[tuple[str, str] | None]) -> dict[str, tuple[int, int]]:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for pair in pairs:
        if pair is not None:
            for intent in (pair[0], "*"):
                counts[intent][0] += pair[0] != pair[1]
                counts[intent][1] += 1
    return {intent: (differ, of) for intent, (differ, of) in counts.items()}


def _windows(rows: Sequence[Example], window_ms: int) -> Iterable[Calibration]:
    by_window: dict[int, list[Example]] = defaultdict(list)
    for one in rows:
        by_window[one.at // window_ms].append(one)
    return (_calibration(by_window[number], start=number * window_ms) for number in sorted(by_window))


def _calibration(rows: Sequence[Example], *, start: int | None = None) -> Calibration:
    confidence = np.array([one.local_confidence for one in rows])
    right = np.array([one.local_intent == teacher(one) for one in rows])
    return Calibration(
        start=min(one.at for one in rows) if start is None else start,
        audits=len(rows),
        confidence=float(confidence.mean()),
        right=float(right.mean()),
        error=_error(confidence, right),
        brier=_brier(confidence, right),
    )


def _error(confidence: Numbers, right: Flags) -> float:
    return calibration_error(calibration(confidence, right, _BINS))


def _brier(confidence: Numbers, right: Flags) -> float:
    return float(((confidence - right) ** 2).mean())


def _by_chance(
    rise: float,
    confidence: Numbers,
    right: Flags,
    is_now: Flags,
    measure: Callable[[Numbers, Flags], float],
    rng: np.random.Generator,
) -> float:
    """How often a random deal of the rows rises as much."""
    reached = 1
    for _ in range(PERMUTATIONS):
        dealt = rng.permutation(is_now)
        reached += (
            measure(confidence[dealt], right[dealt]) - measure(confidence[~dealt], right[~dealt]) >= rise
        )
    return reached / (PERMUTATIONS + 1)
