"""Transfers: what crosses from one customer to another when a visitor turns out to be a known customer.

::

    merged ──▶ what waits is decided ──▶ the history goes to the known id ──▶ a mark stays
    later facts of the old id, and its erasure ──▶ follow the mark
    a transfer that arrives ──▶ taken over once; at an id that has a mark itself, passed on, a few times at most

Messages do not follow: a customer is waiting, so they are decided where they are, and a second `merged` moves what they left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from frontdesk.schemas.inputs import ConversationEvent, CustomerProfile, Feedback, Purchase
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.state import Customer
from frontdesk.schemas.topics import CUSTOMER_TRANSFERS
from frontdesk.schemas.transfers import Transfer
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import Fact, NewFact, NewTransfer, fault
from frontdesk.streams.expire import expired
from frontdesk.streams.history import APPLIED, REPEATED, Known, When, learn
from frontdesk.streams.ids import transfer_id
from frontdesk.streams.merge import has_history, left_behind, merged
from frontdesk.streams.outbox import Outbox
from frontdesk.streams.overlay import Overlay
from frontdesk.streams.remember import conversation_of

MERGED = "merged"
"""kind of the event that says who a visitor is"""
HISTORY, PURCHASE, EVENT, FEEDBACK, ERASURE = "history", "purchase", "event", "feedback", "erasure"
MOST_HOPS = 5
"""marks that are followed; more are a circle"""

Learn = Callable[[bytes, Fact, Millis], None]
Forget = Callable[[bytes, Customer, Millis, str, int], None]


class Transfers:
    """The transfers of a shard during one step. Changes go to its overlay, records to its outbox.

    `settle` decides all that waits of a customer, `learn` puts a fact in, `forget` erases: a customer, since when, because of
    what, after how many marks.
    """

    def __init__(
        self,
        *,
        overlay: Overlay,
        outbox: Outbox,
        known: Known,
        partitions: int,
        now: Millis,
        settle: Callable[[bytes], None],
        learn: Learn,
        forget: Forget,
    ) -> None:
        self._overlay = overlay
        self._outbox = outbox
        self._known = known
        self._partitions = partitions
        self._now = now
        self._settle = settle
        self._learn = learn
        self._forget = forget

    def merge(self, one: NewFact, event: ConversationEvent) -> None:
        """A visitor is a known customer: what is known of them goes there, and what still comes will follow."""
        into = event.into or ""
        if fault(into) is not None or into == event.customer_id:
            self._outbox.count("bad_merge")
            return
        self._settle(one.customer)
        known = self._overlay.customer(one.customer)
        if known is None:
            self._outbox.count("unknown_visitor")
            known = Customer(tenant_id=event.tenant_id, customer_id=event.customer_id)
        new, erased_at, at = known.merged_into != into, known.erased_at, one.timestamp
        if new and erased_at is not None and at <= erased_at:
            # The erasure was read first, and happened after it: it is the known customer's as well.
            self.erase(known, into, erased_at, f"{one.cause}/{ERASURE}", 0)
            at = Millis(erased_at + 1)
        if has_history(known):
            history = replace(known, merged_into=None, merged_at=None, erased_at=None, transfers=())
            self._emit(known, into, HISTORY, at, one.cause, history=history)
            self._outbox.count(MERGED)
        else:
            self._outbox.count(APPLIED if new else REPEATED)
        self._overlay.put_customer(one.customer, left_behind(known, into, one.timestamp))

    def follow(self, one: NewFact) -> bool:
        """Send a fact after a visitor who is somebody else by now; false where it belongs here.

        What is about a conversation that has begun here since belongs here.
        """
        known = self._overlay.customer(one.customer)
        if known is None or known.merged_into is None:
            return False  # nearly always
        into, at, fact = known.merged_into, one.timestamp, one.fact
        if isinstance(fact, CustomerProfile):
            profile, _ = learn(
                None, fact, when=When(now=self._now, timestamp=at), waiting=frozenset(), known=self._known
            )
            self._emit(known, into, HISTORY, at, one.cause, history=profile, hops=1)
        elif (known.erased_at is not None and at <= known.erased_at) or self._is_here(
            one.customer, known, fact
        ):
            return False
        elif isinstance(fact, Purchase):
            self._emit(known, into, PURCHASE, at, one.cause, purchase=fact, hops=1)
        elif isinstance(fact, ConversationEvent):
            self._emit(known, into, EVENT, at, one.cause, event=fact, hops=1)
        else:
            self._emit(known, into, FEEDBACK, at, one.cause, feedback=fact, hops=1)
        self._outbox.count("transfer_forwarded")
        return True

    def erase(self, known: Customer, into: str, at: Millis, cause: str, hops: int) -> None:
        """An erasure follows the mark."""
        if hops > MOST_HOPS:
            self._outbox.count("transfer_loop")
            return
        self._emit(known, into, ERASURE, at, cause, hops=hops)

    def take(self, one: NewTransfer) -> None:
        """What another shard hands over: taken over once, or passed on."""
        given = one.transfer
        if one.misplaced:
            self._outbox.count("misplaced")
            return
        known = self._overlay.customer(one.customer)
        if known is not None and given.transfer_id in known.transfers:
            self._outbox.count("repeated_transfer")
            return
        known = known or Customer(tenant_id=given.tenant_id, customer_id=given.customer_id)
        if given.kind != ERASURE and _turned_round(known, given):
            known = replace(known, merged_into=None, merged_at=None)
            self._overlay.put_customer(one.customer, known)
        if given.kind != ERASURE and known.merged_into is not None:
            if given.hops < MOST_HOPS:
                self._pass_on(known, known.merged_into, given)
                return
            self._outbox.count("transfer_loop")
        if not self._taken(one.customer, known, given):
            self._outbox.count("bad_transfer")
            return
        after = self._overlay.customer(one.customer)
        if after is not None:
            ids = (*after.transfers, given.transfer_id)[-self._known.limits.transfers :]
            self._overlay.put_customer(one.customer, replace(after, transfers=ids))

    def _taken(self, key: bytes, known: Customer, given: Transfer) -> bool:
        part = _part(given)
        if given.kind == ERASURE:
            self._forget(key, known, given.at, given.transfer_id, given.hops + 1)
        elif given.kind == HISTORY and given.history is not None:
            self._take_over(key, known, given.history, given.at)
        elif part is not None:
            self._learn(key, part, given.at)
        else:
            return False
        return True

    def _take_over(self, key: bytes, known: Customer, history: Customer, at: Millis) -> None:
        if known.erased_at is not None and at <= known.erased_at:
            self._outbox.count("stale_transfer")
            return
        limits = self._known.limits
        self._overlay.put_customer(key, expired(merged(known, history, limits), self._now, limits))
        self._outbox.count("transfer")

    def _pass_on(self, known: Customer, into: str, given: Transfer) -> None:
        self._emit(
            known,
            into,
            given.kind,
            given.at,
            given.transfer_id,
            history=given.history,
            purchase=given.purchase,
            event=given.event,
            feedback=given.feedback,
            hops=given.hops + 1,
        )
        self._outbox.count("transfer_forwarded")

    def _is_here(self, key: bytes, known: Customer, fact: Fact) -> bool:
        if isinstance(fact, ConversationEvent):
            waiting = self._overlay.waiting(key).values()
            return conversation_of(known, fact.conversation_id) is not None or any(
                entry.message.conversation_id == fact.conversation_id for entry in waiting
            )
        return isinstance(fact, Feedback) and any(
            conversation.decision_id == fact.decision_id for conversation in known.conversations
        )

    def _emit(
        self,
        known: Customer,
        into: str,
        kind: str,
        at: Millis,
        cause: str,
        *,
        history: Customer | None = None,
        purchase: Purchase | None = None,
        event: ConversationEvent | None = None,
        feedback: Feedback | None = None,
        hops: int = 0,
    ) -> None:
        transfer = Transfer(
            transfer_id=transfer_id(known.tenant_id, known.customer_id, into, cause),
            customer_id=into,
            from_customer_id=known.customer_id,
            tenant_id=known.tenant_id,
            kind=kind,
            history=history,
            purchase=purchase,
            event=event,
            feedback=feedback,
            hops=hops,
            at=at,
        )
        key = wire_key(known.tenant_id, into)
        self._outbox.emit(
            CUSTOMER_TRANSFERS,
            key,
            transfer,
            event_id=transfer.transfer_id,
            subject=kind,
            partition=partition_of(key, self._partitions),
        )


def _turned_round(known: Customer, given: Transfer) -> bool:
    """Whether the one whom a customer was merged into has been merged into them since: the later merge holds."""
    return (
        known.merged_into == given.from_customer_id
        and known.merged_at is not None
        and given.at >= known.merged_at
    )


def _part(given: Transfer) -> Fact | None:
    """The fact in a transfer, as one of whom it is handed over to."""
    part: Purchase | ConversationEvent | Feedback | None = None
    if given.kind == PURCHASE:
        part = given.purchase
    elif given.kind == EVENT:
        part = given.event
    elif given.kind == FEEDBACK:
        part = given.feedback
    return None if part is None else replace(part, customer_id=given.customer_id, tenant_id=given.tenant_id)
