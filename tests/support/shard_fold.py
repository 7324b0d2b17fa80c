"""The customers of a shard as they must be, folded from what platforms sent and what the shard has published: no code of the
core or the runtime is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.state import Customer
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PROFILES, CUSTOMER_PURCHASES

CORE_ERROR = "core_error"
"""flag of a decision by fallback"""
TALK = "talk"
"""the one conversation that everybody has"""


@dataclass(slots=True)
class Sent:
    """What was sent of one customer. Offsets are those in the topic of each."""

    messages: dict[str, int] = field(default_factory=dict)
    """offset of the first arrival, by id"""
    tiers: list[tuple[int, str | None]] = field(default_factory=list)
    """None: a tombstone"""
    orders: list[tuple[int, str]] = field(default_factory=list)
    misplaced: bool = False


class Fold:
    """Of one shard."""

    def __init__(self) -> None:
        self._sent: dict[bytes, Sent] = {}
        self._decisions: dict[bytes, list[Decision]] = {}

    def sent(self, customer: bytes) -> Sent:
        """What was sent of a customer, by state key."""
        return self._sent.setdefault(customer, Sent())

    def decided(self, customer: bytes, decision: Decision) -> None:
        """A decision was published. One that the core failed on leaves nothing but the message's id."""
        if CORE_ERROR not in decision.flags:
            self._decisions.setdefault(customer, []).append(decision)

    def differences(
        self,
        customers: Mapping[bytes, Customer],
        positions: Mapping[str, int],
        pending: set[str],
        profiles: set[int],
    ) -> Iterator[str]:
        """What is not as it must be. `pending` names the messages that wait; `profiles` has the offsets that compaction has
        left in their topic: one that vanished may never have been read."""
        for key, sent in self._sent.items():
            known = customers.get(key)
            done = positions.get(CUSTOMER_MESSAGES, 0)
            ids = [name for name, offset in sent.messages.items() if offset < done and name not in pending]
            seen = [] if known is None else list(known.seen)
            if seen != ids:
                yield f"{key!r} has seen {seen}, not {ids}"
            if sent.misplaced:
                continue
            told = [one for one in sent.tiers if one[0] < positions.get(CUSTOMER_PROFILES, 0)]
            tier = None if known is None or known.profile is None else known.profile.tier
            if told and told[-1][0] in profiles and tier != told[-1][1]:
                yield f"{key!r} is {tier}, not {told[-1][1]}"
            if known is None or any(tier is None for _, tier in sent.tiers):
                continue  # erased: what is known from before depends on the order between topics
            read = positions.get(CUSTOMER_PURCHASES, 0)
            orders = [name for offset, name in sent.orders if offset < read]
            if (bought := sorted(one.order_id for one in known.purchases)) != sorted(orders):
                yield f"{key!r} bought {bought}, not {orders}"
            yield from self._conversation(key, known)

    def _conversation(self, key: bytes, known: Customer) -> Iterator[str]:
        decisions = self._decisions.get(key)
        if not decisions:
            return
        talk = next((one for one in known.conversations if one.conversation_id == TALK), None)
        first = sum(decision.revision == 1 for decision in decisions)
        last = decisions[-1]
        want = (first, last.decision_id, last.queue, last.labels.intent.value)
        have = None if talk is None else (talk.decisions, talk.decision_id, talk.queue, talk.intent)
        if have != want:
            yield f"{key!r} has the conversation {have}, not {want}"
