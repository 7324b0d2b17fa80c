"""Cleaning: what a text has to be to be learned from, and why others are left out. Pure; never raises."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from frontdesk.streams.disguise import INVISIBLE
from frontdesk.streams.redact import redact

MOST_CHARS = 2_000
"""longer texts are cut: what a customer wants stands long before"""

EMPTY, NO_LETTERS, PLACEHOLDERS, NOISE = JUNK = ("empty", "no_letters", "placeholders_only", "keyboard_noise")
"""why a text is left out"""

_SPACE = re.compile(r"\s+")
_CONTROL = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x9f{INVISIBLE}\ufff9-\ufffb\ufffe\uffff]")
_PLACEHOLDER = re.compile(r"\[[A-Z]{2,12}\]")
_FOLD_DIGITS = re.compile(r"\d+")
_FOLD_REST = re.compile(r"[^\w\[\]]+|_")
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[a-z]+")
_VOWELS = re.compile(r"[aeiouy]")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = frozenset(
    pair for row in _ROWS for left, right in pairwise(row) for pair in (left + right, right + left)
)
_REPEATED = 5
"""times that one letter alone has to come to be noise"""
_MASHED = 6
"""letters that a word without vowels, or along a row of keys, has to have"""
_ALONG = 0.75
"""share of a word's pairs of letters that lie side by side on the keyboard: "property" has half of them"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """A text as it is learned from."""

    text: str
    junk: str | None = None
    """one of `JUNK`; None: it is worth learning from"""
    cut: bool = False
    redacted: bool = False
    """personal data was found in it, which should have been replaced before"""


def cleaned(text: str) -> Cleaned:
    """The text redacted, normalised and cut. Cleaning twice changes nothing more."""
    plain = normalised(text)
    hidden = normalised(redact(plain))
    cut = len(hidden) > MOST_CHARS
    short = normalised(redact(_cut(hidden))) if cut else hidden
    return Cleaned(text=short, junk=_junk(short), cut=cut, redacted=hidden != plain)


def normalised(text: str) -> str:
    """NFKC, without what nobody sees, with single spaces."""
    seen = _CONTROL.sub("", text)
    plain = seen if seen.isascii() else _CONTROL.sub("", unicodedata.normalize("NFKC", seen))
    return _SPACE.sub(" ", plain).strip()


def folded(text: str) -> str:
    """What near-duplicates share to the letter: no case, no punctuation, and any number is like any other."""
    return _FOLD_REST.sub(" ", _FOLD_DIGITS.sub("0", text.casefold())).strip()


def _cut(text: str) -> str:
    """Cut where no placeholder is broken."""
    short = text[:MOST_CHARS]
    opened = short.rfind("[")
    if opened > short.rfind("]") and MOST_CHARS - opened <= 12:
        short = short[:opened]
    return short.rstrip()


def _junk(text: str) -> str | None:
    if not text:
        return EMPTY
    rest = _PLACEHOLDER.sub(" ", text)
    words = _WORD.findall(rest.lower())
    if not words:
        return PLACEHOLDERS if rest != text else NO_LETTERS
    return NOISE if all(map(_is_noise, words)) else None


def _is_noise(word: str) -> bool:
    if len(word) >= _REPEATED and len(set(word)) == 1:
        return True
    if len(word) < _MASHED or not _LATIN.fullmatch(word):
        return False
    if not _VOWELS.search(word):
        return True
    pairs = [word[at : at + 2] for at in range(len(word) - 1)]
    return sum(pair in _NEIGHBOURS for pair in pairs) >= _ALONG * len(pairs)
