"""How many drafts of a model stand: twenty messages of a made-up customer, their replies worded by the endpoint of the settings.

    python -m tests.support.real_model          # any OpenAI-compatible endpoint; this one prints its URL
    FRONTDESK_LLM_BASE_URL=http://127.0.0.1:PORT/v1 FRONTDESK_LLM_MODEL=smollm2 python -m bench.drafts

Each message is a conversation of its own, with the demo's catalogue and two purchases; suggestions and checks are the worker's. With
`--show` the drafts are printed, with what was found against each.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from frontdesk.agents.bootstrap import build_pipeline
from frontdesk.agents.llm.client import connect
from frontdesk.agents.settings import load
from frontdesk.agents.sources.jsonl import read_jsonl
from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import CustomerMessage, Purchase
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PURCHASES, PRODUCT_CATALOG
from frontdesk.schemas.types import Millis, Record
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.drafts import fault
from frontdesk.streams.effects import Draft, Remember
from frontdesk.streams.memory_state import MemoryState
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.shop import Shop

CATALOG = Path(__file__).parents[1] / "agents" / "demo" / "scenario" / "products.jsonl"
DAY = 86_400_000
SECONDS = 240.0
"""for one draft: a small machine is no failure of the model"""
TEXTS = (
    "how much is the {en0}?",
    "tell me about the {en1}",
    "what does the {en2} cost, and what can it do?",
    "where is my order?",
    "has my {en0} been shipped yet?",
    "I was charged twice for the same order",
    "I cannot log in to my account",
    "my new headphones do not connect to the phone any more",
    "you should offer gift wrapping",
    "this is the third time that I write, nobody answers!",
    "{zh0}多少钱？",
    "介绍一下{zh1}",
    "{zh2}的价格是多少？",
    "我的订单到哪了？",
    "我买的{zh0}发货了吗？",
    "同一个订单扣了我两次款",
    "我登录不了账号",
    "蓝牙耳机连不上手机",
    "希望你们能提供礼品包装",
    "第三次联系你们了，一直没人回复！",
)


def drafts_of(pipeline: Pipeline, products: list[Product], now: Millis) -> list[Draft]:
    """What a worker would ask for."""
    state, drafts = MemoryState(), []
    names = {f"{lang}{n}": products[n].names[lang] for n in range(3) for lang in ("en", "zh")}
    bought = [
        Purchase(
            order_id=f"A-{n}",
            customer_id="somebody",
            product_id=products[n].product_id,
            purchased_at=Millis(now - (n + 1) * DAY),
            status="shipped" if n == 0 else "completed",
        )
        for n in range(2)
    ]
    records: list[tuple[str, Record]] = [(CUSTOMER_PURCHASES, one) for one in bought]
    for number, text in enumerate(TEXTS):
        message = CustomerMessage(
            message_id=f"m{number}",
            conversation_id=f"talk{number}",
            customer_id="somebody",
            text=text.format(**names),
            sent_at=now,
        )
        records.append((CUSTOMER_MESSAGES, message))
    for offset, (topic, record) in enumerate(records):
        arrival = Arrival(
            topic, 0, offset, now, wire_key("default", "somebody"), pipeline.codec.encode(record)
        )
        for effect in pipeline.step(state, Batch(arrivals=(arrival,)), now):
            if isinstance(effect, Remember):
                state.apply(effect)
            elif isinstance(effect, Draft):
                drafts.append(effect)
    return drafts


async def measure(*, show: bool) -> None:
    """Ask for the drafts one by one, judge and count them."""
    settings = load(llm_replies=True, llm_process=False, llm_timeout=SECONDS, llm_attempts=1, llm_for=())
    read = [entry.record for entry in read_jsonl(CATALOG, PRODUCT_CATALOG) if hasattr(entry, "record")]
    products = [one for one in read if isinstance(one, Product)]
    catalog = {one.product_id: one for one in products}
    pipeline = build_pipeline(load(**settings.model_dump() | {"catalog": CATALOG}), partitions=1)
    client = connect(settings, pipeline.taxonomy)
    assert client is not None
    found: Counter[str] = Counter()
    shop = Shop.of(catalog)
    drafts = drafts_of(pipeline, products, Millis(int(time.time() * 1000)))
    for draft in drafts:
        until = Millis(int((time.time() + SECONDS) * 1000))
        drafted = await client.draft(replace(draft, give_up_at=until))
        why: str | None = f"no answer: {drafted.error}"
        if drafted.reply is not None:
            reply = drafted.reply.strip()
            why = fault(reply, draft.suggestion, said=(draft.text,), shop=shop)
            why = "the template" if why is None and reply == draft.suggestion.reply else why
        found[why or "stands"] += 1
        if show:
            print(
                f"\n> {draft.text}\n  template: {draft.suggestion.reply}\n  {why or 'stands'}: {drafted.reply}"
            )
    await client.close()
    print(
        f"\n{len(drafts)} drafts of {len(TEXTS)} messages by {settings.llm_model}\n\n| found | drafts |\n|---|---|"
    )
    for why, count in found.most_common():
        print(f"| {why} | {count} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m bench.drafts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--show", action="store_true", help="print the drafts")
    asyncio.run(measure(show=parser.parse_args().show))
