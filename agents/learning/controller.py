"""The controller: which stage a model has, by the evidence. Pure: a situation and evidence in, a verdict with its reasons out.

::

    none ──▶ shadow ──▶ canary 5 % ──▶ canary 25 % ──▶ serving, the model before in its shadow
               │             │              │              │
               └─────────────┴── worse ─────┴──▶ dropped   └── worse ──▶ rolled back

Forward goes only what is proven to be no worse, by so much as the margin; back goes what is proven to be worse. Both are tests that may be looked at
at any time (`sequential`): that a verdict is asked for every second changes nothing. What is proven neither way stays where it is until its time is up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, assert_never

from frontdesk.agents.learning.evidence import Evidence
from frontdesk.agents.learning.faults import counted, told, worse
from frontdesk.agents.learning.rules import Rules
from frontdesk.agents.learning.sequential import better, proven, spent

Action = Literal["stay", "try", "canary", "promote", "drop", "roll_back", "watch"]


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
        # Where nothing is shown of it, such as where the model before is gone from the registry, the next one does not wait for ever.
        if missing and begun <= 1000 * rules.most_seconds:
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
    missing = _missing(evidence, begun, rules, canary=situation.share > 0)
    if evidence is None or missing:
        if begun > 1000 * rules.most_seconds:
            return Verdict(
                action="drop", model=model, because=(f"no verdict after {_days(begun)}: {missing}",)
            )
        return Verdict(action="stay", model=model, because=(missing,))
    values = evidence.all_differences()
    share = next((one for one in rules.shares if one > situation.share), None)
    margin = rules.first_margin if situation.share == 0 else rules.margin
    if not proven(better(values, -margin), rules.wrong):
        because = f"not proven yet to be no more than {margin:.1%} worse: {counted(values)}"
        if begun > 1000 * rules.most_seconds:
            return Verdict(action="drop", model=model, because=(f"after {_days(begun)} {because}",))
        return Verdict(action="stay", model=model, because=(because,))
    because = f"no more than {margin:.1%} worse than the model in force: {told(values, rules.wrong)}"
    if share is not None:
        return Verdict(action="canary", model=model, share=share, because=(because,))
    return Verdict(action="promote", model=model, because=(because,))


def _missing(evidence: Evidence | None, begun: int, rules: Rules, *, canary: bool = False) -> str:
    """What a verdict lacks, or nothing."""
    audits = 0 if evidence is None else evidence.audits
    parts = []
    if audits < rules.least_audits:
        parts.append(f"{audits:,} of {rules.least_audits:,} audits")
    if canary and begun < 1000 * rules.few_seconds:
        customers = 0 if evidence is None else evidence.arms[evidence.subject].customers
        if customers < rules.least_customers:
            parts.append(f"{customers:,} of {rules.least_customers:,} customers")
    if begun < 1000 * rules.least_seconds:
        parts.append(f"{begun / 1000:,.0f} of {rules.least_seconds:,.0f} seconds")
    return ", ".join(parts)


def _days(millis: int) -> str:
    return f"{millis / 86_400_000:.1f} days"
