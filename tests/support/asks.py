"""Asks, drafts, and a small taxonomy, for tests of whatever answers them."""

from __future__ import annotations

import time

from frontdesk.schemas.outputs import Ground, Label, Labels, Suggestion
from frontdesk.schemas.state import Turn
from frontdesk.schemas.types import Millis
from frontdesk.streams.effects import Ask, Draft
from frontdesk.streams.taxonomy import EMOTIONS, URGENCIES, Intent, Taxonomy
from tests.support.llm_answers import INTENTS

TAXONOMY = Taxonomy(
    intents=tuple(
        Intent(
            id=name,
            name={"en": name.replace("_", " ")},
            description={"en": f"What {name.replace('_', ' ')} means."},
            examples=(f"an example of {name}",),
        )
        for name in INTENTS
    ),
    emotions=EMOTIONS,
    urgencies=URGENCIES,
    languages=("zh", "en"),
    fallback_intent="other",
    hash="0123456789abcdef",
)


def ask(
    text: str = "Where is my parcel?",
    *,
    seconds: float = 30.0,
    now: int | None = None,
    turns: tuple[Turn, ...] = (),
    seq: int = 7,
    attempt: int = 1,
) -> Ask:
    """An ask whose answer is of use for `seconds` from `now` (milliseconds; the clock's, if not given)."""
    start = time.time_ns() // 1_000_000 if now is None else now
    label = Label(value="other", confidence=0.4, source="local")
    give_up_at = Millis(start + int(seconds * 1000))
    return Ask(
        customer=b"default/customer-1",
        seq=seq,
        attempt=attempt,
        tenant_id="tenant-1",
        text=text,
        turns=turns,
        locale="en-GB",
        local=Labels(intent=label, emotion=label, urgency=label, language=label),
        deadline=give_up_at,
        give_up_at=give_up_at,
    )


def draft(
    text: str = "how much is the phone?", *, seconds: float = 30.0, reply: str = "The phone costs USD 899."
) -> Draft:
    """A draft that is of use for `seconds` from now."""
    label = Label(value="other", confidence=0.4, source="local")
    suggestion = Suggestion(
        decision_id="decision-1",
        message_id="message-1",
        conversation_id="talk-1",
        customer_id="customer-1",
        language="en",
        tone="neutral",
        reply=reply,
    )
    return Draft(
        customer=b"default/customer-1",
        suggestion=suggestion,
        received_at=Millis(5),
        tenant_id="tenant-1",
        text=text,
        turns=(Turn(role="customer", text="hello", at=Millis(4)),),
        locale="en-GB",
        local=Labels(intent=label, emotion=label, urgency=label, language=label),
        facts=(Ground(name="product.1.price", value="USD 899"),),
        reply=reply,
        give_up_at=Millis(time.time_ns() // 1_000_000 + int(seconds * 1000)),
    )
