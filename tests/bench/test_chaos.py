"""The fault run's own parts: what is drawn, what is measured, what the proxy does to a connection."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.chaos.__main__ import disagreement
from bench.chaos.faults import KILL, KILL_ALONE, OTHERS, schedule
from bench.chaos.pauses import Alone, pauses
from frontdesk.agents.reconciling import Reconciling
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, SHARDS_TABLE, changelog_topic
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival
from tests.support.audit import Audit, Entry, Logs
from tests.support.audit.logs import APPLICATION
from tests.support.embedded import free_port
from tests.support.proxy import FETCH, PRODUCE, Link

GONE = (ConnectionError, asyncio.IncompleteReadError)
"""what a client sees of a connection that was reset"""


@pytest.mark.parametrize("kills", [1, 2, 10, 200])
def test_all_kills_are_drawn_and_one_of_each_other_fault_at_least(kills: int) -> None:
    drawn = schedule(kills, seed=1)
    count = Counter(drawn)
    assert drawn[0] == KILL
    assert count[KILL] + count[KILL_ALONE] == kills
    assert all(count[kind] >= max(1, int(share * kills)) for kind, share in OTHERS.items())


def test_the_same_seed_draws_the_same_faults() -> None:
    assert schedule(50, seed=7) == schedule(50, seed=7) != schedule(50, seed=8)


def steps(partition: int, *times: int) -> list[Entry]:
    """Records of a shard's steps at these times."""
    topic = changelog_topic(APPLICATION, SHARDS_TABLE)
    return [Entry(topic, partition, offset, at, b"shard", b"") for offset, at in enumerate(times)]


def test_pauses_are_told_by_the_times_of_steps() -> None:
    logs = Logs()
    logs.add(steps(0, 900, 990, 5_700, 5_800))
    logs.add(steps(1, 950, 1_050, 2_250, 2_300, 6_000))
    death = Alone(at=1_000, until=3_000, orphans=frozenset({0}), stayed=frozenset({1}))
    found = pauses(logs, [death])
    assert found.orphans == (4.7,)
    assert found.survivors == (1.2,)


def test_a_shard_that_stayed_and_took_no_step_paused_all_the_time() -> None:
    logs = Logs()
    logs.add(steps(1, 900, 7_000))
    death = Alone(at=1_000, until=6_000, orphans=frozenset(), stayed=frozenset({1}))
    assert pauses(logs, [death]).survivors == (5.1,)


def request(api: int, correlation: int) -> bytes:
    """A frame as a Kafka client sends it."""
    body = api.to_bytes(2, "big") + bytes(2) + correlation.to_bytes(4, "big") + b"rest"
    return len(body).to_bytes(4, "big") + body


def response(correlation: int) -> bytes:
    """A frame as a broker answers."""
    body = correlation.to_bytes(4, "big") + b"answer"
    return len(body).to_bytes(4, "big") + body


@asynccontextmanager
async def linked() -> AsyncIterator[tuple[Link, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection through a link to a broker that answers every request."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while length := await reader.read(4):
            body = await reader.readexactly(int.from_bytes(length, "big"))
            writer.write(response(int.from_bytes(body[4:8], "big")))

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    link = Link(port=free_port(), to=server.sockets[0].getsockname()[1])
    await link.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    try:
        yield link, reader, writer
    finally:
        writer.close()
        await link.stop()
        server.close()


async def test_in_fair_weather_all_passes() -> None:
    async with linked() as (link, reader, writer):
        writer.write(request(0, 7))
        assert await reader.readexactly(len(response(7))) == response(7)
        assert not link.lost


async def test_a_request_that_is_trapped_arrives_and_its_response_comes_when_the_link_is_healed() -> None:
    async with linked() as (link, reader, writer):
        caught = link.trap(PRODUCE)
        writer.write(request(1, 6))
        assert await reader.readexactly(len(response(6))) == response(6), "a fetch passes"
        writer.write(request(0, 7))
        await caught.wait()
        assert not reader._buffer  # type: ignore[attr-defined]  # asyncio has no look without waiting
        link.heal()
        assert await reader.readexactly(len(response(7))) == response(7)


async def test_a_cut_loses_what_is_under_way_and_refuses_until_it_is_healed() -> None:
    async with linked() as (link, reader, writer):
        caught = link.trap(FETCH)
        writer.write(request(1, 8))
        await caught.wait()
        link.cut(refuse=True)
        with pytest.raises(GONE):
            await reader.readexactly(1)
        with pytest.raises(GONE):
            await (await asyncio.open_connection("127.0.0.1", link.port))[0].readexactly(1)
        assert link.lost == {FETCH: 1}
        link.heal()
        again, other = await asyncio.open_connection("127.0.0.1", link.port)
        other.write(request(0, 9))
        assert await again.readexactly(len(response(9))) == response(9)
        other.close()


def test_an_account_that_says_otherwise_than_the_auditor_is_told() -> None:
    account = Reconciling(codec=Codec(), partitions=1, now=Millis(0), positions={0: 1}, waiting=frozenset())
    assert disagreement(Audit(), account) == []
    assert disagreement(Audit(decisions=2), account) == ["decisions reconcile says 0 decided, not 2"]
    account.message(Arrival(CUSTOMER_MESSAGES, 0, 0, Millis(0), b"ann", b"{broken"))
    assert disagreement(Audit(), account) == ["decisions reconcile says 1 missing, not 0"]
