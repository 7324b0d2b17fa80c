"""Near-duplicates: texts of which nearly all is the same, found without comparing each with each. Pure.

Short texts are alike only where they are equal once folded (`clean.folded`): a word more or less changes what they say. Longer ones are
alike where their shingles, four letters each, agree by nine tenths. Candidates are found by MinHash in bands (Broder 1997; Leskovec,
Rajaraman, Ullman, Mining of Massive Datasets, chapter 3): a pair that agrees by nine tenths is missed once in seventy times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

ALIKE = 0.9
"""share of the shingles of two texts together that both have"""
LONG = 24
"""letters from which on texts may be alike without being equal"""
_SHINGLE = 4
_BANDS, _ROWS = 4, 4
_LEADERS = 8
"""of a band, with which the others are compared: what bounds the work where very many are candidates"""
_BLOCK = 4_096
_PRIME = np.uint64(0x100000001B3)
_SEED = 20_241_128

Hashes = NDArray[np.uint64]


def leaders(texts: Sequence[str], labels: Sequence[str]) -> list[int]:
    """For each folded text, all of them different, the number of the first text that it is alike: its own where there is none before.

    Only texts with the same label are: what turns a meaning round may be one short word. Linear in the characters, but for sorting.
    """
    leader = list(range(len(texts)))
    long = [number for number, text in enumerate(texts) if len(text) >= LONG]
    for members in _candidates([texts[number] for number in long]):
        _join([long[member] for member in members], texts, labels, leader)
    return [_root(leader, number) for number in range(len(texts))]


def _join(members: Sequence[int], texts: Sequence[str], labels: Sequence[str], leader: list[int]) -> None:
    """Put the members of one band, in order, under the first that they are alike."""
    known: list[tuple[int, frozenset[str]]] = []
    for member in members:
        own, shingles = _root(leader, member), _shingles(texts[member])
        for other, others in known:
            root = _root(leader, other)
            if root == own or (labels[other] == labels[member] and _alike(shingles, others)):
                low, high = sorted((root, own))
                leader[high] = low
                break
        else:
            if len(known) < _LEADERS:
                known.append((member, shingles))


def _root(leader: list[int], number: int) -> int:
    while leader[number] != number:
        leader[number] = leader[leader[number]]
        number = leader[number]
    return number


def _shingles(text: str) -> frozenset[str]:
    return frozenset(text[at : at + _SHINGLE] for at in range(len(text) - _SHINGLE + 1))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    both = len(one & other)
    return both >= ALIKE * (len(one) + len(other) - both)


def _candidates(texts: Sequence[str]) -> Iterator[list[int]]:
    """Numbers of texts that share a band, in order; every band, one after the other."""
    if not texts:
        return
    bands = np.concatenate([_bands(texts[start : start + _BLOCK]) for start in range(0, len(texts), _BLOCK)])
    for band in bands.T:
        order = np.argsort(band, kind="stable")
        edges = np.flatnonzero(np.diff(band[order])) + 1
        for start, end in pairwise([0, *edges.tolist(), len(order)]):
            if end - start > 1:
                yield order[start:end].tolist()


def _bands(texts: Sequence[str]) -> Hashes:
    """A row of band values for each text."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(
        np.uint64
    )
    with np.errstate(over="ignore"):
        rolled = np.zeros(len(codes) - _SHINGLE + 1, dtype=np.uint64)
        for at in range(_SHINGLE):
            rolled = (rolled ^ codes[at : at + len(rolled)]) * _PRIME
        rolled ^= rolled >> np.uint64(29)
        # A shingle that reaches into the next text takes the hash of the last one that does not.
        ends = np.cumsum([len(text) for text in texts])
        for back in range(1, _SHINGLE):
            inner = ends[:-1] - back
            rolled[inner] = rolled[ends[:-1] - _SHINGLE]
        starts = np.concatenate([[0], ends[:-1]])
        lowest = [np.minimum.reduceat(_mixed(rolled, seed), starts) for seed in range(_BANDS * _ROWS)]
        rows = np.stack(lowest, axis=1).reshape(len(texts), _BANDS, _ROWS)
        value = np.zeros((len(texts), _BANDS), dtype=np.uint64)
        for at in range(_ROWS):
            value = (value ^ rows[:, :, at]) * _PRIME
            value ^= value >> np.uint64(31)
    return value


def _mixed(values: Hashes, seed: int) -> Hashes:
    """Another hash of hashes for each seed (splitmix64)."""
    mixed = values + np.uint64((_SEED + seed) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
