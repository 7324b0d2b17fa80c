"""Disguise: letters that read like others, and characters that nobody sees. Rules have to see what a person sees.

Without it `lаwyer` with a Cyrillic а, `ｌａｗｙｅｒ` in full width or 律师 with a zero-width space inside would pass by every cue.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff"
"""what nobody sees, as the inside of a character class: marks of direction, joiners, variants"""
_TAGS = "\U000e0000-\U000e007f"
_FULL_WIDTH = "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"
_STYLED = "\u2100-\u214f\u24b6-\u24e9\U0001d400-\U0001d7ff"
"""letter-like symbols, encircled letters, mathematical alphabets"""
_LOOK_ALIKE = dict(
    zip(
        "аеорсхуіјѕһԁԛԝАВЕНІЈКМОРСТХЅУԌαονρτυικΑΒΕΗΙΚΜΝΟΡΤΥΧΖ",
        "aeopcxyijshdqwABEHIJKMOPCTXSYGaovptuikABEHIKMNOPTYXZ",
        strict=True,
    )
)
"""Cyrillic and Greek (Unicode Technical Standard 39, confusables; those that make Latin words)"""
_DISGUISED = re.compile(f"[{INVISIBLE}{_TAGS}{_FULL_WIDTH}{_STYLED}{''.join(_LOOK_ALIKE)}]")


def undisguised(text: str) -> str:
    """The text in plain letters, without what is invisible. Never raises; linear; most texts come back as they are."""
    return text if text.isascii() else _DISGUISED.sub(lambda found: _plain(found[0]), text)


@cache
def _plain(char: str) -> str:
    if char in _LOOK_ALIKE:
        return _LOOK_ALIKE[char]
    plain = unicodedata.normalize("NFKC", char)
    if len(plain) == 1 and plain.isalnum():
        return plain
    # A number sign is no "No", which would negate what follows.
    return "" if unicodedata.category(char) in ("Cf", "Mn") else char
