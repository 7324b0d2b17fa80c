"""Files of decisions in chunks: parts that a process can read by itself, so that nobody ever holds a file.

JSON lines are parted at line ends, Parquet at its row groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frontdesk.agents.errors import StartupError

CHUNK_BYTES = 4 * 1024 * 1024
PARQUET = b"PAR1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Whole lines of a file."""

    source: int
    """which of the sources, from 0"""
    path: Path
    start: int
    """bytes"""
    length: int
    first_line: int
    """from 1"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A row group of a Parquet file."""

    source: int
    path: Path
    group: int
    first_row: int
    """from 1"""
    size: int
    """bytes"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Records of a topic."""

    source: int
    topic: str
    places: Sequence[tuple[int, int]]
    """partition and offset of each"""
    values: Sequence[bytes | None]
    schemas: Mapping[int, Mapping[str, Any]]
    """of the schema registry, by the ids that the values name"""


Chunk = Lines | Rows | Values


def size_of(path: Path) -> int:
    """Bytes of a file.

    Raises:
        StartupError: there is none that can be read.
    """
    try:
        with path.open("rb") as file:
            return file.seek(0, 2)
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None


def chunks_of(path: Path, source: int, *, size: int = CHUNK_BYTES) -> Iterator[Lines | Rows]:
    """The chunks of a file, in its order.

    Raises:
        StartupError: it cannot be read, or is Parquet and pyarrow is missing.
    """
    try:
        with path.open("rb") as file:
            parquet = file.read(len(PARQUET)) == PARQUET
        yield from (_row_groups(path, source) if parquet else _lines(path, source, size))
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None


def _lines(path: Path, source: int, size: int) -> Iterator[Lines]:
    with path.open("rb") as file:
        start, line = 0, 1
        while block := file.read(size):
            block += file.readline() if not block.endswith(b"\n") else b""
            yield Lines(source=source, path=path, start=start, length=len(block), first_line=line)
            start += len(block)
            line += block.count(b"\n")


def _row_groups(path: Path, source: int) -> Iterator[Rows]:
    from frontdesk.agents.backtest.parquet import open_parquet

    with open_parquet(path) as file:
        row = 1
        for group in range(file.metadata.num_row_groups):
            about = file.metadata.row_group(group)
            yield Rows(source=source, path=path, group=group, first_row=row, size=about.total_byte_size)
            row += about.num_rows
