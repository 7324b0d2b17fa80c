"""Intents that nobody has named yet: groups among the messages that no label fits, which grow. Pure: arrays in, findings out.

Messages of the reference and of now are grouped together, without looking at which is which; only then is counted how many customers of
each period a group has. So a group is not found where it grows because it was looked for there, and the test below holds its promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from frontdesk.agents.embedding import Vectors
from frontdesk.agents.learning.drift_words import typical
from frontdesk.agents.learning.intervals import at_least

CLOSENESS = (0.5, 0.6, 0.7)
"""cosines from which two messages are about the same: intents are of different widths, so several are tried, and all tests counted"""
MOST_MESSAGES = 4_000
"""that are grouped: work and memory grow with the square"""
LEAST_CUSTOMERS = 8
"""of a group now"""
LEAST_GROWTH = 3.0
"""times the reference's rate: talk comes and goes by less than that for no reason at all"""
ALPHA = 0.001
"""of one look that a group is flagged though nothing has changed"""
_EXAMPLES = 5
_BLOCK = 512

Codes: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """The messages of a period that no label fits."""

    vectors: Vectors
    """unit vectors, a row a message"""
    texts: Sequence[str]
    """redacted"""
    customers: Sequence[str]
    """empty where not known"""
    of: int
    """messages of the period in all"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIntent:
    """A group of messages that has grown."""

    size: int
    """messages now, of those that were looked at"""
    customers: int
    """who wrote them"""
    before: int
    """customers of the reference in the same group"""
    growth: float
    """of its share of all messages; infinite where there was none before"""
    probability: float
    """of such a growth by chance, times the number of groups that were looked at"""
    words: tuple[str, ...]
    examples: tuple[str, ...]
    """the messages nearest to the middle"""
    description: str
    """suggested for a taxonomy"""


def new_intents(reference: Talk, current: Talk, rng: np.random.Generator) -> list[NewIntent]:
    """The groups that have grown beyond chance, the surest first; of those that overlap, the surest.

    A customer counts once in a group and period, however often they write. Costs at most some seconds.
    """
    total = len(reference.texts) + len(current.texts)
    before, now = (thin(len(one.texts), total, rng) for one in (reference, current))
    if not len(now):
        return []
    # A period without messages has vectors of no width.
    vectors = (
        np.concatenate([reference.vectors[before], current.vectors[now]])
        if len(before)
        else current.vectors[now]
    )
    texts = [*(reference.texts[at] for at in before), *(current.texts[at] for at in now)]
    customers = [*(reference.customers[at] for at in before), *(current.customers[at] for at in now)]
    is_now = np.arange(len(texts)) >= len(before)
    chance = current.of / (current.of + reference.of)
    found: list[tuple[float, Codes, int, int]] = []
    tests = 0
    for closeness in CLOSENESS:
        for members in groups(vectors, closeness):
            ours = _distinct(customers, members[is_now[members]])
            theirs = _distinct(customers, members[~is_now[members]])
            tests += ours + theirs >= LEAST_CUSTOMERS
            if ours >= LEAST_CUSTOMERS:
                found.append((at_least(ours, ours + theirs, chance), members, ours, theirs))
    kept: list[tuple[float, Codes, int, int]] = []
    for one in sorted(found, key=lambda one: one[0]):
        probability, members, ours, theirs = one
        grown = ours * reference.of >= LEAST_GROWTH * theirs * current.of
        if probability * tests > ALPHA or not grown:
            continue
        if all(2 * len(np.intersect1d(members, other)) <= len(members) for _, other, _, _ in kept):
            kept.append(one)
    return _described(kept, tests, vectors, texts, is_now, reference.of, current.of)


def groups(vectors: Vectors, closeness: float) -> list[Codes]:
    """Disjoint groups of rows, the largest first: a row with all that are so close to it and in no group yet. Rows that are alone are in none."""
    near = _near(vectors, closeness)
    free = np.ones(len(vectors), dtype=bool)
    counts = near.sum(axis=1, dtype=np.int64)
    out: list[Codes] = []
    while len(counts):
        best = int(np.argmax(counts))
        if counts[best] < 2:
            return out
        members = np.flatnonzero(near[best] & free)
        out.append(members)
        free[members] = False
        counts -= near[:, members].sum(axis=1, dtype=np.int64)
        counts[members] = 0
    return out


def _near(vectors: Vectors, closeness: float) -> NDArray[np.bool_]:
    near = np.empty((len(vectors), len(vectors)), dtype=bool)
    for start in range(0, len(vectors), _BLOCK):
        near[start : start + _BLOCK] = vectors[start : start + _BLOCK] @ vectors.T >= closeness
    # A product of a row with itself may round to less than it.
    np.fill_diagonal(near, val=True)
    return near


def thin(count: int, total: int, rng: np.random.Generator) -> Codes:
    """Which of a period's `count` messages are looked at where both periods have `total`: the same share of both, so that rates stay what
    they are."""
    return np.sort(rng.permutation(count)[: round(count * min(1.0, MOST_MESSAGES / max(1, total)))])


def _distinct(customers: Sequence[str], members: Codes) -> int:
    """Customers among these messages; one that is not known stands for itself."""
    return len({customers[at] or at for at in members.tolist()})


def _described(
    kept: Sequence[tuple[float, Codes, int, int]],
    tests: int,
    vectors: Vectors,
    texts: Sequence[str],
    is_now: NDArray[np.bool_],
    messages_before: int,
    messages_now: int,
) -> list[NewIntent]:
    if not kept:
        return []
    inside = np.unique(np.concatenate([members for _, members, _, _ in kept]))
    others = np.setdiff1d(np.arange(len(texts)), inside)
    # Words are typical against the rest of the talk as well, not only against other new intents.
    words = typical([*([texts[at] for at in one[1]] for one in kept), [texts[at] for at in others]])
    out = []
    for (probability, members, ours, theirs), typical_words in zip(kept, words[:-1], strict=True):
        mine = members[is_now[members]]
        middle = vectors[mine].mean(axis=0)
        nearest = mine[np.argsort(-(vectors[mine] @ middle), kind="stable")]
        examples = tuple(dict.fromkeys(texts[at] for at in nearest.tolist()))[:_EXAMPLES]
        rate = theirs * messages_now / messages_before if messages_before else 0.0
        out.append(
            NewIntent(
                size=len(mine),
                customers=ours,
                before=theirs,
                growth=ours / rate if rate else float("inf"),
                probability=min(1.0, probability * tests),
                words=typical_words,
                examples=examples,
                description=f"Customers write about {', '.join(typical_words[:3]) or 'this'}, as in: {examples[0]}",
            )
        )
    return out
