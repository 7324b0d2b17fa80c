"""More partitions on a real Kafka: what was known before is known after, in the partition that its customer now has."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path

import pytest
from aiokafka.admin import NewPartitions

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import admin
from frontdesk.agents.kafka.topics import check_topics, create_topics
from frontdesk.agents.settings import Settings, load
from frontdesk.agents.state import files
from frontdesk.agents.state.importing import Import
from frontdesk.agents.state.rekey import Rekey, Rekeyed
from frontdesk.agents.state.shards import add_partitions
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage, CustomerProfile, Purchase
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.outputs import Decision, Label, Labels
from frontdesk.schemas.state import Companions, Customer, Waiting
from frontdesk.schemas.topics import (
    COMPANIONS_TABLE,
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    CUSTOMER_PURCHASES,
    CUSTOMERS_TABLE,
    ROUTING_DECISIONS,
    TIMERS_TABLE,
    WAITING_TABLE,
    changelog_topic,
)
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import misplaced_key
from frontdesk.streams.state import customer_key, waiting_key
from tests.support.clients import delete_all_topics, partition_count, produce, read_all
from tests.support.kafka import KafkaServer
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka

CODEC = Codec()
BEFORE, AFTER = 2, 5
UNSAID = Label(value="", confidence=0.0, source="fallback")
NOTHING_SAID = Labels(intent=UNSAID, emotion=UNSAID, urgency=UNSAID, language=UNSAID)


def SILENT(_: str) -> None:
    """Hears the lines of progress."""


CUSTOMERS = [("default", f"u-{number}") for number in range(20)] + [("acme/eu", "u 1"), ("default", "你好")]


async def refused(work: Coroutine[object, object, object]) -> str:
    """What a run says that refuses."""
    with pytest.raises(StartupError) as error:
        await work
    return str(error.value)


def rekeyed(settings: Settings, partitions: int = AFTER) -> Coroutine[object, object, Rekeyed]:
    """One run."""
    return Rekey(settings, partitions, SILENT).run()


def exported(settings: Settings, folder: Path) -> Coroutine[object, object, files.Manifest]:
    """One run."""
    return files.export(settings, folder, running=False, tell=SILENT)


async def say(kafka: KafkaServer, prefix: str) -> None:
    """A message of every customer."""
    messages = [
        CustomerMessage(
            message_id=f"{prefix}-{tenant}-{name}",
            conversation_id=f"talk-{name}",
            tenant_id=tenant,
            customer_id=name,
            text="where is my parcel? it never arrived",
        )
        for tenant, name in CUSTOMERS
    ]
    await spread(kafka, CUSTOMER_MESSAGES, messages)


async def spread(
    kafka: KafkaServer, topic: str, records: Sequence[CustomerMessage | CustomerProfile | Purchase]
) -> None:
    """Publish each where Kafka's own partitioner puts it."""
    count = await partition_count(kafka.bootstrap, topic)
    of: dict[int, list[tuple[bytes, bytes]]] = {}
    for record in records:
        key = wire_key(record.tenant_id, record.customer_id)
        of.setdefault(partition_of(key, count), []).append((key, CODEC.encode(record)))
    for number, pairs in of.items():
        await produce(kafka.bootstrap, topic, pairs, partition=number)


async def decisions(kafka: KafkaServer, prefix: str, wanted: int) -> dict[str, Decision]:
    """Of the messages with this prefix, by tenant and customer, once there are so many."""
    found: dict[str, Decision] = {}
    for _ in range(300):
        for record in await read_all(kafka.bootstrap, ROUTING_DECISIONS):
            decision = CODEC.decode(Decision, record.value)
            if decision.message_id.startswith(f"{prefix}-"):
                found[f"{decision.tenant_id} {decision.customer_id}"] = decision
        if len(found) >= wanted:
            return found
        await asyncio.sleep(0.2)
    raise AssertionError(f"{len(found)} of {wanted} are decided")


async def tables(kafka: KafkaServer, settings: Settings, table: str) -> dict[bytes, list[tuple[int, bytes]]]:
    """Where each key lies, and with what value. Read by the test's own consumer."""
    held: dict[tuple[int, bytes], bytes | None] = {}
    for record in await read_all(kafka.bootstrap, changelog_topic(settings.application, table)):
        held[record.partition, record.key] = record.value
    found: dict[bytes, list[tuple[int, bytes]]] = {}
    for (number, key), value in held.items():
        if value is not None:
            found.setdefault(key, []).append((number, value))
    return found


async def served(kafka: KafkaServer, settings: Settings) -> Worker:
    worker = Worker(kafka.bootstrap, application=settings.application)
    worker.start()
    await worker.ready(within=60)
    return worker


async def known(kafka: KafkaServer, name: str) -> Settings:
    """An application that has served every customer; its worker has ended."""
    settings = load(broker=kafka.bootstrap, application=name, partitions=BEFORE)
    await create_topics(settings)
    await spread(
        kafka,
        CUSTOMER_PROFILES,
        [CustomerProfile(tenant_id=tenant, customer_id=name, tier="vip") for tenant, name in CUSTOMERS],
    )
    await spread(
        kafka,
        CUSTOMER_PURCHASES,
        [
            Purchase(tenant_id=tenant, customer_id=name, order_id=f"o-{product}-{name}", product_id=product)
            for tenant, name in CUSTOMERS
            for product in ("lamp", "bulb")
        ],
    )
    worker = await served(kafka, settings)
    try:
        await say(kafka, "first")
        found = await decisions(kafka, "first", len(CUSTOMERS))
    finally:
        worker.stop()
    assert not any("misplaced" in decision.flags for decision in found.values())
    return settings


@pytest.mark.slow
async def test_everything_known_moves_and_is_known_after(kafka: KafkaServer, tmp_path: Path) -> None:
    settings = await known(kafka, "rekey")
    before = await tables(kafka, settings, CUSTOMERS_TABLE)
    assert len(before) == len(CUSTOMERS)
    await exported(settings, tmp_path / "backup")

    found = await Rekey(settings, AFTER, SILENT).survey()
    elsewhere = sum(
        partition_of(wire_key(*names), AFTER) != partition_of(wire_key(*names), BEFORE) for names in CUSTOMERS
    )
    assert (found.partitions, found.begun, found.customers) == (BEFORE, BEFORE, len(CUSTOMERS))
    assert (found.moving, found.doubled, found.obstacles) == (elsewhere, 0, [])
    assert await tables(kafka, settings, CUSTOMERS_TABLE) == before, "a survey changes nothing"

    done = await rekeyed(settings)
    assert (done.moved, done.merged) == (elsewhere, 0)
    assert (await rekeyed(settings)).moved == 0, "it is done, and done again it does nothing"

    after = await tables(kafka, settings, CUSTOMERS_TABLE)
    assert values(after) == values(before)
    for tenant, customer in CUSTOMERS:
        home = partition_of(wire_key(tenant, customer), AFTER)
        ((number, value),) = after[customer_key(tenant, customer)]
        assert (number, CODEC.decode(Customer, value).customer_id) == (home, customer)
    for key, places in (await tables(kafka, settings, TIMERS_TABLE)).items():
        assert [number for number, _ in places] == [after[key][0][0]]
    for places in (await tables(kafka, settings, COMPANIONS_TABLE)).values():
        assert {number for number, _ in places} == set(range(AFTER)), (
            "new shards know what is bought together"
        )
    await goes_on(kafka, settings)
    await comes_back(kafka, tmp_path / "backup", values(before))


def values(of: dict[bytes, list[tuple[int, bytes]]]) -> dict[bytes, bytes]:
    """What lies under each key, which lies in one place."""
    return {key: value for key, ((_, value),) in of.items()}


async def goes_on(kafka: KafkaServer, settings: Settings) -> None:
    """Workers go on as if nothing had been, and nothing may be moved while they do, or while something is to be read."""
    assert await check_topics(settings) == []
    worker = await served(kafka, settings)
    try:
        assert "1 workers are running" in await refused(rekeyed(settings))
        assert "1 workers are running" in await refused(exported(settings, Path("/nonexistent")))
        await say(kafka, "first")  # told again: known
        await say(kafka, "second")
        second = await decisions(kafka, "second", len(CUSTOMERS))
        assert worker.said("state_lies_elsewhere") == [], "all are at home"
    finally:
        worker.stop()
    ids = [
        CODEC.decode(Decision, record.value).message_id
        for record in await read_all(kafka.bootstrap, ROUTING_DECISIONS)
    ]
    assert len(ids) == len(set(ids)) == 2 * len(CUSTOMERS)
    for decision in second.values():
        facts = {fact.name: fact.value for fact in decision.facts}
        assert (facts["turn"], facts["purchases"]) == (2, 2)
        assert "misplaced" not in decision.flags
    await say(kafka, "unread")
    assert "would be misplaced" in await refused(rekeyed(settings, AFTER + 2))
    assert "takes none away" in await refused(rekeyed(settings, BEFORE))
    assert await partition_count(kafka.bootstrap, CUSTOMER_MESSAGES) == AFTER, "nothing was changed"


def open_to_others(folder: Path) -> list[Path]:
    """What somebody else may read, of a folder and the shards in it."""
    return [path for path in (folder, *folder.glob("*.gz")) if path.stat().st_mode & 0o077]


async def comes_back(kafka: KafkaServer, backup: Path, before: dict[bytes, bytes]) -> None:
    """An export, into new changelogs of another size; what is damaged is refused before anything is written."""
    assert open_to_others(backup) == []
    await delete_all_topics(kafka.bootstrap)
    settings = load(broker=kafka.bootstrap, application="restored", partitions=3)
    await create_topics(settings)
    assert "not empty" in await refused(exported(settings, backup))

    damaged = backup / "shard-0000.jsonl.gz"
    whole = damaged.read_bytes()
    for bad, said in ((whole[: len(whole) // 2], "shard-0000.jsonl.gz: after line"), (None, "No such file")):
        if bad is None:
            damaged.unlink()
        else:
            damaged.write_bytes(bad)
        assert said in await refused(Import(settings, backup, SILENT).run())
    assert await tables(kafka, settings, CUSTOMERS_TABLE) == {}
    damaged.write_bytes(whole)

    assert (await Import(settings, backup, SILENT).run()).customers == len(CUSTOMERS)
    after = await tables(kafka, settings, CUSTOMERS_TABLE)
    assert values(after) == before
    assert all(after[customer_key(*one)][0][0] == partition_of(wire_key(*one), 3) for one in CUSTOMERS)
    assert "has records" in await refused(Import(settings, backup, SILENT).run())
    (backup / files.MANIFEST).unlink()
    assert "not a whole one" in await refused(Import(settings, backup, SILENT).run())


@pytest.mark.slow
async def test_who_was_served_with_more_partitions_before_the_state_moved_is_put_together(
    kafka: KafkaServer,
) -> None:
    """Partitions were added by hand: new shards have begun with nothing, and do not know who has moved there."""
    settings = await known(kafka, "byhand")
    await add_partitions(settings, AFTER)
    worker = await served(kafka, settings)
    try:
        await say(kafka, "second")
        forgotten = await decisions(kafka, "second", len(CUSTOMERS))
        told = worker.said("state_lies_elsewhere")
        assert sorted((one["shard"], one["partitions"]) for one in told) == [(0, AFTER), (1, AFTER)]
    finally:
        worker.stop()
    turns = {fact.value for decision in forgotten.values() for fact in decision.facts if fact.name == "turn"}
    assert turns == {1, 2}
    done = await rekeyed(settings)
    assert done.merged == done.moved > 0
    for places in (await tables(kafka, settings, CUSTOMERS_TABLE)).values():
        ((number, value),) = places
        customer = CODEC.decode(Customer, value)
        assert number == partition_of(wire_key(customer.tenant_id, customer.customer_id), AFTER)
        assert len(customer.seen) == 2
        assert sum(one.customer_turns for one in customer.conversations) == 2
        assert len(customer.purchases) == 2


@pytest.mark.slow
async def test_no_worker_starts_while_the_input_has_more_partitions_than_the_state(
    kafka: KafkaServer,
) -> None:
    settings = load(broker=kafka.bootstrap, application="grown", partitions=BEFORE)
    await create_topics(settings)
    async with admin(settings.cluster) as client:
        await client.create_partitions({CUSTOMER_MESSAGES: NewPartitions(total_count=AFTER)})
    said = await refused(served(kafka, settings))
    assert "exit code 2" in said
    changelog = changelog_topic("grown", CUSTOMERS_TABLE)
    assert f"({CUSTOMER_MESSAGES} has {AFTER})" in said
    assert f"{changelog} has {BEFORE}" in said
    assert f"frontdesk state rekey --partitions {AFTER}" in said
    assert (await rekeyed(settings)).moved == 0
    assert await check_topics(settings) == []


async def known_twice(kafka: KafkaServer, name: str, partitions: int) -> tuple[Settings, list[str]]:
    """An application in whose state each customer is known in the shard of two partitions, and in that of three, which was their home last
    and where they were erased at 15; at home among `partitions` they are known to nobody. And who they are."""
    settings = load(broker=kafka.bootstrap, application=name, partitions=3)
    await create_topics(settings)
    names = [
        f"u-{number}"
        for number in range(60)
        if len({partition_of(f"u-{number}".encode(), count) for count in (2, 3, partitions)}) == 3
    ]
    places = [[partition_of(one.encode(), count) for count in (2, 3)] for one in names]
    assert {old < new for old, new in places} == {True, False}, "whichever is read first"
    topic = changelog_topic(name, CUSTOMERS_TABLE)
    records: dict[int, list[tuple[bytes, bytes]]] = {}
    for one, (old, new) in zip(names, places, strict=True):
        for place, erased, at in ((old, None, (10, 16)), (new, Millis(15), (20,))):
            bought = tuple(
                Purchase(customer_id=one, order_id=f"o{when}", product_id="lamp", purchased_at=Millis(when))
                for when in at
            )
            record = Customer(tenant_id="default", customer_id=one, erased_at=erased, purchases=bought)
            records.setdefault(place, []).append((customer_key("default", one), CODEC.encode(record)))
    for place, pairs in records.items():
        await produce(kafka.bootstrap, topic, pairs, partition=place)
    return settings, names


async def put_together(kafka: KafkaServer, settings: Settings, names: Sequence[str], partitions: int) -> None:
    """Each is known once, at home, with what both shards knew, but for what was erased."""
    found = await tables(kafka, settings, CUSTOMERS_TABLE)
    for one in names:
        ((number, value),) = found[customer_key("default", one)]
        customer = CODEC.decode(Customer, value)
        assert number == partition_of(one.encode(), partitions)
        assert ([order.order_id for order in customer.purchases], customer.erased_at) == (["o16", "o20"], 15)


async def test_who_is_known_in_two_shards_that_they_leave_is_put_together(kafka: KafkaServer) -> None:
    """Partitions were added by hand before, and now once more."""
    settings, names = await known_twice(kafka, "twice", 8)
    found = await Rekey(settings, 8, SILENT).survey()
    assert (found.customers, found.moving, found.doubled) == (len(names), 2 * len(names), len(names))
    done = await rekeyed(settings, 8)
    assert (done.moved, done.merged) == (2 * len(names), len(names))
    await put_together(kafka, settings, names, 8)


async def test_an_export_of_who_is_known_in_two_shards_comes_back_whole(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    settings, names = await known_twice(kafka, "twice", 8)
    await exported(settings, tmp_path / "backup")
    await delete_all_topics(kafka.bootstrap)
    restored = load(broker=kafka.bootstrap, application="whole", partitions=8)
    await create_topics(restored)
    await Import(restored, tmp_path / "backup", SILENT).run()
    await put_together(kafka, restored, names, 8)


async def wrong_and_twice(kafka: KafkaServer, name: str) -> Settings:
    """An application of three partitions by hand: one customer waits in two shards under the same number, each shard has counted one
    purchase of a lamp and a bulb."""
    settings = load(broker=kafka.bootstrap, application=name, partitions=3)
    await create_topics(settings)
    for shard in range(3):
        lamp = Companions(tenant_id="default", product_id="lamp", buyers=1, counts={"bulb": 1})
        topic = changelog_topic(name, COMPANIONS_TABLE)
        await produce(kafka.bootstrap, topic, [(b"default/lamp", CODEC.encode(lamp))], partition=shard)
    home = partition_of(b"ann", 3)
    for shard, text in ((home, "newer"), ((home + 1) % 3, "older")):
        entry = Waiting(
            seq=7,
            message=CustomerMessage(message_id=text, conversation_id="c", customer_id="ann", text=text),
            arrived_at=Millis(1),
            deadline=Millis(2),
            phase="asked",
            local=NOTHING_SAID,
        )
        key = waiting_key(customer_key("default", "ann"), entry.seq)
        topic = changelog_topic(name, WAITING_TABLE)
        await produce(kafka.bootstrap, topic, [(key, CODEC.encode(entry))], partition=shard)
    return settings


@pytest.mark.slow
async def test_an_import_into_fewer_partitions_loses_nothing_or_is_refused(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    settings = await wrong_and_twice(kafka, "wide")
    await exported(settings, tmp_path / "whole")
    stray = misplaced_key(customer_key("default", "bob"))
    bob = CODEC.encode(Customer(tenant_id="default", customer_id="bob"))
    await produce(kafka.bootstrap, changelog_topic("wide", CUSTOMERS_TABLE), [(stray, bob)], partition=2)
    await exported(settings, tmp_path / "misplaced")
    await delete_all_topics(kafka.bootstrap)
    narrow = load(broker=kafka.bootstrap, application="narrow", partitions=2)
    await create_topics(narrow)

    said = await refused(Import(narrow, tmp_path / "misplaced", SILENT).run())
    assert "shard-0002.jsonl.gz: 1 records of misplaced messages belong to partition 2" in said
    assert "have 2 partitions" in said
    assert "FRONTDESK_PARTITIONS=3 frontdesk topics create" in said
    assert await tables(kafka, narrow, COMPANIONS_TABLE) == {}, "nothing was written"

    await Import(narrow, tmp_path / "whole", SILENT).run()
    counted = (await tables(kafka, narrow, COMPANIONS_TABLE))[b"default/lamp"]
    rows = {shard: CODEC.decode(Companions, value) for shard, value in counted}
    assert {shard: (row.buyers, dict(row.counts)) for shard, row in rows.items()} == {
        0: (2, {"bulb": 2}),
        1: (1, {"bulb": 1}),
    }
    waiting = [
        CODEC.decode(Waiting, value) for value in values(await tables(kafka, narrow, WAITING_TABLE)).values()
    ]
    assert [(one.seq, one.message.text) for one in sorted(waiting, key=lambda one: one.seq)] == [
        (0, "older"),
        (1, "newer"),
    ]
