"""Amend: what an answer changes that came after its message was decided."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from frontdesk.schemas.outputs import Decision, Labels
from frontdesk.schemas.state import Conversation, Customer, Waiting
from frontdesk.schemas.types import Millis
from frontdesk.streams.alerts import with_alerts
from frontdesk.streams.batch import Answer
from frontdesk.streams.conclude import Rules, switched
from frontdesk.streams.cues import cues
from frontdesk.streams.decide import amend, decided_again, recorded_facts, same_route
from frontdesk.streams.escalate import escalate
from frontdesk.streams.help import Help
from frontdesk.streams.history import is_current
from frontdesk.streams.label import answered
from frontdesk.streams.outbox import Outbox
from frontdesk.streams.overlay import Overlay
from frontdesk.streams.pending import AUDIT_MISSING
from frontdesk.streams.policy import Verdict
from frontdesk.streams.publish import AUDIT, UNSURE, Publisher
from frontdesk.streams.redact import redact
from frontdesk.streams.remember import conversation_of, remember_amendment


@dataclass(slots=True, kw_only=True)
class Amendments:
    """Amends decisions in one step. Changes go to its overlay, records to its outbox."""

    rules: Rules
    overlay: Overlay
    outbox: Outbox
    help: Help
    now: Millis
    _publisher: Publisher = field(init=False)

    def __post_init__(self) -> None:
        self._publisher = Publisher(self.outbox)

    def amend(self, key: bytes, entry: Waiting, answer: Answer) -> None:
        """A decision that was made without its answer, looked at again now that the answer is here.

        A new revision only where it sends the message another way, and nobody has acted on the old one: no later
        decision in the conversation, and no representative assigned. An audit's answer changes nothing: it is published, to be
        compared.
        """
        decision = entry.decision
        if decision is None or answer.labels is None:
            self.outbox.count(AUDIT_MISSING if entry.audit else "late_answer_missing")
            return
        labels = answered(decision.labels, answer.labels, self.rules.taxonomy)
        # An answer that changes nothing has cost as much, and teaches as much, as one that does.
        stands = replace(decision, labels=labels, prompt_version=answer.prompt_version)
        if not entry.audit:
            stands = self._amended(key, entry, decision, labels, answer) or stands
        self._publisher.labelling(
            stands,
            entry,
            text=redact(entry.message.text or ""),
            local=decision.labels,
            asked=AUDIT if entry.audit else UNSURE,
            taxonomy_hash=self.rules.taxonomy.hash,
            usage=answer.usage,
            now=self.now,
        )

    def _amended(
        self, key: bytes, entry: Waiting, decision: Decision, labels: Labels, answer: Answer
    ) -> Decision | None:
        """The revision that these labels make, published; None where the decision stands."""
        rules = self.rules
        decision = replace(decision, flags=switched(decision.flags, rules))
        verdict = decided_again(decision, rules.policy, labels=labels)
        amended = amend(
            decision,
            labels=labels,
            verdict=verdict,
            policy_hash=rules.policy.hash,
            prompt_version=answer.prompt_version,
            now=self.now,
        )
        if same_route(decision, amended):
            self.outbox.count("amendment_unchanged")
            return None
        customer = self.overlay.customer(key)
        conversation = conversation_of(customer, decision.conversation_id)
        if (
            customer is None
            or conversation is None
            or not is_current(customer, conversation, decision.decision_id, decision.received_at)
        ):
            self.outbox.count("amendment_dropped")
            return None
        self._publish(key, entry, amended, verdict, customer, conversation)
        return amended

    def _publish(
        self,
        key: bytes,
        entry: Waiting,
        amended: Decision,
        verdict: Verdict,
        customer: Customer,
        conversation: Conversation,
    ) -> None:
        """The revision and what follows from it, as if it had been the first."""
        turns, limits = conversation.turns[:-1], self.rules.limits
        escalation = escalate(
            verdict,
            amended,
            raised=conversation.escalated,
            before=customer.alerts,
            turns=turns,
            quote=redact(entry.message.text or ""),
            seen=cues(entry.message.text or ""),
            now=self.now,
        )
        self._publisher.decision(amended, entry.traceparent)
        self.help.publish(amended, escalation, customer, entry, turns, recorded_facts(amended), unsure=False)
        after = remember_amendment(
            customer,
            amended,
            raised=escalation.causes,
            fallback_intent=self.rules.taxonomy.fallback_intent,
            limits=limits,
        )
        self.overlay.put_customer(key, with_alerts(after, escalation.alerts, limits))
