"""Reading a shard's state back: all of it, or what came after a snapshot; and never something else than the changelogs say."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from structlog.testing import capture_logs

from frontdesk.agents.runtime import shard as shard_module
from frontdesk.agents.runtime.customers import UnreadableState
from frontdesk.agents.runtime.logs import Stretch
from frontdesk.agents.runtime.recovery import Recovered, recover
from frontdesk.agents.runtime.rocks import RocksStore
from frontdesk.agents.runtime.snapshots import Snapshots, Terms
from frontdesk.agents.runtime.stores import MemoryStores, Store
from frontdesk.agents.runtime.writer import Fenced, Outgoing, WriteFailed
from frontdesk.schemas.errors import DecodeError
from frontdesk.schemas.state import Customer, ShardState, Waiting
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    CUSTOMERS_TABLE,
    SHARDS_TABLE,
    TABLES,
    WAITING_TABLE,
    changelog_topic,
)
from frontdesk.schemas.types import Millis, Record
from frontdesk.streams.label import NO_LABELS
from frontdesk.streams.state import waiting_key
from tests.support.core import NOW, message
from tests.support.desk import APP, CHANGELOGS, COMMITTED_IN_SILENCE, Desk, Running

TABLES_WRITTEN = 3
"""tables that a message without an LLM changes: customers, shards, timers. Of each the last record is read again"""
HOUR = 3_600_000


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "BACKOFF_FIRST", 0.002)
    monkeypatch.setattr(shard_module, "BACKOFF_MOST", 0.01)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with capture_logs() as entries:
        yield entries


def on_disk(desk: Desk, root: Path) -> None:
    """As a process with `FRONTDESK_STATE_DIR` that has just started."""

    async def ask() -> Terms:
        return Terms("cluster", 24 * HOUR)

    desk.stores = Snapshots(root, APP, terms=ask, clock=lambda: desk.now)


# -- a changelog written by hand ---------------------------------------------------------------------------------------


def change(desk: Desk, table: str, key: bytes, record: Record | None) -> None:
    value = None if record is None else desk.codec.encode(record)
    desk.log.append(Outgoing(changelog_topic(APP, table), key, value))


def customers(desk: Desk, *names: str, generation: int = 1) -> None:
    for name in names:
        customer = Customer(tenant_id="default", customer_id=name, corrections=generation)
        change(desk, CUSTOMERS_TABLE, name.encode(), customer)


def waits(desk: Desk, name: str, seq: int, *, decided: bool = False) -> None:
    entry = Waiting(
        seq=seq,
        message=replace(message(f"m{seq}"), customer_id=name),
        arrived_at=NOW,
        deadline=NOW,
        phase="asked",
        local=NO_LABELS,
    )
    change(desk, WAITING_TABLE, waiting_key(name.encode(), seq), None if decided else entry)


def position(desk: Desk, offset: int) -> None:
    change(desk, SHARDS_TABLE, b"shard", ShardState(positions={CUSTOMER_MESSAGES: offset}))


def fold(desk: Desk) -> dict[tuple[str, bytes], Record]:
    """The tables as the changelogs have them, in the plainest way."""
    out: dict[tuple[str, bytes], Record] = {}
    for record in desk.log:
        table = CHANGELOGS.get(record.topic)
        if table is None:
            continue
        if record.value is None:
            out.pop((table, record.key), None)
        else:
            out[table, record.key] = desk.codec.decode(TABLES[table], record.value)
    return out


def held(found: Recovered) -> dict[tuple[str, bytes], Record]:
    out = {(table, key): record for table, key, record in found.tables.state.records()}
    return {**out, (SHARDS_TABLE, b"shard"): found.shard_state}


async def recovered(desk: Desk) -> tuple[int, bool]:
    """One recovery, compared with the changelogs: how many records it read, and whether there was a snapshot."""
    found = await recover(Running(desk).services, 0, lambda: None)
    try:
        assert held(found) == fold(desk)
        assert found.tables.durable == isinstance(desk.stores, Snapshots)
        return found.records, found.snapshot
    finally:
        await found.tables.close()


async def leave(desk: Desk, root: Path) -> int:
    """Twenty customers of whom three wait, and a process that recovered and ended. How many records there are."""
    customers(desk, *(f"c{number}" for number in range(20)))
    for number in range(3):
        waits(desk, f"c{number}", number)
    position(desk, 20)
    on_disk(desk, root)
    assert await recovered(desk) == (24, False)
    on_disk(desk, root)
    return 24


async def test_from_nothing_everything_is_read(desk: Desk, tmp_path: Path) -> None:
    assert await recover(Running(desk).services, 0, lambda: None)
    customers(desk, *(f"c{number}" for number in range(20)))
    waits(desk, "c1", 1)
    waits(desk, "c2", 2)
    waits(desk, "c1", 1, decided=True)
    customers(desk, "c1", generation=2)
    position(desk, 20)
    position(desk, 30)
    assert await recovered(desk) == (26, False)
    on_disk(desk, tmp_path)
    assert await recovered(desk) == (26, False)


async def test_from_a_snapshot_only_what_came_after_it_is_read(desk: Desk, tmp_path: Path) -> None:
    """And the last record of each table once more: that its changelog is the same one shows by it."""
    await leave(desk, tmp_path)
    assert await recovered(desk) == (3, True)
    customers(desk, "c3", "new", generation=2)
    waits(desk, "c7", 7)
    waits(desk, "c1", 1, decided=True)
    position(desk, 25)
    on_disk(desk, tmp_path)
    assert await recovered(desk) == (3 + 5, True)


async def test_who_is_forgotten_stays_forgotten(desk: Desk, tmp_path: Path) -> None:
    """A null value in what came after: gone from the snapshot too, and back when they write again."""
    await leave(desk, tmp_path)
    change(desk, CUSTOMERS_TABLE, b"c5", None)
    change(desk, CUSTOMERS_TABLE, b"c6", None)
    change(desk, CUSTOMERS_TABLE, b"nobody", None)
    customers(desk, "c6", generation=9)
    await recovered(desk)
    on_disk(desk, tmp_path)
    found = await recover(Running(desk).services, 0, lambda: None)
    assert found.tables.state.customer(b"c5") is None
    again = found.tables.state.customer(b"c6")
    assert again is not None
    assert again.corrections == 9
    await found.tables.close()


async def test_a_recovery_that_was_cut_off_goes_on_where_it_was(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers(desk, *(f"c{number}" for number in range(70)))
    position(desk, 70)
    on_disk(desk, tmp_path)
    monkeypatch.setattr(desk, "read", _cut_off(desk.read, 5))
    with pytest.raises(KafkaConnectionError):
        await recovered(desk)
    monkeypatch.undo()
    assert await recovered(desk) == (71 - 35 + 1, True)


def _cut_off(
    read: Callable[..., AsyncGenerator[Stretch]], after: int
) -> Callable[..., AsyncGenerator[Stretch]]:
    async def cut_off(start: Mapping[TopicPartition, int | None]) -> AsyncGenerator[Stretch]:
        stretches = 0
        async for stretch in read(start):
            yield stretch
            stretches += 1
            if stretches == after:
                raise KafkaConnectionError("the broker is away")

    return cut_off


# -- what is not of these changelogs -----------------------------------------------------------------------------------


def _shorter(desk: Desk) -> None:
    desk.log.clear()
    customers(desk, "c1", generation=5)
    position(desk, 1)


def _empty(desk: Desk) -> None:
    desk.log.clear()
    position(desk, 0)


def _longer(desk: Desk) -> None:
    desk.log.clear()
    customers(desk, *(f"d{number}" for number in range(30)))
    for number in range(10):
        waits(desk, "d1", number)
    for number in range(5):
        position(desk, number)


def _one_table_is_shorter(desk: Desk) -> None:
    kept = [record for record in desk.log if CHANGELOGS[record.topic] != CUSTOMERS_TABLE]
    desk.log[:] = kept
    customers(desk, "c1", generation=5)


def _longer_but_for_one_table(desk: Desk) -> None:
    """Only one of the topics was made anew, and is as long as before."""
    kept = [record for record in desk.log if CHANGELOGS[record.topic] != SHARDS_TABLE]
    desk.log[:] = kept
    position(desk, 21)


@pytest.mark.parametrize(
    "made_anew", [_shorter, _empty, _longer, _longer_but_for_one_table, _one_table_is_shorter]
)
async def test_topics_made_anew_are_read_from_their_beginning(
    desk: Desk, tmp_path: Path, logged: list[Any], made_anew: Callable[[Desk], None]
) -> None:
    await leave(desk, tmp_path)
    made_anew(desk)
    assert await recovered(desk) == (len(desk.log), False)
    assert [entry["event"] for entry in logged if entry["log_level"] != "debug"] == ["snapshot_refused"]
    on_disk(desk, tmp_path)
    assert (await recovered(desk))[1], "what was read instead is the snapshot now"


async def test_a_snapshot_from_before_an_import_is_not_used(
    desk: Desk, tmp_path: Path, logged: list[Any]
) -> None:
    """An import writes customers, but nothing that a shard says of itself: by that it is told, though no other changelog is shorter."""
    await leave(desk, tmp_path)
    desk.log.clear()
    customers(desk, *(f"d{number}" for number in range(30)))
    for number in range(10):
        waits(desk, "d1", number)
    found = await recover(Running(desk).services, 0, lambda: None)
    assert (found.records, found.snapshot) == (40, False)
    assert found.tables.state.customer(b"c1") is None
    await found.tables.close()
    assert "snapshot_refused" in [entry["event"] for entry in logged]


@pytest.mark.parametrize("steps", [1, 2])
async def test_a_topic_made_anew_whose_records_lie_between_is_noticed(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """Where the snapshot ends, the new topic has a transaction marker, which no record carries."""
    await leave(desk, tmp_path)
    desk.log.clear()
    customers(desk, *(f"d{number}" for number in range(30)))
    for number in range(3):
        waits(desk, "d1", number)
    for number in range(steps):
        position(desk, number)
    read, shards = desk.read, changelog_topic(APP, SHARDS_TABLE)

    async def with_a_marker(start: Mapping[TopicPartition, int | None]) -> AsyncGenerator[Stretch]:
        async for stretch in read(start):
            hidden = stretch.partition.topic == shards
            yield replace(stretch, records=[one for one in stretch.records if one.offset or not hidden])

    monkeypatch.setattr(desk, "read", with_a_marker)
    found = await recover(Running(desk).services, 0, lambda: None)
    assert (found.records, found.snapshot) == (33 + steps - 1, False)
    assert found.tables.state.customer(b"c1") is None
    await found.tables.close()


async def test_a_snapshot_is_as_young_as_the_last_recovery_that_reached_the_end(
    desk: Desk, tmp_path: Path
) -> None:
    """What was deleted after it was written is known only once all that came since is read."""
    await leave(desk, tmp_path)
    for hours, used in ((11, True), (22, True), (35, False)):
        desk.now = Millis(NOW + hours * HOUR)
        on_disk(desk, tmp_path)
        assert (await recovered(desk))[1] == used


async def test_a_recovery_that_was_cut_off_makes_no_old_snapshot_young(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave(desk, tmp_path)
    customers(desk, *(f"d{number}" for number in range(30)))
    desk.now = Millis(NOW + 10 * HOUR)
    monkeypatch.setattr(desk, "read", _cut_off(desk.read, 3))
    with pytest.raises(KafkaConnectionError):
        await recovered(desk)
    monkeypatch.undo()
    desk.now = Millis(NOW + 13 * HOUR)
    on_disk(desk, tmp_path)
    assert not (await recovered(desk))[1]


async def test_a_snapshot_from_before_what_the_topic_still_has_is_not_used(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave(desk, tmp_path)
    bounds = desk.bounds

    async def cut(partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        return {
            tp: (20 if end > 20 else first, end) for tp, (first, end) in (await bounds(partitions)).items()
        }

    customers(desk, "c1", generation=2)
    monkeypatch.setattr(desk, "bounds", cut)
    assert await recovered(desk) == (25, False)


@pytest.mark.parametrize("table", [WAITING_TABLE, SHARDS_TABLE])
async def test_a_snapshot_whose_records_cannot_be_decoded_is_not_used(
    desk: Desk, tmp_path: Path, table: str
) -> None:
    await leave(desk, tmp_path)
    await _overwrite(desk, table)
    on_disk(desk, tmp_path)
    assert await recovered(desk) == (24, False)


async def _overwrite(desk: Desk, table: str) -> None:
    store = await desk.stores.open(0)
    keys = [key for key, _ in store.items(table)]
    assert keys
    store.write({table: [(key, (store.get(table, key) or b"")[:-2]) for key in keys]}, {}, desk.now)
    store.close()


async def test_a_snapshot_with_a_damaged_block_is_not_used(
    desk: Desk, tmp_path: Path, logged: list[Any]
) -> None:
    await leave(desk, tmp_path)
    _damage(tmp_path / "app-0" / "data")
    assert await recovered(desk) == (24, False)
    assert [entry["event"] for entry in logged] == ["snapshot_refused"]


async def test_what_cannot_be_read_later_ends_one_life_and_not_every_one(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    """The shard's own record, say: it is asked for once the changelogs are being read."""
    desk.send("complaint")
    on_disk(desk, tmp_path)
    async with Running(desk):
        await desk.until(lambda: desk.decided() == ["m0"])
    on_disk(desk, tmp_path)
    damaged = [OSError("Corruption")]

    def get(store: RocksStore, table: str, key: bytes) -> bytes | None:
        if table == SHARDS_TABLE and damaged:
            raise store._unreadable(damaged.pop())
        return real(store, table, key)

    real = RocksStore.get
    monkeypatch.setattr(RocksStore, "get", get)
    desk.send("complaint")
    async with Running(desk) as shard:
        await desk.until(lambda: desk.decided() == ["m0", "m1"])
        assert shard.crashed is None
    assert desk.failures == {"StoreFailed": 1}
    assert [snapshot for _, snapshot in serves(logged)] == [False, False]


def _damage(data: Path) -> None:
    (table,) = data.glob("*.sst")
    block = bytearray(table.read_bytes())
    block[40:80] = bytes(40)
    table.write_bytes(block)


async def test_a_changelog_that_cannot_be_decoded_is_no_state(desk: Desk, tmp_path: Path) -> None:
    """The process must not start over it, whatever it has on disk."""
    await leave(desk, tmp_path)
    desk.log.append(Outgoing(changelog_topic(APP, CUSTOMERS_TABLE), b"c1", b"{broken"))
    for _ in range(2):
        with pytest.raises(DecodeError):
            await recover(Running(desk).services, 0, lambda: None)
    desk.log.pop()
    assert (await recovered(desk))[1]


# -- shards ------------------------------------------------------------------------------------------------------------


def serves(logged: list[Any]) -> list[tuple[int, bool]]:
    """What each life of the shard read, and whether it had a snapshot."""
    return [
        (entry["records_read"], entry["from_snapshot"])
        for entry in logged
        if entry["event"] == "shard_serves"
    ]


async def test_a_shard_that_comes_back_reads_what_others_did_meanwhile(
    desk: Desk, tmp_path: Path, logged: list[Any]
) -> None:
    written = []
    for stores in ("disk", "elsewhere", "disk"):
        written.append(sum(record.topic in CHANGELOGS for record in desk.log))
        if stores == "disk":
            on_disk(desk, tmp_path)
        else:
            desk.stores = MemoryStores()
        desk.send(*["complaint"] * 20)
        async with Running(desk) as shard:
            await desk.until(lambda: len(desk.decided()) == len(desk.inputs))
            await shard.stop(5)
            assert shard.crashed is None
            assert not shard._life._tables._customers._uncommitted
    assert desk.decided() == [f"m{number}" for number in range(60)]
    meanwhile = written[2] - written[1]
    assert serves(logged) == [(0, False), (written[1], False), (meanwhile + TABLES_WRITTEN, True)]
    assert await recovered(desk) == (TABLES_WRITTEN, True)


@pytest.mark.parametrize(
    "script",
    [
        [None, None, COMMITTED_IN_SILENCE],
        [COMMITTED_IN_SILENCE, None, Fenced("another"), COMMITTED_IN_SILENCE],
        [None, WriteFailed("before"), None, COMMITTED_IN_SILENCE, COMMITTED_IN_SILENCE],
    ],
)
async def test_a_crash_between_the_commit_and_the_snapshot_loses_and_doubles_nothing(
    desk: Desk, tmp_path: Path, logged: list[Any], script: list[Exception | None]
) -> None:
    """The step is in the changelogs and not in the snapshot: the next life reads it from there."""
    on_disk(desk, tmp_path)
    failures = sum(outcome is not None for outcome in script)
    desk.script = script
    desk.send(*["complaint"] * 40)
    async with Running(desk) as shard:
        await desk.until(lambda: len(desk.decided()) == 40)
        assert shard.crashed is None
    assert desk.decided() == [f"m{number}" for number in range(40)]
    assert len(serves(logged)) == 1 + failures
    assert max(read for read, _ in serves(logged)) <= 2 * TABLES_WRITTEN, (
        "the step, and the last records before it"
    )
    assert await recovered(desk) == (TABLES_WRITTEN, True)


async def test_a_snapshot_that_takes_no_more_costs_a_recovery_and_no_message(
    desk: Desk, tmp_path: Path, logged: list[Any]
) -> None:
    on_disk(desk, tmp_path)
    opened: list[Store] = []
    stores, open_store = desk.stores, desk.stores.open

    async def watched(shard: int) -> Store:
        opened.append(await open_store(shard))
        return opened[-1]

    stores.open = watched  # type: ignore[method-assign]  # to get hold of the store
    desk.send(*["complaint"] * 10)
    async with Running(desk) as shard:
        await desk.until(lambda: len(desk.decided()) == 10)
        opened[0]._db.close()  # type: ignore[attr-defined]  # whatever the cause: the disk takes nothing
        desk.send(*["complaint"] * 30)
        await desk.until(lambda: len(desk.decided()) == 40)
        assert shard.crashed is None
    assert desk.decided() == [f"m{number}" for number in range(40)]
    assert [store.durable for store in opened] == [True, False]
    assert [entry["because"] for entry in logged if entry["event"] == "state_in_memory"] == [
        "writing to the snapshot failed"
    ]
    on_disk(desk, tmp_path)
    assert not (await recovered(desk))[1]


async def test_a_customer_that_cannot_be_read_crashes_the_shard_and_decides_nothing(
    desk: Desk, tmp_path: Path
) -> None:
    """Not one message by fallback: that would go on, and commit, over a state that nobody knows."""
    on_disk(desk, tmp_path)
    desk.send("complaint")
    async with Running(desk):
        await desk.until(lambda: len(desk.decided()) == 1)
        # Of another one, or recovery would read the first once more.
        other = replace(message("m1", "complaint"), customer_id="bob")
        desk.inputs.append((CUSTOMER_MESSAGES, b"bob", desk.codec.encode(other)))
        await desk.until(lambda: len(desk.decided()) == 2)
    on_disk(desk, tmp_path)
    await _overwrite(desk, CUSTOMERS_TABLE)
    desk.send(*["complaint"] * 3)
    async with Running(desk) as shard:
        await desk.until(lambda: shard.crashed is not None)
        assert isinstance(shard.crashed, UnreadableState)
        assert desk.opened == desk.closed == 2
        assert desk.decided() == ["m0", "m1"]
    on_disk(desk, tmp_path)
    async with Running(desk):
        await desk.until(lambda: len(desk.decided()) == 5)
    assert (await recovered(desk))[1]
