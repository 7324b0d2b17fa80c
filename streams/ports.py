"""What the core calls and does not implement. Everything behind a port here is deterministic and does no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from frontdesk.schemas.outputs import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a local labeller says of one text: the best intent, and how sure it is."""

    intent: Label
    unsure: bool
    """true where the confidence is below the labeller's threshold: worth an LLM's answer"""


class IntentLabeller(Protocol):
    """Labels intents locally, a batch at once. Same texts, same answers: no clock, no randomness, no I/O."""

    version: str
    """names the model and the taxonomy it was built from"""

    def label(self, texts: Sequence[str]) -> list[Scores]:
        """One `Scores` per text, in order. Never raises for any str."""
