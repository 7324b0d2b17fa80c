"""Switches and catalogue, as every worker follows them."""

from __future__ import annotations

import pytest
from aiokafka import ConsumerRecord

from frontdesk.agents.kafka.switches import EVERYTHING_TO, INTAKE_RESUME, LEARNING, LLM
from frontdesk.agents.runtime.broadcast import Broadcast
from frontdesk.agents.settings import load
from frontdesk.schemas.broadcast import PolicyUpdate, Product
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import PRODUCT_CATALOG, ROUTING_POLICIES
from frontdesk.schemas.types import Millis

CODEC = Codec()
NOW = Millis(5_000)


async def unheard() -> None:
    """Nobody listens to changes."""


def follower() -> Broadcast:
    return Broadcast(load(), CODEC, {}, unheard, clock=lambda: NOW)


def resume(offset: int, at: int) -> ConsumerRecord:
    update = PolicyUpdate(kind="switch", name=INTAKE_RESUME, at=Millis(at))
    return record(ROUTING_POLICIES, offset, b"switch", CODEC.encode(update))


def record(topic: str, offset: int, key: bytes, value: bytes | None) -> ConsumerRecord:
    return ConsumerRecord(topic, 0, offset, 0, 0, key, value, None, 1, 1, ())


async def test_a_resume_that_is_read_back_counts_from_its_own_time() -> None:
    broadcast = follower()
    await broadcast._take([resume(0, at=1_000)])
    assert broadcast.resumed_at == 1_000


async def test_a_resume_seen_live_is_of_now_whatever_the_operators_clock_says() -> None:
    broadcast = follower()
    broadcast._caught_up.set()
    await broadcast._take([resume(3, at=1_000)])
    assert broadcast.resumed_at == NOW


async def test_a_resume_seen_live_is_of_now_after_the_clock_was_set_back_too() -> None:
    broadcast = follower()
    broadcast.resumed_at = Millis(NOW + 3_600_000)
    broadcast._caught_up.set()
    await broadcast._take([resume(3, at=1_000)])
    assert broadcast.resumed_at == NOW


@pytest.mark.parametrize("live", [True, False])
async def test_an_operators_clock_that_is_ahead_resumes_no_halt_that_is_yet_to_come(live: bool) -> None:
    broadcast = follower()
    if live:
        broadcast._caught_up.set()
    await broadcast._take([resume(3, at=9_000)])
    assert broadcast.resumed_at == NOW


async def test_read_again_after_a_lost_connection_it_is_not_new() -> None:
    broadcast = follower()
    await broadcast._take([resume(3, at=1_000)])
    broadcast._caught_up.set()
    await broadcast._take([resume(3, at=1_000)])
    assert broadcast.resumed_at == 1_000


async def test_products_come_change_and_go_and_what_is_unreadable_is_passed_over() -> None:
    broadcast = follower()
    kettle = Product(product_id="kettle", category="kitchen")
    await broadcast._take(
        [
            record(PRODUCT_CATALOG, 0, b"bad", b"\x00\x01"),
            record(PRODUCT_CATALOG, 1, b"kettle", CODEC.encode(kettle)),
        ]
    )
    assert broadcast.catalog == {"kettle": kettle}
    await broadcast._take([record(PRODUCT_CATALOG, 2, b"kettle", None)])
    assert broadcast.catalog == {}


async def test_the_llms_switch_stands_as_it_was_turned_last() -> None:
    broadcast = follower()
    assert broadcast.llm_on, "until somebody turns it"
    for offset, (body, stands) in enumerate([("off", False), ("maybe", False), ("on", True), ("off", False)]):
        update = PolicyUpdate(kind="switch", name=LLM, body=body, at=NOW)
        await broadcast._take([record(ROUTING_POLICIES, offset, b"switch:llm", CODEC.encode(update))])
        assert broadcast.llm_on is stands


async def test_the_other_switches_stand_as_they_were_turned_last() -> None:
    broadcast = follower()
    turned = [
        (EVERYTHING_TO, "general", "general", False),
        (LEARNING, "frozen", "general", True),
        (LEARNING, "perhaps", "general", True),
        (EVERYTHING_TO, "", None, True),
        (LEARNING, "on", None, False),
    ]
    assert (broadcast.everything_to, broadcast.frozen_since) == (None, None), "until somebody turns them"
    for offset, (name, body, queue, frozen) in enumerate(turned):
        update = PolicyUpdate(kind="switch", name=name, body=body, at=NOW)
        await broadcast._take(
            [record(ROUTING_POLICIES, offset, f"switch:{name}".encode(), CODEC.encode(update))]
        )
        assert (broadcast.everything_to, broadcast.frozen_since) == (queue, NOW if frozen else None)
