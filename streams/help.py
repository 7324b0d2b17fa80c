"""Help: what is published beside a decision, and what is kept in mind of a reply that went out by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.state import Conversation, Customer, Turn, Waiting
from frontdesk.schemas.types import Millis, Scalar
from frontdesk.streams.admit import CUSTOMER
from frontdesk.streams.automatic import COUNTS, may_answer, noted
from frontdesk.streams.course import RESOLVED
from frontdesk.streams.cues import Cues
from frontdesk.streams.days import COMPLAINT
from frontdesk.streams.drafting import Drafting
from frontdesk.streams.escalate import Escalation
from frontdesk.streams.limits import Limits
from frontdesk.streams.outbox import Outbox
from frontdesk.streams.overlay import Overlay
from frontdesk.streams.policy import Policy
from frontdesk.streams.policy_replies import permits
from frontdesk.streams.publish import Publisher
from frontdesk.streams.remember import conversation_of
from frontdesk.streams.shop import Shop
from frontdesk.streams.suggest import Situation, suggest


class Help:
    """Alerts and suggestions of one step."""

    __slots__ = ("_drafting", "_limits", "_now", "_outbox", "_overlay", "_policy", "_publisher", "_shop")

    def __init__(
        self,
        *,
        drafting: Drafting,
        shop: Shop,
        policy: Policy,
        limits: Limits,
        overlay: Overlay,
        outbox: Outbox,
        now: Millis,
    ) -> None:
        self._drafting = drafting
        self._shop = shop
        self._policy = policy
        self._limits = limits
        self._overlay = overlay
        self._outbox = outbox
        self._publisher = Publisher(outbox)
        self._now = now

    def may_send(
        self, decision: Decision, conversation: Conversation | None, facts: Mapping[str, Scalar], seen: Cues
    ) -> bool:
        """Whether an answer to a message may go out by itself, if there is one."""
        helped = str(facts["automatic_helped"])
        allowed = permits(self._policy.automatic, decision.labels, facts)
        return allowed and may_answer(decision, conversation, seen, helped, self._limits)

    def publish(
        self,
        decision: Decision,
        escalation: Escalation,
        customer: Customer,
        entry: Waiting,
        turns: Sequence[Turn],
        facts: Mapping[str, Scalar],
        *,
        unsure: bool,
        may_send: bool = False,
    ) -> bool:
        """Publish the alerts and a suggestion; whether its reply goes out by itself. `turns` are those before the message."""
        if escalation.held:
            self._outbox.count("alert_suppressed", len(escalation.held))
        suggestion = suggest(
            Situation(
                decision=decision,
                text=entry.message.text or "",
                before=[turn.text for turn in reversed(turns)],
                mood=float(facts["mood"] or 0),
                purchases=customer.purchases,
                unsure=unsure,
                bad_mood=facts["mood_level"] == "bad",
                follow_up=facts["follow_up"] is True,
                troubled=bool(escalation.causes)
                or facts["alerted"] is True
                or _complaint_stands(customer, decision.conversation_id, turns, facts),
                may_send=may_send,
                now=self._now,
            ),
            shop=self._shop,
            rows=self._overlay,
        )
        self._publisher.help(escalation.alerts, suggestion, entry.traceparent)
        if suggestion is not None and self._drafting.on:
            self._drafting.ask(suggestion, decision, entry, turns)
        return suggestion is not None and suggestion.automatic

    def noted(
        self, customer: Customer, decision: Decision, facts: Mapping[str, Scalar], *, automatic: bool
    ) -> Customer:
        """The customer, with it kept in mind whether the reply goes out by itself, and whether the last one that did was of use."""
        helped = str(facts["automatic_helped"])
        if helped:
            self._outbox.count(COUNTS[helped])
        conversation = conversation_of(customer, decision.conversation_id) if helped or automatic else None
        if conversation is None:
            return customer
        return noted(customer, conversation, decision, helped, automatic=automatic, limits=self._limits)


def _complaint_stands(
    customer: Customer, conversation_id: str, turns: Sequence[Turn], facts: Mapping[str, Scalar]
) -> bool:
    """Whether the customer has complained in the conversation, and it was not resolved since."""
    theirs = [turn for turn in turns if turn.role == CUSTOMER]
    if facts["intent_before"] != COMPLAINT and not any(turn.intent == COMPLAINT for turn in theirs):
        return False
    resolved = [
        event.at
        for event in customer.events
        if event.kind == RESOLVED and event.conversation_id == conversation_id
    ]
    since = [turn for turn in theirs if not resolved or turn.at > max(resolved)]
    last = facts["intent_before"] == COMPLAINT and bool(since)
    return last or any(turn.intent == COMPLAINT for turn in since)
