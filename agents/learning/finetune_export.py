"""Examples as files for fine-tuning a chat model: what our prompt asks, and the answer that people gave, one JSON line each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from frontdesk.agents.learning.examples import HOLDOUT, LLM, PERSON, Example
from frontdesk.agents.llm.prompt import LabelPrompt
from frontdesk.agents.llm.tokens import estimate
from frontdesk.agents.llm.verdict import FIELDS
from frontdesk.schemas.outputs import Label, Labels
from frontdesk.schemas.types import Millis
from frontdesk.streams.effects import Ask
from frontdesk.streams.taxonomy import Taxonomy

Trusted = Literal["people", "confirmed"]
"""whose labels are taught: those of people alone, or also those of an LLM that another voice confirmed"""

CONFIDENCE: Mapping[str, float] = {PERSON: 0.95, LLM: 0.9}
"""that a tuned model learns to give, by source. The dataset knows none of an answer; the same for all teaches the model to say the same."""
OTHER_CONFIDENCE = 0.5
"""of a label that only rules or the local tiers gave: the prompt's word for a guess"""
LEFT_OUT = ("not of people", "not confirmed", "not in the taxonomy", "without words")
"""why an example is not in the files"""
_SPLITS = {HOLDOUT: "validation"}
_MESSAGE_TOKENS = 4
"""around each turn, by the published counting of chat formats"""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What an export held and left out."""

    rows: Counter[str] = field(default_factory=Counter)
    """by split: train, validation"""
    tokens: Counter[str] = field(default_factory=Counter)
    """by split, by estimate"""
    intents: Counter[str] = field(default_factory=Counter)
    """of both"""
    left_out: Counter[str] = field(default_factory=Counter)

    def trained_tokens(self, epochs: int) -> int:
        """What a job is charged for: every token of the training file, once an epoch."""
        return self.tokens["train"] * epochs


def confirmed(example: Example) -> bool:
    """Whether an LLM's label was said by somebody else too: by the local tiers, or by a model on trial."""
    return example.intent_source == LLM and example.intent in (example.local_intent, example.candidate)


def split_of(example: Example) -> str:
    """Which of the two files an example belongs in."""
    return _SPLITS.get(example.split, "train")


def why_not(example: Example, trusted: Trusted, taxonomy: Taxonomy) -> str | None:
    """Why an example is left out, as one of `LEFT_OUT`; None where it is taken."""
    if example.intent_source == LLM:
        if trusted == "people":
            return "not of people"
        if not confirmed(example):
            return "not confirmed"
    elif example.intent_source != PERSON:
        return "not of people"
    if not example.text.strip():
        return "without words"
    values = taxonomy.values()
    if any(getattr(example, name) not in values[name] for name in FIELDS):
        return "not in the taxonomy"
    return None


def lines(
    examples: Iterable[Example], taxonomy: Taxonomy, tally: Tally, *, trusted: Trusted, context_tokens: int
) -> Iterator[tuple[str, str]]:
    """The split and the line of every example that is taken, in order; `tally` counts along."""
    prompt = LabelPrompt(taxonomy, context_tokens=context_tokens)
    for example in examples:
        reason = why_not(example, trusted, taxonomy)
        if reason is not None:
            tally.left_out[reason] += 1
            continue
        turns = conversation(example, prompt)
        split = split_of(example)
        tally.rows[split] += 1
        tally.tokens[split] += sum(_MESSAGE_TOKENS + estimate(turn["content"]) for turn in turns)
        tally.intents[example.intent] += 1
        yield split, json.dumps({"messages": turns}, ensure_ascii=False)


def conversation(example: Example, prompt: LabelPrompt) -> list[dict[str, str]]:
    """The chat that is taught: as a worker asks about this message alone, answered rightly."""
    return [
        {"role": "system", "content": prompt.system},
        {"role": "user", "content": prompt.user(ask_about(example.text))},
        {"role": "assistant", "content": answer(example)},
    ]


def answer(example: Example) -> str:
    """The labels as a model should have given them."""
    said: dict[str, object] = {}
    for name in FIELDS:
        source = getattr(example, f"{name}_source", PERSON)  # a language has none: it is hardly ever wrong
        said |= {
            name: getattr(example, name),
            f"{name}_confidence": CONFIDENCE.get(source, OTHER_CONFIDENCE),
        }
    return json.dumps(said, ensure_ascii=False)


def ask_about(text: str, *, number: int = 0, give_up_at: Millis = Millis(0)) -> Ask:
    """An ask about a redacted text by itself, without turns before it: a dataset keeps none."""
    nothing = Label(value="", confidence=0.0, source="fallback")
    return Ask(
        customer=b"",
        seq=number,
        attempt=1,
        tenant_id="",
        text=text,
        turns=(),
        locale=None,
        local=Labels(intent=nothing, emotion=nothing, urgency=nothing, language=nothing),
        deadline=give_up_at,
        give_up_at=give_up_at,
    )
