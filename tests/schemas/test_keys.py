"""Keys lie where Kafka's Java clients put them."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2 as reference
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.schemas.keys import murmur2, partition_of, wire_key

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        # org.apache.kafka.common.utils.UtilsTest.testMurmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_javas(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


@given(key=st.binary(max_size=70), partitions=st.integers(1, 1000))
def test_the_hash_is_aiokafkas(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (reference(key) & 0x7FFFFFFF) % partitions


@pytest.mark.parametrize(
    ("tenant", "customer", "key"),
    [
        ("default", "客户/1", "客户/1".encode()),
        ("acme", "c1", b"acme/c1"),
        ("a/b", "c%\x00", b"a%2Fb/c%25%00"),
        ("default", "", b""),
    ],
)
def test_the_key_of_a_customer(tenant: str, customer: str, key: bytes) -> None:
    assert wire_key(tenant, customer) == key


@given(one=st.tuples(TEXT, TEXT), other=st.tuples(TEXT, TEXT))
def test_customers_of_named_tenants_never_share_a_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    if one != other and "default" not in (one[0], other[0]):
        assert wire_key(*one) != wire_key(*other)
