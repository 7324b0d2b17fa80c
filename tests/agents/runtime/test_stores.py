"""What every store promises, and what only one on disk does: to be there again, up to some whole write."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rocksdict import Cache

from frontdesk.agents.errors import StartupError
from frontdesk.agents.runtime.rocks import RocksStore
from frontdesk.agents.runtime.stores import NEVER, MemoryStore, MemoryStores, Store, StoreFailed, open_stores
from frontdesk.agents.settings import Settings
from frontdesk.schemas.topics import CUSTOMERS_TABLE, SHARDS_TABLE, TABLES, WAITING_TABLE
from frontdesk.schemas.types import Millis

THEN, LATER = Millis(1_000), Millis(2_000)


def on_disk(folder: Path, said: Callable[[str], None] = lambda _: None) -> RocksStore:
    return RocksStore(
        folder,
        identity={"shard": 3},
        cache=Cache(1024 * 1024),
        condemned=lambda: said("condemned"),
        closed=lambda: said("closed"),
    )


@pytest.fixture(params=["memory", "rocks"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else on_disk(tmp_path / "data")
    yield made
    made.close()


def test_a_new_store_knows_nothing(store: Store) -> None:
    assert store.positions == {}
    assert store.as_of == NEVER
    for table in TABLES:
        assert store.get(table, b"k") is None
        assert list(store.items(table)) == []
        assert store.count(table) == 0


def test_of_changes_to_a_key_the_last_one_counts(store: Store) -> None:
    store.write({CUSTOMERS_TABLE: [(b"a", b"1"), (b"a", b"2"), (b"b", b"1"), (b"b", None)]}, {}, THEN)
    store.write({CUSTOMERS_TABLE: [(b"c", None), (b"c", b"3"), (b"d", b""), (b"e", None)]}, {}, THEN)
    assert dict(store.items(CUSTOMERS_TABLE)) == {b"a": b"2", b"c": b"3", b"d": b""}
    assert [store.get(CUSTOMERS_TABLE, key) for key in (b"a", b"b", b"d")] == [b"2", None, b""]


def test_what_is_deleted_is_gone_and_may_come_back(store: Store) -> None:
    store.write({CUSTOMERS_TABLE: [(b"a", b"1"), (b"b", b"1")]}, {}, THEN)
    store.write({CUSTOMERS_TABLE: [(b"a", None)]}, {}, THEN)
    assert store.get(CUSTOMERS_TABLE, b"a") is None
    assert list(store.items(CUSTOMERS_TABLE)) == [(b"b", b"1")]
    store.write({CUSTOMERS_TABLE: [(b"a", b"2")]}, {}, THEN)
    assert store.get(CUSTOMERS_TABLE, b"a") == b"2"


def test_tables_do_not_see_each_others_keys(store: Store) -> None:
    """Keys that begin like a table's own prefix, or like what the store notes for itself, included."""
    keys = [b"", b"\x00", b"\x01", b"\x02", b"\x03", b"\xff", b"meta"]
    for table in TABLES:
        store.write({table: [(key, table.encode() + key) for key in keys]}, {}, THEN)
    for table in TABLES:
        assert dict(store.items(table)) == {key: table.encode() + key for key in keys}
        assert store.get(table, b"meta") == table.encode() + b"meta"
    store.write({WAITING_TABLE: [(key, None) for key in keys]}, {}, THEN)
    assert list(store.items(WAITING_TABLE)) == []
    assert len(list(store.items(SHARDS_TABLE))) == len(keys)


def test_positions_are_of_a_table_each_and_move_with_what_was_written(store: Store) -> None:
    store.write({}, {CUSTOMERS_TABLE: 5, SHARDS_TABLE: 1}, THEN)
    before = store.positions
    store.write({}, {CUSTOMERS_TABLE: 9}, LATER)
    assert store.positions == {CUSTOMERS_TABLE: 9, SHARDS_TABLE: 1}
    assert store.as_of == LATER
    assert before == {CUSTOMERS_TABLE: 5, SHARDS_TABLE: 1}, "what was handed out stays as it was"


def test_the_count_is_about_right(store: Store) -> None:
    store.write({CUSTOMERS_TABLE: [(b"%d" % n, b"v") for n in range(500)]}, {}, THEN)
    assert 500 <= store.count(CUSTOMERS_TABLE) <= 502


def test_in_memory_nothing_is_kept_of_what_is_deleted() -> None:
    store = MemoryStore()
    store.write({CUSTOMERS_TABLE: [(b"a", b"1"), (b"b", b"1")]}, {}, THEN)
    store.write({CUSTOMERS_TABLE: [(b"a", None), (b"c", None)]}, {}, THEN)
    assert store.count(CUSTOMERS_TABLE) == 1


def test_once_closed_it_is_of_no_use_and_may_be_closed_again(store: Store) -> None:
    store.write({CUSTOMERS_TABLE: [(b"a", b"1")]}, {}, THEN)
    store.close()
    store.close()
    store.condemn()
    uses: list[Callable[[], object]] = [
        lambda: store.get(CUSTOMERS_TABLE, b"a"),
        lambda: list(store.items(CUSTOMERS_TABLE)),
        lambda: store.write({CUSTOMERS_TABLE: [(b"a", b"2")]}, {}, LATER),
        lambda: store.count(CUSTOMERS_TABLE),
    ]
    for use in uses:
        with pytest.raises(StoreFailed):
            use()


# -- on disk -----------------------------------------------------------------------------------------------------------


def test_it_is_there_again_with_where_it_stands(tmp_path: Path) -> None:
    store = on_disk(tmp_path / "data")
    store.write({CUSTOMERS_TABLE: [(b"a", b"1"), (b"b", b"1")]}, {CUSTOMERS_TABLE: 7}, THEN)
    store.write({CUSTOMERS_TABLE: [(b"b", None)]}, {SHARDS_TABLE: 2}, LATER)
    store.close()
    again = on_disk(tmp_path / "data")
    assert again.found == {"shard": 3, "as_of": LATER, "positions": {CUSTOMERS_TABLE: 7, SHARDS_TABLE: 2}}
    assert (again.positions, again.as_of) == ({CUSTOMERS_TABLE: 7, SHARDS_TABLE: 2}, LATER)
    assert list(again.items(CUSTOMERS_TABLE)) == [(b"a", b"1")]
    again.close()


def test_a_process_that_ends_anywhere_leaves_whole_writes(tmp_path: Path) -> None:
    """The log of writes, cut off at any byte: positions and records are those of one write, never of two halves."""
    store = on_disk(tmp_path / "data")
    for number in range(1, 6):
        changes = [(b"%d" % key, b"%d" % number * 50) for key in range(10)]
        store.write({CUSTOMERS_TABLE: changes}, {CUSTOMERS_TABLE: number}, Millis(number))
    seen = set()
    for cut in range(0, 4_000, 331):
        copy = tmp_path / f"cut-{cut}"
        shutil.copytree(tmp_path / "data", copy)  # the store is open: as `kill -9` would leave it
        (log,) = copy.glob("*.log")
        with log.open("r+b") as file:
            file.truncate(max(0, log.stat().st_size - cut))
        found = on_disk(copy)
        number = found.positions.get(CUSTOMERS_TABLE, 0)
        assert found.as_of == number
        assert {value for _, value in found.items(CUSTOMERS_TABLE)} == (
            {b"%d" % number * 50} if number else set()
        )
        assert len(list(found.items(CUSTOMERS_TABLE))) == (10 if number else 0)
        found.close()
        seen.add(number)
    assert seen == set(range(6))
    store.close()


@pytest.mark.parametrize("use", ["write", "get", "items", "count"])
def test_what_fails_condemns_the_store_and_moves_nothing(tmp_path: Path, use: str) -> None:
    """A read as well: what cannot be read once would end every further life of the shard."""
    said: list[str] = []
    store = on_disk(tmp_path / "data", said.append)
    store.write({CUSTOMERS_TABLE: [(b"a", b"1")]}, {CUSTOMERS_TABLE: 1}, THEN)
    store._db.close()  # whatever the cause: nothing works any more
    uses: dict[str, Callable[[], object]] = {
        "write": lambda: store.write({CUSTOMERS_TABLE: [(b"a", b"2")]}, {CUSTOMERS_TABLE: 2}, LATER),
        "get": lambda: store.get(CUSTOMERS_TABLE, b"a"),
        "items": lambda: list(store.items(CUSTOMERS_TABLE)),
        "count": lambda: store.count(CUSTOMERS_TABLE),
    }
    with pytest.raises(StoreFailed):
        uses[use]()
    assert store.positions == {CUSTOMERS_TABLE: 1}
    assert store.as_of == THEN
    assert store.failed == (use == "write")
    assert said == ["condemned"]
    store.close()
    assert said == ["condemned", "condemned", "closed"], "what it had not yet written when it closed is lost"


def test_a_step_given_up_that_still_uses_a_closed_store_condemns_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    store = on_disk(tmp_path / "data", said.append)
    store.close()
    with pytest.raises(StoreFailed):
        store.get(CUSTOMERS_TABLE, b"a")
    with pytest.raises(StoreFailed):
        store.write({}, {}, THEN)
    store.condemn()
    assert said == ["closed"]
    assert not store.failed


# -- which stores there are --------------------------------------------------------------------------------------------


async def test_without_a_folder_state_is_in_memory() -> None:
    stores = open_stores(Settings(), lambda: THEN)
    assert isinstance(stores, MemoryStores)
    store = await stores.open(0)
    assert not store.durable
    store.write({CUSTOMERS_TABLE: [(b"a", b"1")]}, {}, THEN)
    assert (await stores.renew(0, store, "for a test")).get(CUSTOMERS_TABLE, b"a") is None


@pytest.mark.parametrize("where", ["/proc", "/proc/frontdesk", "file", "file/below"])
def test_a_folder_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="FRONTDESK_STATE_DIR: cannot write to "):
        open_stores(Settings(state_dir=tmp_path / where), lambda: THEN)


def test_without_rocksdb_the_start_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("rocks", "snapshots"):
        monkeypatch.delitem(sys.modules, f"frontdesk.agents.runtime.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "rocksdict", None)  # as where it is not installed
    with pytest.raises(StartupError, match=r"pip install 'frontdesk\[state\]'"):
        open_stores(Settings(state_dir=tmp_path), lambda: THEN)
