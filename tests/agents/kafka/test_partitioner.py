"""One partitioner for all: a customer lies where every client of Kafka's own default puts them."""

from __future__ import annotations

import pytest

from frontdesk.agents.kafka.partitioner import partition_of


@pytest.mark.parametrize(
    ("key", "partition"),
    # As org.apache.kafka.clients.producer.internals.BuiltInPartitioner.partitionForKey of Kafka 4.1 computes them.
    [("", 9), ("c-1", 11), ("abc", 3), ("customer-42", 9), ("acme/c-1", 4), ("客户-7", 7)],
)
def test_partitions_as_kafkas_own_client_does(key: str, partition: int) -> None:
    assert partition_of(key.encode(), 12) == partition
