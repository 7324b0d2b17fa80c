"""JSON lines: each line a record of the topic, or ``{"topic": ..., "value": {...}}`` to mix topics in one file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from frontdesk.agents.sources.entry import READABLE_TOPICS, Entry, Fault, build

_ENVELOPE = frozenset({"topic", "value"})


def read_jsonl(path: Path, topic: str) -> Iterator[Entry | Fault]:
    """Records in the order of the lines; empty lines are passed over."""
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            line = raw.removeprefix(b"\xef\xbb\xbf").strip()
            if line:
                yield _entry(path, number, topic, line)


def _entry(path: Path, number: int, topic: str, line: bytes) -> Entry | Fault:
    # Only a line that names a topic is parsed here; all others go to the codec's reader untouched.
    if b'"topic"' in line and b'"value"' in line:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return build(path, number, topic, line)  # which says where it is broken
        if isinstance(value, dict) and value.keys() >= _ENVELOPE:
            named = value["topic"]
            if named not in READABLE_TOPICS:
                return Fault(
                    path=path,
                    line=number,
                    problem="the line names a topic that files are not published into",
                    fix=f"name one of {', '.join(READABLE_TOPICS)}",
                )
            return build(path, number, named, json.dumps(value["value"]).encode())
    return build(path, number, topic, line)
