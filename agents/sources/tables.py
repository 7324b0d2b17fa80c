"""Rows of delimited files, with the line on which each starts."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

# The csv module's own bound is 128 KiB; a message may be larger, a broken quote must still not swallow a whole file.
_CELL_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One row; cells may hold line breaks."""

    line: int
    cells: list[str]


def rows(file: TextIO, dialect: type[csv.Dialect]) -> Iterator[Row]:
    """All rows, empty ones left out. What the csv module refuses comes as a row of one cell that is not text."""
    csv.field_size_limit(_CELL_LIMIT)
    reader = csv.reader(file, dialect)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Row(line, ["\udc00"])
            continue
        if cells:
            yield Row(line, cells)


def is_text(row: Row) -> bool:
    """False where bytes of the file were not UTF-8: they were read as lone surrogates."""
    try:
        for cell in row.cells:
            cell.encode()
    except UnicodeEncodeError:
        return False
    return True
