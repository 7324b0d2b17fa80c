"""Decisions in files: JSON lines, Parquet or an Avro container, as consumers of `routing.decisions` keep them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from frontdesk.agents.backtest.chunks import PARQUET
from frontdesk.agents.sources.entry import Fault
from frontdesk.schemas.errors import DecodeError
from frontdesk.schemas.json_value import read_json
from frontdesk.schemas.outputs import Decision

_AVRO = b"Obj\x01"
_FIX = "keep one decision a line as JSON, as `frontdesk decisions replay --from-kafka --save FILE` does"


def read_decisions(path: Path) -> Iterator[tuple[int, Decision] | Fault]:
    """Decisions with the number of their line or record, from 1, in the order of the file.

    A line may also hold one as ``{"topic": ..., "value": {...}}``, or as `frontdesk explain --json` prints it.

    Raises:
        OSError: the file cannot be read.
        StartupError: it is Parquet, and pyarrow is missing or the file damaged.
    """
    with path.open("rb") as file:
        begins = file.read(len(_AVRO))
    readers = {_AVRO: _avro, PARQUET: _parquet}
    yield from readers.get(begins, _json)(path)


def count_lines(path: Path) -> int | None:
    """How many lines the file has; None for Avro and Parquet.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(_AVRO)) in (_AVRO, PARQUET):
            return None
        file.seek(0)
        return sum(1 for _ in file)


def _json(path: Path) -> Iterator[tuple[int, Decision] | Fault]:
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            line = raw.removeprefix(b"\xef\xbb\xbf").strip()
            if line:
                yield _decision(path, number, unwrapped(line))


def unwrapped(line: bytes) -> bytes:
    """The record in a line of JSON that holds it with its `topic` or as its `decision`; any other line as it is."""
    if b'"topic"' not in line and b'"decision"' not in line:
        return line
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return line  # the reader says where it is broken
    if not isinstance(value, dict) or "decision_id" in value:
        return line
    inner = next((value[name] for name in ("value", "decision") if isinstance(value.get(name), dict)), None)
    return line if inner is None else json.dumps(inner).encode()


def _avro(path: Path) -> Iterator[tuple[int, Decision] | Fault]:
    from fastavro import reader

    number = 0
    with path.open("rb") as file:
        try:
            for number, value in enumerate(
                reader(file), start=1
            ):  # the number of a record that breaks off is told
                yield _decision(path, number, json.dumps(value, default=_refuse).encode())
        except Exception as error:  # noqa: BLE001  # fastavro has no common error: whatever it was, the bytes caused it
            yield Fault(
                path=path,
                line=number + 1,
                problem=f"not Avro from here on ({type(error).__name__})",
                fix="write the file anew",
            )


def _parquet(path: Path) -> Iterator[tuple[int, Decision] | Fault]:
    from frontdesk.agents.backtest.chunks import Rows, chunks_of
    from frontdesk.agents.backtest.parquet import read_rows

    for group in chunks_of(path, 0):
        if isinstance(group, Rows):
            for number, row in enumerate(read_rows(path, group.group), start=group.first_row):
                yield _decision(path, number, row)


def _refuse(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} is nothing a decision holds")


def _decision(path: Path, number: int, data: bytes) -> tuple[int, Decision] | Fault:
    try:
        decision = read_json(Decision, data)
    except DecodeError as error:
        return Fault(path=path, line=number, problem=error.detail, fix=_FIX)
    assert isinstance(decision, Decision)  # noqa: S101  # it was read as one
    return number, decision
