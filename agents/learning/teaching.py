"""Teaching: what the local tiers learn from the rows of a dataset, and how often the LLM that labelled most of them is right. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from frontdesk.agents.learning.examples import LLM, PERSON, TRAIN, Example
from frontdesk.agents.local.training import LEAST_EXAMPLES, Examples
from frontdesk.streams.taxonomy import Taxonomy

PRESENT = 10_000
"""newest messages, asked about or not, for which thresholds are set"""
AUDIT = "audit"
NOBODY_SAID, STRANGE, WEIGHTLESS = "nobody_said", "unknown_intent", "no_weight"
"""why rows of train are not learned from"""
_PRIOR_RIGHT, _PRIOR = 9.8, 10
"""what is believed of an LLM before any of its labels was checked: as if 10 had been, and 98 % were right: to believe too much of it costs calls, to believe too little costs errors"""
_MOODS = ("emotion", "urgency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is learned from."""

    examples: Examples
    rows: Sequence[Example]
    """whose texts they are, in their order"""
    left_out: Counter[str]
    """rows of train, by reason"""
    audit_share: float | None
    """of the messages that local labels settled, those whose labels were checked; None: none was"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """How good an LLM's labels are."""

    accuracy: float
    """as to be expected: with what is believed before any was checked"""
    checked: int
    """messages about which people spoke too"""
    right: int


def lesson(rows: Iterable[Example], taxonomy: Taxonomy) -> Lesson:
    """What there is to learn in the split `train`. Labels are those of people and of LLMs; emotion and urgency come in where two values have enough examples.

    An audited message stands for all that the local tiers settled as well: of those a random few are audited.
    """
    values = taxonomy.values()
    known = {name: frozenset(values[name]) for name in ("intent", *_MOODS)}
    kept: list[Example] = []
    unasked: list[Example] = []
    left_out: Counter[str] = Counter()
    for row in rows:
        if row.split != TRAIN:
            continue
        if not told(row.intent_source):
            left_out[NOBODY_SAID] += 1
            if not row.asked:
                unasked.append(row)
        elif row.intent not in known["intent"]:
            left_out[STRANGE] += 1
        elif row.weight <= 0:
            left_out[WEIGHTLESS] += 1
        else:
            kept.append(row)
    audits = sum(row.copies for row in kept if row.asked == AUDIT)
    settled = sum(row.copies for row in unasked) + audits
    stands_for = settled / audits if audits else 1.0
    labels: dict[str, list[str | None]] = {"intent": [row.intent for row in kept]}
    for name in _MOODS:
        said = [_mood(row, name, known[name]) for row in kept]
        counts = Counter(value for value in said if value is not None)
        if sum(count >= LEAST_EXAMPLES for count in counts.values()) >= 2:
            labels[name] = said
    newest = sorted([*kept, *unasked], key=lambda row: (row.at, row.decision_id))[-PRESENT:]
    present = {row.decision_id for row in newest}
    examples = Examples(
        texts=[row.text for row in kept],
        labels=labels,
        groups=[row.customer or row.text for row in kept],
        weights=[row.weight for row in kept],
        represents=[row.copies * (stands_for if row.asked == AUDIT else 1.0) for row in kept],
        certain=[row.intent_source == PERSON for row in kept],
        traffic=[row.text for row in unasked if row.decision_id in present],
        present=[row.decision_id in present for row in kept],
    )
    return Lesson(
        examples=examples, rows=kept, left_out=left_out, audit_share=audits / settled if audits else None
    )


def told(source: str) -> bool:
    """Whether somebody other than the local tiers and rules said so."""
    return source in (PERSON, LLM)


def teacher_accuracy(rows: Iterable[Example]) -> Teacher:
    """How often the LLM agreed with people where both spoke. Give it rows of train: thresholds go by it.

    People look where models disagree, rather than anywhere, so this is less than the truth rather than more.
    """
    both = [row.llm_intent == row.intent for row in rows if row.llm_intent and row.intent_source == PERSON]
    return Teacher(
        accuracy=(sum(both) + _PRIOR_RIGHT) / (len(both) + _PRIOR), checked=len(both), right=sum(both)
    )


def _mood(row: Example, name: str, known: frozenset[str]) -> str | None:
    value = str(getattr(row, name))
    return value if told(getattr(row, f"{name}_source")) and value in known else None
