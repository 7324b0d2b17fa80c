"""Language: the script first, then letter statistics among the configured languages, then the customer's locale."""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import Any

from frontdesk.schemas.outputs import Label

UNDETERMINED = "und"
"""BCP 47: there is nothing to go by"""

_MAX_CHARS = 2_000
"""enough for any of the methods; the rest of a long text is not read"""
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d]")
_HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+(?:['’][A-Za-z\u00c0-\u024f]+)*")
_NOISE = re.compile(r"(?:https?://|www\.)[!-~]+|[!-?A-~]+@[!-~]+|\[[A-Z]+\]|[A-Za-z_]*\d[A-Za-z\d_]*")
"""addresses, placeholders and codes: ASCII only, since Chinese stands beside them without a space"""
_SINGLE = (  # scripts that one language in practice owns, or a few share: (characters, languages, how sure the first is)
    (re.compile(r"[\u0e00-\u0e7f]"), ("th",), 0.99),
    (re.compile(r"[\u0370-\u03ff]"), ("el",), 0.97),
    (re.compile(r"[\u0590-\u05ff]"), ("he",), 0.97),
    (re.compile(r"[\u0400-\u04ff]"), ("ru", "uk", "bg", "sr", "be", "mk", "kk", "mn", "ky"), 0.6),
    (re.compile(r"[\u0600-\u06ff]"), ("ar", "fa", "ur", "ug", "ps"), 0.6),
    (re.compile(r"[\u0900-\u097f]"), ("hi", "mr", "ne"), 0.7),
)
_NOT_LATIN = frozenset(("zh", "ja", "ko", *(tag for _, tags, _ in _SINGLE for tag in tags)))
_HAN_PER_WORD = 2
"""one Han character weighs as much as two Latin words: product names do not make a Chinese sentence English"""
_KANA_SHARE = 0.15
"""below it a kana is decoration in a Chinese text"""
_SHORT_LETTERS, _SHORT_WORDS = 12, 3
_LOCK = threading.Lock()


def detect(text: str, locale: str | None, allowed: tuple[str, ...]) -> Label:
    """The language of a text, as a BCP 47 primary tag.

    Source `rule` where the script decides, whatever is allowed; `local` where statistics choose among `allowed`;
    `fallback` where only the locale or a guess is left. Never raises. The first call that needs statistics loads them
    (some 100 ms).
    """
    sample = _NOISE.sub(" ", text[:_MAX_CHARS])
    by_script = _script(sample)
    if by_script is not None:
        return by_script
    words = _LATIN_WORD.findall(sample)
    for script, tags, sure in _SINGLE:
        if len(script.findall(sample)) > sum(map(len, words)):
            return _among(sample, tuple(tag for tag in tags if tag in allowed), tags[0], sure)
    if not words:
        return _from_locale(locale)
    if sum(map(len, words)) < _SHORT_LETTERS or len(words) < _SHORT_WORDS:
        return _short(words, locale, allowed)
    latin = tuple(tag for tag in allowed if tag not in _NOT_LATIN)
    return _among(sample, latin, "en", 0.5)


def _script(text: str) -> Label | None:
    han, kana, hangul = (len(script.findall(text)) for script in (_HAN, _KANA, _HANGUL))
    words = len(_LATIN_WORD.findall(text))
    if not han + kana + hangul or (han + kana + hangul) * _HAN_PER_WORD < words:
        return None
    if hangul and hangul >= han + kana:
        value, share = "ko", hangul / (hangul + han + kana)
    elif kana > _KANA_SHARE * (han + kana):
        value, share = "ja", 1.0
    else:
        value, share = "zh", 1.0 - kana / (han + kana)
    mixed = words / (words + han + kana + hangul)
    return Label(value=value, confidence=round(min(0.99, share * (1 - 0.4 * mixed)), 3), source="rule")


def _among(text: str, tags: tuple[str, ...], otherwise: str, sure: float) -> Label:
    if not tags:
        return Label(value=otherwise, confidence=sure, source="rule" if sure > 0.5 else "fallback")
    if len(tags) == 1:
        return Label(value=tags[0], confidence=max(sure, 0.9), source="rule")
    identifier = _identifier(tags)
    if identifier is None:
        return Label(value=tags[0], confidence=0.4, source="fallback")
    value, probability = identifier.classify(text.encode("utf-8", "replace").decode())
    return Label(value=str(value), confidence=round(float(probability), 3), source="local")


def _identifier(tags: tuple[str, ...]) -> Any | None:
    with _LOCK:
        return _load(tuple(sorted(set(tags))))


@lru_cache(maxsize=4)
def _load(tags: tuple[str, ...]) -> Any | None:
    """A model of its own for each set of languages, since restricting one changes it; None if it knows none of them."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = [tag for tag in tags if tag in identifier.labels]
    if not known:
        return None
    identifier.set_languages(known)
    return identifier


def _short(words: list[str], locale: str | None, allowed: tuple[str, ...]) -> Label:
    """Few Latin words say little: the locale, if its language could look like this; else English."""
    tag = _primary(locale)
    if tag is not None and (tag not in _NOT_LATIN or len(words) == 1):
        return Label(value=tag, confidence=0.5, source="fallback")
    latin = [name for name in allowed if name not in _NOT_LATIN]
    guess = "en" if "en" in latin or not latin else latin[0]
    return Label(value=guess, confidence=0.4, source="fallback")


def _from_locale(locale: str | None) -> Label:
    tag = _primary(locale)
    if tag is None:
        return Label(value=UNDETERMINED, confidence=0.0, source="fallback")
    return Label(value=tag, confidence=0.3, source="fallback")


def _primary(locale: str | None) -> str | None:
    tag = re.split(r"[-_.@]", locale or "", maxsplit=1)[0].strip().lower()
    return tag if re.fullmatch(r"[a-z]{2,3}", tag) and tag != UNDETERMINED else None
