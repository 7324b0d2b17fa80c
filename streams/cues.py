"""Cues: what the wording alone says of emotion and urgency, in Chinese and English.

The weights come from `lexicon_zh` and `lexicon_en`. Hits of one class combine as independent evidence does:
1 - (1 - w1)(1 - w2)...; a negated hit speaks for the opposite, more weakly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from frontdesk.schemas.outputs import Label
from frontdesk.streams.disguise import undisguised
from frontdesk.streams.lexicon import ASKED, FLAGS, find

BAD_MOOD = -0.25
"""below it weaker cues are believed: who was unhappy a message ago still is"""

_ONLY_IN_EARNEST = frozenset({"leave", "safety", "complaint", "failure", "again", "fraud", "hardship"})
"""flags that a negation takes back: who does not want a lawyer has named one"""
_SAID_IN_JEST = frozenset({"leave", "legal"})
"""flags that laughter takes back: danger it does not"""
_EARNEST = 0.45
"""a mood as bad as this is no joke"""
_SECOND = re.compile("第[二2两][次回遍]")
_MAX_CHARS = 5_000
_EVIDENCE = 12
_NEGATED_PRAISE = 0.9
_NEGATED_COMPLAINT = 0.4
_TROUBLE = 0.28
"""a bare fact of something broken; said aloud it is more"""
_SHOUT = 0.35
_WAIT = re.compile(
    r"(?:\d{1,3}|[一二两三四五六七八九十半几好多]{1,3})(?:多|来)?个?(?:天|周|星期|礼拜|月|小时|钟头)(?:了|都|还|也|过去|没|一直)"
    r"|(?:\b\d{1,3}|\btwo|\bthree|\bfour|\bfive|\bsix|\bseveral|\ba few)\s+(?:hours?|days?|weeks?|months?)\s+"
    r"(?:late|now|already|and|on hold|overdue|waiting|without|later|have passed)"
    r"|\b(?:waiting|waited|been|took|taken|after|for over|more than|it's been)\s+(?:for\s+)?(?:over\s+|almost\s+|more than\s+)?"
    r"(?:\d{1,3}|two|three|four|five|six|several|a few)\s+(?:hours?|days?|weeks?|months?)"
    r"|(?P<times>第[二三四五六七八九十几\d]{1,3}[次回遍](?!.{0,2}(?:买|购|光顾|下单|来)))"
    r"|(?P<often>(?<!买了)(?<!用了)(?<!回购)(?:都|已经)?[三四五六七八九十好几多\d]{1,2}[次回遍]了)"
)
_STILL = re.compile(
    "(?:还是|还|又|依然|仍然|仍旧|照样)[^\\s，。,.!！?？不]{0,3}不(?:到|上|开|了|出|成|进|动|通|行|亮|响|下来|起来)(?!解|多|少|吗)"
    "|(?:也|还是|都)(?:一样|没用|没戏)(?![的好吗])"
)
"""that something cannot be done yet, or again: any verb, and its complement"""
_SARCASM = re.compile(
    r"\b(?:great|wonderful|brilliant|fantastic|lovely|perfect|awesome|nice|amazing)\b[\s,.!…-]*"
    r"(?:another|yet another|broken|still(?!\s+(?:need|want|have to|my|got to|looking))|again|late again)\b"
    r"|\b(?:great|wonderful|brilliant|fantastic|lovely|perfect|awesome|nice|amazing|thanks|thank you|wow)\b[^.!?]{0,60}🙄"
    r"|(?:真棒|真好|太好了|厉害了|可以啊|真不错)[\s，,。.！!…]*(?:又|再一次)"
)
_LAUGHS = re.compile("[😂🤣😆😹😜😝]|\\b(?:(?:ha){2,}h?|hihi)\\b|哈哈|嘻嘻|嘿嘿|笑死")
_PUZZLED = re.compile(r"[?？]{2,}|[?？][!！]|[!！][?？]")
_CAPITAL_WORD = re.compile(r"\b[A-Z]{3,}\b")
_LATIN_WORD = re.compile(r"\b[A-Za-z]{2,}\b")
_FACES = {
    "positive": "😊😀😃😄😁🙂❤👍🎉🥰😍🙏😂🤣🥳👏💯😘😋🤗💕😎",
    "negative": "😞😔🙁☹😢😭👎💔😕🙄😒😓",
    "angry": "😠😡🤬💢😤",
    "anxious": "😟😰😨😱😥",
}
_FACE = re.compile(f"[{''.join(_FACES.values())}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cues:
    """What the words of one message give away. Strengths are 0 (nothing) to 1."""

    leave: bool = False
    """threatens to leave or to return everything"""
    legal: bool = False
    """names lawyers, courts, regulators or the press"""
    safety: bool = False
    """tells of danger to people"""
    person: bool = False
    """asks for a human"""
    complaint: bool = False
    """says in so many words that this is a complaint"""
    failure: bool = False
    """says that something still, or again, does not work or was not kept"""
    again: bool = False
    """says so of more than two times: a failure that is told counts as one that was seen"""
    fraud: bool = False
    """tells of a lost or stolen card or phone, or of money moved by somebody else"""
    hardship: bool = False
    """tells of debts that cannot be paid, grave illness or a death"""
    negative: float = 0.0
    positive: float = 0.0
    anxious: float = 0.0
    angry: float = 0.0
    urgency: float = 0.0
    calm: float = 0.0
    """says that there is no hurry"""
    evidence: tuple[str, ...] = ()
    """matched phrases in order, at most 12"""

    @property
    def failures(self) -> int:
        """How many failures the message tells of, two at most."""
        return self.failure + self.again


def cues(text: str) -> Cues:
    """Read a text. Never raises; linear; of a very long text only the first 5,000 characters."""
    text = text[:_MAX_CHARS]
    folded = undisguised(text).casefold().replace("’", "'")
    strength: dict[str, float] = {}
    flags: set[str] = set()
    evidence: list[str] = []

    def add(kind: str, weight: float) -> None:
        strength[kind] = 1 - (1 - strength.get(kind, 0.0)) * (1 - weight)

    mild: set[str] = set()  # flags that only words speak for which are also said in jest, or asked about
    asked = False

    for hit in find(folded):
        if hit.classes == ASKED:
            asked = True
            continue
        evidence.append(f"not {hit.phrase}" if hit.negated and hit.phrase.isascii() else hit.phrase)
        for kind, weight in hit.classes:
            if kind in FLAGS:
                if not (hit.negated and kind in _ONLY_IN_EARNEST):
                    (mild if kind == "safety" and weight < 1 else flags).add(kind)
                    if (
                        kind == "leave" and weight >= 1
                    ):  # closing an account may be polite; never coming back is not
                        add("negative", 0.4)
                    elif kind in ("complaint", "failure", "again"):
                        add("negative", weight)
            elif kind == "sarcasm":
                add("negative", weight)
                add("angry", 0.25)
            else:
                _add_mood(add, kind, weight, negated=hit.negated)
    _add_times(add, folded, flags, evidence)
    if _SARCASM.search(folded):
        strength.pop("positive", None)
        add("negative", 0.5)
        add("angry", 0.2)
    _add_form(add, text, strength)
    in_jest = bool(mild or flags & _SAID_IN_JEST) and _in_jest(folded, strength)
    flags = flags - _SAID_IN_JEST if in_jest else flags
    flags |= mild if not (in_jest or asked) else set()
    level = {kind: round(value, 4) for kind, value in strength.items()}
    return Cues(
        leave="leave" in flags,
        legal="legal" in flags,
        safety="safety" in flags,
        person="person" in flags,
        complaint="complaint" in flags,
        failure="failure" in flags or "again" in flags,
        again="again" in flags,
        fraud="fraud" in flags,
        hardship="hardship" in flags,
        negative=level.get("negative", 0.0),
        positive=level.get("positive", 0.0),
        anxious=level.get("anxious", 0.0),
        angry=level.get("angry", 0.0),
        urgency=level.get("urgency", 0.0),
        calm=level.get("calm", 0.0),
        evidence=tuple(evidence[:_EVIDENCE]),
    )


def emotion(cues: Cues, mood_before: float) -> Label:
    """The emotion of a message whose conversation was in this mood before it (-1 to 1).

    One of neutral, satisfied, anxious, dissatisfied, angry. The confidence is 0.5 plus up to 0.4 by the
    strength of the cues: it orders labels by their evidence, and was never fitted to how often they are right.
    """
    bad = mood_before <= BAD_MOOD
    sad, mad, glad, worried = cues.negative, cues.angry, cues.positive, cues.anxious
    if cues.legal and glad < 0.4:
        mad = 1 - (1 - mad) * 0.5
    elif cues.leave and (sad >= 0.3 or mad > 0):
        mad = 1 - (1 - mad) * 0.7
    if mad >= 0.5 or (mad >= 0.3 and sad >= 0.5) or (bad and mad >= 0.3):
        return _label("angry", mad)
    if glad >= 0.4 and glad >= sad:
        return _label("satisfied", glad - 0.5 * sad)
    if worried >= 0.4 and worried > sad - 0.2:
        return _label("anxious", worried)
    if sad >= 0.3 or (bad and (sad >= 0.1 or worried >= 0.1)):
        return _label("dissatisfied", sad - 0.4 * glad)
    if worried >= 0.3 or cues.safety:
        return _label("anxious", max(worried, 0.4 if cues.safety else 0.0))
    if mad >= 0.3:
        return _label("dissatisfied", mad)
    return Label(value="neutral", confidence=0.55 if bad else 0.7, source="rule")


def urgency(cues: Cues, emotion: Label) -> Label:
    """How soon someone should look: low, normal, high or critical."""
    if cues.safety:
        return Label(value="critical", confidence=0.85, source="rule")
    if cues.urgency >= 0.95 or (cues.urgency >= 0.85 and emotion.value in ("anxious", "angry")):
        return Label(value="critical", confidence=0.6, source="rule")
    if cues.calm > cues.urgency:
        return Label(value="low", confidence=0.8, source="rule")
    if cues.urgency >= 0.5:
        return _label("high", cues.urgency)
    if cues.legal:
        return Label(value="high", confidence=0.65, source="rule")
    if emotion.value == "satisfied" and cues.urgency == 0:
        return Label(value="low", confidence=0.6, source="rule")
    return Label(value="normal", confidence=0.65, source="rule")


def _in_jest(folded: str, strength: Mapping[str, float]) -> bool:
    """Whether somebody laughs, and nothing in the text is meant badly: who sues for chocolate that is too good sues nobody."""
    bad = max(strength.get(kind, 0.0) for kind in ("negative", "angry", "anxious"))
    return bad < _EARNEST and bool(_LAUGHS.search(folded))


def _add_times(add: Callable[[str, float], None], folded: str, flags: set[str], evidence: list[str]) -> None:
    """What still does not work, how long it takes and how often it happened, whatever it is."""
    if not folded.isascii() and "failure" not in flags and (still := _STILL.search(folded)):
        evidence.append(still[0])
        flags.add("failure")
        add("negative", 0.3)
    for found in _WAIT.finditer(folded):
        evidence.append(found[0])
        add("negative", 0.4)
        add("urgency", 0.15)
        flags |= _how_often(found)


def _how_often(found: re.Match[str]) -> set[str]:
    """What a number of times says: the second one of a failure, more of one that was seen before."""
    if not (found["times"] or found["often"]):
        return set()
    return {"failure"} if _SECOND.match(found[0]) else {"failure", "again"}


def _add_mood(add: Callable[[str, float], None], kind: str, weight: float, *, negated: bool) -> None:
    """A hit of a mood, or what its negation speaks for: `not happy` complains, `not bad` praises faintly."""
    if not negated:
        add("urgency" if kind == "urgent" else kind, weight)
    elif kind == "positive":
        add("negative", weight * _NEGATED_PRAISE)
    elif kind == "negative":
        add("positive", weight * _NEGATED_COMPLAINT)


def _add_form(add: Callable[[str, float], None], text: str, strength: dict[str, float]) -> None:
    """Punctuation, capitals and faces: they colour what the words say, and say little alone."""
    if not text.isascii() and _FACE.search(text):
        for kind, faces in _FACES.items():
            hits = sum(text.count(face) for face in faces)
            for _ in range(min(hits, 3)):
                add(kind, 0.4)
    troubled = strength.get("negative", 0.0) >= _TROUBLE or strength.get("angry", 0.0) > 0
    marks = text.count("!") + text.count("！")
    shouted = len(_CAPITAL_WORD.findall(text))
    shouts = shouted >= 3 and shouted >= 0.6 * len(_LATIN_WORD.findall(text))
    if troubled:
        if marks >= 2:
            add("angry", _SHOUT)
        if shouts:
            add("angry", _SHOUT)
    elif shouts and marks >= 2 and strength.get("positive", 0.0) < 0.4:
        add("angry", 0.5)
    if marks >= 3 and strength.get("positive", 0.0) < 0.4:
        add("urgency", 0.2)
    if _PUZZLED.search(text):
        add("negative", 0.2)


def _label(value: str, strength: float) -> Label:
    """Confidence grows with the strength of the evidence, from a coin's toss to nine in ten."""
    return Label(value=value, confidence=round(0.5 + 0.4 * min(1.0, max(0.0, strength)), 3), source="rule")
