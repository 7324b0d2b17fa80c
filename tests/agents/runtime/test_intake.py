"""What a shard takes up: everything once, in order, within bounds."""

from __future__ import annotations

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.runtime.intake import Gap, Intake
from frontdesk.schemas.types import Millis

TOPIC = "customer.messages"


def record(offset: int, value: bytes = b"v") -> ConsumerRecord:
    return ConsumerRecord(
        TOPIC, 3, offset, 1000 + offset, 0, b"k", value, None, 1, len(value), (("h", b"x"),)
    )


def intake(**bounds: int) -> Intake:
    made = Intake(**{"max_messages": 1000, "max_bytes": 10**9, **bounds}, clock=lambda: Millis(10**12))
    made.start_at(TOPIC, 0)
    return made


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=20))
def test_redelivery_and_gaps_never_lose_or_double(fetches: list[tuple[int, int]]) -> None:
    """Fetches of any start and length over one log: the shard has a prefix of it, each record once."""
    shard = intake()
    for start, length in fetches:
        records = [record(offset) for offset in range(start, start + length)]
        expected = shard.positions[TOPIC]
        if start > expected:
            with pytest.raises(Gap) as gap:
                shard.deliver(TOPIC, start, records)
            assert gap.value.wanted == expected
        else:
            shard.deliver(TOPIC, start, records)
    taken = [arrival.offset for arrival in shard.take(messages=10_000, size=10**9)]
    assert taken == list(range(shard.positions[TOPIC]))


def test_offsets_may_jump_inside_a_fetch() -> None:
    shard = intake()
    shard.deliver(TOPIC, 0, [record(0), record(5), record(9)])
    assert shard.positions == {TOPIC: 10}
    shard.deliver(TOPIC, 10, [record(12)])
    assert [arrival.offset for arrival in shard.take(messages=9, size=10**9)] == [0, 5, 9, 12]


def test_an_arrival_is_the_record_as_it_lies_in_the_log() -> None:
    shard = intake()
    shard.deliver(TOPIC, 0, [record(0, b"raw")])
    (arrival,) = shard.take(messages=1, size=1)
    assert (arrival.topic, arrival.partition, arrival.offset, arrival.timestamp) == (TOPIC, 3, 0, 1000)
    assert (arrival.key, arrival.value, arrival.headers) == (b"k", b"raw", (("h", b"x"),))


@pytest.mark.parametrize(("bounds", "size"), [({"max_messages": 3}, 1), ({"max_bytes": 3_000}, 950)])
def test_full_at_either_bound_and_not_before(bounds: dict[str, int], size: int) -> None:
    shard = intake(**bounds)
    for offset in range(3):
        assert not shard.full
        shard.deliver(TOPIC, offset, [record(offset, b"v" * size)])
    assert shard.full
    shard.take(messages=1, size=10**9)
    assert not shard.full


def test_a_step_is_bounded_by_bytes_but_takes_one_record_at_least() -> None:
    shard = intake()
    shard.deliver(TOPIC, 0, [record(0, b"v" * 5_000), record(1, b"v" * 10), record(2, b"v" * 10)])
    assert [a.offset for a in shard.take(messages=9, size=100)] == [0]
    assert [a.offset for a in shard.take(messages=9, size=230)] == [1, 2]
    assert len(shard) == 0


def test_what_is_put_back_is_taken_first_again_and_counts() -> None:
    shard = intake(max_messages=4)
    shard.deliver(TOPIC, 0, [record(offset, b"x" * 99) for offset in range(4)])
    taken = shard.take(messages=3, size=10**9)
    shard.put_back(taken[1:])
    assert (len(shard), shard.full) == (3, False)
    shard.deliver(TOPIC, 4, [record(4)])
    assert shard.full
    assert [arrival.offset for arrival in shard.take(messages=9, size=10**9)] == [1, 2, 3, 4]
    assert shard._bytes == 0


@given(st.lists(st.tuples(st.sampled_from(["messages", "events"]), st.integers(0, 50)), max_size=30))
def test_topics_are_merged_by_time_and_each_keeps_its_order(sent: list[tuple[str, int]]) -> None:
    shard = Intake(max_messages=1000, max_bytes=10**9, clock=lambda: Millis(1_000))
    for topic in ("messages", "events"):
        shard.start_at(topic, 0)
        times = [time for name, time in sent if name == topic]
        shard.deliver(topic, 0, [timed(topic, offset, time) for offset, time in enumerate(times)])
    taken = shard.take(messages=10_000, size=10**9)
    assert len(taken) == len(sent)
    for topic in ("messages", "events"):
        offsets = [arrival.offset for arrival in taken if arrival.topic == topic]
        assert offsets == sorted(offsets)
    if sorted(time for _, time in sent) == [time for _, time in sent]:
        assert [arrival.timestamp for arrival in taken] == [time for _, time in sent]


def test_a_timestamp_that_lies_ahead_holds_up_nobody() -> None:
    shard = Intake(max_messages=1000, max_bytes=10**9, clock=lambda: Millis(1_000))
    shard.start_at("messages", 0)
    shard.start_at("events", 0)
    shard.deliver("messages", 0, [timed("messages", 0, 253_402_300_799_000)])
    shard.deliver("events", 0, [timed("events", offset, 2_000 + offset) for offset in range(3)])
    assert [arrival.topic for arrival in shard.take(messages=1, size=10**9)] == ["messages"]


def test_nor_does_one_that_was_put_back() -> None:
    shard = Intake(max_messages=1000, max_bytes=10**9, clock=lambda: Millis(1_000))
    shard.start_at("messages", 0)
    shard.start_at("events", 0)
    shard.deliver("messages", 0, [timed("messages", 0, 253_402_300_799_000)])
    shard.put_back(shard.take(messages=1, size=10**9))
    shard.deliver("events", 0, [timed("events", offset, 2_000 + offset) for offset in range(3)])
    assert [arrival.topic for arrival in shard.take(messages=1, size=10**9)] == ["messages"]


def timed(topic: str, offset: int, timestamp: int) -> ConsumerRecord:
    return ConsumerRecord(topic, 3, offset, timestamp, 0, b"k", b"v", None, 1, 1, ())
