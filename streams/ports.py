"""What the core calls and does not implement. Everything behind a port here is deterministic and does no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from frontdesk.schemas.outputs import Label
from frontdesk.streams.batch import Answer
from frontdesk.streams.effects import Ask, Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a local labeller says of one text: the best intent, and how sure it is."""

    intent: Label
    unsure: bool
    """true where the confidence is below the labeller's threshold: worth an LLM's answer"""
    emotion: Label | None = None
    """a trained tier's, where it is sure; cues decide where it is None"""
    urgency: Label | None = None
    """as above"""
    leaning: Label | None = None
    """an emotion that is more likely than others, and no more: heard where the words show none"""
    out_of_scope: float = 0.0
    """0 to 1: how likely it is that the text is about nothing the taxonomy speaks of"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one tier says of one label of one text: for people, see `IntentLabeller.explain`."""

    label: str
    """intent, emotion, urgency or out_of_scope"""
    tier: str
    """ngrams, embedding, ...: in the order in which they were asked"""
    value: str
    confidence: float
    """0 to 1"""
    threshold: float
    """the tier is believed from this confidence on"""
    milliseconds: float = 0.0
    """what asking it cost, of the batch divided by its texts; 0 where it was not measured"""


class Llm(Protocol):
    """What the core may know of the LLM without asking it. Both answer at once, from any thread."""

    def most(self, ask: Ask | Draft) -> float:
        """The most, in US dollars, that the answer may cost."""

    def recall(self, ask: Ask) -> Answer | None:
        """The answer that was given to the same question before, with ``cache`` as the source of its labels; None when it is
        not remembered."""


class NoLlm:
    """Implements `Llm` where there is none: nothing costs anything, nothing is remembered."""

    def most(self, ask: Ask | Draft) -> float:
        """Nothing."""
        return 0.0

    def recall(self, ask: Ask) -> Answer | None:
        """Nothing."""
        return None


class IntentLabeller(Protocol):
    """Labels intents locally, a batch at once. Same texts, same answers: no clock, no randomness, no I/O."""

    version: str
    """names the model and the taxonomy it was built from"""

    def label(self, texts: Sequence[str]) -> list[Scores]:
        """One `Scores` per text, in order. Never raises for any str."""

    def explain(self, texts: Sequence[str]) -> list[tuple[Said, ...]]:
        """What every tier says of every text, also where an earlier one was sure. Slower than `label`; for people."""
