"""Messages to send in tests: many customers, some representatives, some records twice."""

from __future__ import annotations

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key

TEXTS = ("我的快递三天没到", "where is my refund", "hmm", "再说吧", "do you sell red kettles?", "还是不行")


def conversation(numbers: range) -> list[tuple[bytes, bytes]]:
    """Messages of 40 customers, every tenth by a representative, every fiftieth sent twice."""
    codec = Codec()
    out = []
    for number in numbers:
        message = CustomerMessage(
            message_id=f"m{number}",
            conversation_id=f"talk-{number % 40}",
            customer_id=f"customer-{number % 40}",
            role="representative" if number % 10 == 9 else "customer",
            text=f"{TEXTS[number % len(TEXTS)]} {number}",
        )
        record = (wire_key(message.tenant_id, message.customer_id), codec.encode(message))
        out += [record, record] if number % 50 == 0 else [record]
    return out
