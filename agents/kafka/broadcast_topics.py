"""The topics that every worker reads whole: policies with their switches, and models. One partition, the newest record of each key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import admin, partition_counts, unreachable
from frontdesk.agents.kafka.reading import read_to_end
from frontdesk.schemas.codec import Codec, DecodeError
from frontdesk.schemas.types import Record

R = TypeVar("R", bound=Record)


async def publish_broadcast(broker: str, topic: str, records: Sequence[tuple[bytes, Record]]) -> None:
    """Publish records under their keys, in order, and wait for the broker's acknowledgement.

    Raises:
        StartupError: no broker, the topic does not exist, or it refuses a record.
    """
    async with admin(broker) as client:
        if topic not in await partition_counts(client):
            raise StartupError(f"topic {topic} does not exist at {broker}: frontdesk topics create")
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
    try:
        try:
            await producer.start()
        except (KafkaError, OSError, TimeoutError):
            raise unreachable(broker) from None
        for key, record in records:
            await producer.send_and_wait(topic, key=key, value=Codec().encode(record), partition=0)
    except KafkaError as error:
        raise StartupError(f"{topic} at {broker} refuses it: {type(error).__name__}") from None
    finally:
        await producer.stop()


async def read_broadcast(broker: str, topic: str, record: type[R]) -> AsyncIterator[R]:
    """All records of a topic up to its present end, in order. What cannot be read is passed over, as workers do.

    Raises:
        StartupError: no broker, or no topic.
    """
    codec = Codec()
    async for records in read_to_end(broker, topic):
        for one in records:
            if one.value is None:
                continue
            try:
                yield codec.decode(record, one.value)
            except DecodeError:
                continue
