"""What is sent, and when: decided before the first message, so that nothing that happens then can move it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from frontdesk.agents.errors import StartupError
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.types import Millis

MARK = "load-"
"""customers, conversations and messages of a load begin so, and then with the name of its run"""
ATTRIBUTE = "load"
"""of each message: the run's name"""

TEXTS: Mapping[str, tuple[str, ...]] = {
    "routine": (
        "Where is my parcel? It should have been here on Monday.",
        "I want to return these shoes and get my money back.",
        "How do I change the delivery address of my order?",
        "我的快递三天没到，请帮我查一下",
        "我想退货，什么时候能退款？",
        "请问这款手机支持分期付款吗？",
    ),
    "vague": (
        "hm, and what about the other one then",
        "it is doing that thing again",
        "那个东西到底怎么弄啊",
        "上次说的那个，还算数吗",
    ),
    "alarming": (
        "My lawyer will hear of this. I will sue you.",
        "The charger caught fire and burned my hand!",
        "我要去消协投诉你们，太过分了",
    ),
    "long": (
        "I have written about this before and nobody answered. The parcel was announced for Monday and did not come. "
        * 12,
        "我已经问过很多次了，一直没有人回复。快递说周一到，到现在还没有消息。" * 25,
    ),
    "context": ("One moment please, I am looking into it.", "请稍等，我帮您查一下"),
}
"""by kind; `context` is said by a representative, and gets no decision"""
USUAL: Mapping[str, float] = {"routine": 80, "vague": 10, "alarming": 4, "long": 1, "context": 5}

Arrivals = Literal["even", "poisson"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One message, and when it has to be sent."""

    due: float
    """seconds after the beginning"""
    kind: str
    message: CustomerMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A load. The same plan has the same messages at the same times."""

    run: str
    """its name, in all that it sends"""
    rate: float
    """messages a second"""
    count: int
    mix: Mapping[str, float]
    """weights by kind"""
    customers: int
    arrivals: Arrivals = "even"
    seed: int = 1

    def items(self) -> Iterator[Item]:
        """Every message, in the order of their times."""
        chance = random.Random(self.seed)  # noqa: S311  # no secret
        kinds, weights = list(self.mix), list(self.mix.values())
        due = 0.0
        for number in range(self.count):
            (kind,) = chance.choices(kinds, weights)
            customer = self.customer(chance.randrange(self.customers))
            yield Item(due=due, kind=kind, message=self._message(number, kind, customer, chance))
            gap = chance.expovariate(self.rate) if self.arrivals == "poisson" else None
            due = (number + 1) / self.rate if gap is None else due + gap

    def customer(self, number: int) -> str:
        """The id of one of its customers."""
        return f"{MARK}{self.run}-{number}"

    def _message(self, number: int, kind: str, customer: str, chance: random.Random) -> CustomerMessage:
        return CustomerMessage(
            message_id=f"{MARK}{self.run}-m{number}",
            conversation_id=f"{customer}-c",
            customer_id=customer,
            role="representative" if kind == "context" else "customer",
            text=chance.choice(TEXTS[kind]),
            sent_at=Millis(0),  # set when it is sent
            attributes={ATTRIBUTE: self.run, "kind": kind},
        )


def parse_mix(text: str) -> dict[str, float]:
    """Weights by kind, of "routine=8,vague=2".

    Raises:
        StartupError: it is no such list, names a kind that there is not, or holds nothing that gets a decision.
    """
    out: dict[str, float] = {}
    for part in text.split(","):
        kind, equals, weight = (piece.strip() for piece in part.partition("="))
        try:
            value = float(weight)
        except ValueError:
            value = -1.0
        if not equals or kind not in TEXTS or not 0 <= value < float("inf") or kind in out:
            raise StartupError(
                f"--mix: {part!r} is not KIND=WEIGHT, each kind once; kinds are {', '.join(TEXTS)}"
            )
        out[kind] = value
    if not any(weight for kind, weight in out.items() if kind != "context"):
        raise StartupError("--mix: nothing in it gets a decision, so there is nothing to measure")
    return {kind: weight for kind, weight in out.items() if weight}
