"""Conclude: the path of one message from its customer's history to everything that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import Decision, Labels
from frontdesk.schemas.state import Conversation, Customer, Waiting
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import CUSTOMER
from frontdesk.streams.alerts import settled, with_alerts
from frontdesk.streams.automatic import of_automatic
from frontdesk.streams.course import begun
from frontdesk.streams.cues import Cues, cues
from frontdesk.streams.decide import (
    CORE_ERROR,
    EVERYTHING_TO,
    Facts,
    decide,
    default_verdict,
    everything_to_in,
)
from frontdesk.streams.drafting import Drafting
from frontdesk.streams.escalate import NOTHING, Escalation, escalate
from frontdesk.streams.expire import expired
from frontdesk.streams.follow_up import leaning
from frontdesk.streams.help import Help
from frontdesk.streams.join import join
from frontdesk.streams.label import ANSWERED, Labelled, answered, fallback, relabel
from frontdesk.streams.limits import Limits
from frontdesk.streams.mood import NO_MOOD, Mood, mood_after
from frontdesk.streams.outbox import Outbox
from frontdesk.streams.overlay import Overlay
from frontdesk.streams.pending import WAITING_FULL
from frontdesk.streams.policy import Policy, Verdict
from frontdesk.streams.policy_rules import Rule
from frontdesk.streams.ports import Llm
from frontdesk.streams.publish import UNSURE, Publisher
from frontdesk.streams.redact import redact
from frontdesk.streams.remember import (
    conversation_of,
    remember,
    remember_wordless,
    with_seen,
)
from frontdesk.streams.shadow import DIFFERS, SAME, Shadow
from frontdesk.streams.shop import Shop
from frontdesk.streams.taxonomy import Taxonomy
from frontdesk.streams.understand import understand

MISPLACED = "misplaced"
UNKNOWN_ROLE = "unknown_role"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What messages are concluded by."""

    policy: Policy
    taxonomy: Taxonomy
    model_version: str
    """of what no other has labelled"""
    catalog: Mapping[str, Product]
    shop: Shop
    limits: Limits
    llm: Llm
    shadow: Shadow | None = None
    """a second policy, for some customers"""
    everything_to: str | None = None
    """the queue to which a switch sends everything; one that the policy does not have counts for nothing"""


def switched(flags: tuple[str, ...], rules: Rules) -> tuple[str, ...]:
    """A message's flags with what the switch says now, instead of what it said."""
    queue = rules.everything_to
    if everything_to_in(flags) is not None:
        flags = tuple(flag for flag in flags if not flag.startswith(f"{EVERYTHING_TO}:"))
    if queue is None or queue not in rules.policy.queues:
        return flags
    return (*flags, f"{EVERYTHING_TO}:{queue}")


@dataclass(slots=True, kw_only=True)
class Case:
    """What this step knows of a message beyond its entry: not worth keeping while it waits."""

    words: Labelled


@dataclass(slots=True, kw_only=True)
class Conclusions:
    """Concludes messages in one step. Changes go to its overlay, records to its outbox."""

    rules: Rules
    overlay: Overlay
    outbox: Outbox
    now: Millis
    cases: dict[tuple[bytes, int], Case] = field(default_factory=dict)
    """messages of this step by state key and seq"""
    drafting: Drafting = field(init=False)
    help: Help = field(init=False)
    _publisher: Publisher = field(init=False)

    def __post_init__(self) -> None:
        self._publisher = Publisher(self.outbox)
        self.drafting = Drafting(
            shop=self.rules.shop,
            limits=self.rules.limits,
            llm=self.rules.llm,
            overlay=self.overlay,
            outbox=self.outbox,
            now=self.now,
        )
        self.help = Help(
            drafting=self.drafting,
            shop=self.rules.shop,
            policy=self.rules.policy,
            limits=self.rules.limits,
            overlay=self.overlay,
            outbox=self.outbox,
            now=self.now,
        )

    def conclude(self, key: bytes, entry: Waiting) -> Decision | None:
        """A message whose turn has come: join, label, decide, escalate, suggest, remember. None for context."""
        message, rules, now = entry.message, self.rules, self.now
        customer = expired(self.customer(key, message), now, rules.limits)
        if customer.events and MISPLACED not in entry.flags:
            customer = begun(customer, message.conversation_id, entry.arrived_at, rules.limits)
        text = redact(message.text or "")
        if message.role != CUSTOMER:
            self.outbox.count("context")
            if UNKNOWN_ROLE in entry.flags:
                # Perhaps a customer whose platform says it otherwise: nobody is routed.
                self.outbox.count(UNKNOWN_ROLE)
            self.overlay.put_customer(key, self._remembered(customer, entry, text))
            return None
        known = conversation_of(customer, message.conversation_id)
        conversation = None if MISPLACED in entry.flags else known
        case = self.cases.get((key, entry.seq))
        seen = case.words.cues if case is not None else cues(message.text or "")
        local, labels, mood, facts = self._joined(entry, customer, conversation, case, seen=seen, text=text)
        entry = self._switched(entry)
        forced = everything_to_in(entry.flags)
        verdict = rules.policy.decide(labels, facts, at=entry.arrived_at, everything_to=forced)
        heard = labels.intent.source in ANSWERED
        unheard = not heard and (entry.attempt > 0 or WAITING_FULL in entry.flags)
        decision = self._decide(entry, labels, facts, verdict, provisional=unheard)
        raised = () if known is None else known.escalated
        turns = () if conversation is None else conversation.turns
        escalation = escalate(
            verdict,
            decision,
            raised=raised,
            before=customer.alerts,
            turns=turns,
            quote=text,
            seen=seen,
            now=now,
        )
        self._publisher.decision(decision, entry.traceparent)
        self._publisher.labelling(
            decision,
            entry,
            text=text,
            local=local,
            asked=UNSURE if entry.attempt > 0 else "",
            taxonomy_hash=rules.taxonomy.hash,
            usage=entry.usage,
            now=now,
        )
        self._shadowed(key, decision, verdict, facts)
        unsure = unheard or (case is not None and case.words.unsure and not heard)
        may_send = verdict.automatic and self.help.may_send(decision, conversation, facts, seen)
        sent = self.help.publish(
            decision, escalation, customer, entry, turns, facts, unsure=unsure, may_send=may_send
        )
        after = self._remembered(customer, entry, text, decision, mood, escalation, failed=seen.failures)
        self.overlay.put_customer(key, self.help.noted(after, decision, facts, automatic=sent))
        return decision

    def fall_back(self, key: bytes, entry: Waiting) -> None:
        """A message that the path failed on: the default queue, without labels, facts or rules."""
        customer = self.customer(key, entry.message)
        if entry.message.role != CUSTOMER:
            self.outbox.count("context")
        else:
            entry = replace(entry, flags=(*entry.flags, CORE_ERROR))
            entry = self._switched(entry)
            verdict = default_verdict(self.rules.policy, everything_to_in(entry.flags), at=entry.arrived_at)
            labels = fallback(self.rules.taxonomy)
            decision = self._decide(entry, labels, {}, verdict, provisional=False)
            self._publisher.decision(decision, entry.traceparent)
            self.outbox.count(CORE_ERROR)
        self.overlay.put_customer(key, with_seen(customer, entry.message.message_id, self.rules.limits))

    def wants(self, key: bytes, entry: Waiting) -> tuple[str, Rule | None]:
        """What the policy's rules say of asking an LLM about a message that has just come: see `Policy.llm`.

        They see it as it would be decided now, on local labels; messages of the customer that still wait are not in it.
        """
        message, misplaced = entry.message, MISPLACED in entry.flags
        customer = expired(self.customer(key, message), self.now, self.rules.limits)
        conversation = None if misplaced else conversation_of(customer, message.conversation_id)
        case = self.cases.get((key, entry.seq))
        seen = case.words.cues if case is not None else cues(message.text or "")
        text = redact(message.text or "")
        _, labels, _, facts = self._joined(entry, customer, conversation, case, seen=seen, text=text)
        return self.rules.policy.llm(labels, facts)

    def settled(self, customer: Customer) -> Customer:
        """The customer with alerts resolved that stand for what is over."""
        if not customer.alerts:
            return customer  # nearly always
        customer, over = settled(customer, self.now)
        self._publisher.alerts(over)
        return customer

    def customer(self, key: bytes, message: CustomerMessage) -> Customer:
        """The customer of a message, or a blank one."""
        return self.overlay.customer(key) or Customer(
            tenant_id=message.tenant_id, customer_id=message.customer_id
        )

    def mood(self, key: bytes, message: CustomerMessage) -> float:
        """The mood of a message's conversation as far as it is known now."""
        conversation = conversation_of(self.overlay.customer(key), message.conversation_id)
        return 0.0 if conversation is None else conversation.mood

    def _joined(
        self,
        entry: Waiting,
        customer: Customer,
        conversation: Conversation | None,
        case: Case | None,
        *,
        seen: Cues,
        text: str,
    ) -> tuple[Labels, Labels, Mood, dict[str, bool | int | float | str]]:
        """What the local tiers say of a message in its conversation, its labels, the mood after it, and all facts that a policy may
        read. `text` is redacted."""
        message, rules, now = entry.message, self.rules, self.now
        mood_before = 0.0 if conversation is None else conversation.mood
        local = relabel(entry.local, seen, mood_before)
        labels = answered(local, entry.answered, rules.taxonomy)
        mood = mood_after(conversation, labels.emotion.value)
        understood = understand(
            text,
            conversation=conversation,
            labels=labels,
            seen=seen,
            leans=bool(leaning(message.text or "")) if case is None else case.words.leans,
            fallback_intent=rules.taxonomy.fallback_intent,
            now=now,
        )
        facts = join(
            message,
            customer=customer,
            conversation=conversation,
            labels=labels,
            mood=mood,
            understood=understood,
            seen=seen,
            misplaced=MISPLACED in entry.flags,
            fallback_intent=rules.taxonomy.fallback_intent,
            now=now,
            tiers=rules.policy.tiers,
            products=rules.catalog,
        )
        if conversation is not None:
            facts |= of_automatic(conversation, message.text or "", labels, seen, facts)
        return local, labels, mood, facts

    def _switched(self, entry: Waiting) -> Waiting:
        """The message with what switches say of it, so that its decision tells."""
        return replace(entry, flags=switched(entry.flags, self.rules))

    def _decide(
        self, entry: Waiting, labels: Labels, facts: Facts, verdict: Verdict, *, provisional: bool
    ) -> Decision:
        return decide(
            entry,
            labels=labels,
            facts=facts,
            verdict=verdict,
            policy_hash=self.rules.policy.hash,
            model_version=entry.model or self.rules.model_version,
            provisional=provisional,
            now=self.now,
        )

    def _shadowed(self, key: bytes, decision: Decision, verdict: Verdict, facts: Facts) -> None:
        shadow = self.rules.shadow
        if shadow is None or not shadow.takes(key):
            return
        difference = shadow.difference(decision, verdict, facts)
        self.outbox.count(SAME if difference is None else DIFFERS)
        if difference is not None:
            self._publisher.difference(difference)

    def _remembered(
        self,
        customer: Customer,
        entry: Waiting,
        text: str,
        decision: Decision | None = None,
        mood: Mood = NO_MOOD,
        escalation: Escalation = NOTHING,
        failed: int = 0,
    ) -> Customer:
        """The customer after a message."""
        raised, limits = escalation.causes, self.rules.limits
        misplaced = MISPLACED in entry.flags
        # Written before the erasure, read after it: decided, but what was to be forgotten is not learned again.
        erased = customer.erased_at is not None and entry.message.sent_at < customer.erased_at
        if misplaced or erased:
            after = remember_wordless(customer, entry, decision, raised=raised, limits=limits)
        else:
            after = remember(
                customer,
                entry,
                text=text,
                decision=decision,
                mood=mood,
                failed=failed,
                raised=raised,
                fallback_intent=self.rules.taxonomy.fallback_intent,
                limits=limits,
            )
        after = with_alerts(after, escalation.alerts, limits)
        return after if misplaced else self.settled(after)
