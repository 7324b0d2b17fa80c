"""Messages in a file, as key and value: made once, published and looped over as often as needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from frontdesk.schemas.keys import partition_of

Pair = tuple[bytes, bytes]


def write_spool(file: Path, records: Iterable[Pair]) -> int:
    """Write them; how many there were."""
    count = 0
    with file.open("wb") as out:
        for key, value in records:
            out.write(len(key).to_bytes(4, "big") + key + len(value).to_bytes(4, "big") + value)
            count += 1
    return count


def spooled(file: Path) -> Iterator[Pair]:
    """Read them, in order."""
    with file.open("rb") as source:
        while size := source.read(4):
            key = source.read(int.from_bytes(size, "big"))
            yield key, source.read(int.from_bytes(source.read(4), "big"))


def read_spool(file: Path, partitions: int) -> list[list[Pair]]:
    """All of them, by the partition of their key."""
    out: list[list[Pair]] = [[] for _ in range(partitions)]
    known: dict[bytes, int] = {}
    for key, value in spooled(file):
        if key not in known:
            known[key] = partition_of(key, partitions)
        out[known[key]].append((key, value))
    return out
