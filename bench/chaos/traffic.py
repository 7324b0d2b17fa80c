"""What arrives while faults happen: all five inputs, some records twice, some late, some out of order, some of no use.

Everything usable is in the normal form that the auditor's fold needs. Customers whose number ends in 3 are erased now and then; they
get no conversation events, since what an event meets around an erasure depends on how long an answer may still come.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import (
    DEFAULT_TENANT,
    ConversationEvent,
    CustomerMessage,
    CustomerProfile,
    Feedback,
    Purchase,
)
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.topics import (
    CONVERSATION_EVENTS,
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    CUSTOMER_PURCHASES,
    ROUTING_FEEDBACK,
)
from frontdesk.schemas.types import Millis
from frontdesk.streams.ids import decision_id

TEXTS = (
    "我的快递三天没到",
    "where is my refund?",
    "hmm",
    "再说吧",
    "do you sell red kettles?",
    "你看着办",
    "this is the third time, I want to speak to a manager",
    "that one too",
    "is it the same as before?",
    "谢谢，很满意",
    "气死我了，要投诉你们",
    "as I said",
)
"""about a quarter of them unsure, so that an LLM is asked"""
USELESS = (b"{unreadable", None, b"\xc3\x01" + b"\x11" * 8 + b"body", b'{"message_id": ""}')
LATE_MS = 90_000
SOON = 300
"""messages within which something is sent again: well within the dedupe window of the customer who writes most"""
PER_CONVERSATION = 12

_CODEC = Codec()


class Item(NamedTuple):
    """One record to publish. Without a timestamp it is of now."""

    topic: str
    key: bytes
    value: bytes | None
    timestamp: int | None = None


@dataclass(slots=True)
class _Someone:
    customer_id: str
    tenant_id: str
    erasable: bool
    messages: int = 0
    talk: int = 0
    orders: int = 0

    @property
    def key(self) -> bytes:
        return wire_key(self.tenant_id, self.customer_id)

    @property
    def conversation_id(self) -> str:
        return f"talk-{self.customer_id}-{self.talk}"


class Traffic:
    """An endless stream from a seed. `sent` counts messages, without those sent twice."""

    def __init__(self, seed: int, *, customers: int = 400, texts: Sequence[str] = TEXTS) -> None:
        self.sent = 0
        self._random = random.Random(seed)
        self._texts = texts
        self._people = [
            _Someone(f"customer-{n}", "acme" if n % 7 == 0 and n % 10 != 3 else DEFAULT_TENANT, n % 10 == 3)
            for n in range(customers)
        ]
        self._again: deque[tuple[int, Item]] = deque()
        self._recent: deque[tuple[_Someone, CustomerMessage]] = deque(maxlen=200)

    def next(self, messages: int, now: int) -> list[Item]:
        """So many new messages, and what else comes with them."""
        return [item for _ in range(messages) for item in self._around_one(now)]

    def _around_one(self, now: int) -> Iterator[Item]:
        chance = self._random.random
        while self._again and self._again[0][0] <= self.sent:
            yield self._again.popleft()[1]
        # A tenth of the customers write a third of the messages.
        someone = self._people[int(len(self._people) * chance() ** 2)]
        item = self._message(someone, now)
        yield item
        if chance() < 0.03:
            yield item
        elif chance() < 0.03:
            self._again.append((self.sent + self._random.randrange(1, SOON), item))
            self._again = deque(sorted(self._again, key=lambda pair: pair[0]))
        if chance() < 0.005:
            yield Item(CUSTOMER_MESSAGES, someone.key, self._random.choice(USELESS))
        facts = (
            (0.04, self._profile),
            (0.06, self._purchase),
            (0.08, self._event),
            (0.03, self._feedback),
            (0.01, self._erasure),
        )
        for share, make in facts:
            if chance() < share and (fact := make(now)) is not None:
                yield fact
                if chance() < 0.1:
                    yield fact

    def _message(self, someone: _Someone, now: int) -> Item:
        number = self.sent
        self.sent += 1
        someone.messages += 1
        someone.talk += someone.messages % PER_CONVERSATION == 0
        late = LATE_MS if self._random.random() < 0.05 else 0
        message = CustomerMessage(
            message_id=f"m{number}",
            conversation_id=someone.conversation_id,
            customer_id=someone.customer_id,
            tenant_id=someone.tenant_id,
            role=self._random.choices(("customer", "representative", "bot"), (87, 10, 3))[0],
            text=f"{self._random.choice(self._texts)} {number}",
            sent_at=Millis(now - late),
        )
        self._recent.append((someone, message))
        return Item(CUSTOMER_MESSAGES, someone.key, _CODEC.encode(message), now - late if late else None)

    def _profile(self, now: int) -> Item:
        someone = self._random.choice(self._people)
        profile = CustomerProfile(
            customer_id=someone.customer_id,
            tenant_id=someone.tenant_id,
            tier=self._random.choice(("gold", "silver", None)),
            tags=("new",) if self._random.random() < 0.5 else (),
            preferred_representative=self._random.choice(("rita", "sam", None)),
            updated_at=self._at(now),
        )
        return Item(CUSTOMER_PROFILES, someone.key, _CODEC.encode(profile))

    def _purchase(self, now: int) -> Item:
        if self._random.random() < 0.05:
            return Item(CUSTOMER_PURCHASES, self._people[0].key, b"{unreadable")
        someone = self._random.choice(self._people)
        someone.orders += self._random.random() < 0.6
        purchase = Purchase(
            order_id=f"order-{someone.orders}",
            customer_id=someone.customer_id,
            tenant_id=someone.tenant_id,
            product_id="kettle",
            category="kitchen",
            amount=float(self._random.randrange(1, 200)),
            currency="EUR",
            purchased_at=self._at(now),
            status=self._random.choice(("completed", "shipped", "returned")),
        )
        return Item(CUSTOMER_PURCHASES, someone.key, _CODEC.encode(purchase), self._late(now))

    def _event(self, now: int) -> Item | None:
        someone, message = self._random.choice(self._recent)
        if someone.erasable:
            return None
        kind = self._random.choice(("assigned", "assigned", "transferred", "resolved", "abandoned", "rated"))
        event = ConversationEvent(
            conversation_id=message.conversation_id,
            customer_id=someone.customer_id,
            tenant_id=someone.tenant_id,
            kind=kind,
            queue=self._random.choice(("billing", None)) if kind != "rated" else None,
            representative=self._random.choice(("rita", "sam", None)),
            score=float(self._random.randrange(1, 6)) if kind == "rated" else None,
            at=self._at(now),
        )
        return Item(CONVERSATION_EVENTS, someone.key, _CODEC.encode(event), self._late(now))

    def _feedback(self, now: int) -> Item:
        someone, message = self._random.choice(self._recent)
        feedback = Feedback(
            decision_id=decision_id(someone.tenant_id, someone.customer_id, message.message_id, 1),
            customer_id=someone.customer_id,
            tenant_id=someone.tenant_id,
            by="rita",
            intent=self._random.choice(("billing", "complaint", None)),
            queue=self._random.choice(("billing", None)),
            at=Millis(now),
        )
        return Item(ROUTING_FEEDBACK, someone.key, _CODEC.encode(feedback))

    def _erasure(self, now: int) -> Item:
        del now
        someone = self._random.choice([one for one in self._people if one.erasable])
        someone.talk += 1
        return Item(CUSTOMER_PROFILES, someone.key, None)

    def _at(self, now: int) -> Millis:
        """A time of the platform's: of now, or out of order."""
        return Millis(now - (self._random.randrange(LATE_MS) if self._random.random() < 0.2 else 0))

    def _late(self, now: int) -> int | None:
        """A record's timestamp: as a rule its own."""
        return now - LATE_MS if self._random.random() < 0.05 else None
