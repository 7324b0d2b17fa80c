"""With a schema registry, on a real Kafka: its framing in and out, and a registry that goes away costs time and nothing else."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage, CustomerProfile
from frontdesk.schemas.keys import partition_of
from frontdesk.schemas.outputs import DeadLetter, Decision
from frontdesk.schemas.state import Customer
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    PRODUCT_CATALOG,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
    changelog_topics,
    spec,
)
from frontdesk.schemas.versions import versions_of
from tests.support.cli import frontdesk, json_lines
from tests.support.clients import produce, read_all
from tests.support.kafka import KafkaServer
from tests.support.registry_server import RegistryServer
from tests.support.schema_ids import Registry
from tests.support.workers import Worker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

APPLICATION = "with-registry"
OTHER = next(f"c{n}" for n in range(99) if partition_of(f"c{n}".encode(), 4) != partition_of(b"ann", 4))


class Day:
    """A worker with a registry, and what lies in its topics."""

    def __init__(self, bootstrap: str, server: RegistryServer) -> None:
        self.bootstrap = bootstrap
        self.server = server
        self.worker = Worker(
            bootstrap, schema_registry_url=server.url, application=APPLICATION, stall_timeout=4
        )

    def reader(self) -> Codec:
        """Reads as any consumer with this registry would."""
        return Codec(schema_ids=Registry(self.server.schemas(), {}))

    async def send(self, message_id: str, schema_id: int, customer: str = "ann") -> None:
        message = CustomerMessage(
            message_id=message_id, conversation_id=f"of-{customer}", customer_id=customer, text="where is it"
        )
        value = b"\x00" + schema_id.to_bytes(4, "big") + Codec().encode(message)[10:]
        await produce(self.bootstrap, CUSTOMER_MESSAGES, [(customer.encode(), value)])

    async def decided(self) -> list[str]:
        records = await read_all(self.bootstrap, ROUTING_DECISIONS)
        return [self.reader().decode(Decision, record.value).message_id for record in records]

    async def until_decided(self, expected: set[str], within: float = 40) -> None:
        until = time.monotonic() + within
        while set(await self.decided()) != expected:
            self.worker.check()
            assert time.monotonic() < until, f"{await self.decided()}, not {expected}"
            await asyncio.sleep(0.2)

    async def letters(self) -> list[DeadLetter]:
        records = await read_all(self.bootstrap, ROUTING_DEAD_LETTERS)
        return [self.reader().decode(DeadLetter, record.value) for record in records]

    async def until_buried(self, count: int) -> list[DeadLetter]:
        until = time.monotonic() + 40
        while len(found := await self.letters()) < count:
            self.worker.check()
            assert time.monotonic() < until, "not buried"
            await asyncio.sleep(0.2)
        return found

    async def failures(self) -> float:
        found = await self.worker.metrics()
        return found.get('frontdesk_shard_failures_total{kind="RegistryUnavailable"}', 0)


async def test_a_day_with_a_registry_that_goes_away(
    kafka: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_topics(load(broker=kafka.bootstrap, application=APPLICATION))
    async with RegistryServer(user="desk:s3cret") as server:
        monkeypatch.setenv("FRONTDESK_SCHEMA_REGISTRY_URL", server.url)
        catalogue = tmp_path / "products.jsonl"
        catalogue.write_text(json.dumps({"product_id": "p1", "category": "kitchen"}) + "\n")
        publish = ("publish", str(catalogue), "--topic", PRODUCT_CATALOG, "--broker", kafka.bootstrap)
        await asyncio.to_thread(frontdesk, *publish)
        (product,) = await read_all(kafka.bootstrap, PRODUCT_CATALOG)
        assert product.value[:1] == b"\x00", "publish writes under the registry's id"

        # A shard that begins learns the profiles first: under a version that only the registry knows.
        theirs = server.add({**versions_of(CustomerProfile)[-1].schema, "doc": "their version"})
        profile = Codec().encode(CustomerProfile(customer_id="ann", tier="gold"))[10:]
        framed = b"\x00" + theirs.to_bytes(4, "big") + profile
        await produce(kafka.bootstrap, CUSTOMER_PROFILES, [(b"ann", framed)])

        day = Day(kafka.bootstrap, server)
        try:
            day.worker.start()
            await day.worker.ready(within=60)
            (ours,) = server.subjects[f"{CUSTOMER_MESSAGES}-value"]
            await _framed_in_and_out(day, ours)
            await _an_unknown_id_is_a_dead_letter(day, ours)
            await _an_outage_costs_nothing_but_time(day, ours)
        finally:
            day.worker.stop()
        assert (await day.decided()).count("after") == 1


async def _framed_in_and_out(day: Day, ours: int) -> None:
    await day.send("first", ours)
    await day.until_decided({"first"})
    (decision,) = await read_all(day.bootstrap, ROUTING_DECISIONS)
    (decisions,) = day.server.subjects[f"{ROUTING_DECISIONS}-value"]
    assert decision.value[:5] == b"\x00" + decisions.to_bytes(4, "big")
    # State must be readable when the registry is away.
    state = [
        record
        for topic in changelog_topics(APPLICATION)
        for record in await read_all(day.bootstrap, topic.name)
    ]
    values = [(record.topic, record.value) for record in state if record.value is not None]
    assert len({topic for topic, _ in values}) >= 2
    for topic, value in values:
        assert value[:2] == b"\xc3\x01"
        Codec().decode(spec(topic).record, value)
    customers = [Codec().decode(Customer, value) for topic, value in values if "customers" in topic]
    assert customers[0].profile is not None
    assert customers[0].profile.tier == "gold"


async def _an_unknown_id_is_a_dead_letter(day: Day, ours: int) -> None:
    await day.send("lost", 424_242)
    await day.send("beyond-an-integer", 2**32 - 1)
    await day.send("second", ours)
    await day.until_decided({"first", "second"})
    letters = await day.until_buried(2)
    assert [letter.reason for letter in letters] == ["unknown_schema"] * 2
    assert "424242" in letters[0].detail
    assert letters[0].value is not None
    assert letters[0].value[:5] == b"\x00" + (424_242).to_bytes(4, "big")
    listed = await asyncio.to_thread(frontdesk, "dlq", "list", "--json", "--broker", day.bootstrap)
    assert [letter["reason"] for letter in json_lines(listed)] == ["unknown_schema"] * 2


async def _an_outage_costs_nothing_but_time(day: Day, ours: int) -> None:
    newer = day.server.add({**versions_of(CustomerMessage)[-1].schema, "doc": "a newer version"})
    await day.server.stop()
    failed, began = await day.failures(), time.monotonic()
    await day.send("before", ours)
    await day.send("newer", newer)
    await day.send("after", ours)
    await day.send("elsewhere", ours, OTHER)
    decided = {"first", "second", "before", "elsewhere"}
    await day.until_decided(decided)
    # Longer than a stalled shard is given: waiting for the registry is no stall, and no restart would help it.
    while await day.failures() < failed + 3 or time.monotonic() < began + 7:
        day.worker.check()
        assert time.monotonic() < began + 40, "the registry is not asked again"
        await asyncio.sleep(0.2)
    assert set(await day.decided()) == decided
    assert len(await day.letters()) == 2, "no registry is no reason to bury a message"
    await day.server.start()
    await day.until_decided({*decided, "newer", "after"})
    anns = [message for message in await day.decided() if message != "elsewhere"]
    assert anns == ["first", "second", "before", "newer", "after"]
    assert len(await day.letters()) == 2


async def test_a_worker_does_not_start_without_the_registry_it_is_to_use(kafka: KafkaServer) -> None:
    await create_topics(load(broker=kafka.bootstrap, application=APPLICATION))
    async with RegistryServer(failure="500") as server:
        worker = Worker(kafka.bootstrap, schema_registry_url=server.url, application=APPLICATION)
        worker.start()
        try:
            code = await asyncio.to_thread(worker.wait, 30)
        finally:
            worker.stop()
    assert code == 2
