"""Transfers: what crosses from one customer to another when a visitor turns out to be a known customer.

::

    merged ──▶ what waits is decided ──▶ the history goes to the known id ──▶ a mark stays
    later facts of the old id, and its erasure ──▶ follow the mark
    the erasure of the known id ──▶ goes back to the old ids, for what they have left since
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
from frontdesk.schemas.transfers import ERASURE, EVENT, FEEDBACK, HISTORY, PURCHASE, REMAINS, Transfer
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import Fact, NewFact, NewTransfer, believable, fault
from frontdesk.streams.expire import expired, since
from frontdesk.streams.history import REPEATED, STALE, Known, When, learn
from frontdesk.streams.ids import transfer_id
from frontdesk.streams.merge import has_history, left_behind, merged, with_visitor
from frontdesk.streams.outbox import Outbox
from frontdesk.streams.overlay import Overlay
from frontdesk.streams.remember import conversation_of

MERGED = "merged"
"""kind of the event that says who a visitor is"""
MOST_HOPS = 5
"""marks that are followed; more are a circle"""

Learn = Callable[[bytes, Fact, Millis], None]
Forget = Callable[[bytes, Customer, Millis], Customer]


class Transfers:
    """The transfers of a shard during one step. Changes go to its overlay, records to its outbox.

    `settle` decides all that waits of a customer, `learn` puts a fact in, `forget` erases a customer and returns who they were,
    `settled` resolves alerts about what is over.
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
        settled: Callable[[Customer], Customer],
    ) -> None:
        self._overlay = overlay
        self._outbox = outbox
        self._known = known
        self._partitions = partitions
        self._now = now
        self._settle = settle
        self._learn = learn
        self._forget = forget
        self._settled = settled

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
        merged_at = believable(event.at, self._now, self._known.limits) or one.timestamp
        new, erased_at, at = known.merged_into != into, known.erased_at, one.timestamp
        if new and known.merged_at is not None and merged_at < known.merged_at:
            self._outbox.count(STALE)  # told again, or late: they have turned out to be somebody else since
            return
        if new and erased_at is not None and at <= erased_at:
            # The erasure was read first, and happened after it: it is the known customer's as well.
            self._emit(known, into, ERASURE, erased_at, f"{one.cause}/{ERASURE}")
            at = Millis(erased_at + 1)
        if new or has_history(known):
            history = replace(
                known, merged_into=None, merged_at=None, erased_at=None, transfers=(), merged_from=()
            )
            self._emit(known, into, HISTORY, at, one.cause, history=history)
            self._outbox.count(MERGED)
        else:
            self._outbox.count(REPEATED)
        self._overlay.put_customer(one.customer, left_behind(known, into, merged_at))

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

    def erase(self, key: bytes, blank: Customer, at: Millis, cause: str) -> None:
        """Erase a customer, whoever they have turned out to be, and what those have left who turned out to be them."""
        known = self._forget(key, blank, at)
        self._spread(known, at, cause, hops=0)

    def _spread(self, known: Customer, at: Millis, cause: str, *, hops: int, came_from: str = "") -> None:
        into = known.merged_into
        others = [(into, ERASURE)] if into is not None else []
        others += [(visitor, REMAINS) for visitor in known.merged_from if visitor != into]
        for other, kind in others:
            if other == came_from:
                continue
            if hops > MOST_HOPS:
                self._outbox.count("transfer_loop")
                return
            self._emit(known, other, kind, at, f"{cause}/{kind}", hops=hops)

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
        if given.kind in (ERASURE, REMAINS):
            self._erased_elsewhere(one.customer, known, given)
        else:
            self._handed_over(one.customer, known, given)
        after = self._overlay.customer(one.customer)
        if after is not None:
            ids = (*after.transfers, given.transfer_id)[-self._known.limits.transfers :]
            self._overlay.put_customer(one.customer, replace(after, transfers=ids))

    def _erased_elsewhere(self, key: bytes, known: Customer, given: Transfer) -> None:
        """An erasure along a mark. Back along it, it only counts while the mark still says so, and goes no further than back."""
        if given.kind == ERASURE:
            known = self._forget(key, known, given.at)
        elif known.merged_into == given.from_customer_id:
            known = self._clean(key, given.at)
        else:
            self._outbox.count("stale_transfer")
            return
        self._spread(
            known, given.at, given.transfer_id, hops=given.hops + 1, came_from=given.from_customer_id
        )

    def _clean(self, key: bytes, at: Millis) -> Customer:
        """Erase what a visitor left up to a time. A customer may be waiting for what they have said since."""
        self._settle(key)
        known = self._overlay.customer(key)
        assert known is not None  # noqa: S101  # there is a mark
        after = replace(since(known, at), erased_at=max(at, known.erased_at or at))
        self._overlay.put_customer(key, self._settled(after))
        self._outbox.count("erased")
        return replace(known, merged_into=None)

    def _handed_over(self, key: bytes, known: Customer, given: Transfer) -> None:
        if _turned_round(known, given):
            known = replace(known, merged_into=None, merged_at=None)
        if given.kind == HISTORY:
            known = with_visitor(known, given.from_customer_id, self._known.limits)
        self._overlay.put_customer(key, known)
        if known.merged_into is not None:
            if given.hops < MOST_HOPS:
                self._pass_on(known, known.merged_into, given)
                return
            self._outbox.count("transfer_loop")
        if given.history is not None:
            self._take_over(key, known, given.history, given)
        elif (part := _part(given)) is not None:
            self._learn(key, part, given.at)

    def _take_over(self, key: bytes, known: Customer, history: Customer, given: Transfer) -> None:
        """A history, but for what is older than the erasure of the customer that it is the history of."""
        if known.erased_at is not None:
            if given.at <= known.erased_at:
                self._outbox.count("stale_transfer")
                # What the visitor has left since may be from before the erasure as well.
                self._emit(known, given.from_customer_id, REMAINS, known.erased_at, given.transfer_id, hops=1)
            history = self._settled(since(history, known.erased_at))
        limits = self._known.limits
        self._overlay.put_customer(
            key, self._settled(expired(merged(known, history, limits), self._now, limits))
        )
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
