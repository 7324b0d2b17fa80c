"""What a worker's log says: its lines that are JSON objects. It also holds stacks, and a last line that is being written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any


def entries(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Every entry, in order; what is no whole JSON object is passed over."""
    for line in lines:
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                yield entry


def events(log: str, name: str) -> list[dict[str, Any]]:
    """The entries of one event."""
    return [entry for entry in entries(log.splitlines()) if entry.get("event") == name]
