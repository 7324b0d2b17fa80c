"""Made-up messages for the path job: the same number and seed, the same messages."""

from __future__ import annotations

import random
from collections.abc import Iterator

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.types import Millis

BEGAN = 1_790_000_000_000
SPACING = 5_000
"""milliseconds between two messages"""
CHANNELS = ("chat", "chat", "chat", "chat", "email", "email", "app", "voice")
TEXTS = {
    "en": (
        "Hello, I would like to ask about the order I placed on Monday",
        "where is my refund? I sent the kettle back two weeks ago",
        "my parcel still has not arrived, the tracking page says nothing",
        "can I change the delivery address of my last order please",
        "do you sell the red kettle in a larger size?",
        "this is the third time I write, let me speak to your manager",
        "ok thanks",
        "somebody has stolen my card, please block the account now",
        "how do I reset my password? the link in the mail is broken",
        "I want my money back, the shoes are two sizes too small",
        "is there a discount when I order more than ten of them?",
        "that one too",
    ),
    "zh": (
        "你好，我想问一下我周一下的订单",
        "我的快递三天没到，物流信息一直没有更新",
        "我要退款，东西和图片完全不一样",
        "这款水壶有大一点的吗？",
        "还是不行",
        "我要投诉，已经说了三遍了",
    ),
}


def messages(count: int, *, customers: int, seed: int) -> Iterator[CustomerMessage]:
    """Messages of customers drawn evenly; some start a new conversation, the others go on with their last one."""
    drawn = random.Random(seed)
    talks = [0] * customers
    for number in range(count):
        customer = drawn.randrange(customers)
        if talks[customer] == 0 or drawn.random() < 0.15:
            talks[customer] += 1
        locale = "zh" if customer % 4 == 0 else "en"
        yield CustomerMessage(
            message_id=f"m{number:08d}",
            conversation_id=f"talk-{customer}-{talks[customer]}",
            customer_id=f"customer-{customer}",
            channel=drawn.choice(CHANNELS),
            text=drawn.choice(TEXTS[locale]),
            sent_at=Millis(BEGAN + number * SPACING),
            locale=locale,
        )


def records(count: int, *, customers: int, seed: int) -> Iterator[tuple[bytes, bytes]]:
    """The same messages, as key and value."""
    codec = Codec()
    for message in messages(count, customers=customers, seed=seed):
        yield wire_key(message.tenant_id, message.customer_id), codec.encode(message)
