"""The topics that every worker reads whole: policies with their switches, and models. One partition, the newest record of each key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import NO_CONNECTION, admin, require_topics, unreachable
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.reading import read_to_end
from frontdesk.agents.kafka.rights import refused
from frontdesk.schemas.codec import Codec, DecodeError
from frontdesk.schemas.types import Record

R = TypeVar("R", bound=Record)


async def publish_broadcast(cluster: Cluster, topic: str, records: Sequence[tuple[bytes, Record]]) -> None:
    """Publish records under their keys, in order, and wait for the broker's acknowledgement.

    Raises:
        StartupError: no broker, the topic does not exist, or it refuses a record.
    """
    async with admin(cluster) as client:
        await require_topics(client, cluster, [topic])
    producer = AIOKafkaProducer(**cluster.options(), acks="all")
    try:
        try:
            await producer.start()
        except NO_CONNECTION:
            raise await unreachable(cluster) from None
        for key, record in records:
            await producer.send_and_wait(topic, key=key, value=Codec().encode(record), partition=0)
    except KafkaError as error:
        because = refused(error) or type(error).__name__
        raise StartupError(f"{topic} at {cluster} refuses it: {because}") from None
    finally:
        await producer.stop()


async def read_broadcast(cluster: Cluster, topic: str, record: type[R]) -> AsyncIterator[R]:
    """All records of a topic up to its present end, in order. What cannot be read is passed over, as workers do.

    Raises:
        StartupError: no broker, or no topic.
    """
    codec = Codec()
    async for records in read_to_end(cluster, topic):
        for one in records:
            if one.value is None:
                continue
            try:
                yield codec.decode(record, one.value)
            except DecodeError:
                continue
