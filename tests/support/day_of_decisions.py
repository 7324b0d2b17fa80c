"""A varied day through the whole core: both languages, every tier, orders, alerts, handovers, an LLM that answers, fails or is late.
Many more in the same time, by a policy alone: `month_of_decisions`.

python -m tests.support.day_of_decisions 10000 > decisions.jsonl
frontdesk decisions replay decisions.jsonl
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace

from frontdesk.agents.bootstrap import read_policy
from frontdesk.agents.settings import BUNDLED_POLICY
from frontdesk.schemas.inputs import ConversationEvent, CustomerMessage, CustomerProfile, Purchase
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Batch
from frontdesk.streams.policy import Policy
from tests.support.core import Input, Shard, answer, pipeline

TEXTS = (
    "我的快递三天没更新了 after_sales", "还是不行，又坏了", "我要投诉你们的客服 complaint", "再也不买了，我要退货", "叫律师告你们",
    "充电的时候冒烟了，烫伤了手", "转人工", "谢谢，太好了", "在吗", "好的", "？？", "🙂", "", "unsure 上次那个东西", "太让人失望了 complaint",
    "where is my parcel", "it still does not work, again", "I want to complain about this complaint", "I am leaving, cancel everything",
    "my lawyer will hear of this", "it caught fire and my hand is burnt", "let me speak to a human", "thank you, wonderful", "hi there",
    "unsure, that thing of last week", "I was charged twice billing", "is the blue one in stock product_enquiry", "urgent!! billing now",
    "worst service ever, furious", "and in blue?", "no hurry, just a question product_enquiry", "unsure billing complaint",
)  # fmt: skip
TIERS = (None, "standard", "silver", "gold", "platinum", "vip", "VIP", "unheard-of")
KINDS = ("assigned", "transferred", "resolved", "abandoned", "rated")
_STEP = 50
_CUSTOMERS = 600
_INTENTS = ("complaint", "billing", "product_enquiry", "other", "after_sales", "technical")


def decisions(count: int, *, seed: int = 1) -> tuple[Policy, list[Decision]]:
    """At least so many, and the policy that they were made by: the bundled one. Always the same for the same seed."""
    rng = random.Random(seed)
    taxonomy, policy = read_policy(BUNDLED_POLICY)
    shard = Shard(replace(pipeline(deadline_ms=2000), policy=policy, taxonomy=taxonomy))
    number = 0
    while len(shard.decisions) < count:
        switched = "billing" if rng.random() < 0.1 else None
        shard.pipeline = replace(shard.pipeline, everything_to=switched)
        shard.now = Millis(shard.now + rng.choice((100, 3_000, 90_000, 600_000)))
        records = [_record(rng, number + at, shard.now) for at in range(_STEP)]
        number += _STEP
        _step(shard, Batch(arrivals=tuple(shard.arrival(one, **_odd(rng)) for one in records)))
        asks, shard.asks = shard.asks, []
        said = [answer(ask, rng.choice((*_INTENTS, None))) for ask in asks if rng.random() < 0.8]
        if rng.random() < 0.5:  # else they come too late: decided provisionally, perhaps amended
            _step(shard, Batch(answers=tuple(said)))
            said = []
        shard.now = Millis(shard.now + 2500)
        _step(shard, Batch(due=shard.state.due(shard.now)))
        _step(shard, Batch(answers=tuple(said)))
        broken = shard.arrival(_message(rng, number, shard.now))
        number += 1
        shard.apply(shard.pipeline.fallback(shard.state, broken, shard.now))
    return policy, shard.decisions


def _step(shard: Shard, batch: Batch) -> None:
    shard.apply(shard.pipeline.step(shard.state, batch, shard.now))


def _record(rng: random.Random, number: int, now: Millis) -> Input:
    customer = f"c{rng.randrange(_CUSTOMERS)}"
    drawn = rng.random()
    if drawn < 0.8:
        return _message(rng, number, now)
    if drawn < 0.86:
        favourite = rng.choice((None, "li", "anna"))
        return CustomerProfile(
            customer_id=customer,
            tier=rng.choice(TIERS),
            preferred_representative=favourite,
            tags=("press",) if rng.random() < 0.1 else (),
            updated_at=now,
        )
    if drawn < 0.93:
        return Purchase(
            order_id=f"o{number}", customer_id=customer, product_id=f"p{number % 9}", amount=rng.random() * 500, purchased_at=now
        )  # fmt: skip
    return ConversationEvent(
        conversation_id=f"{customer}-{rng.randrange(2)}",
        customer_id=customer,
        kind=rng.choice(KINDS),
        representative=rng.choice(("li", "anna")),
        score=float(rng.randrange(1, 6)),
        at=now,
    )


def _message(rng: random.Random, number: int, now: Millis) -> CustomerMessage:
    customer = f"c{rng.randrange(_CUSTOMERS)}"
    return CustomerMessage(
        message_id=f"m{number}",
        conversation_id=f"{customer}-{rng.randrange(2)}",
        customer_id=customer,
        role=rng.choice(("customer",) * 8 + ("representative", "bot")),
        channel=rng.choice(("chat", "email", "phone")),
        text=" ".join(_words(rng)),
        sent_at=Millis(now - rng.choice((0, 50, 5_000))),
    )


def _words(rng: random.Random) -> Sequence[str]:
    return [rng.choice(TEXTS), *([rng.choice(TEXTS)] if rng.random() < 0.3 else [])]


def _odd(rng: random.Random) -> dict[str, object]:
    """Some records have a key that is not theirs."""
    return {"key": b"somebody"} if rng.random() < 0.02 else {}


if __name__ == "__main__":
    for one in decisions(int(sys.argv[1]))[1]:
        print(json.dumps(asdict(one), ensure_ascii=False))
