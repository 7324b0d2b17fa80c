"""Which reader a file needs: by its extension and its first line, unless the user says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from frontdesk.agents.errors import StartupError
from frontdesk.agents.sources.crosswoz import REQUIRED, read_crosswoz
from frontdesk.agents.sources.csv_rows import read_csv
from frontdesk.agents.sources.entry import Read
from frontdesk.agents.sources.jsonl import read_jsonl
from frontdesk.agents.sources.multidogo import HEADER, read_multidogo

_HEAD_BYTES = 64 * 1024
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")


class Format(StrEnum):
    """The formats that can be read."""

    JSONL = "jsonl"
    CSV = "csv"
    MULTIDOGO = "multidogo"
    CROSSWOZ = "crosswoz"


READERS: Mapping[Format, Read] = {
    Format.JSONL: read_jsonl,
    Format.CSV: read_csv,
    Format.MULTIDOGO: read_multidogo,
    Format.CROSSWOZ: read_crosswoz,
}


def detect(path: Path) -> Format:
    """The format of a file.

    Raises:
        StartupError: the file cannot be read, or is none of the formats.
    """
    first = first_line(path)
    if first.split("\t") == list(HEADER):
        return Format.MULTIDOGO
    suffix = path.suffix.lower()
    if first.startswith("{") or suffix in _JSON_SUFFIXES:
        return Format.CROSSWOZ if _is_crosswoz(first) else Format.JSONL
    if suffix == ".csv" or (not suffix and "," in first):
        return Format.CSV
    known = ", ".join(Format)
    raise StartupError(
        f"{path}: cannot tell the format by name or first line: pass --format with one of {known}"
    )


def _is_crosswoz(line: str) -> bool:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    # A message of ours may carry the same names, but never lacks its message_id.
    return isinstance(value, dict) and value.keys() >= REQUIRED and "message_id" not in value


def first_line(path: Path) -> str:
    """The first line that is not blank, of the file's head; what is not UTF-8 in it replaced.

    Raises:
        StartupError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None
    lines = head.decode("utf-8-sig", "replace").splitlines()
    return next((line.strip() for line in lines if line.strip()), "")
