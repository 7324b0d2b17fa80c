"""Where the committed records of a shard's tables lie as bytes: in memory, or on disk (`rocks`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from tempfile import TemporaryFile
from typing import Protocol

from frontdesk.agents.errors import StartupError
from frontdesk.agents.settings import Settings
from frontdesk.schemas.topics import TABLES
from frontdesk.schemas.types import Millis

Change = tuple[bytes, bytes | None]
"""A key and its new value; None: it is gone"""
NEVER = Millis(0)
MISSING = "FRONTDESK_STATE_DIR needs RocksDB, which is not installed: pip install 'frontdesk[state]'"


class StoreFailed(OSError):
    """The store cannot be read or written: this life of the shard is over."""


class Store(Protocol):
    """What a shard has committed, and up to where in each changelog that goes. One thread writes; any may read meanwhile."""

    durable: bool
    """it outlives the process; writing may wait for a disk, so not on the event loop"""

    @property
    def positions(self) -> Mapping[str, int]:
        """Where to go on in each table's changelog: an offset up to which everything is held, what lies there included or
        not. Nothing for a table of which nothing was read."""

    @property
    def as_of(self) -> Millis:
        """Of what was committed until then nothing is missing; `NEVER` while that is not known."""

    def get(self, table: str, key: bytes) -> bytes | None:
        """The value of a key.

        Raises:
            StoreFailed: it cannot be read; the store is condemned.
        """

    def write(
        self, changes: Mapping[str, Sequence[Change]], positions: Mapping[str, int], as_of: Millis
    ) -> None:
        """Make the changes, by table, and note the positions; all of it or, should the process end, nothing. Of changes
        to the same key the last one counts.

        Raises:
            StoreFailed: what is held now is not known.
        """

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """All keys of a table with their values. Not while it is written.

        Raises:
            StoreFailed: they cannot be read; the store is condemned.
        """

    def count(self, table: str) -> int:
        """About how many keys the table has.

        Raises:
            StoreFailed: as `get` says.
        """

    def condemn(self) -> None:
        """Something in it cannot be read: it must not be opened again. Never raises."""

    def close(self) -> None:
        """Let go. Never raises; afterwards everything else raises `StoreFailed`."""


class MemoryStore:
    """A store in dictionaries."""

    durable = False

    def __init__(self) -> None:
        self._tables: dict[str, dict[bytes, bytes | None]] = {table: {} for table in TABLES}
        # A value is None only within `write`.
        self._positions: dict[str, int] = {}
        self._as_of = NEVER

    @property
    def positions(self) -> Mapping[str, int]:
        """As `Store` says."""
        return dict(self._positions)

    @property
    def as_of(self) -> Millis:
        """As `Store` says."""
        return self._as_of

    def get(self, table: str, key: bytes) -> bytes | None:
        """As `Store` says."""
        return self._open()[table].get(key)

    def write(
        self, changes: Mapping[str, Sequence[Change]], positions: Mapping[str, int], as_of: Millis
    ) -> None:
        """As `Store` says."""
        tables = self._open()
        for table, changed in changes.items():
            held = tables[table]
            held.update(changed)
            for key, value in changed:
                if value is None and held.get(key, b"") is None:
                    del held[key]
        self._positions.update(positions)
        self._as_of = as_of

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """As `Store` says."""
        return ((key, value) for key, value in self._open()[table].items() if value is not None)

    def count(self, table: str) -> int:
        """Exactly how many."""
        return len(self._open()[table])

    def condemn(self) -> None:
        """Nothing to do: it is never opened again."""

    def close(self) -> None:
        """As `Store` says."""
        self._tables = {}

    def _open(self) -> dict[str, dict[bytes, bytes | None]]:
        if not self._tables:
            raise StoreFailed("the store is closed")
        return self._tables


class Stores(Protocol):
    """The stores of a worker's shards. Where a disk fails, or somebody else is at it, the store is one in memory, and the
    log says why."""

    async def open(self, shard: int) -> Store:
        """The store of a shard, with what an earlier life of the shard left in it where that may be used."""

    async def renew(self, shard: int, store: Store, because: str) -> Store:
        """An empty store instead of an open one, whose content does not fit the changelogs."""


class MemoryStores:
    """Stores that end with the life of their shard."""

    async def open(self, shard: int) -> Store:
        """An empty one."""
        return MemoryStore()

    async def renew(self, shard: int, store: Store, because: str) -> Store:
        """An empty one."""
        return MemoryStore()


def check_state_dir(settings: Settings) -> None:
    """Make the folder for state, where one is set, and try to write there.

    Raises:
        StartupError: that is not possible.
    """
    if settings.state_dir is None:
        return
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=settings.state_dir):
            pass
    except OSError as error:
        raise StartupError(
            f"FRONTDESK_STATE_DIR: cannot write to {settings.state_dir} ({error.strerror}): name a folder that this user may write to"
        ) from None


def open_stores(settings: Settings, clock: Callable[[], Millis]) -> Stores:
    """The stores that the settings ask for.

    Raises:
        StartupError: RocksDB is not installed, or the folder cannot be used.
    """
    if settings.state_dir is None:
        return MemoryStores()
    try:
        from frontdesk.agents.runtime.snapshots import Snapshots, ask_brokers
    except ImportError:
        raise StartupError(MISSING) from None
    check_state_dir(settings)
    return Snapshots(settings.state_dir, settings.application, terms=ask_brokers(settings), clock=clock)
