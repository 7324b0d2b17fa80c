"""Snapshots on this machine's disk: which are used, which are thrown away, and what happens where a disk fails."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from frontdesk.agents.runtime import snapshots as module
from frontdesk.agents.runtime.rocks import RocksStore
from frontdesk.agents.runtime.snapshots import Folder, Snapshots, Terms, refusal
from frontdesk.agents.runtime.stores import Store, StoreFailed
from frontdesk.schemas.topics import CUSTOMERS_TABLE, SHARDS_TABLE
from frontdesk.schemas.types import Millis
from tests.support.full_disk import full_disk

HOUR = 3_600_000
RETENTION = 24 * HOUR
NOW = Millis(1_790_000_000_000)


class Machine:
    """A disk, a clock and what the brokers say; `snapshots()` is a process that starts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = NOW
        self.terms = Terms("cluster", RETENTION)
        self.asked = 0

    def snapshots(self, application: str = "app") -> Snapshots:
        async def ask() -> Terms:
            self.asked += 1
            return self.terms

        return Snapshots(self.root, application, terms=ask, clock=lambda: self.now)

    async def leave(self, shard: int = 0, *, value: bytes = b"1") -> None:
        """A process that wrote a snapshot and is gone."""
        store = await self.snapshots().open(shard)
        store.write({CUSTOMERS_TABLE: [(b"ann", value)]}, {CUSTOMERS_TABLE: 7}, self.now)
        store.close()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "state")


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with capture_logs() as entries:
        yield entries


def told(logged: list[Any], event: str) -> list[str]:
    return [entry["because"] for entry in logged if entry["event"] == event]


def is_new(store: Store) -> bool:
    return not store.positions and store.get(CUSTOMERS_TABLE, b"ann") is None


async def test_the_next_process_finds_what_the_last_one_left(machine: Machine, logged: list[Any]) -> None:
    await machine.leave()
    machine.now = Millis(NOW + 11 * HOUR)
    store = await machine.snapshots().open(0)
    assert store.durable
    assert store.get(CUSTOMERS_TABLE, b"ann") == b"1"
    assert (store.positions, store.as_of) == ({CUSTOMERS_TABLE: 7}, NOW)
    assert logged == []
    store.close()


async def test_the_brokers_are_asked_once_for_all_shards(machine: Machine) -> None:
    snapshots = machine.snapshots()
    stores = await asyncio.gather(*(snapshots.open(shard) for shard in range(3)))
    assert machine.asked == 1
    for shard, store in enumerate(stores):
        store.write({CUSTOMERS_TABLE: [(b"ann", b"%d" % shard)]}, {}, NOW)
    assert [store.get(CUSTOMERS_TABLE, b"ann") for store in stores] == [b"0", b"1", b"2"]
    for store in stores:
        store.close()


# -- what it must be of ------------------------------------------------------------------------------------------------

FITS = {"format": 1, "cluster": "c", "application": "app", "shard": 0}


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({}, None),
        ({"format": 0}, "it is of format 0, not 1"),
        ({"cluster": "d"}, "it is of cluster d, not c"),
        ({"application": "other"}, "it is of application other, not app"),
        ({"shard": 1}, "it is of shard 1, not 0"),
        ({"as_of": NOW - 12 * HOUR}, None),
        ({"as_of": NOW - 12 * HOUR - 1}, "it is 12.0 h old: what was deleted since may be told no more"),
        ({"as_of": NOW + 1}, "it is of a time to come"),
        ({"as_of": 0}, f"it is {NOW / HOUR:.1f} h old: what was deleted since may be told no more"),
    ],
)
def test_a_snapshot_must_be_of_these_changelogs_and_young(
    change: dict[str, object], because: str | None
) -> None:
    found = {**FITS, "as_of": NOW, "positions": {}, **change}
    assert refusal(found, FITS, NOW, RETENTION // 2) == because
    assert refusal(None, FITS, NOW, RETENTION // 2) is None


async def test_one_of_another_cluster_is_thrown_away_for_good(machine: Machine, logged: list[Any]) -> None:
    await machine.leave()
    machine.terms = Terms("another", RETENTION)
    store = await machine.snapshots().open(0)
    assert store.durable
    assert is_new(store)
    assert told(logged, "snapshot_refused") == ["it is of cluster cluster, not another"]
    store.close()
    machine.terms = Terms("cluster", RETENTION)
    store = await machine.snapshots().open(0)
    assert is_new(store), "the first cluster does not find it again either"
    store.close()


async def test_one_in_the_folder_of_another_shard_or_application_is_refused(machine: Machine) -> None:
    await machine.leave()
    shutil.copytree(machine.root / "app-0", machine.root / "app-1")
    shutil.copytree(machine.root / "app-0", machine.root / "other-0")
    for store in (await machine.snapshots().open(1), await machine.snapshots("other").open(0)):
        assert is_new(store)
        store.close()


async def test_one_older_than_half_of_what_the_changelogs_tell_is_refused(
    machine: Machine, logged: list[Any]
) -> None:
    await machine.leave()
    machine.terms = Terms("cluster", 2 * HOUR)
    machine.now = Millis(NOW + HOUR + 60_000)
    store = await machine.snapshots().open(0)
    assert is_new(store)
    assert told(logged, "snapshot_refused") == ["it is 1.0 h old: what was deleted since may be told no more"]
    store.close()


async def test_the_old_ones_of_shards_that_went_elsewhere_are_removed(machine: Machine) -> None:
    """They hold what customers may have had erased since. Those in use, young, or of others stay."""
    for shard in range(4):
        await machine.leave(shard)
    shutil.copytree(machine.root / "app-0", machine.root / "app-of-another-0")
    held = Folder.take(machine.root / "app-3")
    machine.now = Millis(NOW + 13 * HOUR)
    for name in ("app-0", "app-1", "app-3", "app-of-another-0"):
        for file in (machine.root / name).glob("data/*"):
            os.utime(file, (NOW / 1000, NOW / 1000))
    for file in (machine.root / "app-2").glob("data/*"):
        os.utime(file, (NOW / 1000 + 12 * 3600, NOW / 1000 + 12 * 3600))
    store = await machine.snapshots().open(7)
    left = {path.parent.name for path in machine.root.glob("*/data")}
    assert left == {"app-2", "app-3", "app-of-another-0", "app-7"}
    store.close()
    assert held is not None
    held.release()


# -- what is broken is never served ------------------------------------------------------------------------------------


def _truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _empty(file: Path) -> None:
    os.truncate(file, 0)


def _garble(file: Path) -> None:
    data = bytearray(file.read_bytes())
    for at in range(len(data) // 3, min(len(data) // 3 + 64, len(data))):
        data[at] ^= 0x5A
    file.write_bytes(data)


async def test_whatever_file_is_damaged_it_is_a_whole_write_or_refused_and_rebuilt(machine: Machine) -> None:
    """One process closed it in order, the next was killed while it wrote: files of every kind."""
    store = await machine.snapshots().open(0)
    for number in range(1, 4):
        changes = [(b"%d" % key, b"%d" % number * 100) for key in range(200)]
        store.write({CUSTOMERS_TABLE: changes}, {CUSTOMERS_TABLE: number}, NOW)
    store.close()
    store = await machine.snapshots().open(0)
    for number in range(4, 7):
        changes = [(b"%d" % key, b"%d" % number * 100) for key in range(0, 200, 2)]
        store.write({CUSTOMERS_TABLE: changes}, {CUSTOMERS_TABLE: number}, NOW)
    killed = machine.root.with_name("killed")
    shutil.copytree(machine.root, killed)
    store.close()

    def whole(number: int) -> dict[bytes, bytes]:
        return {
            b"%d" % key: b"%d" % (number if number < 4 or key % 2 == 0 else 3) * 100 for key in range(200)
        }

    outcomes: dict[str, set[str]] = {}
    told_only = ("LOCK", "LOG", "IDENTITY", "OPTIONS")  # what RocksDB writes for others
    names = sorted(
        path.name for path in (killed / "app-0" / "data").iterdir() if not path.name.startswith(told_only)
    )
    for name in names:
        for damage in (_truncate, _empty, _garble):
            shutil.rmtree(machine.root)
            shutil.copytree(killed, machine.root)
            damage(machine.root / "app-0" / "data" / name)
            snapshots = machine.snapshots()
            store = await snapshots.open(0)
            assert store.durable
            outcome = "used" if store.positions else "rebuilt"
            try:
                found = dict(store.items(CUSTOMERS_TABLE))
                number = store.positions.get(CUSTOMERS_TABLE, 0)
                assert found == (whole(number) if number else {}), (name, damage)
            except StoreFailed:
                outcome = "refused"
                store.close()
                store = await snapshots.open(0)
                assert store.durable
                assert (store.positions, list(store.items(CUSTOMERS_TABLE))) == ({}, []), (name, damage)
            store.close()
            outcomes.setdefault(name.partition("-")[0].rpartition(".")[2], set()).add(outcome)
    assert outcomes["CURRENT"] == outcomes["MANIFEST"] == {"rebuilt"}
    assert outcomes["sst"] >= {"rebuilt", "refused"}
    assert outcomes["log"] == {"used"}, "up to the damage"


async def test_what_was_open_when_the_machine_went_down_is_refused(
    machine: Machine, logged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RocksDB does not notice that the first of two logs of writes never came to the disk. A killed process loses none."""
    store = await machine.snapshots().open(0)
    store.write({CUSTOMERS_TABLE: [(b"ann", b"1")]}, {CUSTOMERS_TABLE: 7}, NOW)
    killed = machine.root.with_name("killed")
    shutil.copytree(machine.root, killed)
    store.close()
    boot = machine.root.with_name("boot")
    boot.write_text("another")
    for now, root, used in (
        (boot, machine.root, True),  # closed in order before the machine went down
        (boot, killed, False),
        (module.BOOT_ID, killed, True),
    ):
        monkeypatch.setattr(module, "BOOT_ID", now)
        other = Machine(machine.root.with_name("copy"))
        shutil.copytree(root, other.root)
        store = await other.snapshots().open(0)
        assert store.durable
        assert is_new(store) != used
        store.close()
        shutil.rmtree(other.root)
    assert told(logged, "snapshot_refused") == ["not readable: the machine went down while it was open"]


async def test_a_condemned_folder_is_wiped_by_whoever_takes_it_next(machine: Machine) -> None:
    await machine.leave()
    store = await machine.snapshots().open(0)
    assert store.get(CUSTOMERS_TABLE, b"ann") == b"1"
    store.condemn()
    store.close()
    for _ in range(2):
        store = await machine.snapshots().open(0)
        assert is_new(store)
        store.write({SHARDS_TABLE: [(b"shard", b"1")]}, {SHARDS_TABLE: 3}, NOW)
        store.close()
        machine.now = Millis(machine.now + 1)
        store = await machine.snapshots().open(0)
        assert store.positions == {SHARDS_TABLE: 3}, "wiped once only"
        store.condemn()
        store.close()
    assert not list((machine.root / "app-0").glob("gone-*"))


async def test_a_wipe_that_was_cut_off_leaves_nothing_to_find(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await machine.leave()
    folder = Folder.take(machine.root / "app-0")
    assert folder is not None
    monkeypatch.setattr(shutil, "rmtree", _cut_off)
    with pytest.raises(KeyboardInterrupt):
        folder.wipe()
    monkeypatch.undo()
    folder.release()
    store = await machine.snapshots().open(0)
    assert is_new(store)
    store.close()


def _cut_off(path: Path) -> None:
    next(path.glob("*.log")).unlink()  # it opens without
    raise KeyboardInterrupt


async def test_what_does_not_fit_the_changelogs_is_renewed_on_disk(
    machine: Machine, logged: list[Any]
) -> None:
    await machine.leave()
    snapshots = machine.snapshots()
    store = await snapshots.renew(0, await snapshots.open(0), "the topic was made anew")
    assert store.durable
    assert is_new(store)
    assert told(logged, "snapshot_refused") == ["the topic was made anew"]
    store.close()


# -- where a disk fails, or somebody else is at it ---------------------------------------------------------------------

HOLD = """
import fcntl, sys
lock = open(sys.argv[1] + "/lock", "ab")
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
print("held", flush=True)
sys.stdin.read()
"""


async def test_a_folder_that_another_process_holds_is_left_alone(machine: Machine, logged: list[Any]) -> None:
    await machine.leave()
    command = [sys.executable, "-c", HOLD, str(machine.root / "app-0")]
    with subprocess.Popen(  # noqa: ASYNC220  # it blocks nobody
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        store = await machine.snapshots().open(0)
        assert not store.durable
        assert is_new(store)
        assert told(logged, "state_in_memory") == ["another process holds the snapshot"]
        assert logged[-1]["log_level"] == "error"
        other.stdin.close()
    store = await machine.snapshots().open(0)
    assert store.get(CUSTOMERS_TABLE, b"ann") == b"1", "it is as the other one left it"
    store.close()


async def test_after_a_write_that_failed_the_state_is_in_memory_until_the_process_ends(
    machine: Machine, logged: list[Any]
) -> None:
    """A disk that is full stays so; the next process tries again, from nothing."""
    await machine.leave()
    snapshots = machine.snapshots()
    store = await snapshots.open(0)
    assert isinstance(store, RocksStore)
    store._db.close()  # whatever the cause: the disk takes nothing
    with pytest.raises(StoreFailed):
        store.write({}, {}, NOW)
    store.close()
    assert not (await snapshots.open(0)).durable
    assert not (await snapshots.open(0)).durable
    assert told(logged, "state_in_memory") == ["writing to the snapshot failed"] * 2
    other = await snapshots.open(1)
    assert other.durable
    other.close()
    store = await machine.snapshots().open(0)
    assert store.durable
    assert is_new(store)
    store.close()


async def test_a_disk_that_is_full_costs_the_snapshot_and_nothing_else(
    machine: Machine, logged: list[Any]
) -> None:
    """What it held before is a whole write, which the next process uses or throws away."""
    await machine.leave(value=b"before")
    snapshots = machine.snapshots()
    store = await snapshots.open(0)
    written = 0
    with full_disk(1_000_000):
        with pytest.raises(StoreFailed, match=r"[Ff]ile too large|No space"):  # noqa: PT012  # which write it is, is the system's
            for written in range(100):
                value = os.urandom(100_000)
                store.write({CUSTOMERS_TABLE: [(b"ann", value)]}, {CUSTOMERS_TABLE: written}, machine.now)
        store.close()
        assert 0 < written < 100
        again = await snapshots.open(0)
        assert not again.durable
        again.write({CUSTOMERS_TABLE: [(b"ann", b"after")]}, {CUSTOMERS_TABLE: 8}, machine.now)
        assert again.get(CUSTOMERS_TABLE, b"ann") == b"after"
    assert told(logged, "state_in_memory") == ["writing to the snapshot failed"]
    later = await machine.snapshots().open(0)
    assert later.durable
    assert is_new(later), "it was condemned"
    later.close()


async def test_a_folder_that_cannot_be_made_or_wiped_means_memory(
    machine: Machine, logged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.root.mkdir()
    (machine.root / "app-0").touch()
    assert not (await machine.snapshots().open(0)).durable
    await machine.leave(1)
    monkeypatch.setattr(Folder, "wipe", _fails)
    (machine.root / "app-1" / "condemned").touch()
    store = await machine.snapshots().open(1)
    assert not store.durable
    assert is_new(store)
    because = told(logged, "state_in_memory")
    assert "File exists" in because[0]
    assert because[1] == "not readable: the disk is gone"


def _fails(*_: object) -> None:
    raise OSError("the disk is gone")


async def test_brokers_that_do_not_answer_are_asked_again_in_the_next_life(machine: Machine) -> None:
    answers: list[Callable[[], Awaitable[Terms]]] = []

    async def ask() -> Terms:
        return await answers.pop(0)()

    async def silent() -> Terms:
        raise StoreFailed("no Kafka answers")

    async def well() -> Terms:
        return machine.terms

    answers += [silent, well]
    snapshots = Snapshots(machine.root, "app", terms=ask, clock=lambda: NOW)
    with pytest.raises(StoreFailed):
        await snapshots.open(0)
    store = await snapshots.open(0)
    assert store.durable
    store.close()


async def test_a_shard_that_leaves_while_its_store_opens_lets_go_of_the_folder(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread cannot be stopped: what it opens would be held for as long as the process lives."""
    snapshots = machine.snapshots()
    taken, go_on, take = threading.Event(), threading.Event(), Folder.take

    def slowly(path: Path) -> Folder | None:
        taken.set()
        go_on.wait(10)
        return take(path)

    monkeypatch.setattr(Folder, "take", slowly)
    opening = asyncio.create_task(snapshots.open(0))
    await asyncio.to_thread(taken.wait, 10)
    opening.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    store = await snapshots.open(0)
    assert store.durable
    store.close()
