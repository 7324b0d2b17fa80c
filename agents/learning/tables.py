"""Flat records in Parquet: a column for each field. A file is there whole or not at all. Needs pyarrow: the extra `learn`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from sys import intern
from typing import Any, TypeVar

from frontdesk.agents.errors import StartupError

ROW_GROUP = 20_000
_BATCH = 2_000
_NEEDS = "needs pyarrow: pip install 'frontdesk[learn]'"
_TYPES = {"str": "string", "int": "int64", "float": "float64"}
_LIST = "tuple[str, ...]"
_FEW = 1_000
"""different values in a file up to which those of a column are kept once each"""

T = TypeVar("T")


def write(path: Path, kind: type[T], rows: Sequence[T]) -> None:
    """Write records of a dataclass of texts, numbers and tuples of texts, in order. What lay there stays until the new file is whole.

    Raises:
        StartupError: pyarrow is missing, or the file cannot be written.
    """
    pa, parquet = library(path)
    schema = pa.schema([(field.name, _type(pa, str(field.type))) for field in fields(kind)])  # type: ignore[arg-type]  # a dataclass
    with replacing(path) as partial, parquet.ParquetWriter(partial, schema, compression="zstd") as file:
        for start in range(0, len(rows), ROW_GROUP):
            group = rows[start : start + ROW_GROUP]
            arrays = [pa.array([getattr(row, one.name) for row in group], one.type) for one in schema]
            file.write_batch(pa.record_batch(arrays, schema=schema))


def read(path: Path, kind: type[T], *, made_by: str) -> Iterator[T]:
    """The records of a file, in its order; a column that it lacks has the field's default. `made_by` is the command that makes it anew.

    Raises:
        StartupError: pyarrow is missing, or the file is none of such records.
    """
    pa, parquet = library(path)
    wanted = fields(kind)  # type: ignore[arg-type]  # a dataclass
    try:
        with parquet.ParquetFile(path) as file:
            there = set(file.schema_arrow.names)
            names = [field.name for field in wanted if field.name in there]
            for field in wanted:
                if field.name not in there and field.default is MISSING:
                    raise StartupError(f"{path}: no column {field.name}; make it with: {made_by}")
            kept = {name: _Kept() for name in names}
            for batch in file.iter_batches(batch_size=_BATCH, columns=names):
                columns = [kept[name](batch.column(name).to_pylist()) for name in names]
                for row in zip(*columns, strict=True):
                    yield kind(**dict(zip(names, row, strict=True)))
    except OSError as error:
        if not isinstance(error, pa.ArrowException) and error.errno is not None:
            raise StartupError(f"{path}: {os.strerror(error.errno)}") from None
        raise StartupError(_broken(path, error, made_by)) from None
    except (pa.ArrowException, TypeError) as error:
        raise StartupError(_broken(path, error, made_by)) from None


def column(path: Path, name: str) -> list[Any]:
    """One column of a file that `write` wrote."""
    _, parquet = library(path)
    return parquet.read_table(path, columns=[name]).column(name).to_pylist()  # type: ignore[no-any-return]  # untyped library


def library(path: Path) -> tuple[Any, Any]:
    """
    Raises:
        StartupError: it is not installed; `path` says for what it is needed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise StartupError(f"{path}: {_NEEDS}") from None
    return pa, parquet


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write, which takes the place of `path` once it is whole and on the disk.

    Raises:
        StartupError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise StartupError(
            f"{path}: {error.strerror or error}; name a folder that can be written to"
        ) from None
    finally:
        partial.unlink(missing_ok=True)


class _Kept:
    """Values of a column, each text kept once while there are few different ones."""

    def __init__(self) -> None:
        self._seen: dict[Any, Any] | None = {}

    def __call__(self, values: list[Any]) -> list[Any]:
        if values and isinstance(values[0], list):
            return [tuple(map(intern, value)) for value in values]
        seen = self._seen
        if seen is None:
            return values
        values = [seen.setdefault(value, value) for value in values]
        if len(seen) > _FEW:
            self._seen = None
        return values


def _broken(path: Path, error: Exception, made_by: str) -> str:
    return f"{path}: cannot be read ({type(error).__name__}); make it anew with: {made_by}"


def _type(pa: Any, annotation: str) -> Any:
    return pa.list_(pa.string()) if annotation == _LIST else getattr(pa, _TYPES[annotation])()
