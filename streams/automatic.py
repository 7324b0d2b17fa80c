"""Automatic replies: when one may go out, and what the customer's next message tells of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from frontdesk.schemas.outputs import Decision, Labels
from frontdesk.schemas.state import Conversation, Customer
from frontdesk.schemas.types import Scalar
from frontdesk.streams.admit import CUSTOMER
from frontdesk.streams.cues import Cues
from frontdesk.streams.join import NEGATIVE
from frontdesk.streams.limits import Limits
from frontdesk.streams.remember import with_conversation
from frontdesk.streams.understand import BOT

YES, NO, UNCLEAR = "yes", "no", "unclear"
COUNTS = {YES: "automatic_helped", NO: "automatic_failed", UNCLEAR: "automatic_unclear"}
"""what is counted, by what the next message says"""

_WITHOUT_PEOPLE = (CUSTOMER, BOT)
"""speakers who show that no representative is there; an unknown role may be one"""
_FAILED = re.compile(
    r"not what i (?:asked|meant|wanted)|didn't (?:answer|ask)|did not (?:answer|ask)|doesn't (?:answer|help)|does not (?:answer|help)"
    r"|not helpful|no help|wrong (?:product|order|item|answer)|still (?:not|no|don't|doesn't)|i already (?:know|said|told)"
    r"|没回答|没有回答|不是问|答非所问|问的不是|不是这个|没帮助|没有帮助|没用|还是不|听不懂|看不懂"
)
_CLOSING = re.compile(
    r"(?:ok(?:ay)?|got it|i see|thanks?|thank you|thx|great|perfect|good|cool|that'?s all|that helps?|bye|alright|understood|sure"
    r"|好的?|行|可以|知道了|明白了?|了解了?|收到|谢谢你?您?|多谢|感谢|没事了|没问题了?|再见|嗯+|哦+)(?:[\s,.!，。！~～]+|$)"
)


def may_answer(
    decision: Decision, conversation: Conversation | None, seen: Cues, helped: str, limits: Limits
) -> bool:
    """Whether nothing about a message and its conversation forbids an automatic reply, whatever the policy permits.

    Forbidden is it where somebody has the conversation, has spoken in it or is asked for, where something failed, where the message is
    old, decided for the time being only, cut or without history, and where an automatic reply of the conversation did not help.
    """
    failed = helped == NO or (conversation is not None and conversation.automatic_failed > 0)
    taken = conversation is not None and (
        conversation.assigned_at is not None
        or any(turn.role not in _WITHOUT_PEOPLE for turn in conversation.turns)
    )
    return not (
        failed
        or taken
        or decision.decided_at - decision.sent_at > limits.automatic_within_ms
        or seen.person
        or seen.failure
        or decision.provisional
        or decision.action != "route"
        or bool({"misplaced", "truncated"} & set(decision.flags))
    )


def of_automatic(
    conversation: Conversation, text: str, labels: Labels, seen: Cues, facts: Mapping[str, Scalar]
) -> dict[str, bool | str]:
    """The facts of an automatic reply that went out before the message, if one did."""
    if conversation.automatic is None:
        return {}
    again = facts["repeated_question"] is True
    return {"automatic_before": True, "automatic_helped": NO if again else _helped(text, labels, seen)}


def noted(
    customer: Customer,
    conversation: Conversation,
    decision: Decision,
    helped: str,
    *,
    automatic: bool,
    limits: Limits,
) -> Customer:
    """The customer after a decision: the automatic reply that the next message will tell about, and whether the last one failed."""
    after = replace(
        conversation,
        automatic=decision.decision_id if automatic else None,
        automatic_failed=conversation.automatic_failed + (helped == NO),
    )
    return with_conversation(customer, after, limits)


def _helped(text: str, labels: Labels, seen: Cues) -> str:
    folded = text.casefold().replace("’", "'").strip()
    if labels.emotion.value in NEGATIVE or seen.person or seen.failure or _FAILED.search(folded):
        return NO
    return YES if labels.emotion.value == "satisfied" or _CLOSING.match(folded) else UNCLEAR
