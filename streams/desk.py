"""What arrives in a step, one record at a time: each is taken to where it belongs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeGuard

from frontdesk.schemas.inputs import ConversationEvent, Purchase
from frontdesk.schemas.outputs import DeadLetter
from frontdesk.schemas.state import Customer, Waiting
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import CUSTOMER, Erasure, Fact, NewFact, NewMessage, NewTransfer, dead_letter
from frontdesk.streams.alerts import settled
from frontdesk.streams.amending import Amendments
from frontdesk.streams.audit import is_audited
from frontdesk.streams.batch import Arrival, Drafted
from frontdesk.streams.candidate import Trial
from frontdesk.streams.companions import learn_companions
from frontdesk.streams.conclude import Case, Conclusions, Rules
from frontdesk.streams.decide import CORE_ERROR, LLM_SKIP, LLM_WAIT
from frontdesk.streams.effects import Effect
from frontdesk.streams.expire import expired
from frontdesk.streams.history import APPLIED, SKEWED, Known, When, is_skewed, learn
from frontdesk.streams.label import FALLBACK, NO_LABELS, Labelled, Previous, in_mood, unsure
from frontdesk.streams.outbox import Outbox
from frontdesk.streams.overlay import Overlay
from frontdesk.streams.pending import AUDIT_DROPPED, BEHIND, Pending
from frontdesk.streams.policy_rules import AUTO, WAIT
from frontdesk.streams.publish import Publisher
from frontdesk.streams.remember import conversation_of, erase
from frontdesk.streams.state import StateView, customer_key
from frontdesk.streams.taxonomy import URGENT
from frontdesk.streams.timers import Timers
from frontdesk.streams.transfers import MERGED, Transfers

Found = NewMessage | NewFact | NewTransfer | Erasure | DeadLetter


class Desk:
    """One step at work, on an overlay of the state. Made for the step and thrown away with it."""

    def __init__(self, rules: Rules, *, source: str, state: StateView, now: Millis, partitions: int) -> None:
        self._rules = rules
        self._now = now
        self._overlay = Overlay(state)
        self._outbox = Outbox(source=source, now=now)
        self._conclusions = Conclusions(rules=rules, overlay=self._overlay, outbox=self._outbox, now=now)
        self._amendments = Amendments(
            rules=rules, overlay=self._overlay, outbox=self._outbox, help=self._conclusions.help, now=now
        )
        self.pending = Pending(
            overlay=self._overlay,
            outbox=self._outbox,
            limits=rules.limits,
            llm=rules.llm,
            now=now,
            conclude=self._conclusions.conclude,
            amend=self._amendments.amend,
        )
        self._timers = Timers(
            overlay=self._overlay,
            publisher=Publisher(self._outbox),
            policy=rules.policy,
            limits=rules.limits,
            now=now,
        )
        self._known = Known(
            taxonomy=rules.taxonomy,
            tiers=rules.policy.tiers,
            products=rules.catalog,
            limits=rules.limits,
        )
        self._transfers = Transfers(
            overlay=self._overlay,
            outbox=self._outbox,
            known=self._known,
            partitions=partitions,
            now=now,
            settle=self.pending.forget,
            learn=self._learn,
            forget=self._forget,
            settled=self._conclusions.settled,
        )

    def effects(self) -> tuple[Effect, ...]:
        """All that is to be done: records in order, changes of state, questions, counts."""
        return self._outbox.effects(self._overlay)

    def due(self, customer: bytes) -> None:
        """A customer whose time has come: what waits is decided, then the timer looked at."""
        self.pending.drain(customer)
        self._timers.ring(customer)

    def drafted(self, drafts: Iterable[Drafted]) -> None:
        """What the LLM has made of replies."""
        for one in drafts:
            self._conclusions.drafting.take(one)

    def set_timers(self) -> None:
        """The last of a step: every customer that it has changed gets the timer that they need."""
        self._timers.set_all()

    def fresh(self, found: Iterable[Found]) -> list[Found]:
        """What is left without the messages that were seen before: decided, waiting, or earlier in the same batch."""
        known: dict[bytes, set[str]] = {}
        left: list[Found] = []
        for one in found:
            if isinstance(one, NewMessage):
                ids = known.get(one.customer)
                if ids is None:
                    ids = known[one.customer] = self._known_ids(one.customer)
                if one.message.message_id in ids:
                    self._outbox.count("duplicate")
                    continue
                ids.add(one.message.message_id)
            left.append(one)
        return left

    def said_before(self, one: NewMessage) -> Previous | None:
        """The last thing that the customer said in the conversation before this step, redacted."""
        if one.misplaced:
            return None
        known = conversation_of(self._overlay.customer(one.customer), one.message.conversation_id)
        turns = () if known is None else known.turns
        text = next((turn.text for turn in reversed(turns) if turn.role == CUSTOMER), None)
        return None if known is None or text is None else Previous(text=text, intent=known.topic)

    def message(self, one: NewMessage, words: Labelled | None, trial: Trial | None = None) -> None:
        """A message that was not seen before; `words` are None for context, which is not decided. `trial` tells what another model
        says of a message that an LLM is asked about."""
        entry = self._entry(one)
        if words is not None:
            self._conclusions.cases[one.customer, entry.seq] = Case(words=words)
            mood = 0.0 if one.misplaced else self._conclusions.mood(one.customer, one.message)
            entry = replace(entry, local=in_mood(words, mood), model=words.model)
        limits = self._rules.limits
        asks = words is not None and unsure(words, entry.local, limits.llm_for)
        sure = not asks
        choice, rule = AUTO, None
        if words is not None and self._rules.policy.asks and words.intent.source != FALLBACK:
            choice, rule = self._conclusions.wants(one.customer, entry)
        wants = choice == WAIT or (asks and choice == AUTO)
        if wants and self._stale(one, entry):
            self._outbox.count("llm_skipped_backlog")
            asks = wants = False
        if rule is not None and wants != asks and limits.llm_enabled:
            flag = LLM_WAIT if wants else LLM_SKIP
            entry = replace(entry, flags=(*entry.flags, f"{flag}:{rule.id}"))
            self._outbox.count(f"{flag}_by_rule")
        if words is not None and sure and choice == AUTO and self._is_audited(one, entry, words):
            entry = replace(entry, audit=True)
        if trial is not None and limits.llm_enabled and (wants or entry.audit):
            candidate, version = trial.other(one)
            entry = replace(entry, candidate=candidate, candidate_model=version)
        self.pending.arrive(one.customer, entry, unsure=wants)

    def fact(self, one: NewFact) -> None:
        """A profile, purchase, event or correction."""
        if one.misplaced:
            self._outbox.count("misplaced")
            return
        fact = one.fact
        if _is_merge(fact):
            self._transfers.merge(one, fact)
        elif not self._transfers.follow(one):
            self._learn(one.customer, fact, one.timestamp)

    def transfer(self, one: NewTransfer) -> None:
        """What another shard hands over."""
        self._transfers.take(one)

    def erase(self, one: Erasure) -> None:
        """Decide what waits of a customer, then forget all but the ids of messages.

        Where the key can be read in two ways, whoever is known by it is erased.
        """
        if one.misplaced:
            self._outbox.count("misplaced")
            return
        readings = {customer_key(*names): names for names in one.named}
        known = [key for key in readings if self._overlay.customer(key) or self._overlay.waiting(key)]
        for key in known or readings:
            tenant_id, customer_id = readings[key]
            blank = Customer(tenant_id=tenant_id, customer_id=customer_id)
            self._transfers.erase(key, blank, one.timestamp, one.cause)

    def _learn(self, key: bytes, fact: Fact, timestamp: Millis) -> None:
        waiting = self._overlay.waiting(key).values()
        when = When(now=self._now, timestamp=timestamp)
        if is_skewed(fact, when, self._rules.limits):
            self._outbox.count(SKEWED)
        before = self._overlay.customer(key)
        customer, outcome = learn(
            before,
            fact,
            when=when,
            waiting=frozenset(entry.message.conversation_id for entry in waiting),
            known=self._known,
        )
        if customer is not None:
            customer = expired(customer, self._now, self._rules.limits)
            self._overlay.put_customer(key, self._conclusions.settled(customer))
            if isinstance(fact, Purchase) and outcome == APPLIED:
                learn_companions(self._overlay, before, customer, fact, shop=self._rules.shop)
        self._outbox.count(outcome)

    def _forget(self, key: bytes, blank: Customer, at: Millis) -> Customer:
        """Decide what waits of a customer and erase them; who they were until then."""
        self.pending.forget(key)
        known = self._overlay.customer(key) or blank
        Publisher(self._outbox).alerts(settled(known, self._now, all_=True)[1])
        self._overlay.put_customer(key, erase(known, at))
        self._outbox.count("erased")
        return known

    def bury(self, letter: DeadLetter) -> None:
        """Publish what is of no use, with the reason."""
        Publisher(self._outbox).dead_letter(letter)

    def fall_back(self, one: Found, arrival: Arrival) -> None:
        """A record that made a step raise: for a customer's message a decision, for all else a dead letter.

        What waits of the same customer is decided the same way before it: order outranks quality.
        """
        if isinstance(one, DeadLetter):
            self.bury(one)
        elif isinstance(one, NewMessage) and one.message.message_id in self._known_ids(one.customer):
            self._outbox.count("duplicate")
        elif isinstance(one, NewMessage) and one.message.role == CUSTOMER:
            self._abandon(one.customer)
            self._conclusions.fall_back(one.customer, self._entry(one))
        else:
            what = type(one).__name__
            self.bury(dead_letter(arrival, CORE_ERROR, "CoreError", f"{what} cannot be processed", self._now))

    def give_up_what_waits(self, one: Found) -> bool:
        """Before an erasure or a merge is tried again: what waits of the customer may be what it fails on. False: it is neither."""
        if isinstance(one, Erasure):
            keys = [customer_key(*names) for names in one.named]
        elif isinstance(one, NewTransfer) or (isinstance(one, NewFact) and _is_merge(one.fact)):
            keys = [one.customer]
        else:
            return False
        for key in keys:
            self._abandon(key)
        return True

    def abandon(self, customer: bytes) -> None:
        """Fallback decisions on all that waits of a customer whose answer, deadline or timer made a step raise."""
        self._abandon(customer)
        self._timers.put_off(customer)

    def _abandon(self, customer: bytes) -> None:
        """Decisions that stand are not amended any more."""
        for entry in tuple(self._overlay.waiting(customer).values()):
            if entry.decision is None:
                self._conclusions.fall_back(customer, entry)
            else:
                self._outbox.count(AUDIT_DROPPED if entry.audit else "amendment_dropped")
            self._overlay.drop_waiting(customer, entry.seq)

    def _is_audited(self, one: NewMessage, entry: Waiting, words: Labelled) -> bool:
        """Whether a message of which the local tiers are sure is asked about all the same. Of what has no words, or no history, or lay
        for long, nothing is to be learned."""
        return (
            is_audited(one.message, self._rules.limits)
            and words.intent.source != FALLBACK
            and not one.misplaced
            and not self._stale(one, entry)
        )

    def _stale(self, one: NewMessage, entry: Waiting) -> bool:
        """Whether a message lay so long that all behind it would wait for answers again; the urgent are worth that."""
        limits = self._rules.limits
        age = self._now - one.timestamp
        return limits.llm_enabled and age > limits.llm_backlog_ms and entry.local.urgency.value not in URGENT

    def _known_ids(self, customer: bytes) -> set[str]:
        known = self._overlay.customer(customer)
        ids = set() if known is None else set(known.seen)
        ids.update(entry.message.message_id for entry in self._overlay.waiting(customer).values())
        return ids

    def _entry(self, one: NewMessage) -> Waiting:
        return Waiting(
            seq=one.offset,
            message=one.message,
            arrived_at=self._now,
            deadline=Millis(self._now + self._rules.limits.deadline_ms),
            phase=BEHIND,
            flags=one.flags,
            local=NO_LABELS,
            traceparent=one.traceparent,
        )


def _is_merge(fact: Fact) -> TypeGuard[ConversationEvent]:
    return isinstance(fact, ConversationEvent) and fact.kind.strip().lower() == MERGED
