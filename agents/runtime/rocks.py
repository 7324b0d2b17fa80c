"""A store in RocksDB: outlives the process, and may be larger than memory. Needs the extra `state`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import structlog
from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, RdictIter, WriteBatch

from frontdesk.agents.runtime.stores import NEVER, Change, StoreFailed
from frontdesk.schemas.topics import TABLES
from frontdesk.schemas.types import Millis

log = structlog.get_logger(__name__)

WRITE_BUFFER_BYTES = 16 * 1024 * 1024
WRITE_BUFFERS = 3
_META = b"meta"
_PREFIXES = {table: bytes([number]) for number, table in enumerate(TABLES)}
"""of the keys of each table; the next prefix ends a table"""


class RocksStore:
    """A store of one shard. Every write is one atomic batch in the write-ahead log: a process that ends at any point
    leaves the batches up to some one. They are not forced to the disk: when the machine goes down any of them may be lost."""

    durable = True

    def __init__(
        self,
        folder: Path,
        *,
        identity: Mapping[str, str | int],
        cache: Cache,
        condemned: Callable[[], None],
        closed: Callable[[], None],
    ) -> None:
        """Open, or make, the store in the folder; whatever it holds is to be of this identity from now on.

        `condemned` is called when it must not be opened again, `closed` when the folder is free.

        Raises:
            StoreFailed: it cannot be opened.
        """
        self.failed = False
        """whether a write did not succeed"""
        self._identity = identity
        self._condemned = condemned
        self._closed = closed
        self._lock = Lock()
        self._open = False
        try:
            self._db = Rdict(str(folder), _options(cache))
            self._open = True
            meta = self._db.get(_META)
            self.found: Mapping[str, Any] | None = None if meta is None else json.loads(meta)
            """what the last write said about the store; None for a new one"""
            self._positions: dict[str, int] = dict((self.found or {}).get("positions", {}))
            self._as_of = Millis((self.found or {}).get("as_of", NEVER))
        except Exception as error:  # rocksdict has no errors of its own, and the content may be anything
            if self._open:
                self._db.close()
            raise StoreFailed(f"{type(error).__name__}: {error}") from error

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
        try:
            value: bytes | None = self._db.get(_PREFIXES[table] + key)
        except Exception as error:  # as above
            raise self._unreadable(error) from error
        return value

    def write(
        self, changes: Mapping[str, Sequence[Change]], positions: Mapping[str, int], as_of: Millis
    ) -> None:
        """As `Store` says."""
        batch = WriteBatch(raw_mode=True)
        for table, changed in changes.items():
            prefix = _PREFIXES[table]
            for key, value in changed:
                if value is None:
                    batch.delete(prefix + key)
                else:
                    batch.put(prefix + key, value)
        moved = {**self._positions, **positions}
        batch.put(_META, json.dumps({**self._identity, "as_of": as_of, "positions": moved}).encode())
        with self._lock:
            try:
                self._db.write(batch)
            except Exception as error:  # as above
                self.failed = self._open
                self.condemn()
                raise StoreFailed(f"{type(error).__name__}: {error}") from error
        self._positions, self._as_of = moved, as_of

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """As `Store` says."""
        prefix = _PREFIXES[table]
        found: RdictIter | None = None
        try:
            # Not `Rdict.items`: it takes a block that cannot be read for the end.
            found = self._db.iter()
            found.seek(prefix)
            while found.valid():
                key: Any = found.key()  # bytes, in raw mode
                if not key.startswith(prefix):
                    return
                yield key[1:], found.value()
                found.next()
            found.status()
        except Exception as error:  # as above
            raise self._unreadable(error) from error
        finally:
            found = None  # it holds the store open, and an error's traceback would hold it

    def count(self, table: str) -> int:
        """An estimate over all tables: of the others there are few, but what was written again lately counts twice."""
        try:
            return self._db.property_int_value("rocksdb.estimate-num-keys") or 0
        except Exception as error:  # as above
            raise self._unreadable(error) from error

    def condemn(self) -> None:
        """As `Store` says. Of no effect once it is closed: a step given up may still read then."""
        if self._open:
            self._condemned()

    def close(self) -> None:
        """As `Store` says."""
        with self._lock:
            if self._open:
                self._open = False
                try:
                    self._db.close()  # writes to the disk, which may be full
                except Exception as error:  # noqa: BLE001  # as above
                    self._condemned()
                    log.warning("snapshot_not_closed", error=f"{type(error).__name__}: {error}")
                finally:
                    self._closed()

    def _unreadable(self, error: Exception) -> StoreFailed:
        self.condemn()  # else every further life of the shard would fail of it
        return StoreFailed(f"{type(error).__name__}: {error}")


def _options(cache: Cache) -> Options:
    blocks = BlockBasedOptions()
    blocks.set_block_cache(cache)
    # Most keys that a step asks for in vain are of new customers.
    blocks.set_bloom_filter(10, block_based=False)
    options = Options(raw_mode=True)
    options.create_if_missing(True)  # its only argument
    options.set_block_based_table_factory(blocks)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(WRITE_BUFFERS)
    options.set_keep_log_file_num(2)
    return options
