"""The Kafka key of a customer, and the partition it lies in."""

from __future__ import annotations

from frontdesk.schemas.inputs import DEFAULT_TENANT

_MASK = 0xFFFFFFFF
_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995


def wire_key(tenant_id: str, customer_id: str) -> bytes:
    """The key of a customer's records: the id in UTF-8; with a tenant before it, both escaped, unless it is the default.

    A default tenant's id that holds a slash could be read as another tenant's customer: both then share a key, hence a
    partition, and nothing else, for values are what names a customer.

    Raises:
        UnicodeEncodeError: an id holds a lone surrogate, which no decoded record does.
    """
    if tenant_id == DEFAULT_TENANT:
        return customer_id.encode()
    return f"{escape(tenant_id)}/{escape(customer_id)}".encode()


def escape(text: str) -> str:
    """The text without slashes and NULs: percent-escaped, so that parts joined by a slash stay apart."""
    return text.replace("%", "%25").replace("/", "%2F").replace("\x00", "%00")


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's default partitioner in Java gives a record with this key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """MurmurHash2 with Kafka's seed, as an unsigned 32-bit number (org.apache.kafka.common.utils.Utils.murmur2)."""
    length = len(data)
    whole = length & ~3
    value = (_SEED ^ length) & _MASK
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _MULTIPLIER & _MASK
        word = (word ^ word >> 24) * _MULTIPLIER & _MASK
        value = (value * _MULTIPLIER & _MASK) ^ word
    if length > whole:
        value = (value ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _MASK
    value = (value ^ value >> 13) * _MULTIPLIER & _MASK
    return value ^ value >> 15
