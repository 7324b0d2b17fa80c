"""The controller: which stage a model has, by the evidence. Pure: a situation and evidence in, a verdict with its reasons out.

::

    none ──▶ shadow ──▶ canary 5 % ──▶ canary 25 % ──▶ serving, the model before in its shadow
               │             │              │              │
               └─────────────┴── worse ─────┴──▶ dropped   └── worse ──▶ rolled back

Forward goes only what is proven to be no worse, by so much as the margin; back goes what is proven to be worse. Both are tests that may be looked at
at any time (`sequential`): that a verdict is asked for every second changes nothing. What is proven neither way stays where it is until its time is up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from frontdesk.agents.learning.evidence import Arm, Evidence
from frontdesk.agents.learning.sequential import Pairs, above, better, interval, proven, radius, spent
from frontdesk.agents.learning.sequential import worse as is_worse

Action = Literal["stay", "try", "canary", "promote", "drop", "roll_back", "watch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What has to be shown. Shares are of 1."""

    shares: tuple[float, ...] = (0.05, 0.25)
    """of the customers, of one canary after the other"""
    margin: float = 0.02
    """by which agreement with the teacher may be lower for a model to be promoted; of all messages"""
    first_margin: float = 0.05
    """the same, for it to label for anybody at all"""
    intent_margin: float = 0.1
    """by which a model may agree less on the messages of one intent that an LLM is asked about"""
    wrong: float = 0.05
    """how often a model that is worse by the margin is promoted, at most; and how often one that is no worse is dropped or rolled back"""
    least_audits: int = 200
    """in each stage"""
    least_seconds: float = 3600.0
    """in each stage"""
    most_seconds: float = 14 * 86400.0
    """of a trial's stage without a verdict"""
    calibration: float = 0.05
    """by which confidence may miss the truth, beyond chance and beyond what the other model's does"""
    unsure: float = 0.1
    """of its messages, by which a model may ask an LLM about more than the other"""
    corrections: float = 1.5
    """times as many, of which people correct"""
    complaints: float = 1.25
    """times as many, of whose customers are unhappy"""
    epoch: int = 5_000
    """pairs after which evidence about the model in force begins anew, so that what was long good cannot hide what is bad now"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is so now, as the topic of models says."""

    serving: str
    """version; nothing: each worker's own"""
    serving_since: int = 0
    previous: str | None = None
    """what a rollback would go back to; None: nothing"""
    candidate: str = ""
    """nothing: none"""
    share: float = 0.0
    since: int = 0
    """when the candidate's stage began, in milliseconds"""
    waiting: str = ""
    """the newest model that was not tried yet"""
    frozen: bool = False

    @property
    def watching(self) -> bool:
        """Whether the candidate is the model before, which only shows how good the one in force is."""
        return bool(self.candidate) and self.candidate == self.previous and self.share == 0

    @property
    def stage(self) -> str:
        """In a word: none, shadow, canary or serving."""
        if self.watching:
            return "serving"
        return "none" if not self.candidate else "canary" if self.share else "shadow"

    @property
    def compared(self) -> tuple[str, str] | None:
        """The model to judge, and the one to compare it with."""
        if not self.candidate:
            return None
        return (self.serving, self.candidate) if self.watching else (self.candidate, self.serving)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be done, and why."""

    action: Action
    model: str = ""
    share: float = 0.0
    because: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The reasons in one line."""
        return "; ".join(self.because)


def decide(
    situation: Situation, evidence: Evidence | None, rules: Rules, now: int, *, epoch: int = 1
) -> Verdict:
    """The verdict of this moment. `evidence` is about `situation.compared`; `epoch` counts, from 1 on, how often evidence about the model in
    force has begun anew."""
    if situation.candidate and evidence is not None:
        wrong = spent(rules.wrong, epoch) if situation.watching else rules.wrong
        faults = worse(evidence, rules, wrong, watching=situation.watching)
        if faults:
            if situation.watching:
                return Verdict(action="roll_back", model=situation.candidate, because=faults)
            return Verdict(action="drop", model=situation.candidate, because=faults)
    if situation.frozen:
        return Verdict(action="stay", because=("learning is frozen",))
    if situation.candidate and not situation.watching:
        return _trial(situation, evidence, rules, now)
    return _serving(situation, evidence, rules, now)


def applied(situation: Situation, verdict: Verdict, now: int) -> Situation:
    """What is so after a verdict was carried out."""
    match verdict.action:
        case "stay":
            return situation
        case "try":
            return replace(situation, candidate=verdict.model, share=0.0, since=now, waiting="")
        case "watch":
            return replace(situation, candidate=verdict.model, share=0.0, since=now)
        case "canary":
            return replace(situation, share=verdict.share, since=now)
        case "drop":
            return replace(situation, candidate="", share=0.0, since=now)
        case "promote":
            return replace(
                situation,
                serving=verdict.model,
                serving_since=now,
                previous=situation.serving,
                candidate="",
                share=0.0,
                since=now,
            )
        case "roll_back":
            return replace(
                situation,
                serving=verdict.model,
                serving_since=now,
                previous=None,
                candidate="",
                share=0.0,
                since=now,
            )
        case _:
            assert_never(verdict.action)


def _serving(situation: Situation, evidence: Evidence | None, rules: Rules, now: int) -> Verdict:
    """Nothing is on trial."""
    begun = now - situation.serving_since
    if situation.watching:
        if not situation.waiting:
            return Verdict(action="stay", because=("no worse than the model before, as far as is known",))
        missing = _missing(evidence, begun, rules)
        if missing:
            return Verdict(
                action="stay", because=(f"a model waits until the one in force is known better: {missing}",)
            )
    elif situation.previous and begun < 1000 * rules.most_seconds:
        because = "the model before shows in the shadow how good the one in force is"
        if not situation.waiting or begun < 1000 * rules.least_seconds:
            return Verdict(action="watch", model=situation.previous, because=(because,))
    if situation.waiting:
        return Verdict(action="try", model=situation.waiting, because=("it is newer than what labels now",))
    return Verdict(action="stay", because=("no model waits for its trial",))


def _trial(situation: Situation, evidence: Evidence | None, rules: Rules, now: int) -> Verdict:
    """A candidate that is not worse as far as is known."""
    model, begun = situation.candidate, now - situation.since
    missing = _missing(evidence, begun, rules)
    if evidence is None or missing:
        if begun > 1000 * rules.most_seconds:
            return Verdict(
                action="drop", model=model, because=(f"no verdict after {_days(begun)}: {missing}",)
            )
        return Verdict(action="stay", model=model, because=(missing,))
    values = evidence.all_differences()
    share = next((one for one in rules.shares if one > situation.share), None)
    margin = rules.first_margin if situation.share == 0 else rules.margin
    told = _told(values, rules.wrong)
    if not proven(better(values, -margin), rules.wrong):
        because = f"not proven yet to be no more than {margin:.1%} worse: {told}"
        if begun > 1000 * rules.most_seconds:
            return Verdict(action="drop", model=model, because=(f"after {_days(begun)} {because}",))
        return Verdict(action="stay", model=model, because=(because,))
    because = f"no more than {margin:.1%} worse than the model in force: {told}"
    if share is not None:
        return Verdict(action="canary", model=model, share=share, because=(because,))
    return Verdict(action="promote", model=model, because=(because,))


def worse(evidence: Evidence, rules: Rules, wrong: float, *, watching: bool = False) -> tuple[str, ...]:
    """In what the subject is proven to be worse than the other; wrongly, with a probability of `wrong` for all together."""
    found = []
    values = evidence.all_differences()
    if proven(is_worse(values), wrong / 4):
        found.append(f"it agrees less with the teacher: {_told(values, wrong)}")
    found += _by_intent(evidence, rules, wrong / 4, alone=not watching)
    found += _calibration(evidence, rules, wrong / 8)
    subject, other = evidence.arms[evidence.subject], evidence.arms[evidence.other]
    found += _asks_more(subject, other, rules, wrong / 8)
    found += _more_often(
        "of whose customers are unhappy",
        (subject.unhappy, subject.conversations),
        (other.unhappy, other.conversations),
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


def _missing(evidence: Evidence | None, begun: int, rules: Rules) -> str:
    """What a verdict lacks, or nothing."""
    audits = 0 if evidence is None else evidence.audits
    parts = []
    if audits < rules.least_audits:
        parts.append(f"{audits:,} of {rules.least_audits:,} audits")
    if begun < 1000 * rules.least_seconds:
        parts.append(f"{begun / 1000:,.0f} of {rules.least_seconds:,.0f} seconds")
    return ", ".join(parts)


def _told(pairs: Pairs, wrong: float) -> str:
    weight = sum(weight * number for (_, weight), number in pairs.items())
    total = sum(difference * weight * number for (difference, weight), number in pairs.items())
    lost, won = _sums(pairs)
    bounds = interval(pairs, wrong)
    return (
        f"{sum(pairs.values()):,} messages show both, it wins {won:,} and loses {lost:,}; of all messages that is "
        f"{total / max(1e-9, weight):+.2%} ({bounds.low:+.2%} to {bounds.high:+.2%} at all times)"
    )


def _sums(pairs: Pairs) -> tuple[float, float]:
    """How many are lost, and won."""
    return (
        sum(number for (difference, _), number in pairs.items() if difference < 0),
        sum(number for (difference, _), number in pairs.items() if difference > 0),
    )


def _days(millis: int) -> str:
    return f"{millis / 86_400_000:.1f} days"
