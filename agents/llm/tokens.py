"""How many tokens a text is: estimated, because vocabularies would have to be downloaded; and a bound that always holds."""

from __future__ import annotations

import re

_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]+")
"""scripts of which a character is about one token: Chinese, Japanese, Korean, and their punctuation"""
LATIN_CHARS = 4
"""characters of a token in English text"""
OTHER_CHARS = 2
"""characters of a token in other scripts: Cyrillic, Arabic, accented letters, emoji"""


def estimate(text: str) -> int:
    """About how many tokens a text is, for sharing out room; it may be too low. Never 0 for a text."""
    wide = sum(map(len, _WIDE.findall(text)))
    ascii_ = len(text.encode("ascii", "ignore"))
    return wide - (-ascii_ // LATIN_CHARS) - (-(len(text) - wide - ascii_) // OTHER_CHARS)


def at_most(text: str) -> int:
    """More tokens than this a text never is: its bytes in UTF-8.

    A byte-level BPE starts with a token for each byte and only ever merges; a SentencePiece model falls back to bytes.
    """
    return len(text.encode("utf-8", "replace"))


def cut(text: str, tokens: int) -> str:
    """The text, or so much of its beginning and its end that the estimate is `tokens` at most."""
    kept = len(text)
    shortened = text
    while kept > 0 and (size := estimate(shortened)) > tokens:
        kept = min(kept - 1, kept * max(0, tokens) // size)
        shortened = shorten(text, kept)
    return shortened if kept > 0 else ""


def shorten(text: str, chars: int) -> str:
    """The text, or its beginning and its end: what decides an intent stands there."""
    if len(text) <= chars:
        return text
    half = chars // 2
    return f"{text[:half]} … {text[-half:]}" if half else ""
