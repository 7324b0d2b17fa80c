"""Label: intent, emotion, urgency and language of a message, locally; and what an LLM's answer makes of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import Label, Labels
from frontdesk.streams import cues, language
from frontdesk.streams.admit import has_words
from frontdesk.streams.cues import Cues
from frontdesk.streams.follow_up import Lean, leaning
from frontdesk.streams.mood import MOOD_VALUES
from frontdesk.streams.ports import IntentLabeller, Scores
from frontdesk.streams.taxonomy import Taxonomy

ANSWERED = ("llm", "cache")
"""sources of labels that an LLM gave, now or for the same words before"""

NEUTRAL = "neutral"
"""the emotion of words that show none"""
FALLBACK = "fallback"
"""source of labels of what has no words"""
RULE = "rule"
"""source of labels that cues gave"""
SURE_CUES = 0.6
"""confidence of a cue's label from which on nobody else need be asked: 0.5 is that of no evidence at all"""
LEANING_WORDS, LEANING_WIDE_CHARS = 6, 14
"""a text of more stands on its own; characters where it is Chinese, Japanese or Korean"""
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

FOLLOWED = 0.7
"""confidence of an intent that a follow-up takes over from what came before"""

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
class Previous:
    """What the customer said before a message."""

    text: str
    intent: str | None = None
    """what it was about, or what came before it where it says nothing; for `at` see there"""
    at: int | None = None
    """number of the message among those that are labelled together, where it is one of them"""


Before = Callable[[int], Previous | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """What the words of one message say, before its conversation is looked at."""

    intent: Label
    language: Label
    cues: Cues
    unsure: bool
    """of the intent, or of whether there is any"""
    emotion: Label | None = None
    """a trained tier's, where it is sure"""
    urgency: Label | None = None
    """as above"""
    leaning: Label | None = None
    """an emotion that a model hears in a text whose words show none"""
    leans: bool = False
    """worded like a follow-up"""
    model: str | None = None
    """version of the labeller that says it"""


def label(
    messages: Sequence[CustomerMessage],
    *,
    labeller: IntentLabeller,
    taxonomy: Taxonomy,
    before: Before = lambda number: None,
) -> list[Labelled]:
    """One `Labelled` per message, in order. All texts go to the labeller in one call; those without words in none.

    What is short and unsure alone is labelled once more, together with what the customer said before it: `before` is asked for
    that, by the message's number. A follow-up that names nothing ("that one too", "还是不行") is about what the conversation was
    about, however sure the labeller is of it; one that may name something ("退款呢") where the labeller makes nothing of it.
    """
    worded = [at for at, message in enumerate(messages) if has_words(message.text)]
    texts = {at: messages[at].text or "" for at in worded}
    scores = dict(zip(worded, labeller.label([*texts.values()]) if worded else (), strict=True))
    leans = {at: leaning(text) for at, text in texts.items()}
    short = {
        at: f"{said.text}\n{texts[at]}"
        for at in worded
        if scores[at].unsure and (leans[at] or _short(texts[at])) and (said := before(at))
    }
    if short:
        together = zip(short, labeller.label([*short.values()]), strict=True)
        scores |= {at: one for at, one in together if not one.unsure}
    for at, lean in leans.items():
        vague = scores[at].unsure or scores[at].intent.value == taxonomy.fallback_intent
        if lean is Lean.ALL or (lean and vague):
            scores[at] = _followed(at, scores, before, taxonomy)
    return [
        _labelled(message, scores.get(at), taxonomy, leans=bool(leans.get(at)), model=labeller.version)
        for at, message in enumerate(messages)
    ]


def in_mood(words: Labelled, mood: float) -> Labels:
    """All labels of a message whose conversation was in this mood before it: emotion depends on the trend."""
    shown = cues.emotion(words.cues, mood)
    if shown.value == NEUTRAL and words.leaning is not None:
        shown = words.leaning
    # A trained tier can be talked into a mood as an LLM can, by words that it has often seen with another.
    emotion = shown if words.emotion is None or _plainly_worse(shown, words.emotion) else words.emotion
    urgency = cues.urgency(words.cues, emotion)
    if words.urgency is not None and not _plainly_critical(urgency):
        urgency = words.urgency
    return Labels(intent=words.intent, emotion=emotion, urgency=urgency, language=words.language)


def unsure(words: Labelled, local: Labels, wanted: Collection[str]) -> bool:
    """Whether any of the wanted labels is worth an LLM's answer."""
    moods = {"emotion": local.emotion, "urgency": local.urgency}
    return ("intent" in wanted and words.unsure) or any(
        name in wanted and mood.source == RULE and mood.confidence < SURE_CUES for name, mood in moods.items()
    )


def relabel(local: Labels, seen: Cues, mood: float) -> Labels:
    """Local labels of a message that waited, in the mood that those before it have left. What a trained tier said stands, as
    far as it would have if that mood had been known."""
    shown = cues.emotion(seen, mood)
    ruled = local.emotion.source == RULE or _plainly_worse(shown, local.emotion)
    emotion = shown if ruled else local.emotion
    urgency = cues.urgency(seen, emotion) if local.urgency.source == RULE else local.urgency
    return Labels(intent=local.intent, emotion=emotion, urgency=urgency, language=local.language)


def answered(local: Labels, answer: Labels | None, taxonomy: Taxonomy) -> Labels:
    """The LLM's labels where the taxonomy knows them, the local ones elsewhere.

    A bad mood that the words show plainly stands: an answer may find a worse one, never a better one. So does a critical
    urgency. Rules that escalate go by them, and a text can talk a model into any label.
    """
    if answer is None:
        return local
    emotion = _pick(local.emotion, answer.emotion, taxonomy.emotions)
    return Labels(
        intent=_pick(local.intent, answer.intent, [intent.id for intent in taxonomy.intents]),
        emotion=local.emotion if _plainly_worse(local.emotion, emotion) else emotion,
        urgency=local.urgency
        if _plainly_critical(local.urgency)
        else _pick(local.urgency, answer.urgency, taxonomy.urgencies),
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


def _short(text: str) -> bool:
    """Whether a text is too short to stand alone."""
    if _WIDE.search(text):
        return len(text.strip()) <= LEANING_WIDE_CHARS
    return len(text.split()) <= LEANING_WORDS


def _followed(at: int, scores: Mapping[int, Scores], before: Before, taxonomy: Taxonomy) -> Scores:
    """A follow-up's scores, with the intent that the conversation had; as they are where it had none."""
    said = before(at)
    while said is not None and said.at is not None:
        known = scores.get(said.at)
        if known is not None and not known.unsure and known.intent.value != taxonomy.fallback_intent:
            intent: str | None = known.intent.value
            break
        said = before(said.at)
    else:
        intent = None if said is None else said.intent
    if intent not in taxonomy.intent_ids():
        return scores[at]
    return replace(scores[at], intent=Label(value=intent, confidence=FOLLOWED, source=RULE), unsure=False)


def _labelled(
    message: CustomerMessage, scores: Scores | None, taxonomy: Taxonomy, *, leans: bool, model: str
) -> Labelled:
    text = message.text or ""
    seen = cues.cues(text)
    spoken = language.detect(text, message.locale, taxonomy.languages)
    if scores is not None:
        return Labelled(
            intent=scores.intent,
            language=spoken,
            cues=seen,
            unsure=scores.unsure,
            emotion=scores.emotion,
            urgency=scores.urgency,
            leaning=scores.leaning,
            leans=leans,
            model=model,
        )
    guess = Label(value=taxonomy.fallback_intent, confidence=_GUESS, source=FALLBACK)
    return Labelled(intent=guess, language=spoken, cues=seen, unsure=False, model=model)


def _plainly_worse(local: Label, given: Label) -> bool:
    def mood(label: Label) -> float:
        return MOOD_VALUES.get(label.value, 0.0)

    sure = local.source not in ANSWERED and local.confidence >= SURE_CUES
    return sure and mood(local) < min(0.0, mood(given))


def _plainly_critical(local: Label) -> bool:
    return local.source == RULE and local.value == "critical" and local.confidence >= SURE_CUES


def _pick(local: Label, given: Label, known: Sequence[str]) -> Label:
    if given.value not in known:
        return local
    sure = given.confidence if math.isfinite(given.confidence) else 0.5
    source = given.source if given.source in ANSWERED else "llm"
    return Label(value=given.value, confidence=min(1.0, max(0.0, sure)), source=source)
