"""Finding cue phrases: one pass over the words of a text, looking up phrases by their first word or character."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from frontdesk.streams.lexicon_en import EN, NEGATION_REACH, NEGATORS_EN, NOTHING_EN, OTHERWISE_EN, SARCASM_EN
from frontdesk.streams.lexicon_money import MONEY_EN, MONEY_ZH
from frontdesk.streams.lexicon_zh import NEGATORS_ZH, NOTHING_ZH, OTHERWISE_ZH, SARCASM_ZH, ZH
from frontdesk.streams.together import together

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[\u3400-\u9fff]|[.!?。！？;；,，…\n]")
_STOP = frozenset(".!?。！？;；,，…\n")
_NEGATED_ZH = re.compile(NEGATORS_ZH)
_THANKS = frozenset(("thank", "thanks", "many", "much", "谢", "感", "多"))
"""`no, thank you` thanks"""
_NEGATORS = frozenset(word.replace("'", "") for word in NEGATORS_EN)
_ZH_REACH = 7
"""characters before a phrase in which a Chinese negation may stand"""

PAIRED = 1.0
"""weight of what two words say together"""

ASKED = (("asked", 0.0),)
"""classes of the hit that says: this is about what would be"""

FLAGS = frozenset(
    {"leave", "legal", "safety", "person", "complaint", "failure", "again", "fraud", "hardship"}
)

Phrases = dict[tuple[str, ...], tuple[tuple[tuple[str, ...], tuple[tuple[str, float], ...]], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One phrase found."""

    phrase: str
    """its words, case folded; what may stand between them in the text is left out, since it may be anything"""
    classes: tuple[tuple[str, float], ...]
    """what it speaks for, and how strongly"""
    negated: bool


def find(folded: str) -> Iterator[Hit]:
    """The longest phrases of a case-folded text, from left to right, without overlap; then what pairs of words say."""
    known = phrases()
    folded = folded.replace("'", "")  # many leave it out
    spoken = [(found[0], found.start()) for found in _WORD.finditer(folded)]
    plain = tuple(word for word, _ in spoken)
    yield from _phrases_in(known, folded, spoken, plain)
    for flag, pair in together(plain):
        yield Hit(phrase=pair, classes=ASKED if flag == "asked" else ((flag, PAIRED),), negated=False)


def _phrases_in(
    known: Phrases, folded: str, spoken: Sequence[tuple[str, int]], plain: tuple[str, ...]
) -> Iterator[Hit]:
    at = 0
    while at < len(spoken):
        longer, alone = known.get(plain[at : at + 2], ()), known.get(plain[at : at + 1], ())
        for phrase, classes in longer + alone if longer else alone:
            if plain[at : at + len(phrase)] == phrase:
                if classes:
                    negated = _negated(folded, plain, at, spoken[at][1])
                    yield Hit(phrase=_joined(phrase), classes=classes, negated=negated)
                at += len(phrase)
                break
        else:
            at += 1


def _negated(folded: str, words: tuple[str, ...], at: int, start: int) -> bool:
    if words[at] in _THANKS:
        return False
    if not words[at].isascii():
        return bool(_NEGATED_ZH.search(folded[max(0, start - _ZH_REACH) : start]))
    for word in reversed(words[max(0, at - NEGATION_REACH) : at]):
        if word in _STOP or not word.isascii():
            return False
        if word in _NEGATORS:
            return True
    return False


@cache
def phrases() -> Phrases:
    """Phrases by their first two words, those of one word by it, longest first; one phrase may speak for several classes."""
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for table, split in ((ZH, str.split), (EN, _by_comma)):
        for kind, by_weight in table.items():
            for weight, listed in by_weight.items():
                for phrase in split(listed):
                    found.setdefault(words(phrase), {}).setdefault(kind, weight)
    for known, split in ((MONEY_ZH, str.split), (MONEY_EN, _by_comma)):
        for kind, listed in known.items():
            for phrase in split(listed):
                found.setdefault(words(phrase), _felt(words(phrase), found))[kind] = 1.0
    _keep_flags(found)
    for phrase in (*SARCASM_ZH.split(), *_by_comma(SARCASM_EN)):
        found[words(phrase)] = {"sarcasm": 0.6}
    for phrase in (*NOTHING_ZH.split(), *_by_comma(NOTHING_EN)):
        found[words(phrase)] = {}
    out: dict[tuple[str, ...], list[tuple[tuple[str, ...], tuple[tuple[str, float], ...]]]] = {}
    for one in sorted(found, key=lambda one: (-len(one), one)):
        out.setdefault(one[:2], []).append((one, tuple(found[one].items())))
    return {first: tuple(listed) for first, listed in out.items()}


def _felt(phrase: tuple[str, ...], found: Mapping[tuple[str, ...], Mapping[str, float]]) -> dict[str, float]:
    """What the phrases inside a new one speak for: it is found instead of them."""
    felt: dict[str, float] = {}
    for start in range(len(phrase)):
        for end in range(start + 1, len(phrase) + 1):
            for kind, weight in found.get(phrase[start:end], {}).items():
                felt[kind] = max(weight, felt.get(kind, 0.0))
    return felt


def _keep_flags(found: dict[tuple[str, ...], dict[str, float]]) -> None:
    """A longer phrase is found instead of those inside it: what they say to the rules, it has to say."""
    otherwise = {words(phrase) for phrase in (*OTHERWISE_ZH.split(), *_by_comma(OTHERWISE_EN))}
    flagged = {one: kinds for one in found if (kinds := found[one].keys() & FLAGS)}
    for one, classes in found.items():
        if one not in otherwise:
            for start in range(len(one)):
                for end in range(start + 1, len(one) + 1):
                    inside = one[start:end]
                    for kind in flagged.get(inside, ()):
                        classes.setdefault(kind, found[inside][kind])


def words(phrase: str) -> tuple[str, ...]:
    """A phrase as it is looked up."""
    return tuple(_WORD.findall(phrase.casefold().replace("'", "")))


def _joined(words: tuple[str, ...]) -> str:
    return (" " if all(word.isascii() for word in words) else "").join(words)


def _by_comma(listed: str) -> list[str]:
    return [phrase.strip() for phrase in listed.split(",") if phrase.strip()]
