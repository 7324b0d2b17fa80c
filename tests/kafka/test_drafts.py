"""Replies worded by an LLM, from the message on a real Kafka to the second revision of its suggestion there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Suggestion
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, INPUT_TOPICS, OUTPUT_TOPICS, SERVICE_SUGGESTIONS
from tests.support.audit import Audit, outputs_of, settled
from tests.support.audit.logs import read_logs
from tests.support.audit.outputs import check_help
from tests.support.clients import produce, read_all
from tests.support.kafka import KafkaServer
from tests.support.llm_answers import politely
from tests.support.llm_server import LlmServer
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka

TEXTS = (
    "where is my parcel?",
    "I forgot my password",
    "发票开错了，怎么办",
    "give me my money back, number 13912345678",
)
APPLICATION = "drafts"


def wording(data: Mapping[str, Any]) -> str:
    """What stands, but for the last of the texts."""
    return "You get 500 dollars." if "money" in data["message"] else politely(data)


def _record(number: int) -> tuple[bytes, bytes]:
    message = CustomerMessage(
        message_id=f"m{number}",
        conversation_id=f"talk-{number}",
        customer_id=f"customer-{number}",
        text=TEXTS[number],
    )
    return wire_key(message.tenant_id, message.customer_id), Codec().encode(message)


async def helped(kafka: KafkaServer) -> Audit:
    """The account as it is now, suggestions included."""
    logs = await read_logs(kafka.bootstrap, topics=(*INPUT_TOPICS, *OUTPUT_TOPICS))
    account = outputs_of(logs)
    check_help(logs, Codec(), account)
    return account


@pytest.mark.slow
async def test_replies_are_worded_after_their_suggestions_and_published_where_they_stand(
    kafka: KafkaServer,
) -> None:
    await create_topics(load(broker=kafka.bootstrap, application=APPLICATION))
    async with LlmServer(wording=wording) as llm:
        worker = Worker(
            kafka.bootstrap, application=APPLICATION, llm_base_url=llm.url, llm_replies=True, llm_attempts=1
        )
        try:
            worker.start()
            await worker.ready(within=60)
            await produce(kafka.bootstrap, CUSTOMER_MESSAGES, map(_record, range(len(TEXTS))))
            await settled(kafka.bootstrap, within=30)
            async with asyncio.timeout(30):
                while len((await helped(kafka)).drafted) < 3:  # noqa: ASYNC110  # another process sets no event
                    await asyncio.sleep(0.2)
            worker.check()
        finally:
            worker.stop()
    account = await helped(kafka)
    assert account.faults == []
    assert account.suggestions == len(TEXTS)
    told: dict[str, list[Suggestion]] = {}
    for record in await read_all(kafka.bootstrap, SERVICE_SUGGESTIONS):
        one = Codec().decode(Suggestion, record.value)
        told.setdefault(one.message_id, []).append(one)
    assert [[one.source for one in told[f"m{number}"]] for number in range(4)] == [
        ["template", "llm"],
        ["template", "llm"],
        ["template", "llm"],
        ["template"],
    ]
    assert told["m2"][1].reply == f"感谢您联系我们。{told['m2'][0].reply}"
    assert "13912345678" not in llm.sent
