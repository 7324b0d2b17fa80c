"""The facts a policy may read: their names, types, and what each is when nothing is known.

`join` computes them, `policy` declares them to its conditions, a decision records them. Labels are not facts; a
policy reads them under the names in `LABEL_NAMES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from frontdesk.schemas.types import Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSpec:
    """One declared fact."""

    default: bool | int | float | str
    """value when unknown; its type is the fact's type"""
    meaning: str


FACTS: Mapping[str, FactSpec] = {
    # the message
    "channel": FactSpec(default="chat", meaning="channel the message came in on"),
    "has_attachments": FactSpec(default=False, meaning="the message carries attachments"),
    "cue_leave": FactSpec(default=False, meaning="the text threatens to leave or to return everything"),
    "cue_legal": FactSpec(default=False, meaning="the text names lawyers, courts, regulators or the press"),
    "cue_safety": FactSpec(default=False, meaning="the text tells of danger to people"),
    "cue_person": FactSpec(default=False, meaning="the text asks for a human"),
    "cue_complaint": FactSpec(default=False, meaning="the text says in so many words that it complains"),
    "cue_fraud": FactSpec(
        default=False,
        meaning="the text tells of a lost or stolen card or phone, or of money moved by somebody else",
    ),
    "cue_hardship": FactSpec(
        default=False, meaning="the text tells of debts that cannot be paid, grave illness or a death"
    ),
    # the customer
    "known_customer": FactSpec(default=False, meaning="a profile or a purchase is known"),
    "tier": FactSpec(
        default="",
        meaning="the profile's tier, as the platform spells it; empty: none, or one that the policy does not know",
    ),
    "tags": FactSpec(default="", meaning="the profile's tags, sorted, joined by spaces"),
    "purchases": FactSpec(default=0, meaning="purchases remembered, of products that the catalogue knows"),
    "open_orders": FactSpec(
        default=0, meaning="purchases not completed, closed, lost, cancelled, returned or refunded"
    ),
    "days_since_purchase": FactSpec(default=-1, meaning="whole days since the newest purchase; -1: none"),
    "lifetime_value": FactSpec(
        default=0.0, meaning="sum of the amounts of purchases that were not cancelled, returned or refunded"
    ),
    "contacts_7d": FactSpec(default=0, meaning="other conversations in the last 7 days"),
    "contacts_30d": FactSpec(default=0, meaning="other conversations in the last 30 days"),
    "repeated_contact": FactSpec(
        default=False,
        meaning="another conversation on the same intent, which is not the fallback, within 7 days",
    ),
    "complaints_30d": FactSpec(
        default=0,
        meaning="messages today and in the 29 days before that were complaints, this one not included",
    ),
    "topic_representative": FactSpec(
        default="",
        meaning="who handled the newest past conversation on the same intent within 30 days; empty where it was abandoned or rated below 3",
    ),
    "topic_queue": FactSpec(
        default="", meaning="the queue that handled it; empty where topic_representative would be"
    ),
    "last_outcome": FactSpec(default="", meaning="outcome of the newest past conversation"),
    "last_representative": FactSpec(default="", meaning="who handled the newest past conversation"),
    "average_rating": FactSpec(default=-1.0, meaning="mean score of rated conversations; -1: none"),
    "preferred_representative": FactSpec(default="", meaning="the profile's preferred representative"),
    # the conversation
    "turn": FactSpec(default=1, meaning="number of this customer message in its conversation, from 1"),
    "minutes_open": FactSpec(default=0, meaning="whole minutes since the conversation's first message"),
    "mood": FactSpec(
        default=0.0, meaning="-1 (angry) to 1 (satisfied) over the conversation, this message included"
    ),
    "mood_level": FactSpec(
        default="even", meaning="good, even or bad: the mood, but one message alone does not change it"
    ),
    "mood_falling": FactSpec(
        default=False, meaning="mood_level is worse than a few messages ago, and mood lower by 0.3 or more"
    ),
    "negative_streak": FactSpec(
        default=0, meaning="customer messages in a row, this one included, that are anxious or worse"
    ),
    "intent_before": FactSpec(
        default="", meaning="intent of the customer's previous message in this conversation"
    ),
    "topic_shift": FactSpec(
        default=False, meaning="the intent is another than before, both are sure, and it is no follow-up"
    ),
    "topics": FactSpec(
        default=0, meaning="different intents that the remembered messages and this one were surely about"
    ),
    "follow_up": FactSpec(default=False, meaning="the message leans on what was said before it"),
    "repeated_question": FactSpec(
        default=False, meaning="the message says nearly the same as an earlier one of the customer"
    ),
    "failures": FactSpec(
        default=0,
        meaning="customer messages, this one included, that say that something still or again does not work",
    ),
    "unanswered": FactSpec(
        default=1,
        meaning="customer messages in a row, this one included, that neither a representative nor a bot answered",
    ),
    "waiting_minutes": FactSpec(
        default=0, meaning="whole minutes since the oldest message that no representative has answered"
    ),
    "last_speaker": FactSpec(
        default="", meaning="who spoke before this message: customer, representative, bot or nobody"
    ),
    "language_switched": FactSpec(default=False, meaning="the customer wrote in another language until now"),
    "queue_before": FactSpec(default="", meaning="queue of the conversation's latest decision"),
    "assigned": FactSpec(default=False, meaning="a representative has the conversation now"),
    "representative": FactSpec(default="", meaning="who has the conversation now"),
    "escalated": FactSpec(
        default=False, meaning="an earlier decision escalated the conversation (`action: escalate`)"
    ),
    "alerted": FactSpec(
        default=False,
        meaning="the conversation has shown a cause for an alert before, by more than its waiting",
    ),
    "automatic_before": FactSpec(
        default=False, meaning="the message before this one was answered automatically"
    ),
    "automatic_helped": FactSpec(
        default="",
        meaning="whether this message says that the answer helped: yes, no or unclear; empty: none",
    ),
    # the record
    "misplaced": FactSpec(default=False, meaning="key and value disagree: decided without history"),
}

_DEFAULTS = {name: spec.default for name, spec in FACTS.items()}
_TYPES = {name: type(spec.default) for name, spec in FACTS.items()}
_EXACT = 2**53
"""up to here every whole number has a float of its own"""

LABEL_NAMES = ("intent", "emotion", "urgency", "language")


def complete(known: Mapping[str, Scalar]) -> dict[str, bool | int | float | str]:
    """Every declared fact, in declared order: the known value where it has the declared type, else the default.

    A whole number stands for the decimal it equals: JSON from elsewhere may write 79.0 as 79.
    """
    out = dict(_DEFAULTS)
    for name, value in known.items():
        kind = _TYPES.get(name)
        if type(value) is kind:
            out[name] = value
        elif kind is float and type(value) is int and abs(value) <= _EXACT:
            out[name] = float(value)
    return out
