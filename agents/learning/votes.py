"""Votes: what people say a message is, and what that comes to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from frontdesk.agents.learning.rows import Given

Weigh = Callable[[Given], float]
"""how much a feedback counts; 0: not at all"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the people who spoke about a message come to."""

    value: str = ""
    """empty where nobody spoke, or as many say one thing as another"""
    by: tuple[str, ...] = ()
    """who says `value`, in order"""
    weight: float = 0.0
    """of them together"""
    disagree: bool = False
    """not all say the same"""
    tie: bool = False


def alike(given: Given) -> float:
    """Everybody counts the same."""
    del given
    return 1.0


def verdict(votes: Iterable[Given], label: str, weigh: Weigh = alike) -> Verdict:
    """The value of `label` (intent, emotion or urgency) that most say, by weight. The last word of each person counts."""
    last: dict[str, Given] = {}
    for vote in in_order(votes):
        if getattr(vote, label) and weigh(vote) > 0:
            last[vote.by] = vote
    sums: dict[str, float] = {}
    for name in sorted(last):
        value = getattr(last[name], label)
        sums[value] = sums.get(value, 0.0) + weigh(last[name])
    if not sums:
        return Verdict()
    most = max(sums.values())
    best = [value for value, weight in sums.items() if weight == most]
    if len(best) > 1:
        return Verdict(disagree=True, tie=True)
    by = tuple(name for name in sorted(last) if getattr(last[name], label) == best[0])
    return Verdict(value=best[0], by=by, weight=most, disagree=len(sums) > 1)


def in_order(votes: Iterable[Given]) -> Sequence[Given]:
    """As they were given, the same whatever order they were collected in."""
    return sorted(
        votes, key=lambda one: (one.at, one.by, one.decision_id, one.intent, one.emotion, one.urgency)
    )
