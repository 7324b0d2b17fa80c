"""Rows of what is collected: records of the wire, flat, with the place that they come from."""

from __future__ import annotations

from dataclasses import dataclass

from frontdesk.agents.learning.examples import hashed
from frontdesk.schemas.inputs import Feedback
from frontdesk.schemas.outputs import Label, LabelRecord
from frontdesk.schemas.types import Millis
from frontdesk.streams.label import ANSWERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A `LabelRecord`."""

    offset: int
    customer: str
    """as `hashed`: what an erasure goes by"""
    decision_id: str
    message_id: str
    conversation_id: str
    customer_id: str
    """feedback about the message has to name it"""
    tenant_id: str
    revision: int
    labelled_at: int
    asked: str
    text: str
    language: str
    intent: str
    intent_confidence: float
    intent_source: str
    emotion: str
    emotion_source: str
    urgency: str
    urgency_source: str
    local_intent: str
    local_confidence: float
    candidate: str
    candidate_confidence: float
    candidate_model: str
    llm_model: str
    model_version: str
    taxonomy_hash: str

    @property
    def llm_intent(self) -> str:
        """The intent that an LLM gave, or nothing."""
        return self.intent if self.intent_source in ANSWERED else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A `Feedback`."""

    offset: int
    customer: str
    decision_id: str
    by: str
    intent: str
    emotion: str
    urgency: str
    at: int
    """as the publisher says"""
    received: int = 0
    """as Kafka says; 0 where it is not known"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """A customer who is to be forgotten."""

    offset: int
    customer: str


Row = Labelled | Given | Erased


def labelled(record: LabelRecord, offset: int) -> Labelled:
    """The row of a label record."""
    labels, local = record.labels, record.local or record.labels
    heard = local.intent.source in ANSWERED  # an older record, which does not tell what the local tiers said
    candidate = record.candidate or Label(value="", confidence=0.0, source="")
    return Labelled(
        offset=offset,
        customer=hashed(record.tenant_id, record.customer_id),
        decision_id=record.decision_id,
        message_id=record.message_id,
        conversation_id=record.conversation_id,
        customer_id=record.customer_id,
        tenant_id=record.tenant_id,
        revision=record.revision,
        labelled_at=record.labelled_at,
        asked=record.asked,
        text=record.text,
        language=labels.language.value,
        intent=labels.intent.value,
        intent_confidence=labels.intent.confidence,
        intent_source=labels.intent.source,
        emotion=labels.emotion.value,
        emotion_source=labels.emotion.source,
        urgency=labels.urgency.value,
        urgency_source=labels.urgency.source,
        local_intent="" if heard else local.intent.value,
        local_confidence=0.0 if heard else local.intent.confidence,
        candidate=candidate.value,
        candidate_confidence=candidate.confidence,
        candidate_model=record.candidate_model or "",
        llm_model=record.llm_model or "",
        model_version=record.model_version,
        taxonomy_hash=record.taxonomy_hash,
    )


def given(record: Feedback, offset: int, received: Millis) -> Given:
    """The row of a feedback. `received` stands for a time that it does not name."""
    return Given(
        offset=offset,
        customer=hashed(record.tenant_id, record.customer_id),
        decision_id=record.decision_id,
        by=record.by,
        intent=record.intent or "",
        emotion=record.emotion or "",
        urgency=record.urgency or "",
        at=record.at or received,
        received=received,
    )
