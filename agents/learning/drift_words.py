"""Words that are typical of a group of texts among others: c-TF-IDF, in Chinese and English. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_TOKEN = re.compile(r"\[[a-z_0-9]+\]|[^\W\d_]+")
_WIDE = re.compile(r"[\u3400-\u9fff]+")
LEAST_LETTERS = 3
"""of a word in an alphabet: shorter ones are hardly ever about anything"""
_COMMON = (
    "the and for you your that this with have has was not are can but how what why when where which from will would could "
    "should does did been there they them its just get got any all out our about into than then too very please"
)
_COMMON_WORDS = frozenset(_COMMON.split())


def words_of(text: str) -> set[str]:
    """The words of a text, each once; of Chinese every two characters that follow each other. Placeholders of redaction are none."""
    found: set[str] = set()
    for token in _TOKEN.findall(text.lower()):
        if token.startswith("["):
            continue
        if wide := _WIDE.findall(token):
            found.update(run[at : at + 2] for run in wide for at in range(len(run) - 1))
        elif len(token) >= LEAST_LETTERS and token not in _COMMON_WORDS:
            found.add(token)
    return found


def typical(groups: Sequence[Sequence[str]], most: int = 6) -> list[tuple[str, ...]]:
    """Of each group of texts its most typical words, the most typical first.

    A word's weight is the share of the group's texts that have it, times log(1 + mean group / all texts that have it): Grootendorst, BERTopic,
    2022. A word of a single text is typical of nothing, unless the group has no other text.
    """
    counts = [Counter(word for text in texts for word in words_of(text)) for texts in groups]
    everywhere: Counter[str] = Counter()
    for one in counts:
        everywhere.update(one)
    mean = sum(map(len, groups)) / max(1, len(groups))
    out = []
    for texts, one in zip(groups, counts, strict=True):
        least = min(2, len(texts))
        weights = {
            word: count / len(texts) * math.log(1 + mean / everywhere[word])
            for word, count in one.items()
            if count >= least
        }
        out.append(tuple(sorted(weights, key=lambda word: (-weights[word], word))[:most]))
    return out
