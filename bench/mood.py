"""How well emotion, urgency, mood and follow-ups are found, on the corpora of tests/corpora, by the local labels alone.

    python -m bench.mood
    python -m bench.mood --second
    python -m bench.mood --wrong emotion

The bundled retail pack with the packaged embedding and no LLM. Messages are judged alone, conversations turn by turn through the whole path. The cues
were tuned on the half tune; the half unseen was counted and never read. --wrong prints what is wrong in the half tune. --second measures
on the corpora that were written apart from the first; their halves too are those that the files themselves say, from the day they came.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from frontdesk.agents.bootstrap import build_pipeline
from frontdesk.agents.settings import load
from frontdesk.agents.trial import Trial
from frontdesk.schemas.inputs import CustomerMessage, CustomerProfile
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.state import Conversation, Turn
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PROFILES
from frontdesk.schemas.types import Millis
from frontdesk.streams.label import in_mood, label
from frontdesk.streams.mood import mood_after
from frontdesk.streams.pipeline import Pipeline
from tests.support.mood_corpus import (
    HALVES,
    SECOND_MESSAGES,
    SECOND_TALKS,
    Message,
    Talk,
    messages,
    talks,
)

BEGAN = 1_790_000_000_000
_MINUTE = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one message was labelled as, beside what was found."""

    half: str
    language: str
    what: str
    """emotion, urgency, intent, follow-up or level"""
    right: str
    found: str
    text: str
    alone: bool = False
    """a message of no conversation"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--wrong",
        choices=("emotion", "urgency", "intent", "follow-up", "level"),
        help="what is found wrongly in the half tune, in messages and conversations",
    )
    parser.add_argument("--second", action="store_true", help="the second corpora")
    given = parser.parse_args(arguments)
    judged = [*judge(local_pipeline(), second=given.second)]
    alone = [one for one in judged if one.alone]
    in_talks = [one for one in judged if not one.alone]
    if given.wrong:
        for one in judged:
            if one.half == "tune" and one.what == given.wrong and one.right != one.found:
                print(f"{one.language}  {one.right} -> {one.found}  {one.text}")
        return 0
    print("Messages alone\n")
    print(table(alone, ("emotion", "urgency")))
    print("\nConversations, turn by turn\n")
    print(table(in_talks, ("emotion", "intent", "follow-up", "level")))
    return 0


def local_pipeline() -> Pipeline:
    """The bundled pack and the packaged embedding; no LLM."""
    pipeline = build_pipeline(load(), partitions=1)
    return replace(pipeline, limits=replace(pipeline.limits, llm_enabled=False))


def judge(pipeline: Pipeline, *, second: bool = False) -> Iterator[Judged]:
    """Every message and every conversation, of the first corpora or of the second."""
    conversations = talks(SECOND_TALKS) if second else talks()
    # A text that comes again is not embedded again, and together they cost a fraction.
    pipeline.labeller.label([line.text for talk in conversations for line in talk.lines])
    yield from of_messages(pipeline, messages(SECOND_MESSAGES) if second else messages())
    for talk in conversations:
        yield from of_talk(pipeline, talk)


def of_messages(pipeline: Pipeline, corpus: Sequence[Message]) -> Iterator[Judged]:
    """Emotion and urgency of each message, as if nothing had been said before."""
    asked = [
        CustomerMessage(
            message_id=str(number),
            conversation_id=str(number),
            customer_id=str(number),
            text=one.text,
            sent_at=Millis(BEGAN),
        )
        for number, one in enumerate(corpus)
    ]
    words = label(asked, labeller=pipeline.labeller, taxonomy=pipeline.taxonomy)
    for one, found in zip(corpus, words, strict=True):
        labels = in_mood(found, 0.0)
        for what, right, value in (
            ("emotion", one.emotion, labels.emotion.value),
            ("urgency", one.urgency, labels.urgency.value),
        ):
            yield Judged(
                half=one.half,
                language=one.language,
                what=what,
                right=right,
                found=value,
                text=one.text,
                alone=True,
            )


def of_talk(pipeline: Pipeline, talk: Talk) -> Iterator[Judged]:
    """Emotion, intent and level of mood of each of the customer's messages; the level is right as the labelled emotions have it."""
    trial = Trial(pipeline)
    profile = CustomerProfile(customer_id=talk.id, tier=talk.tier, updated_at=Millis(BEGAN))
    trial.remember(CUSTOMER_PROFILES, profile, Millis(BEGAN))
    truth = Conversation(conversation_id=talk.id, opened_at=Millis(BEGAN), last_at=Millis(BEGAN))
    for number, line in enumerate(talk.lines):
        now = Millis(BEGAN + line.minutes * _MINUTE)
        message = CustomerMessage(
            message_id=f"{talk.id}/{number}",
            conversation_id=talk.id,
            customer_id=talk.id,
            role=line.role,
            text=line.text,
            sent_at=now,
        )
        outcome = trial.remember(CUSTOMER_MESSAGES, message, now)
        mood = mood_after(truth, line.emotion) if line.role == "customer" else None
        if mood is not None:
            yield from _of_line(talk, line.emotion, line.intent, mood.level, outcome.decisions[-1], line.text)
            truth = replace(truth, mood=mood.value, mood_level=mood.level)
        turn = Turn(role=line.role, text=line.text, at=now, emotion=line.emotion or None)
        truth = replace(truth, turns=(*truth.turns, turn))


def _of_line(
    talk: Talk, emotion: str, intent: str, level: str, decision: Decision, text: str
) -> Iterator[Judged]:
    facts = {fact.name: fact.value for fact in decision.facts}
    found = [
        ("emotion", emotion, decision.labels.emotion.value),
        ("intent", intent, decision.labels.intent.value),
        ("level", level, str(facts["mood_level"])),
    ]
    if facts["follow_up"]:
        found.append(("follow-up", intent, decision.labels.intent.value))
    for what, right, value in found:
        yield Judged(half=talk.half, language=talk.language, what=what, right=right, found=value, text=text)


def accuracy(judged: Sequence[Judged]) -> float:
    """Share that is right."""
    return sum(one.right == one.found for one in judged) / max(1, len(judged))


def macro_f1(judged: Sequence[Judged]) -> float:
    """The mean over the labels that occur of 2 x right / (labelled + found)."""
    scores = []
    for value in sorted({one.right for one in judged}):
        labelled = sum(one.right == value for one in judged)
        found = sum(one.found == value for one in judged)
        right = sum(one.right == one.found == value for one in judged)
        scores.append(2 * right / (labelled + found))
    return sum(scores) / max(1, len(scores))


def chosen(judged: Sequence[Judged], what: str, half: str, language: str | None = None) -> list[Judged]:
    """Those of one label, half and language; None: of all languages."""
    return [
        one for one in judged if one.what == what and one.half == half and language in (None, one.language)
    ]


def table(judged: Sequence[Judged], kinds: Sequence[str]) -> str:
    """Accuracy and macro-F1 by half and language, in Markdown."""
    languages = sorted({one.language for one in judged}, reverse=True)
    lines = [
        "| | half | " + " | ".join(f"{one} | F1" for one in (*languages, "all")) + " |",
        "|---|---|" + "---|" * (2 * len(languages) + 2),
    ]
    for what in kinds:
        for half in HALVES:
            cells = []
            for language in (*languages, None):
                of = chosen(judged, what, half, language)
                right = sum(one.right == one.found for one in of)
                cells.append(f"{right}/{len(of)} ({accuracy(of):.0%}) | {macro_f1(of):.2f}" if of else " | ")
            lines.append(f"| {what} | {half} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
