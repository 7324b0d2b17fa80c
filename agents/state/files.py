"""`frontdesk state export`: the state of all shards in a folder; and reading it.

One file a shard with one JSON object a line (`table`, `key`, `value`; bytes in Base64), and `state.json`, which is written last.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from frontdesk.agents.errors import StartupError
from frontdesk.agents.runtime.logs import KafkaLogs
from frontdesk.agents.settings import Settings
from frontdesk.agents.state import shards
from frontdesk.agents.state.shards import Held
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.errors import DecodeError
from frontdesk.schemas.topics import CUSTOMERS_TABLE, TABLES

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
            written = _write(folder / file_name(shard), held)
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
    path, tables = folder / file_name(shard), {table: dict[bytes, bytes]() for table in TABLES}
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


def file_name(shard: int) -> str:
    """Of a shard's file."""
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
