"""Counts of what became of decisions, which can be added up, and the figures that follow from them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from frontdesk.agents.evaluation.metrics import Interval, Numbers
from frontdesk.agents.learning.intervals import Z95, wilson

BUCKETS = 64
"""that customers fall into: means are resampled by bucket, since what one customer gives or costs is alike"""
RESAMPLES = 1_000
OLDER = "older"
"""label of policies and models that are not among the newest"""
_SEED = 1


class Group(NamedTuple):
    """What decided."""

    policy: str
    """hash"""
    model: str
    """version of the local tiers"""
    queue: str = ""
    """empty for all"""


@dataclass(slots=True)
class Share:
    """How many of how many."""

    hits: int = 0
    of: int = 0

    def add(self, *, hit: bool) -> None:
        """One more."""
        self.hits += hit
        self.of += 1

    def plus(self, other: Share) -> Share:
        """Both."""
        return Share(self.hits + other.hits, self.of + other.of)


@dataclass(slots=True)
class Mean:
    """A mean of values that customers gave or caused."""

    sums: Numbers = field(default_factory=lambda: np.zeros(BUCKETS))
    counts: Numbers = field(default_factory=lambda: np.zeros(BUCKETS))

    def add(self, bucket: int, value: float) -> None:
        """One more."""
        self.sums[bucket] += value
        self.counts[bucket] += 1

    def plus(self, other: Mean) -> Mean:
        """Both."""
        return Mean(self.sums + other.sums, self.counts + other.counts)


@dataclass(slots=True)
class Counts:
    """Of one group."""

    messages: int = 0
    conversations: int = 0
    """by their first message"""
    newest: int = 0
    """when its newest message was decided"""
    transferred: Share = field(default_factory=Share)
    """conversations that were handed on after the decision"""
    repeated: Share = field(default_factory=Share)
    """resolved conversations after which the customer came again within a week; of those whose week is over"""
    first_contact: Share = field(default_factory=Share)
    """conversations that were resolved at once, of those that ended and were no repeated contact themselves"""
    corrected: Share = field(default_factory=Share)
    """messages about which a person said that something else was right"""
    asked: Share = field(default_factory=Share)
    """messages about which an LLM was asked, of those with a label record"""
    rating: Mean = field(default_factory=Mean)
    cost: Mean = field(default_factory=Mean)
    """US dollars for the LLM, of messages with a label record"""
    waits: list[float] = field(default_factory=list)
    """seconds from the decision to the assignment, a conversation each"""

    def plus(self, other: Counts) -> Counts:
        """Both."""
        return Counts(
            messages=self.messages + other.messages,
            conversations=self.conversations + other.conversations,
            newest=max(self.newest, other.newest),
            transferred=self.transferred.plus(other.transferred),
            repeated=self.repeated.plus(other.repeated),
            first_contact=self.first_contact.plus(other.first_contact),
            corrected=self.corrected.plus(other.corrected),
            asked=self.asked.plus(other.asked),
            rating=self.rating.plus(other.rating),
            cost=self.cost.plus(other.cost),
            waits=self.waits + other.waits,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number with its 95 % interval, and what it was taken from."""

    value: float
    interval: Interval
    of: int


SHARES = ("transferred", "repeated", "first_contact", "corrected", "asked")
FIGURES = (*SHARES, "rating", "wait_p50", "wait_p95", "cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The figures of one group; those of which nothing is known are missing."""

    group: Group
    messages: int
    conversations: int
    newest: int
    figures: Mapping[str, Figure]
    """by the names of `FIGURES`"""

    def plain(self) -> dict[str, Any]:
        """For JSON and CSV: flat, None where nothing is known."""
        out: dict[str, Any] = {
            **self.group._asdict(),
            "messages": self.messages,
            "conversations": self.conversations,
            "newest": self.newest,
        }
        for name in FIGURES:
            one = self.figures.get(name)
            out[name] = None if one is None else one.value
            out[f"{name}_low"] = None if one is None else one.interval.low
            out[f"{name}_high"] = None if one is None else one.interval.high
            out[f"{name}_of"] = 0 if one is None else one.of
        return out


def without_queues(counts: Mapping[Group, Counts]) -> dict[Group, Counts]:
    """All queues of a policy and model together."""
    return _added((group._replace(queue=""), one) for group, one in counts.items())


def only_newest(counts: Mapping[Group, Counts], keep: int) -> dict[Group, Counts]:
    """The newest policies and models by name, the others as `OLDER`, so that labels stay few however often they change."""
    names = []
    for at in (0, 1):
        newest: dict[str, int] = {}
        for group, one in counts.items():
            newest[group[at]] = max(newest.get(group[at], 0), one.newest)
        names.append(set(sorted(newest, key=lambda name, by=newest: (-by[name], name))[:keep]))  # type: ignore[misc]

    def named(group: Group) -> Group:
        policy = group.policy if group.policy in names[0] else OLDER
        return group._replace(policy=policy, model=group.model if group.model in names[1] else OLDER)

    return _added((named(group), one) for group, one in counts.items())


def rows(counts: Mapping[Group, Counts]) -> list[Row]:
    """The figures of each group, the newest first."""
    order = sorted(counts.items(), key=lambda item: (-item[1].newest, item[0]))
    return [_row(group, one) for group, one in order]


def _added(pairs: Iterable[tuple[Group, Counts]]) -> dict[Group, Counts]:
    out: dict[Group, Counts] = {}
    for group, one in pairs:
        out[group] = out[group].plus(one) if group in out else one
    return out


def _row(group: Group, counts: Counts) -> Row:
    figures: dict[str, Figure] = {}
    for name in SHARES:
        share: Share = getattr(counts, name)
        if share.of:
            interval = wilson(share.hits, share.of)
            figures[name] = Figure(value=share.hits / share.of, interval=interval, of=share.of)
    for name in ("rating", "cost"):
        if (found := _mean(getattr(counts, name))) is not None:
            figures[name] = found
    waits = np.sort(np.array(counts.waits))
    for name, quantile in (("wait_p50", 0.5), ("wait_p95", 0.95)):
        if len(waits):
            figures[name] = _quantile(waits, quantile)
    return Row(
        group=group,
        messages=counts.messages,
        conversations=counts.conversations,
        newest=counts.newest,
        figures=figures,
    )


def _mean(mean: Mean) -> Figure | None:
    """With a bootstrap over the buckets that have anything."""
    of = int(mean.counts.sum())
    if not of:
        return None
    there = mean.counts > 0
    sums, counts = mean.sums[there], mean.counts[there]
    width = len(sums)
    times = np.random.default_rng(_SEED).multinomial(width, np.full(width, 1 / width), size=RESAMPLES)
    low, high = np.percentile((times @ sums) / (times @ counts), (2.5, 97.5))
    return Figure(value=float(sums.sum() / of), interval=Interval(low=float(low), high=float(high)), of=of)


def _quantile(ordered: Numbers, quantile: float) -> Figure:
    """With the order statistics whose ranks are two binomial deviations away: no distribution is assumed."""
    of = len(ordered)
    middle = quantile * of
    half = Z95 * math.sqrt(of * quantile * (1 - quantile))

    def at(rank: float) -> float:
        return float(ordered[min(of - 1, max(0, math.ceil(rank) - 1))])

    interval = Interval(low=at(middle - half), high=at(middle + half + 1))
    return Figure(value=at(middle), interval=interval, of=of)
