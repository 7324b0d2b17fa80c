"""Hashed character and word n-grams, weighted by how rare they are: the features of the cheapest tier. Needs scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import normalize

Floats: TypeAlias = NDArray[np.float32]

CHARS, WORDS = 2**16, 2**15
"""buckets; together the number of features"""
FEATURES = CHARS + WORDS
MOST_CHARS = 600
"""characters looked at: the cost grows with them, and what a customer wants stands at the beginning or the end"""


class Ngrams:
    """Texts to rows of `FEATURES` columns, each half of unit length. Hashing needs no vocabulary: nothing to store, nothing
    unknown. Safe to call from several threads."""

    def __init__(self, idf: Floats) -> None:
        """With the weight of each feature, as `fitted` finds it."""
        if idf.shape != (FEATURES,):
            raise ValueError(f"{FEATURES} weights are needed, not {idf.shape}")
        self.idf = idf

    @classmethod
    def fitted(cls, texts: Sequence[str]) -> Ngrams:
        """Weights by the share of these texts that have a feature: log((1 + n) / (1 + df)) + 1."""
        counts = np.zeros(FEATURES)
        for block, first in zip(_counted(texts), (0, CHARS), strict=True):
            counts[first : first + block.shape[1]] = np.bincount(block.indices, minlength=block.shape[1])
        return cls((np.log((1 + len(texts)) / (1 + counts)) + 1).astype(np.float32))

    def __call__(self, texts: Sequence[str]) -> csr_matrix:
        """One row for each text."""
        blocks = []
        for block, first in zip(_counted(texts), (0, CHARS), strict=True):
            block.data = (np.log(block.data) + 1) * self.idf[first + block.indices]
            blocks.append(normalize(block, copy=False))
        return hstack(blocks, format="csr")


def _counted(texts: Sequence[str]) -> tuple[csr_matrix, csr_matrix]:
    cut = [_cut(text) for text in texts]
    return _CHARS.transform(cut), _WORDS.transform(cut)


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARS:
        return text
    half = MOST_CHARS // 2
    return f"{text[:half]} {text[-half:]}"


def _hashing(buckets: int, **how: Any) -> HashingVectorizer:
    return HashingVectorizer(n_features=buckets, alternate_sign=False, norm=None, dtype=np.float32, **how)


_CHARS = _hashing(CHARS, analyzer="char_wb", ngram_range=(2, 4))
_WORDS = _hashing(WORDS, analyzer="word", ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b")  # noqa: S106  # no password
