"""Local snapshots: what a shard has committed, on this machine's disk, so that a restart reads only what came after."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import structlog
from rocksdict import Cache

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import admin, topic_settings
from frontdesk.agents.runtime.rocks import RocksStore
from frontdesk.agents.runtime.stores import MemoryStore, Store, StoreFailed
from frontdesk.agents.settings import Settings
from frontdesk.schemas.topics import changelog_topics
from frontdesk.schemas.types import Millis

log = structlog.get_logger(__name__)

FORMAT = 1
CACHE_BYTES = 64 * 1024 * 1024
"""for blocks read from disk, of all shards together"""
RETENTION = "delete.retention.ms"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
KAFKAS_RETENTION_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Terms:
    """What the brokers say about the changelogs."""

    cluster: str
    retention_ms: int
    """how long a changelog tells at least that a record was deleted"""


class Snapshots:
    """One folder an application and shard, held by one store at a time. Implements `stores.Stores`.

    A snapshot is thrown away when it may be of other changelogs, or so old that what was deleted since may be told no more.
    """

    def __init__(
        self,
        root: Path,
        application: str,
        *,
        terms: Callable[[], Awaitable[Terms]],
        clock: Callable[[], Millis],
    ) -> None:
        self._root = root
        self._application = application
        self._ask = terms
        self._clock = clock
        self._terms: Terms | None = None
        self._asking = asyncio.Lock()
        self._cache = Cache(CACHE_BYTES)
        self._stores: dict[int, RocksStore] = {}
        """the latest of each shard"""

    async def open(self, shard: int) -> Store:
        """As `Stores` says.

        Raises:
            StoreFailed: the brokers do not say what is needed to judge a snapshot.
        """
        async with self._asking:
            if self._terms is None:
                self._terms = await self._ask()
                await asyncio.to_thread(self._sweep, self._terms)
        opening = asyncio.create_task(asyncio.to_thread(self._open, shard, self._terms))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # The thread goes on: a store that nobody is given would hold its folder for as long as the process lives.
            store = await opening
            await asyncio.to_thread(store.close)
            raise

    async def renew(self, shard: int, store: Store, because: str) -> Store:
        """As `Stores` says."""
        _refused(shard, because)
        store.condemn()
        await asyncio.to_thread(store.close)
        return await self.open(shard)

    def _open(self, shard: int, terms: Terms) -> Store:
        before = self._stores.get(shard)
        if before is not None and before.failed:
            return _in_memory(shard, "writing to the snapshot failed")
        because = ""
        try:
            for _ in range(2):  # the second time in an empty folder
                folder = Folder.take(self._folder(shard))
                if folder is None:
                    return _in_memory(shard, "another process holds the snapshot")
                store, because = self._try(shard, folder, terms)
                if store is not None:
                    self._stores[shard] = store
                    return store
                _refused(shard, because)
        except OSError as error:
            because = str(error)
        return _in_memory(shard, because)

    def _try(self, shard: int, folder: Folder, terms: Terms) -> tuple[RocksStore | None, str]:
        """The store in the folder, or why it may not be used: then it is condemned and the folder let go."""
        identity: dict[str, str | int] = {
            "format": FORMAT,
            "cluster": terms.cluster,
            "application": self._application,
            "shard": shard,
        }
        try:
            if folder.condemned:
                folder.wipe()
            if not folder.enter():
                raise StoreFailed("the machine went down while it was open")
            store = RocksStore(
                folder.data,
                identity=identity,
                cache=self._cache,
                condemned=folder.condemn,
                closed=folder.release,
            )
        except OSError as error:
            folder.condemn()
            folder.release()
            return None, f"not readable: {error}"
        because = refusal(store.found, identity, self._clock(), terms.retention_ms // 2)
        if because is None:
            return store, ""
        store.condemn()
        store.close()
        return None, because

    def _folder(self, shard: int) -> Path:
        return self._root / f"{self._application}-{shard}"

    def _sweep(self, terms: Terms) -> None:
        """Remove what would be refused for its age: it holds what customers may have had erased since."""
        for path in self._root.glob(f"{self._application}-*"):
            if not path.name.removeprefix(f"{self._application}-").isdigit():
                continue
            try:
                newest = max((file.stat().st_mtime for file in path.glob("data/*")), default=None)
                if newest is None or self._clock() - newest * 1000 <= terms.retention_ms // 2:
                    continue
                folder = Folder.take(path)
                if folder is not None:
                    folder.wipe()
                    folder.release()
                    log.info("snapshot_removed", folder=path.name, because="it is too old to be used")
            except OSError as error:
                log.warning("snapshot_not_removed", folder=path.name, error=str(error))


def refusal(
    found: Mapping[str, Any] | None, identity: Mapping[str, str | int], now: Millis, most_ms: int
) -> str | None:
    """Why a snapshot that says this about itself may not be used; None for one that may, and for a new one."""
    if found is None:
        return None
    for name, value in identity.items():
        if found.get(name) != value:
            return f"it is of {name} {found.get(name)}, not {value}"
    age = now - int(found["as_of"])
    if age < 0:
        return "it is of a time to come"
    if age > most_ms:
        return f"it is {age / 3_600_000:.1f} h old: what was deleted since may be told no more"
    return None


class Folder:
    """The folder of a snapshot, locked: `data` is the store's, and is gone at once and whole when it is wiped."""

    def __init__(self, path: Path, lock: IO[bytes]) -> None:
        self.data = path / "data"
        self._path = path
        self._lock: IO[bytes] = lock
        self._mark = path / "condemned"
        self._within = path / "within"

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """The folder, made if need be; None when somebody holds it.

        Raises:
            OSError: it cannot be made or locked.
        """
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        except OSError:
            lock.close()
            raise
        return cls(path, lock)

    @property
    def condemned(self) -> bool:
        """Whether what lies in it must not be opened."""
        return self._mark.exists()

    def condemn(self) -> None:
        """Say so, to whoever takes the folder next. Never raises."""
        try:
            self._mark.touch()
        except OSError as error:
            log.error("snapshot_not_condemned", folder=self._path.name, error=str(error))

    def enter(self) -> bool:
        """Note that the data are being written, until `release`. False when they were at the time the machine went down:
        of what was not forced to the disk something in the middle may be missing, which RocksDB does not notice.

        Raises:
            OSError: it cannot be noted.
        """
        boot = _boot()
        if self._within.exists() and self._within.read_text() != boot:
            return False
        with self._within.open("w") as note:
            note.write(boot)
            note.flush()
            os.fsync(note.fileno())
        return True

    def wipe(self) -> None:
        """Remove the data. Cut off in between, none of it is found again: half a store may look like an older one.

        Raises:
            OSError: it cannot be removed.
        """
        if self.data.exists():
            self.data.rename(self._path / f"gone-{uuid.uuid4().hex}")
        self._within.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)
        for gone in self._path.glob("gone-*"):
            shutil.rmtree(gone)

    def release(self) -> None:
        """Let others take it: nothing is being written any more."""
        try:
            self._within.unlink(missing_ok=True)
        except OSError as error:
            log.warning("snapshot_not_released", folder=self._path.name, error=str(error))
        self._lock.close()


def _boot() -> str:
    """What names the time since the machine started; the same for all times where the system does not say."""
    try:
        return BOOT_ID.read_text()
    except OSError:
        return ""


def ask_brokers(settings: Settings) -> Callable[[], Awaitable[Terms]]:
    """What `Snapshots` needs to ask."""

    async def terms() -> Terms:
        topics = [spec.name for spec in changelog_topics(settings.application)]
        try:
            async with admin(settings.cluster) as client:
                cluster = (await client.describe_cluster()).get("cluster_id")
                told = await topic_settings(client, topics, (RETENTION,))
        except StartupError as error:
            raise StoreFailed(str(error)) from error
        found = [int(values[RETENTION]) for values in told.values() if RETENTION in values]
        return Terms(str(cluster), min(found, default=KAFKAS_RETENTION_MS))

    return terms


def _refused(shard: int, because: str) -> None:
    log.warning("snapshot_refused", shard=shard, because=because)


def _in_memory(shard: int, because: str) -> MemoryStore:
    log.error("state_in_memory", shard=shard, because=because)
    return MemoryStore()
