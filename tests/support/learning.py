"""Records to learn from, in as few words as possible."""

from __future__ import annotations

from typing import Any

from frontdesk.agents.learning.rows import Labelled, labelled
from frontdesk.schemas.inputs import Feedback
from frontdesk.schemas.outputs import Label, LabelRecord, Labels
from frontdesk.schemas.types import Millis
from frontdesk.streams.ids import decision_id


def labels(intent: str = "billing", source: str = "local", confidence: float = 0.9, **others: str) -> Labels:
    def label(value: str) -> Label:
        return Label(value=value, confidence=0.9, source="rule")

    return Labels(
        intent=Label(value=intent, confidence=confidence, source=source),
        emotion=label(others.get("emotion", "neutral")),
        urgency=label(others.get("urgency", "normal")),
        language=label(others.get("language", "en")),
    )


def record(number: int, intent: str = "billing", source: str = "local", **changes: Any) -> LabelRecord:
    """The labelling of message `number`, by customer `number` unless another is given."""
    customer = changes.pop("customer_id", f"customer-{number}")
    message = changes.pop("message_id", f"m{number}")
    revision = changes.pop("revision", 1)
    given: dict[str, Any] = {
        "decision_id": decision_id("default", customer, message, revision),
        "message_id": message,
        "conversation_id": f"talk of {customer}",
        "customer_id": customer,
        "revision": revision,
        "text": f"please explain charge {'abcdefghij'[number % 10]} {number} on my bill",
        "labels": labels(intent, source, changes.pop("confidence", 0.9)),
        "taxonomy_hash": "t",
        "model_version": "m",
        "labelled_at": Millis(1_000_000 + number),
    }
    return LabelRecord(**(given | changes))


def said(
    about: LabelRecord, intent: str | None, by: str = "ann", at: int = 5_000_000, **changes: Any
) -> Feedback:
    """What a person says about a message."""
    given: dict[str, Any] = {
        "decision_id": about.decision_id,
        "customer_id": about.customer_id,
        "by": by,
        "intent": intent,
        "at": Millis(at),
    }
    return Feedback(**(given | changes))


def row(number: int, *args: Any, **changes: Any) -> Labelled:
    """As `record`, collected."""
    return labelled(record(number, *args, **changes), number)
