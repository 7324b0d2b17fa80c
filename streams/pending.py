"""Pending work: messages that wait for an LLM's answer, and those of the same customer behind them.

Every record of `customer.messages` passes through here, so that a customer's messages are concluded in the order in which
they came. What waits is state of the shard, not memory: a crash forgets nothing.

::

    unsure ──▶ asked ──answer or failure──▶ behind ──its turn──▶ concluded
                 └──deadline or bound──▶ concluded provisionally, then late ──answer or forget_at──▶ gone
    sure, or context, while an earlier one waits ──▶ behind
    sure, and drawn for an audit ──▶ concluded, then late: the answer is published, and changes nothing
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.state import Turn, Waiting
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer
from frontdesk.streams.budget import Reservation, Till
from frontdesk.streams.effects import Ask
from frontdesk.streams.ids import decision_id
from frontdesk.streams.limits import Limits
from frontdesk.streams.outbox import Outbox
from frontdesk.streams.overlay import LATE, Overlay
from frontdesk.streams.ports import Llm
from frontdesk.streams.redact import plain_locale, redact
from frontdesk.streams.remember import conversation_of
from frontdesk.streams.taxonomy import URGENT

ASKED = "asked"
BEHIND = "behind"
WAITING_FULL = "waiting_full"
OVER_BUDGET = "over_budget"
AUDITED, AUDIT_MISSING, AUDIT_DROPPED = "audited", "audit_missing", "audit_dropped"
"""what is counted of audits: asked, without an answer, and given up for lack of room or money, or with their customer"""
AUDITS = 4
"""audits take one place of so many of those that a shard has for answers that may still amend"""

Conclude = Callable[[bytes, Waiting], Decision | None]
"""Decides a message whose turn has come; None for context, about which nothing is decided."""

Amend = Callable[[bytes, Waiting, Answer], None]
"""Looks at a decision again in the light of an answer that came too late for it, or that is only compared with it."""


class Pending:
    """The waiting messages of a shard during one step. All changes go to the step's overlay."""

    def __init__(
        self,
        *,
        overlay: Overlay,
        outbox: Outbox,
        limits: Limits,
        llm: Llm,
        now: Millis,
        conclude: Conclude,
        amend: Amend,
    ) -> None:
        self._overlay = overlay
        self._outbox = outbox
        self._limits = limits
        self._llm = llm
        self._till = Till(budget=limits.budget, accounts=overlay, now=now)
        self._now = now
        self._conclude = conclude
        self._amend = amend

    def ask_again(self) -> None:
        """After a recovery: repeat every call that may still come in time. An earlier answer no longer matches."""
        for customer in sorted(self._overlay.waiting_customers()):
            for entry in tuple(self._overlay.waiting(customer).values()):
                if entry.phase == ASKED and not self._overdue(entry):
                    self._ask(customer, replace(entry, attempt=entry.attempt + 1))
            self.drain(customer)

    def answer(self, answers: Iterable[Answer]) -> None:
        """Take all answers, then conclude what they release: an answer in the same step as its deadline still counts."""
        released: dict[bytes, None] = {}
        for answer in answers:
            customer = answer.customer
            entry = self._overlay.waiting(customer).get(answer.seq)
            if entry is None or entry.attempt != answer.attempt or entry.phase == BEHIND:
                self._outbox.count("stale_answer")
                continue
            if not answer.cut_off:
                entry = self._settled(entry, answer)
            if entry.phase == LATE:
                self._overlay.drop_waiting(customer, entry.seq)
                self._amend(customer, entry, answer)
            else:
                self._overlay.put_waiting(
                    customer,
                    replace(
                        entry,
                        phase=BEHIND,
                        answered=answer.labels,
                        prompt_version=answer.prompt_version,
                        usage=answer.usage,
                    ),
                )
                released[customer] = None
        for customer in released:
            self.drain(customer)

    def arrive(self, customer: bytes, entry: Waiting, *, unsure: bool) -> None:
        """A new message, after all those before it: concluded now, or waiting for its answer or its turn.

        One that is marked for an audit is not unsure: it is concluded as any other is, and asked about then.
        """
        limits = self._limits
        wants_answer = unsure and limits.llm_enabled
        if not wants_answer and not self._overlay.waiting(customer):
            self._concluded(customer, entry)  # nearly every message
            return
        self._make_room(customer, entry.seq)
        must_wait = wants_answer or bool(self._undecided(customer))
        if must_wait and self._overlay.waiting_count() >= limits.waiting_per_shard:
            self._outbox.count(WAITING_FULL)
            self.settle(customer)
            if wants_answer:
                entry = replace(entry, flags=(*entry.flags, WAITING_FULL))
            self._conclude(customer, entry)
        elif wants_answer:
            self._ask(customer, replace(entry, phase=ASKED, attempt=1))
        elif must_wait:
            self._overlay.put_waiting(customer, replace(entry, phase=BEHIND))
        else:
            self._concluded(customer, entry)
        self.drain(customer)

    def drain(self, customer: bytes) -> None:
        """Conclude what can be concluded, in order, and forget answers that did not come.

        A deadline that has passed forces its message and everything before it.
        """
        undecided = self._undecided(customer)
        forced = max((entry.seq for entry in undecided if self._overdue(entry)), default=-1)
        for entry in undecided:
            if entry.phase == ASKED and entry.seq > forced:
                break
            self._release(customer, entry)
        for entry in tuple(self._overlay.waiting(customer).values()):
            if entry.phase == LATE and (entry.forget_at <= self._now or self._is_to_come(entry)):
                self._overlay.drop_waiting(customer, entry.seq)
                self._outbox.count(AUDIT_MISSING if entry.audit else "late_answer_missing")

    def _overdue(self, entry: Waiting) -> bool:
        return entry.deadline <= self._now or self._is_to_come(entry)

    def _is_to_come(self, entry: Waiting) -> bool:
        """Whether it was taken up at a time that is yet to come, by more than workers' clocks differ: the clock was set back, and what
        the entry says of its end is out of reach."""
        return entry.arrived_at > self._now + self._limits.deadline_ms

    def settle(self, customer: bytes) -> None:
        """Conclude everything that waits, whatever is known."""
        for entry in self._undecided(customer):
            self._release(customer, entry)

    def forget(self, customer: bytes) -> None:
        """Conclude everything that waits, and drop what might still have been amended, or compared."""
        for entry in self._undecided(customer):
            self._release(customer, replace(entry, audit=False))
        for seq, entry in tuple(self._overlay.waiting(customer).items()):
            self._overlay.drop_waiting(customer, seq)
            self._outbox.count(AUDIT_DROPPED if entry.audit else "amendment_dropped")

    def _make_room(self, customer: bytes, seq: int) -> None:
        """Force heads until one more fits."""
        undecided = self._undecided(customer)
        if undecided and undecided[-1].seq >= seq:
            self.settle(customer)  # offsets went back: the topic was made anew
        while len(undecided := self._undecided(customer)) >= self._limits.waiting_per_customer:
            self._outbox.count(WAITING_FULL)
            self._release(customer, undecided[0])
            self.drain(customer)

    def _release(self, customer: bytes, entry: Waiting) -> None:
        """Conclude one message. Where its answer may still come, it stays for a while as late."""
        if entry.audit:
            self._audited(customer, entry)
            return
        decision = self._conclude(customer, entry)
        forget_at = Millis(entry.deadline + self._limits.amend_within_ms)
        # An amendment looks at the conversation, which a misplaced message does not have.
        amendable = decision is not None and entry.phase == ASKED and "misplaced" not in entry.flags
        if not amendable or forget_at <= self._now:
            self._overlay.drop_waiting(customer, entry.seq)
            return
        late = [one for one in self._overlay.waiting(customer).values() if one.phase == LATE]
        if len(late) >= self._limits.waiting_per_customer:
            self._overlay.drop_waiting(customer, late[0].seq)
            self._outbox.count("amendment_dropped")
        elif self._overlay.late_count() >= self._limits.waiting_per_shard:
            # Other customers' records are theirs: the newest is what is given up.
            self._overlay.drop_waiting(customer, entry.seq)
            self._outbox.count("amendment_dropped")
            return
        self._overlay.put_waiting(
            customer, replace(entry, phase=LATE, decision=decision, forget_at=forget_at)
        )

    def _concluded(self, customer: bytes, entry: Waiting) -> None:
        """Conclude a message that does not lie with those that wait."""
        if entry.audit:
            self._audited(customer, entry)
        else:
            self._conclude(customer, entry)

    def _audited(self, customer: bytes, entry: Waiting) -> None:
        """Conclude a message on its local labels, and ask about it all the same, where there is room and money for that. Nothing
        waits for the answer."""
        asked = replace(entry, attempt=1, phase=LATE)
        ask = self._question(customer, asked)  # before the message is part of its conversation
        decision = self._conclude(customer, entry)
        self._overlay.drop_waiting(customer, entry.seq)
        asked = replace(
            asked, decision=decision, forget_at=Millis(entry.deadline + self._limits.amend_within_ms)
        )
        known = self._llm.recall(ask)
        if known is not None:
            self._outbox.count("llm_recalled")
            self._amend(customer, asked, known)
            return
        most = self._llm.most(ask) if self._limits.budget.bounded else None
        funded: Waiting | None = asked
        if not self._has_room(customer, asked):
            funded = None
        elif most is not None:
            funded = self._funded(asked, most)
        if funded is None:
            self._outbox.count(AUDIT_DROPPED)
            return
        self._outbox.count(AUDITED)
        self._overlay.put_waiting(customer, funded)
        self._outbox.ask(replace(ask, max_cost_usd=most))

    def _has_room(self, customer: bytes, audit: Waiting) -> bool:
        """Whether an audit may wait for its answer. It takes no place that an amendment may need."""
        late = [one for one in self._overlay.waiting(customer).values() if one.phase == LATE]
        return (
            audit.forget_at > self._now
            and len(late) < self._limits.waiting_per_customer
            and self._overlay.late_count() < self._limits.waiting_per_shard // AUDITS
        )

    def _ask(self, customer: bytes, entry: Waiting) -> None:
        """Ask, and put what waits for the answer; where it is known already, or there is no money for it, nothing waits but
        its turn."""
        ask = self._question(customer, entry)
        known = self._llm.recall(ask)
        if known is not None:
            self._outbox.count("llm_recalled")
            answered = replace(entry, answered=known.labels, prompt_version=known.prompt_version)
            self._overlay.put_waiting(customer, replace(answered, phase=BEHIND))
            return
        most = self._llm.most(ask) if self._limits.budget.bounded else None
        funded = entry if most is None else self._funded(entry, most)
        if funded is None:
            self._outbox.count(OVER_BUDGET)
            flags = entry.flags if OVER_BUDGET in entry.flags else (*entry.flags, OVER_BUDGET)
            # The first time nobody has been asked: the decision is as final as without an LLM.
            attempt = 0 if entry.attempt == 1 else entry.attempt
            self._overlay.put_waiting(customer, replace(entry, phase=BEHIND, flags=flags, attempt=attempt))
            return
        self._overlay.put_waiting(customer, funded)
        self._outbox.ask(replace(ask, max_cost_usd=most))

    def _funded(self, entry: Waiting, dollars: float) -> Waiting | None:
        """The entry with its reservation; None where there is no money for it. One that it had before stays spent."""
        urgent = entry.local.urgency.value in URGENT and not entry.audit
        reserved = self._till.reserve(entry.message.tenant_id, dollars, urgent=urgent)
        return None if reserved is None else replace(entry, reserved=reserved.nanos, reserved_on=reserved.day)

    def _settled(self, entry: Waiting, answer: Answer) -> Waiting:
        """The entry without its reservation: its call is over."""
        if not entry.reserved:
            return entry
        cost = 0.0 if answer.usage is None else answer.usage.cost_usd
        reserved = Reservation(entry.reserved, entry.reserved_on)
        self._till.settle(entry.message.tenant_id, reserved, cost)
        return replace(entry, reserved=0)

    def _question(self, customer: bytes, entry: Waiting) -> Ask:
        message = entry.message
        conversation = conversation_of(self._overlay.customer(customer), message.conversation_id)
        said = () if conversation is None else conversation.turns
        before = tuple(
            Turn(
                role=other.message.role,
                text=redact(other.message.text or "")[: self._limits.turn_chars],
                at=other.arrived_at,
            )
            for other in self._undecided(customer)
            if other.message.conversation_id == message.conversation_id and other.seq < entry.seq
        )
        return Ask(
            customer=customer,
            seq=entry.seq,
            attempt=entry.attempt,
            tenant_id=message.tenant_id,
            text=redact(message.text or ""),
            turns=(*said, *before)[-self._limits.turns :],
            locale=plain_locale(message.locale),
            local=entry.local,
            deadline=entry.deadline,
            give_up_at=Millis(entry.deadline + self._limits.amend_within_ms),
            traceparent=entry.traceparent,
            decision_id=""
            if entry.traceparent is None
            else decision_id(message.tenant_id, message.customer_id, message.message_id, 1),
        )

    def _undecided(self, customer: bytes) -> tuple[Waiting, ...]:
        return tuple(entry for entry in self._overlay.waiting(customer).values() if entry.phase != LATE)
