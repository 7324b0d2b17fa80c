"""Messages in the shop's own words, with what is right about each: what a teacher knows, and the local tiers do not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

import yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One message."""

    text: str
    """of letters alone, so that redaction leaves it as it is"""
    intent: str
    language: str


def lessons(seed: int) -> Iterator[Lesson]:
    """Without end; no text comes twice until nearly all have come. The same seed gives the same lessons."""
    draw = random.Random(seed)  # noqa: S311  # a script, not a secret
    given = yaml.safe_load((files("frontdesk.agents") / "demo" / "lessons.yaml").read_text(encoding="utf-8"))
    seen: set[str] = set()
    while True:
        language = draw.choice(sorted(given))
        words = given[language]
        intent = draw.choice(sorted(words["intents"]))
        core = draw.choice(words["intents"][intent]).replace("{thing}", draw.choice(words["things"]))
        text = draw.choice(words["before"]) + core + draw.choice(words["after"])
        if text not in seen or len(seen) > _MOST:
            seen.add(text)
            yield Lesson(text=text, intent=intent, language=language)


_MOST = 20_000
