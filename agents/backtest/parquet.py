"""Decisions in Parquet: a row for each, a column for each field.

Plain fields are columns of their own type, so that any tool can filter and count by them; what has parts (labels, reasons, facts, and
lists such as skills) is JSON in a column of text. Times are milliseconds since the epoch. Needs pyarrow: the extra `backtest`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from frontdesk.agents.errors import StartupError
from frontdesk.schemas.convert import to_plain
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.shapes import Maybe, Plain, Shape, Time, shape_of

MISSING = "needs pyarrow: pip install 'frontdesk[backtest]', or give JSON lines"
ROW_GROUP = 20_000
_BATCH = 1_000
_TYPES = {"string": "string", "long": "int64", "double": "float64", "boolean": "bool_"}


@contextmanager
def open_parquet(path: Path) -> Iterator[Any]:
    """A Parquet file, for reading.

    Raises:
        StartupError: pyarrow is missing, or the file is none.
    """
    pyarrow, parquet = _library(path)
    try:
        file = parquet.ParquetFile(path)
    except pyarrow.ArrowException as error:
        raise StartupError(f"{path}: no Parquet file ({type(error).__name__}): write it anew") from None
    with file:
        yield file


def read_rows(path: Path, group: int) -> Iterator[bytes]:
    """The rows of a row group, each as the JSON of a decision.

    Raises:
        StartupError: pyarrow is missing, or the file is damaged.
    """
    pyarrow, _ = _library(path)
    with open_parquet(path) as file:
        try:
            for batch in file.iter_batches(batch_size=_BATCH, row_groups=[group]):
                for row in batch.to_pylist():
                    yield _json(row)
        except pyarrow.ArrowException as error:
            raise StartupError(
                f"{path}: row group {group} cannot be read ({type(error).__name__}): write the file anew"
            ) from None


class ParquetWriter:
    """Writes decisions to a Parquet file, a row group at a time."""

    def __init__(self, path: Path, *, rows: int = ROW_GROUP) -> None:
        self._pyarrow, parquet = _library(path)
        fields = [(field.name, self._type(field.shape)) for field in shape_of(Decision)]
        self._schema = self._pyarrow.schema(fields)
        self._nested = [field.name for field in shape_of(Decision) if _kind(field.shape) is None]
        try:
            self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        except OSError as error:
            raise StartupError(f"{path}: {error.strerror or error}") from None
        self._rows: list[dict[str, Any]] = []
        self._most = rows

    def write(self, decisions: Sequence[Decision]) -> None:
        """Take decisions, in order."""
        plain = to_plain(Decision)
        for decision in decisions:
            row = plain(decision)
            for name in self._nested:
                row[name] = json.dumps(row[name], ensure_ascii=False, separators=(",", ":"))
            self._rows.append(row)
        while len(self._rows) >= self._most:
            self._flush(self._rows[: self._most])
            del self._rows[: self._most]

    def close(self) -> None:
        """Write what is left. Without it the file is none."""
        if self._rows:
            self._flush(self._rows)
            self._rows = []
        self._writer.close()

    def _flush(self, rows: list[dict[str, Any]]) -> None:
        self._writer.write_table(self._pyarrow.Table.from_pylist(rows, schema=self._schema))

    def _type(self, shape: Shape) -> Any:
        return getattr(self._pyarrow, _kind(shape) or "string")()


def _kind(shape: Shape) -> str | None:
    """The pyarrow type of a plain field; None: it is written as JSON."""
    match shape:
        case Plain(avro=name):
            return _TYPES.get(name)
        case Time():
            return "int64"
        case Maybe(of=of):
            return _kind(of)
        case _:
            return None


def _json(row: dict[str, Any]) -> bytes:
    """Columns that hold JSON stay as they are; structs and lists, as other tools write them, become it."""
    return b"{" + b",".join(_member(name, value) for name, value in row.items()) + b"}"


def _member(name: str, value: Any) -> bytes:
    ready = name in _NESTED and isinstance(value, str)
    return json.dumps(name).encode() + b":" + (value if ready else json.dumps(value, default=_time)).encode()


def _time(value: Any) -> str:
    """A column of timestamps, as other tools write them."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return str(value)


_NESTED = frozenset(field.name for field in shape_of(Decision) if _kind(field.shape) is None)


def _library(path: Path) -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise StartupError(f"{path}: Parquet {MISSING}") from None
    return pa, parquet
