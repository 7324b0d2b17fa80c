"""Faults: in what a model is proven to be worse than another. Pure."""

from __future__ import annotations

from collections import Counter

from frontdesk.agents.learning.evidence import Arm, Evidence
from frontdesk.agents.learning.rules import Rules
from frontdesk.agents.learning.sequential import Pairs, above, interval, proven, radius
from frontdesk.agents.learning.sequential import worse as is_worse


def worse(evidence: Evidence, rules: Rules, wrong: float, *, watching: bool = False) -> tuple[str, ...]:
    """In what the subject is proven to be worse than the other; wrongly, with a probability of `wrong` for all together."""
    found = []
    values = evidence.all_differences()
    if proven(is_worse(values), wrong / 4):
        found.append(f"it agrees less with the teacher: {told(values, wrong)}")
    found += _by_intent(evidence, rules, wrong / 4, alone=not watching)
    found += _calibration(evidence, rules, wrong / 8)
    subject, other = evidence.arms[evidence.subject], evidence.arms[evidence.other]
    found += _asks_more(subject, other, rules, wrong / 8)
    found += _more_often(
        "customers who are unhappy",
        (subject.unhappy, subject.customers),
        (other.unhappy, other.customers),
        rules.complaints,
        wrong / 8,
    )
    found += _more_often(
        "which people correct",
        (subject.corrected, subject.decided),
        (other.corrected, other.decided),
        rules.corrections,
        wrong / 8,
    )
    return tuple(found)


def _by_intent(evidence: Evidence, rules: Rules, wrong: float, *, alone: bool) -> list[str]:
    """Intents at which the subject is worse. `alone`: messages that the other model was unsure of also count for themselves, by which a rare
    intent is judged ten times as soon. What one model finds hard is easier for the other: so it may count against a candidate, which is
    unsure of few of them, and never against the model in force."""
    found = []
    each = wrong / max(1, len(evidence.differences)) / 2
    for intent, pairs in sorted(evidence.differences.items()):
        flat: Counter[tuple[int, float]] = Counter()
        for (difference, _), count in pairs.items():
            flat[difference, 1.0] += count
        if proven(is_worse(pairs), each) or (alone and proven(is_worse(flat, -rules.intent_margin), each)):
            lost, won = _sums(pairs)
            found.append(
                f"of messages that are {intent} it loses {lost:,} that the other has, and wins {won:,}"
            )
    return found


def _calibration(evidence: Evidence, rules: Rules, wrong: float) -> list[str]:
    subject, other = evidence.sureness[evidence.subject], evidence.sureness[evidence.other]
    error = subject.error(wrong)
    if error > rules.calibration and error > other.error():
        return [
            f"its confidence misses the truth by {subject.error():.1%}, the other's by {other.error():.1%}"
        ]
    return []


def _asks_more(subject: Arm, other: Arm, rules: Rules, wrong: float) -> list[str]:
    if not subject.decided or not other.decided:
        return []
    this, that = subject.unsure / subject.decided, other.unsure / other.decided
    chance = radius(subject.decided, this * (1 - this), wrong / 2) + radius(
        other.decided, that * (1 - that), wrong / 2
    )
    if this - that - chance > rules.unsure:
        return [f"it is unsure of {this:.1%} of the messages, the other of {that:.1%}"]
    return []


def _more_often(
    what: str, this: tuple[int, int], that: tuple[int, int], factor: float, wrong: float
) -> list[str]:
    """Whether something comes more often than `factor` times as often: each time it comes it is the subject's with the share of its
    messages, were both alike."""
    (hits, of), (others, of_others) = this, that
    if not hits or not of_others:
        return []
    share = of * factor / (of * factor + of_others)
    if not proven(above({1.0: hits, 0.0: others}, share, lowest=0.0), wrong):
        return []
    return [f"{hits:,} of its {of:,}, {what}, of the other's {of_others:,} only {others:,}"]


def told(pairs: Pairs, wrong: float) -> str:
    """What a comparison comes to, with its bounds."""
    bounds = interval(pairs, wrong)
    return f"{counted(pairs)} ({bounds.low:+.2%} to {bounds.high:+.2%} at all times)"


def counted(pairs: Pairs) -> str:
    """As `told`, without the bounds, which take their time."""
    weight = sum(weight * number for (_, weight), number in pairs.items())
    total = sum(difference * weight * number for (difference, weight), number in pairs.items())
    lost, won = _sums(pairs)
    return (
        f"{sum(pairs.values()):,} messages show both, it wins {won:,} and loses {lost:,}; of all messages that is "
        f"{total / max(1e-9, weight):+.2%}"
    )


def _sums(pairs: Pairs) -> tuple[float, float]:
    """How many are lost, and won."""
    return (
        sum(number for (difference, _), number in pairs.items() if difference < 0),
        sum(number for (difference, _), number in pairs.items() if difference > 0),
    )
