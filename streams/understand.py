"""Understand: what a message is in its conversation. Who spoke last, whether it asks again, leans on what was said, or
begins something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from frontdesk.schemas.outputs import Label, Labels
from frontdesk.schemas.state import Conversation, Turn
from frontdesk.schemas.types import MINUTE_MS, Millis, Scalar
from frontdesk.streams.admit import CUSTOMER
from frontdesk.streams.cues import Cues

REPRESENTATIVE, BOT = "representative", "bot"
SPEAKERS = (CUSTOMER, REPRESENTATIVE, BOT)

SURE_INTENT = 0.6
"""confidence of an intent that counts as a topic of the conversation: half-guesses would be topics of their own"""
SURE_LANGUAGE = 0.6
"""as above; a short `ok` says little"""

_COMPARED_CHARS = 120
_TOKEN = re.compile(
    r"[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
_LITTLE = (
    "的 了 吗 呢 啊 呀 吧 哦 嗯 么 我 你 您 他 们 是 有 在 就 都 还 也 又 再 很 请 问 一 下 个 这 那 底 给 什 怎 为 说 好 啦 嘛 谢 帮 麻 烦 "
    "a an the is are am was were be been do does did i me my we our you your it its this that to of for in on at and or so please still again "
    "just can could would will have has had what how s re ve ll t don hi hello hey there ok okay yes no thanks thank asked already told"
)
_LITTLE_WORDS = frozenset(_LITTLE.split())
_SHARED, _SHARED_OF_LONGER = 0.8, 0.5
"""what a repeated question shares with the other: of the telling words of the shorter, and of the longer"""
_LEAST = 3
"""what there must be in both: a telling word counts 2, a Chinese character 1"""


def understand(
    text: str,
    *,
    conversation: Conversation | None,
    labels: Labels,
    seen: Cues,
    leans: bool,
    fallback_intent: str,
    now: Millis,
) -> dict[str, Scalar]:
    """Facts of a message in its conversation, which is None where nothing is known.

    `text` is redacted, as turns are; `leans` whether it is worded like a follow-up.
    """
    intent = topic(labels.intent)
    if conversation is None:
        return {
            "failures": seen.failures,
            "topics": int(intent not in (None, fallback_intent)),
        }
    turns = [turn for turn in conversation.turns if turn.role in SPEAKERS]
    leans = leans and bool(turns)
    topics = {turn.intent for turn in turns} | {intent}
    before = conversation.topic
    shifts = not leans and None not in (intent, before) and intent not in (before, fallback_intent)
    since = conversation.waiting_since
    return {
        "topic_shift": shifts,
        "topics": len(topics - {None, fallback_intent}),
        "unanswered": 1 + _unanswered(turns),
        "repeated_question": repeats(text, (turn.text for turn in turns if turn.role == CUSTOMER)),
        "last_speaker": turns[-1].role if turns else "",
        "language_switched": conversation.language
        not in (None, spoken(labels.language, conversation.language)),
        "follow_up": leans,
        "failures": conversation.failures + seen.failures,
        "waiting_minutes": 0 if since is None else max(0, now - since) // MINUTE_MS,
    }


def topic(intent: Label) -> str | None:
    """What a message is about, where its label is sure enough to say."""
    return intent.value if intent.confidence >= SURE_INTENT else None


def topic_after(before: str | None, intent: Label, fallback_intent: str) -> str | None:
    """What a conversation is about after a message."""
    about = topic(intent)
    return before if about in (None, fallback_intent) else about


def spoken(language: Label, before: str | None) -> str | None:
    """The language that a customer writes in now: that of the message where it is plain, else that of those before."""
    plain = language.confidence >= SURE_LANGUAGE and language.source != "fallback"
    return language.value if plain else before


def waiting_since(before: Conversation, role: str, at: Millis) -> Millis | None:
    """Since when the customer waits, after a message: a representative ends it, a bot does not."""
    if role == REPRESENTATIVE:
        return None
    return at if role == CUSTOMER and before.waiting_since is None else before.waiting_since


def repeats(text: str, earlier: Iterator[str]) -> bool:
    """Whether a text says nearly the same as one before it: the same telling words, in whatever order and wrapping.

    Linear: the first characters are compared, and only with texts of like length that share some words.
    """
    length = min(len(text), _COMPARED_CHARS)
    rough = _rough if text.isascii() else set[str]
    own = rough(text[:_COMPARED_CHARS])
    told: frozenset[str] | None = None
    for other in earlier:
        start = other[:_COMPARED_CHARS]
        if not length <= 3 * len(start) <= 9 * length:
            continue
        theirs = rough(start)
        if 2 * len(own & theirs) < min(len(own), len(theirs)):
            continue
        told = _telling(text) if told is None else told
        if not _says_enough(told):
            return False
        words = _telling(other)
        few, many = sorted((len(told), len(words)))
        shared = len(told & words)
        if shared >= _SHARED * few and shared >= _SHARED_OF_LONGER * many and _says_enough(words):
            return True
    return False


def _rough(text: str) -> set[str]:
    return set(text.lower().split())


def _telling(text: str) -> frozenset[str]:
    words = frozenset(_TOKEN.findall(text[:_COMPARED_CHARS].casefold()))
    return words - _LITTLE_WORDS


def _says_enough(words: frozenset[str]) -> bool:
    return sum(2 if word.isascii() else 1 for word in words) >= _LEAST


def _unanswered(turns: Sequence[Turn]) -> int:
    number = 0
    for turn in reversed(turns):
        if turn.role != CUSTOMER:
            break
        number += 1
    return number
