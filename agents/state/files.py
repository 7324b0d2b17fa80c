"""`frontdesk state export` and `import`: the state of all shards in a folder, and back into empty changelogs.

One file a shard with one JSON object a line (`table`, `key`, `value`; bytes in Base64), and `state.json`, which is written last.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from aiokafka import TopicPartition

from frontdesk.agents.bootstrap import build_limits
from frontdesk.agents.errors import StartupError
from frontdesk.agents.runtime.logs import KafkaLogs
from frontdesk.agents.runtime.writer import Outgoing
from frontdesk.agents.settings import Settings
from frontdesk.agents.state import shards
from frontdesk.agents.state.shards import Held
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.errors import DecodeError
from frontdesk.schemas.topics import (
    COMPANIONS_TABLE,
    CUSTOMERS_TABLE,
    SHARDS_TABLE,
    SPENDING_TABLE,
    TABLES,
    TIMERS_TABLE,
    changelog_topic,
)
from frontdesk.streams.rekey import heirs, home_of, shares

MANIFEST = "state.json"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a folder holds."""

    application: str
    partitions: int
    customers: int
    records: int
    version: int = VERSION


async def export(settings: Settings, folder: Path, *, running: bool, tell: Callable[[str], None]) -> Manifest:
    """Write the state of every shard into a new folder that only this user can read.

    `running`: also while workers serve; then a step that commits meanwhile may be in it by half.

    Raises:
        StartupError: workers run, or the folder is not empty or cannot be written.
    """
    partitions = await shards.present_partitions(settings)
    if not running and (count := await shards.members(settings)):
        raise StartupError(
            f"{count} workers are running: stop them all, or say --running for a copy that is not exact"
        )
    logs = KafkaLogs(settings)
    customers = records = 0
    try:
        _make(folder)
        for shard in range(partitions):
            held = await shards.read_shard(logs, settings.application, shard)
            written = _write(folder / _name(shard), held)
            customers += len(held.tables[CUSTOMERS_TABLE])
            records += written
            tell(f"shard {shard}: {written} records")
        manifest = Manifest(
            application=settings.application, partitions=partitions, customers=customers, records=records
        )
        _seal(folder, manifest)
    except OSError as error:
        raise StartupError(f"cannot write to {folder}: {error.strerror or error}") from None
    return manifest


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise StartupError(f"{folder} is not empty: name a new folder")


def _seal(folder: Path, manifest: Manifest) -> None:
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest)) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """What the folder holds.

    Raises:
        StartupError: it is no export, or not a whole one.
    """
    try:
        given: Manifest | None = Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except OSError as error:
        raise StartupError(
            f"{folder / MANIFEST}: {error.strerror or error}: no export, or not a whole one"
        ) from None
    except (ValueError, TypeError):
        given = None
    if given is None or not all(
        type(one) is int for one in (given.partitions, given.customers, given.records)
    ):
        raise StartupError(f"{folder / MANIFEST} is not what `frontdesk state export` writes")
    if given.version != VERSION:
        raise StartupError(f"{folder / MANIFEST} is of version {given.version}, this reads {VERSION}")
    return given


def read_file(folder: Path, shard: int) -> Held:
    """A shard's tables.

    Raises:
        StartupError: a line is not readable; with its place.
    """
    path, tables = folder / _name(shard), {table: dict[bytes, bytes]() for table in TABLES}
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                number += 1
                one = json.loads(line)
                value = _bytes(one["value"])
                Codec().decode(TABLES[one["table"]], value)
                tables[one["table"]][_bytes(one["key"])] = value
    except (OSError, EOFError) as error:
        raise StartupError(f"{path}: after line {number}: {error}") from None
    except (ValueError, KeyError, TypeError, DecodeError) as error:
        raise StartupError(f"{path}: line {number} is no record of the state: {error!r}") from None
    return Held(shard, tables)


class Import:
    """One run, into changelogs that hold nothing; as many partitions as they have now."""

    def __init__(self, settings: Settings, folder: Path, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._folder = folder
        self._tell = tell
        self._codec = Codec()
        self._twice: set[bytes] = set()
        """customers whom more than one shard knows"""
        self._together: dict[tuple[str, bytes], bytes] = {}
        """records of those"""

    async def run(self) -> Manifest:
        """Read everything once, then write it.

        Raises:
            StartupError: it is not readable, or workers run, or there is state already: nothing was written. Or writing failed:
                make the changelogs anew, and run it again.
        """
        manifest = read_manifest(self._folder)
        found = self._read_all(manifest)
        if found != manifest.records:
            raise StartupError(f"{self._folder} has {found} records, not {manifest.records}: it is not whole")
        if count := await shards.members(self._settings):
            raise StartupError(f"{count} workers are running: stop them all")
        partitions = await shards.present_partitions(self._settings)
        await self._refuse_state(partitions)
        spent = []
        for shard in range(manifest.partitions):
            held = read_file(self._folder, shard)
            spent.append(held.spending(self._codec))
            # Written by whoever takes its number; more files than partitions take turns.
            async with shards.owned(self._settings, shard % partitions) as writer:
                count = await shards.write(writer, self._placed(held, manifest.partitions, partitions))
            self._tell(f"shard {shard}: {count} records")
        rows = shares(spent, partitions)
        topic = changelog_topic(self._settings.application, SPENDING_TABLE)
        async with shards.owned(self._settings, 0) as writer:
            await shards.write(writer, self._known_twice(partitions))
            await shards.write(
                writer,
                (
                    [Outgoing(topic, key, self._codec.encode(row), partition=shard)]
                    for shard in range(partitions)
                    for key, row in rows.items()
                ),
            )
        return manifest

    def _read_all(self, manifest: Manifest) -> int:
        """How many records there are; and who is known to more than one shard, as where partitions were added by hand."""
        found, once = 0, set[bytes]()
        for shard in range(manifest.partitions):
            tables = read_file(self._folder, shard).tables
            found += sum(map(len, tables.values()))
            customers = {
                key for key in tables[CUSTOMERS_TABLE] if home_of(CUSTOMERS_TABLE, key, 1) is not None
            }
            self._twice |= once & customers
            once |= customers
        return found

    async def _refuse_state(self, partitions: int) -> None:
        logs = KafkaLogs(self._settings)
        for table in TABLES:
            topic = changelog_topic(self._settings.application, table)
            bounds = await logs.bounds([TopicPartition(topic, number) for number in range(partitions)])
            for partition, (first, end) in bounds.items():
                if first != end:
                    raise StartupError(
                        f"{topic} has records in partition {partition.partition}: import into changelogs that are new "
                        "(kafka-topics.sh --delete, then frontdesk topics create)"
                    )

    def _placed(self, held: Held, before: int, partitions: int) -> Iterator[Sequence[Outgoing]]:
        """What a shard of `before` held, where it belongs now. Not its positions, which are another cluster's."""
        for table, rows in held.tables.items():
            if table in (SHARDS_TABLE, SPENDING_TABLE):
                continue
            topic = changelog_topic(self._settings.application, table)
            for key, value in rows.items():
                if key in self._twice and table in (CUSTOMERS_TABLE, TIMERS_TABLE):
                    self._gather(table, key, value, newest=home_of(table, key, before) == held.shard)
                    continue
                for home in self._homes(table, key, held.shard, before, partitions):
                    yield [Outgoing(topic, key, value, partition=home)]

    def _gather(self, table: str, key: bytes, value: bytes, *, newest: bool) -> None:
        """The newest is where their messages went."""
        other = self._together.get((table, key))
        if other is not None:
            limits = build_limits(self._settings, partitions=1)
            newer, older = (value, other) if newest else (other, value)
            value = shards.together(self._codec, limits, table, newer=newer, older=older)
        self._together[table, key] = value

    def _known_twice(self, partitions: int) -> Iterator[Sequence[Outgoing]]:
        for (table, key), value in self._together.items():
            topic = changelog_topic(self._settings.application, table)
            yield [Outgoing(topic, key, value, partition=home_of(table, key, partitions))]

    @staticmethod
    def _homes(table: str, key: bytes, shard: int, before: int, partitions: int) -> Sequence[int]:
        home = home_of(table, key, partitions)
        if home is not None:
            return (home,)
        own = (shard,) if shard < partitions else ()
        return (*own, *heirs(shard, before, partitions)) if table == COMPANIONS_TABLE else own


def _name(shard: int) -> str:
    return f"shard-{shard:04}.jsonl.gz"


def _write(path: Path, held: Held) -> int:
    count = 0
    with gzip.open(_private(path), "wt", encoding="utf-8", compresslevel=6) as out:
        for table, rows in held.tables.items():
            for key, value in rows.items():
                line = {"table": table, "key": _text(key), "value": _text(value)}
                out.write(json.dumps(line, separators=(",", ":")) + "\n")
                count += 1
    return count


def _private(path: Path) -> Path:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return path


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
