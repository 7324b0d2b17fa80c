"""Whether what customers write has changed: words, languages, lengths and meaning, of now against a reference. Pure.

Each message is a row of shares: of n-grams in buckets, of one language, of one length. How far the mean rows of two periods are apart is
the population stability index; how far they would be apart by chance is found by dealing the customers of both periods out anew. A
few messages differ by much and it means nothing: they do not alarm.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from frontdesk.agents.embedding import Vectors

PERMUTATIONS = 999
ALPHA = 0.0025
"""for each of the four measures: one in a hundred of all looks is a false alarm"""
LEAST: Mapping[str, float] = {"words": 0.01, "language": 0.1, "length": 0.1, "meaning": 0.01}
"""Below it a measure counts as the same, however sure. Of languages and lengths the usual bound of the index. Words share their trigrams with all
other words of a language, and means of embeddings lie close: there it is what a fifth of the messages being of another trade does,
measured on Banking77 with MultiDoGO (docs/drift.md)."""
MOST_MESSAGES = 3_000
"""of a period: whoever calls draws them"""
BUCKETS = 64
LENGTHS = (10, 20, 40, 80, 160, 320, 640)
"""characters: bounds of the bins"""
_SMALL = 0.5
"""a message's worth, spread over all buckets: an empty one has no logarithm"""

Rows: TypeAlias = NDArray[np.float64]
Statistic: TypeAlias = Callable[[Rows, Rows, float, float], Rows]
"""summed rows of both periods (a row a deal), and how many messages each has -> a number a deal"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One measure of two periods."""

    measure: str
    """words, language, length or meaning"""
    distance: float
    """population stability index; of meaning, the squared distance of the means as a share of the mean squared distance of messages from
    theirs"""
    by_chance: float
    """what 99 % of the deals stay below"""
    probability: float
    """of such a distance by chance"""
    flagged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Messages of one period."""

    texts: Sequence[str]
    languages: Sequence[str]
    customers: Sequence[str]
    """empty where not known"""
    vectors: Vectors | None = None


def shifts(reference: Sample, current: Sample, rng: np.random.Generator) -> list[Shift]:
    """Every measure. Nothing where a period has no messages."""
    if not reference.texts or not current.texts:
        return []
    known = {name: at for at, name in enumerate(sorted({*reference.languages, *current.languages}))}

    def one_hot(codes: Sequence[int], width: int) -> Rows:
        rows = np.zeros((len(codes), width))
        rows[np.arange(len(codes)), codes] = 1.0
        return rows

    def languages(sample: Sample) -> Rows:
        return one_hot([known[name] for name in sample.languages], len(known))

    def lengths(sample: Sample) -> Rows:
        return one_hot(
            np.searchsorted(LENGTHS, [len(text) for text in sample.texts]).tolist(), len(LENGTHS) + 1
        )

    def words(sample: Sample) -> Rows:
        return np.stack([ngram_shares(text) for text in sample.texts])

    out = []
    customers = reference.customers, current.customers
    for name, rows in (("words", words), ("language", languages), ("length", lengths)):
        out.append(_shift(name, rows(reference), rows(current), customers, psi, rng))
    if reference.vectors is not None and current.vectors is not None:
        before, now = reference.vectors.astype(np.float64), current.vectors.astype(np.float64)
        out.append(_shift("meaning", before, now, customers, _turn(before, now), rng))
    return out


def ngram_shares(text: str) -> Rows:
    """How a text's n-grams fall into buckets, as shares: character trigrams in an alphabet, which in Chinese are about two words."""
    counts = np.zeros(BUCKETS)
    data = f" {text.lower()} "
    for at in range(max(1, len(data) - 2)):
        counts[zlib.crc32(data[at : at + 3].encode("utf-8", "replace")) % BUCKETS] += 1
    shares: Rows = counts / counts.sum()
    return shares


def psi(before: Rows, now: Rows, count_before: float, count_now: float) -> Rows:
    """The population stability index of summed rows: the sum over the buckets of (p - q) * log(p / q)."""
    width = before.shape[-1]
    p = (now + _SMALL / width) / (count_now + _SMALL)
    q = (before + _SMALL / width) / (count_before + _SMALL)
    return np.asarray(((p - q) * np.log(p / q)).sum(axis=-1))


def _turn(before: Rows, now: Rows) -> Statistic:
    spread = max(
        1e-9,
        float(
            (before.var(axis=0).sum() * len(before) + now.var(axis=0).sum() * len(now))
            / (len(before) + len(now))
        ),
    )

    def distance(sums_before: Rows, sums_now: Rows, count_before: float, count_now: float) -> Rows:
        apart = sums_now / count_now - sums_before / count_before
        return np.asarray((apart**2).sum(axis=-1) / spread)

    return distance


def _shift(
    name: str,
    before: Rows,
    now: Rows,
    customers: tuple[Sequence[str], Sequence[str]],
    statistic: Statistic,
    rng: np.random.Generator,
) -> Shift:
    """The distance, and how it compares with those of random deals of the customers.

    A customer's messages stay together: they are alike, and dealing them out one by one would make chance look smaller than it is.
    """
    sums, sizes, is_now = _by_customer(before, now, customers)
    total, messages = sums.sum(axis=0), float(sizes.sum())
    theirs = is_now.astype(np.float64)

    def of(deals: Rows) -> Rows:
        counts = deals @ sizes
        taken = deals @ sums
        return np.concatenate(
            [
                statistic((total - one)[None], one[None], messages - n, n)
                for one, n in zip(taken, counts, strict=True)
            ]
        )

    distance = float(of(theirs[None])[0])
    deals = np.stack([rng.permutation(theirs) for _ in range(PERMUTATIONS)])
    chance = of(deals)
    probability = float((1 + (chance >= distance).sum()) / (PERMUTATIONS + 1))
    return Shift(
        measure=name,
        distance=distance,
        by_chance=float(np.quantile(chance, 0.99)),
        probability=probability,
        flagged=probability <= ALPHA and distance >= LEAST[name],
    )


def _by_customer(
    before: Rows, now: Rows, customers: tuple[Sequence[str], Sequence[str]]
) -> tuple[Rows, Rows, NDArray[np.bool_]]:
    """Rows added up by customer and period, how many messages each has, and whether it is of now."""
    names = [(period, name or f"\0{at}") for period, of in enumerate(customers) for at, name in enumerate(of)]
    places: dict[tuple[int, str], int] = {}
    code = np.array([places.setdefault(name, len(places)) for name in names])
    rows = np.concatenate([before, now])
    sums = np.zeros((len(places), rows.shape[1]))
    np.add.at(sums, code, rows)
    is_now = np.array([period == 1 for period, _ in places])
    return sums, np.bincount(code).astype(np.float64), is_now
