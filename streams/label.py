"""Label: intent, emotion, urgency and language of a message, locally; and what an LLM's answer makes of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import Label, Labels
from frontdesk.streams import cues, language
from frontdesk.streams.admit import has_words
from frontdesk.streams.cues import Cues
from frontdesk.streams.ports import IntentLabeller, Scores
from frontdesk.streams.taxonomy import Taxonomy

ANSWERED = ("llm", "cache")
"""sources of labels that an LLM gave, now or for the same words before"""

_GUESS = 0.1
"""confidence of an intent that no words support"""

NO_LABELS = Labels(
    intent=Label(value="", confidence=0.0, source="fallback"),
    emotion=Label(value="", confidence=0.0, source="fallback"),
    urgency=Label(value="", confidence=0.0, source="fallback"),
    language=Label(value="", confidence=0.0, source="fallback"),
)
"""stands where a record needs labels and nothing was labelled: context that waits for its turn"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """What the words of one message say, before its conversation is looked at."""

    intent: Label
    language: Label
    cues: Cues
    unsure: bool
    """worth an LLM's answer"""


def label(
    messages: Sequence[CustomerMessage], *, labeller: IntentLabeller, taxonomy: Taxonomy
) -> list[Labelled]:
    """One `Labelled` per message, in order. All texts go to the labeller in one call; those without words in none."""
    worded = [message.text for message in messages if message.text is not None and has_words(message.text)]
    scores = iter(labeller.label(worded) if worded else ())
    return [_labelled(message, scores, taxonomy) for message in messages]


def in_mood(words: Labelled, mood: float) -> Labels:
    """All labels of a message whose conversation was in this mood before it: emotion depends on the trend."""
    emotion = cues.emotion(words.cues, mood)
    return Labels(
        intent=words.intent,
        emotion=emotion,
        urgency=cues.urgency(words.cues, emotion),
        language=words.language,
    )


def relabel(local: Labels, seen: Cues, mood: float) -> Labels:
    """Local labels of a message that waited, in the mood that those before it have left."""
    emotion = cues.emotion(seen, mood)
    return Labels(
        intent=local.intent, emotion=emotion, urgency=cues.urgency(seen, emotion), language=local.language
    )


def answered(local: Labels, answer: Labels | None, taxonomy: Taxonomy) -> Labels:
    """The LLM's labels where the taxonomy knows them, the local ones elsewhere."""
    if answer is None:
        return local
    return Labels(
        intent=_pick(local.intent, answer.intent, [intent.id for intent in taxonomy.intents]),
        emotion=_pick(local.emotion, answer.emotion, taxonomy.emotions),
        urgency=_pick(local.urgency, answer.urgency, taxonomy.urgencies),
        language=_pick(local.language, answer.language, taxonomy.languages),
    )


def fallback(taxonomy: Taxonomy) -> Labels:
    """Labels for a message that could not be labelled at all."""

    def first(values: Sequence[str], preferred: str) -> Label:
        value = preferred if preferred in values or not values else values[0]
        return Label(value=value, confidence=0.0, source="fallback")

    return Labels(
        intent=Label(value=taxonomy.fallback_intent, confidence=0.0, source="fallback"),
        emotion=first(taxonomy.emotions, "neutral"),
        urgency=first(taxonomy.urgencies, "normal"),
        language=first(taxonomy.languages, "en"),
    )


def _labelled(message: CustomerMessage, scores: Iterator[Scores], taxonomy: Taxonomy) -> Labelled:
    text = message.text or ""
    seen = cues.cues(text)
    spoken = language.detect(text, message.locale, taxonomy.languages)
    if has_words(text):
        score = next(scores)
        return Labelled(intent=score.intent, language=spoken, cues=seen, unsure=score.unsure)
    guess = Label(value=taxonomy.fallback_intent, confidence=_GUESS, source="fallback")
    return Labelled(intent=guess, language=spoken, cues=seen, unsure=False)


def _pick(local: Label, given: Label, known: Sequence[str]) -> Label:
    if given.value not in known:
        return local
    sure = given.confidence if math.isfinite(given.confidence) else 0.5
    source = given.source if given.source in ANSWERED else "llm"
    return Label(value=given.value, confidence=min(1.0, max(0.0, sure)), source=source)
