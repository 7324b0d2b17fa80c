"""Collecting from files: label records and feedback as JSON lines, Avro or Parquet, whichever lies in which file.

A file is known by its hash: collected again it adds nothing, and one that was interrupted is gone on with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning import tables
from frontdesk.agents.learning.collecting import Collecting
from frontdesk.agents.learning.records import row_of_value
from frontdesk.agents.learning.rows import Row
from frontdesk.agents.learning.store import KINDS
from frontdesk.agents.sources.entry import Fault
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.errors import DecodeError
from frontdesk.schemas.topics import CUSTOMER_PROFILES, CUSTOMER_TRANSFERS, ROUTING_FEEDBACK, ROUTING_LABELS
from frontdesk.schemas.types import Millis

_BATCH = 2_000
_AVRO, _PARQUET = b"Obj\x01", b"PAR1"
_FIX = "one label record or feedback a line, as JSON, as they lie on routing.labels and routing.feedback"
_NESTED = ("labels", "local", "candidate")

Found = tuple[int, str, bytes | None, bytes | None]
"""line, topic, key and value of a record"""


def collect_file(path: Path, collecting: Collecting) -> None:
    """Take in a file's records from where an earlier run has left off; each that is none is told of and counted.

    Raises:
        StartupError: the file cannot be read.
    """
    store, counts, codec = collecting.store, collecting.counts, Codec()
    name = _digest(path)[:16]
    done = min((store.position(f"{topic}@{name}", 0) or 0) for topic in KINDS)
    batches: dict[str, list[Row]] = {topic: [] for topic in KINDS}
    number = done

    def put() -> None:
        for topic, rows in batches.items():
            before = store.position(f"{topic}@{name}", 0) or 0
            counts.rows[topic] += len(rows)
            store.add(f"{topic}@{name}", 0, [row for row in rows if row.offset >= before], number)
            rows.clear()
        collecting.progress(counts.total)

    for number, found in enumerate(_records(path), start=1):
        if number <= done:
            continue
        fault = found if isinstance(found, Fault) else None
        if not isinstance(found, Fault):
            line, topic, key, value = found
            try:
                row = row_of_value(topic, key, value, offset=number - 1, timestamp=Millis(0), codec=codec)
                if row is not None:
                    batches[topic].append(row)
            except DecodeError as error:
                fault = Fault(path=path, line=line, problem=error.detail, fix=_FIX)
        if fault is not None:
            counts.unreadable += 1
            collecting.tell(str(fault))
        if number % _BATCH == 0:
            put()
    put()


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None


def _records(path: Path) -> Iterator[Found | Fault]:
    with path.open("rb") as file:
        start = file.read(4)
    if start == _AVRO:
        yield from _avro(path)
    elif start == _PARQUET:
        yield from _parquet(path)
    else:
        yield from _json(path)


def _json(path: Path) -> Iterator[Found | Fault]:
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            line = raw.removeprefix(b"\xef\xbb\xbf").strip()
            if not line:
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                yield Fault(path=path, line=number, problem="not JSON", fix=_FIX)
                continue
            yield _found(path, number, value, line)


def _found(path: Path, number: int, value: Any, line: bytes | None = None) -> Found | Fault:
    """A record, in an envelope that names its topic or not: then its fields tell which it is."""
    if isinstance(value, dict) and value.get("topic") in KINDS and "value" in value:
        topic, key, inner = value["topic"], value.get("key"), value["value"]
        if key is not None and not isinstance(key, str):
            return Fault(path=path, line=number, problem="the key is no string", fix=_FIX)
        data = None if inner is None else json.dumps(inner).encode()
        return number, topic, None if key is None else key.encode("utf-8", "replace"), data
    topics = {"labels": ROUTING_LABELS, "by": ROUTING_FEEDBACK, "transfer_id": CUSTOMER_TRANSFERS}
    topic = next((of for name, of in topics.items() if isinstance(value, dict) and name in value), None)
    if topic is None:
        return Fault(
            path=path,
            line=number,
            problem=f"neither a label record nor feedback, nor of {CUSTOMER_PROFILES}",
            fix=_FIX,
        )
    return number, topic, None, line if line is not None else json.dumps(value, default=_plain).encode()


def _avro(path: Path) -> Iterator[Found | Fault]:
    from fastavro import reader

    number = 0
    with path.open("rb") as file:
        try:
            for number, value in enumerate(reader(file), start=1):
                yield _found(path, number, value)
        except Exception as error:  # noqa: BLE001  # fastavro has no common error: whatever it was, the bytes caused it
            what = f"not Avro from here on ({type(error).__name__})"
            yield Fault(path=path, line=number + 1, problem=what, fix="write the file anew")


def _parquet(path: Path) -> Iterator[Found | Fault]:
    """A column for each field; what has parts is JSON in a column of text, or a struct."""
    pa, parquet = tables.library(path)
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield _found(path, number, _opened(row))
    except (OSError, pa.ArrowException) as error:
        what = f"not Parquet from here on ({type(error).__name__})"
        yield Fault(path=path, line=number + 1, problem=what, fix="write the file anew")


def _opened(row: Mapping[str, Any]) -> dict[str, Any]:
    out = {name: value for name, value in row.items() if value is not None}
    for name in _NESTED:
        if isinstance(out.get(name), str):
            try:
                out[name] = json.loads(out[name])
            except (ValueError, RecursionError):
                continue  # the codec says what is wrong with it
    return out


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return str(value)
