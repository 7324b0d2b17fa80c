"""The store of what was collected: Parquet files named by topic, partition and first offset, and how far each was read.

::

    FOLDER/collected/routing.labels-0-00000000000000000000.parquet
    FOLDER/collected/positions.json

A file is written whole, then the positions. What a crash leaves in between lies behind the positions: it is dropped when the store is
opened, and read again. The last file of a partition is added to until it is full. One process writes; any may read.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning import tables
from frontdesk.agents.learning.rows import Erased, Given, Labelled, Row
from frontdesk.agents.learning.snapshot import drop_abandoned
from frontdesk.schemas.topics import CUSTOMER_PROFILES, CUSTOMER_TRANSFERS, ROUTING_FEEDBACK, ROUTING_LABELS

PART_ROWS = 20_000
"""of a file that is full"""
MADE_BY = "frontdesk learn collect FOLDER"
KINDS: Mapping[str, type[Row]] = {
    CUSTOMER_TRANSFERS: Erased,
    CUSTOMER_PROFILES: Erased,
    ROUTING_FEEDBACK: Given,
    ROUTING_LABELS: Labelled,
}
"""what is kept of each topic, in the order of reading: who is to be forgotten comes first, so that less is written to be thrown away"""

_PART = re.compile(r"(?P<topic>[\w.@-]+)-(?P<partition>\d+)-(?P<first>\d{20})\.parquet")
_POSITIONS = "positions.json"
R = TypeVar("R", Labelled, Given, Erased)

Source = tuple[str, int]
"""topic and partition; a file's records have `@` and the file's hash behind the topic"""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Part:
    """One file."""

    topic: str
    partition: int
    first: int
    """the position at which it begins"""
    path: Path

    @property
    def kind(self) -> type[Row]:
        """Of its rows."""
        return KINDS[self.topic.partition("@")[0]]


@dataclass(slots=True)
class _Open:
    """The last file of a partition, and what is to be added to it."""

    first: int
    rows: list[Row] = field(default_factory=list)
    """in the file"""
    new: list[Row] = field(default_factory=list)


def parts(folder: Path) -> list[Part]:
    """The files of a store, by topic, partition and offset; none where there is no store.

    Raises:
        StartupError: the folder cannot be read.
    """
    found = []
    try:
        for path in sorted((folder / "collected").glob("*.parquet")):
            named = _PART.fullmatch(path.name)
            if named is not None and named["topic"].partition("@")[0] in KINDS:
                part = Part(
                    topic=named["topic"],
                    partition=int(named["partition"]),
                    first=int(named["first"]),
                    path=path,
                )
                found.append(part)
    except OSError as error:
        raise StartupError(f"{folder}: {error.strerror or error}") from None
    return sorted(found)


def rows(folder: Path, kind: type[R]) -> Iterator[R]:
    """All rows of a kind, file by file.

    Raises:
        StartupError: a file is damaged.
    """
    for part in parts(folder):
        if part.kind is kind:
            yield from tables.read(part.path, kind, made_by=MADE_BY)


class Store:
    """Takes rows in, in the order of each partition. Made by `open_store`."""

    def __init__(self, folder: Path, positions: dict[str, dict[str, int]]) -> None:
        self.folder = folder
        self._positions = positions
        self._open: dict[Source, _Open] = {}
        self._waiting: dict[Source, int] = {}
        self.erased = {one.customer for one in rows(folder, Erased)}
        """customers of whom nothing is taken in"""
        self._forget: set[str] = set()
        self.removed = 0
        """rows of erased customers that were thrown away, collected before or just come"""
        self.withdrawn: list[str] = []
        """versions of the dataset whose examples were thrown away, because erased customers were among them"""

    def position(self, topic: str, partition: int) -> int | None:
        """What is to be read next; None where nothing was read yet."""
        return self._positions.get(topic, {}).get(str(partition))

    def add(self, topic: str, partition: int, new: Iterable[Row], position: int) -> None:
        """Take rows in, and what is to be read after them. They are kept once `flush` was called, or a file is full."""
        source = topic, partition
        begun = self.position(topic, partition)
        last = self._open.get(source)
        if last is None:
            last = self._open[source] = self._last(source, begun if begun is not None else 0)
        for row in new:
            if isinstance(row, Erased):
                if row.customer in self.erased:
                    continue
                self.erased.add(row.customer)
                self._forget.add(row.customer)
            elif row.customer in self.erased:
                self.removed += 1
                continue
            last.new.append(row)
        self._waiting[source] = position
        if len(last.rows) + len(last.new) >= PART_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what was taken in; afterwards it survives a crash.

        Raises:
            StartupError: it cannot be written.
        """
        for source in self._waiting:
            last = self._open[source]
            if last.new:
                topic, partition = source
                everything = last.rows + last.new
                tables.write(
                    _path(self.folder, source, last.first), KINDS[topic.partition("@")[0]], everything
                )
                full = len(everything) >= PART_ROWS
                self._open[source] = _Open(self._waiting[source]) if full else _Open(last.first, everything)
        if self._forget:
            self._purge()
        if self._waiting:
            for (topic, partition), position in self._waiting.items():
                self._positions.setdefault(topic, {})[str(partition)] = position
            self._waiting.clear()
            with tables.replacing(self.folder / "collected" / _POSITIONS) as partial:
                partial.write_text(json.dumps(self._positions, indent=1, sort_keys=True), encoding="utf-8")

    def _last(self, source: Source, begun: int) -> _Open:
        """The last file of a partition, unless it is full."""
        own = [part for part in parts(self.folder) if (part.topic, part.partition) == source]
        if own:
            found: list[Row] = list(tables.read(own[-1].path, own[-1].kind, made_by=MADE_BY))
            if len(found) < PART_ROWS:
                return _Open(own[-1].first, found)
        return _Open(begun)

    def _purge(self) -> None:
        """Throw away what was collected of customers who are erased now, in versions of the dataset too, and what killed makers have left."""
        drop_abandoned(self.folder)
        for partial in (self.folder / "versions").glob("*/.*.partial"):
            partial.unlink(missing_ok=True)  # whoever writes it now has to make it again
        for part in parts(self.folder):
            if part.kind is Erased or self._forget.isdisjoint(tables.column(part.path, "customer")):
                continue
            before = list(tables.read(part.path, part.kind, made_by=MADE_BY))
            after = [row for row in before if row.customer not in self._forget]
            self.removed += len(before) - len(after)
            tables.write(part.path, part.kind, after)
        for last in self._open.values():
            last.rows = [
                row for row in last.rows if isinstance(row, Erased) or row.customer not in self._forget
            ]
        for version in (self.folder / "versions").glob("*/examples.parquet"):
            with suppress(FileNotFoundError):  # its maker may have seen it first
                if not self._forget.isdisjoint(tables.column(version, "customer")):
                    version.unlink()
                    self.withdrawn.append(version.parent.name)
        self._forget.clear()


@contextmanager
def open_store(folder: Path) -> Iterator[Store]:
    """The store of a folder, for writing; made where there is none. What was taken in is written at the end, unless an error ends it.

    Raises:
        StartupError: another process writes to it, or it cannot be read or written.
    """
    place = folder / "collected"
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = (place / ".lock").open("w")
    except OSError as error:
        raise StartupError(
            f"{folder}: {error.strerror or error}; name a folder that can be written to"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartupError(
                f"{folder}: another frontdesk learn collect writes to it; wait, or end it"
            ) from None
        positions = _positions(folder)
        _drop_unfinished(folder, positions)
        store = Store(folder, positions)
        yield store
        store.flush()


def _positions(folder: Path) -> dict[str, dict[str, int]]:
    path = folder / "collected" / _POSITIONS
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        return {str(topic): {str(int(one)): int(at) for one, at in of.items()} for topic, of in found.items()}
    except FileNotFoundError:
        if parts(folder):  # without it all would be read again, and what the topics have lost by now be lost
            raise StartupError(
                f"{path}: is gone, and files are there; bring it back, or take another folder"
            ) from None
        with tables.replacing(path) as partial:
            partial.write_text("{}", encoding="utf-8")
        return {}
    except (OSError, ValueError, TypeError, AttributeError):
        raise StartupError(f"{path}: holds no positions; bring it back, or take another folder") from None


def _drop_unfinished(folder: Path, positions: Mapping[str, Mapping[str, int]]) -> None:
    """Drop what lies behind the positions: a crash came between the two."""
    for partial in (folder / "collected").glob(".*.partial"):
        with suppress(FileNotFoundError):
            partial.unlink()
    last: dict[Source, Part] = {}
    for part in parts(folder):
        if part.first >= positions.get(part.topic, {}).get(str(part.partition), 0):
            part.path.unlink()
        else:
            last[part.topic, part.partition] = part
    for (topic, partition), part in last.items():
        position = positions[topic][str(partition)]
        found: list[Row] = list(tables.read(part.path, part.kind, made_by=MADE_BY))
        before = [row for row in found if row.offset < position]
        if len(before) < len(found):
            tables.write(part.path, part.kind, before)


def _path(folder: Path, source: Source, first: int) -> Path:
    return folder / "collected" / f"{source[0]}-{source[1]}-{first:020}.parquet"
