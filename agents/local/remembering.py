"""The cheapest tier of all: a text that comes again is not looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from cachetools import LRUCache

from frontdesk.streams.ports import IntentLabeller, Said, Scores

REMEMBERED = 20_000
"""texts whose scores are kept: buttons, greetings and forwarded questions come again and again"""
REMEMBERED_CHARS = 300
"""longer texts do not come again"""


class Remembering:
    """Implements `streams.ports.IntentLabeller` over another: a text that comes again is not looked at again.

    The same text always has the same scores, so nothing but time depends on what is remembered.
    """

    def __init__(self, labeller: IntentLabeller, *, entries: int = REMEMBERED) -> None:
        self.version = labeller.version
        self._labeller = labeller
        self._known: LRUCache[str, Scores] = LRUCache(entries)
        self._lock = Lock()

    def label(self, texts: Sequence[str]) -> list[Scores]:
        """As the port promises."""
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
        new = list(dict.fromkeys(text for text in texts if text not in found))
        if new:
            scores = dict(zip(new, self._labeller.label(new), strict=True))
            with self._lock:
                self._known.update(
                    (text, one) for text, one in scores.items() if len(text) <= REMEMBERED_CHARS
                )
            found |= scores
        return [found[text] for text in texts]

    def explain(self, texts: Sequence[str]) -> list[tuple[Said, ...]]:
        """As the port promises."""
        return self._labeller.explain(texts)
