"""CSV: the header row names the fields of the topic's record; ``attributes.x`` columns become attributes.

An empty cell is a value not given. Lists (``tags``, ``accessories``) are separated by semicolons, and times are milliseconds
since the epoch or RFC 3339.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from frontdesk.agents.sources.entry import Entry, Fault, build
from frontdesk.agents.sources.tables import Row, is_text, rows
from frontdesk.schemas.shapes import Many, Maybe, Named, Plain, Shape, Time, shape_of
from frontdesk.schemas.topics import spec

Parse = Callable[[str], Any]
Column = tuple[str, str | None, Parse]
"""field, name within it, parser"""


def read_csv(path: Path, topic: str) -> Iterator[Entry | Fault]:
    """Records in the order of the rows; empty rows are passed over."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        table = rows(file, csv.excel)
        header = next(table, None)
        if header is None:
            yield Fault(
                path=path, line=1, problem="the file is empty", fix="write a header row of field names"
            )
            return
        columns = _columns(path, header, topic)
        if isinstance(columns, Fault):
            yield columns
            return
        for row in table:
            if any(cell.strip() for cell in row.cells):
                yield _entry(path, topic, columns, row)


def _columns(path: Path, header: Row, topic: str) -> Sequence[Column] | Fault:
    shapes = {field.name: field.shape for field in shape_of(spec(topic).record)}
    columns: list[Column] = []
    for title in (cell.strip() for cell in header.cells):
        name, dot, key = title.partition(".")
        parse = _parser(shapes[name]) if name in shapes else None
        if parse is None or bool(dot) is not isinstance(shapes[name], Named) or (dot and not key):
            return Fault(
                path=path,
                line=header.line,
                problem=f"column {title!r} is no field of {topic}",
                fix=f"the header row may name: {', '.join(_titles(shapes))}",
            )
        columns.append((name, key or None, parse))
    return columns


def _entry(path: Path, topic: str, columns: Sequence[Column], row: Row) -> Entry | Fault:
    if len(row.cells) != len(columns):
        problem = f"{len(row.cells)} cells under {len(columns)} headings"
        return Fault(path=path, line=row.line, problem=problem, fix="quote cells that hold commas")
    if not is_text(row):
        return Fault(path=path, line=row.line, problem="not UTF-8", fix="save the file as UTF-8")
    value: dict[str, Any] = {}
    for (name, key, parse), cell in zip(columns, row.cells, strict=True):
        if cell == "":
            continue
        if key is None:
            value[name] = parse(cell)
        else:
            value.setdefault(name, {})[key] = parse(cell)
    return build(path, row.line, topic, json.dumps(value).encode())


def _parser(shape: Shape) -> Parse | None:
    """How a cell of this shape is read; None where no cell can hold it. What does not parse stays text, and is refused
    with the field's name when the record is built."""
    match shape:
        case Maybe(of=of):
            return _parser(of)
        case Plain(avro="string"):
            return str
        case Plain(avro="long" | "double" | "boolean") | Time():
            return _json_scalar
        case Many(of=Plain(avro="string")):
            return lambda cell: [part.strip() for part in cell.split(";") if part.strip()]
        case Named(of=of):
            return _parser(of)
        case _:
            return None


def _json_scalar(cell: str) -> Any:
    text = cell.strip()
    try:
        return json.loads(text.lower() if text.lower() in ("true", "false") else text)
    except ValueError:
        return text


def _titles(shapes: Mapping[str, Shape]) -> list[str]:
    known = [(name, shape) for name, shape in shapes.items() if _parser(shape) is not None]
    return [f"{name}.KEY" if isinstance(shape, Named) else name for name, shape in known]
