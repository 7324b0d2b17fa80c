"""Reading to the end: what was there when asked, committed only, from where one wants to start."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.reading import Start, from_last, from_time, read_to_end
from tests.support.clients import make_topic, produce
from tests.support.kafka import KafkaServer


async def values(broker: str, *, start: Start | None = None) -> list[bytes]:
    return [
        record.value async for batch in read_to_end(Cluster(broker), "t", start=start) for record in batch
    ]


async def test_reads_all_there_is_and_stops(any_broker: str) -> None:
    await make_topic(any_broker, "t", partitions=2)
    assert await values(any_broker) == []
    await produce(any_broker, "t", [(None, b"%d" % number) for number in range(100)], partition=0)
    await produce(any_broker, "t", [(None, b"other")], partition=1)
    found = await values(any_broker)
    assert [value for value in found if value != b"other"] == [b"%d" % number for number in range(100)]
    assert found.count(b"other") == 1


@pytest.mark.kafka  # the embedded broker knows no offsets by time: it answers with the beginning
async def test_starts_at_a_time(kafka: KafkaServer) -> None:
    await make_topic(kafka.bootstrap, "t")
    for at in (1_000, 2_000, 3_000):
        await produce(kafka.bootstrap, "t", [(None, b"%d" % at)], timestamp_ms=at)
    assert await values(kafka.bootstrap, start=from_time(2_000)) == [b"2000", b"3000"]
    assert await values(kafka.bootstrap, start=from_time(4_000)) == []


@pytest.mark.kafka
async def test_starts_so_many_before_the_end(kafka: KafkaServer) -> None:
    await make_topic(kafka.bootstrap, "t", partitions=2)
    await produce(kafka.bootstrap, "t", [(None, b"%d" % number) for number in range(10)], partition=1)
    assert await values(kafka.bootstrap, start=from_last(6)) == [b"7", b"8", b"9"]
    assert len(await values(kafka.bootstrap, start=from_last(1000))) == 10


@pytest.mark.kafka
async def test_skips_aborted_records_and_does_not_wait_for_open_transactions(kafka: KafkaServer) -> None:
    await make_topic(kafka.bootstrap, "t")

    async def transaction(name: str) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=name)
        await producer.start()
        await producer.begin_transaction()
        await producer.send_and_wait("t", value=name.encode(), partition=0)
        return producer

    aborted, committed, still_open = [
        await transaction(name) for name in ("reading-aborted", "reading-committed", "reading-open")
    ]
    try:
        await aborted.abort_transaction()
        await committed.commit_transaction()
        # The broker confirms an end before its markers are written: until then the end that readers see lies before them.
        async with asyncio.timeout(30):
            while not (seen := await values(kafka.bootstrap)):  # noqa: ASYNC110  # the broker sets no event
                await asyncio.sleep(0.1)
        # The end is a transaction marker, not a record: a reader that waited for the last offset would hang here.
        assert seen == [b"reading-committed"]
    finally:
        await still_open.abort_transaction()
        for producer in (aborted, committed, still_open):
            await producer.stop()


async def test_a_missing_topic_is_one_clear_line(any_broker: str) -> None:
    with pytest.raises(StartupError, match=r"topic t does not exist at .*: frontdesk topics create"):
        await values(any_broker)
