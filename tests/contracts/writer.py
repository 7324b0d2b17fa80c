"""What a transactional `Writer` and the `Logs` beside it promise a shard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import pytest
from aiokafka import TopicPartition

from frontdesk.agents.runtime.logs import Logs
from frontdesk.agents.runtime.writer import Fenced, Outgoing, Refused, WriteFailed, Writer
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DECISIONS

STATE_TOPIC = "app.shards-changelog"
TOPICS = (CUSTOMER_MESSAGES, ROUTING_DECISIONS, STATE_TOPIC)
DECISIONS, STATE = TopicPartition(ROUTING_DECISIONS, 0), TopicPartition(STATE_TOPIC, 0)
TOO_LARGE = Outgoing(ROUTING_DECISIONS, b"k", b"x" * 1_100_000)


def decision(value: str) -> Outgoing:
    return Outgoing(ROUTING_DECISIONS, b"k", value.encode())


def state(value: str) -> Outgoing:
    return Outgoing(STATE_TOPIC, b"shard", value.encode())


@dataclass(frozen=True, slots=True)
class Ports:
    """Of one broker with the topics, each of two partitions."""

    writer: Callable[[], Writer]
    """another one of shard 0"""
    logs: Logs

    async def seen(self, partition: TopicPartition) -> list[bytes]:
        """Values that readers see, from the beginning."""
        return [record.value for _, records in await self.stretches(partition) for record in records]

    async def stretches(
        self, partition: TopicPartition, start: int | None = None
    ) -> list[tuple[int, Sequence]]:
        """What reading a partition to its end gives, once nobody writes any more."""
        # A commit is told before its markers lie in each partition; the next writer of the shard waits for them.
        next_one = self.writer()
        await next_one.open()
        await next_one.close()
        return [(one.upto, one.records) async for one in self.logs.read({partition: start})]


class WriterContract:
    def open(self) -> AbstractAsyncContextManager[Ports]:
        raise NotImplementedError

    async def test_outputs_and_state_are_seen_together_from_the_offset_that_was_told(self) -> None:
        async with self.open() as ports:
            writer = ports.writer()
            await writer.open()
            await writer.write([decision("a"), state("1")], {CUSTOMER_MESSAGES: 1})
            written = await writer.write([decision("b"), decision("c"), state("2")], {CUSTOMER_MESSAGES: 3})
            await writer.close()
            assert await ports.seen(DECISIONS) == [b"a", b"b", b"c"]
            assert await ports.seen(STATE) == [b"1", b"2"]
            told = await ports.stretches(STATE, written[STATE_TOPIC])
            assert [record.value for _, records in told for record in records] == [b"2"]

    async def test_the_end_of_a_log_lies_behind_the_last_marker(self) -> None:
        async with self.open() as ports:
            writer = ports.writer()
            await writer.open()
            await writer.write([decision("a")], {})
            await writer.close()
            stretches = await ports.stretches(DECISIONS)
            assert [record.value for _, records in stretches for record in records] == [b"a"]
            assert stretches[-1][0] == 2
            assert await ports.logs.bounds([DECISIONS, STATE]) == {DECISIONS: (0, 2), STATE: (0, 0)}
            assert await ports.stretches(DECISIONS, 2) == [(2, ())]

    async def test_what_goes_to_another_partition_is_of_the_same_transaction(self) -> None:
        async with self.open() as ports:
            writer, other = ports.writer(), TopicPartition(ROUTING_DECISIONS, 1)
            elsewhere = Outgoing(ROUTING_DECISIONS, b"k", b"there", partition=1)
            await writer.open()
            await writer.write([decision("here"), elsewhere, state("1")], {})
            with pytest.raises(Refused):
                await writer.write([elsewhere, TOO_LARGE], {})
            await writer.close()
            assert (await ports.seen(DECISIONS), await ports.seen(other)) == ([b"here"], [b"there"])

    async def test_a_writer_that_was_fenced_writes_nothing_more(self) -> None:
        async with self.open() as ports:
            first, second = ports.writer(), ports.writer()
            await first.open()
            await first.write([decision("first")], {})
            await second.open()
            with pytest.raises(Fenced):
                await first.write([decision("zombie"), state("zombie")], {CUSTOMER_MESSAGES: 9})
            await second.write([decision("second")], {})
            await first.close()
            await second.close()
            assert await ports.seen(DECISIONS) == [b"first", b"second"]
            assert await ports.seen(STATE) == []

    async def test_what_is_too_large_is_refused_whole(self) -> None:
        async with self.open() as ports:
            writer = ports.writer()
            await writer.open()
            with pytest.raises(Refused):
                await writer.write([state("1"), TOO_LARGE], {CUSTOMER_MESSAGES: 1})
            await writer.close()
            await writer.open()
            await writer.write([state("2")], {CUSTOMER_MESSAGES: 2})
            await writer.close()
            assert await ports.seen(DECISIONS) == []
            assert await ports.seen(STATE) == [b"2"]

    async def test_one_that_is_not_open_writes_nothing(self) -> None:
        async with self.open() as ports:
            writer = ports.writer()
            with pytest.raises(WriteFailed):
                await writer.write([decision("a")], {})
            await writer.open()
            await writer.close()
            with pytest.raises(WriteFailed):
                await writer.write([decision("a")], {})
            assert await ports.seen(DECISIONS) == []
