"""Publish: the records that follow from a decision, each with its topic, key and CloudEvents id."""

from __future__ import annotations

from collections.abc import Iterable

from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Alert, DeadLetter, Decision, Difference, LabelRecord, Labels, Suggestion
from frontdesk.schemas.state import Usage, Waiting
from frontdesk.schemas.topics import (
    ESCALATION_ALERTS,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
    ROUTING_DIFFERENCES,
    ROUTING_LABELS,
    SERVICE_SUGGESTIONS,
)
from frontdesk.schemas.types import Millis
from frontdesk.streams.outbox import Outbox

UNSURE, AUDIT = "unsure", "audit"
"""why an LLM was asked: somebody waited for the answer, or it is only compared"""


class Publisher:
    """Writes to an outbox. The subject of everything about a message is its conversation."""

    __slots__ = ("_outbox",)

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def decision(self, decision: Decision, traceparent: bytes | None) -> None:
        """The decision."""
        self._outbox.emit(
            ROUTING_DECISIONS,
            wire_key(decision.tenant_id, decision.customer_id),
            decision,
            event_id=decision.decision_id,
            subject=decision.conversation_id,
            traceparent=traceparent,
        )

    def labelling(
        self,
        decision: Decision,
        entry: Waiting,
        *,
        text: str,
        local: Labels,
        asked: str,
        taxonomy_hash: str,
        usage: Usage | None,
        now: Millis,
    ) -> None:
        """How the message of a decision was labelled, and at what cost. `text` is redacted; `local` is what the local tiers say."""
        record = LabelRecord(
            decision_id=decision.decision_id,
            message_id=decision.message_id,
            conversation_id=decision.conversation_id,
            customer_id=decision.customer_id,
            tenant_id=decision.tenant_id,
            revision=decision.revision,
            text=text,
            labels=decision.labels,
            taxonomy_hash=taxonomy_hash,
            model_version=decision.model_version,
            prompt_version=decision.prompt_version,
            llm_model=None if usage is None else usage.model,
            tokens_in=0 if usage is None else usage.tokens_in,
            tokens_out=0 if usage is None else usage.tokens_out,
            cost_usd=0.0 if usage is None else usage.cost_usd,
            labelled_at=now,
            asked=asked,
            local=local,
            candidate=entry.candidate,
            candidate_model=entry.candidate_model,
        )
        # An audit's answer is a second record of a decision that has one, whatever its source.
        which = AUDIT if asked == AUDIT else decision.labels.intent.source
        self._outbox.emit(
            ROUTING_LABELS,
            wire_key(decision.tenant_id, decision.customer_id),
            record,
            event_id=f"{decision.decision_id}/labels/{which}",
            subject=decision.conversation_id,
            traceparent=entry.traceparent,
        )

    def help(self, alerts: Iterable[Alert], suggestion: Suggestion | None, traceparent: bytes | None) -> None:
        """Whom to alert, and what to say."""
        self.alerts(alerts, traceparent)
        if suggestion is not None:
            self.suggestion(suggestion, traceparent)

    def suggestion(self, suggestion: Suggestion, traceparent: bytes | None) -> None:
        """What to say; a later revision of it has an id of its own."""
        revision = "" if suggestion.revision == 1 else f"/{suggestion.revision}"
        self._outbox.emit(
            SERVICE_SUGGESTIONS,
            wire_key(suggestion.tenant_id, suggestion.customer_id),
            suggestion,
            event_id=f"{suggestion.decision_id}/help{revision}",
            subject=suggestion.conversation_id,
            traceparent=traceparent,
        )

    def alerts(self, alerts: Iterable[Alert], traceparent: bytes | None = None) -> None:
        """Alerts, raised or resolved; those that no message brought about have no trace."""
        for alert in alerts:
            self._outbox.emit(
                ESCALATION_ALERTS,
                wire_key(alert.tenant_id, alert.customer_id),
                alert,
                # One alert may be raised again, graver, by a later decision.
                event_id=f"{alert.alert_id}/{alert.decision_id}/{alert.status}",
                subject=alert.conversation_id,
                traceparent=traceparent,
            )

    def difference(self, difference: Difference) -> None:
        """What a policy in the shadow would have done otherwise."""
        self._outbox.emit(
            ROUTING_DIFFERENCES,
            wire_key(difference.tenant_id, difference.customer_id),
            difference,
            event_id=f"{difference.decision_id}/shadow/{difference.shadow_hash}",
            subject=difference.conversation_id,
        )

    def dead_letter(self, letter: DeadLetter) -> None:
        """What is of no use, under its own key."""
        self._outbox.emit(
            ROUTING_DEAD_LETTERS,
            letter.key or b"",
            letter,
            event_id=f"{letter.topic}/{letter.partition}/{letter.offset}",
            subject=letter.reason,
        )
