"""Kafka's default partitioner: murmur2 of the key, as the Java client and aiokafka compute it."""

from __future__ import annotations

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The partition among `partitions` in which a record with this key belongs."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions
