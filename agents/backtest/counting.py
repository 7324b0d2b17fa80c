"""What a process of a backtest does: it reads chunks, decides their decisions by both policies, and gives back tallies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from frontdesk.agents.backtest.chunks import Chunk, Lines, Rows, Values
from frontdesk.agents.backtest.reading import Recorded, read_object
from frontdesk.agents.sources.decisions import unwrapped
from frontdesk.schemas.codec import Codec, DecodeError
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.types import Record
from frontdesk.streams.backtest import compare
from frontdesk.streams.backtest_tally import Tally
from frontdesk.streams.decide import recorded_facts
from frontdesk.streams.policy import load_pack

TOLD = 10
"""faults that are named; the rest is counted"""
Pack = Mapping[str, str]
"""the texts of a policy's files, by name"""

Fault = tuple[int, int, int, str]
"""source, partition (or 0), line, row or offset, and what is wrong there and how to mend it"""


@dataclass(slots=True, kw_only=True)
class Counted:
    """What came of some chunks."""

    tally: Tally = field(default_factory=Tally)
    records: int = 0
    outside: int = 0
    """decisions older than was asked for"""
    bad: int = 0
    faults: list[Fault] = field(default_factory=list)
    """the first ones"""

    def merge(self, other: Counted) -> None:
        """Take up what came of other chunks."""
        self.tally.merge(other.tally)
        self.records += other.records
        self.outside += other.outside
        self.bad += other.bad
        self.faults = sorted(self.faults + other.faults)[:TOLD]

    def settled(self) -> Counted:
        """With every message counted once: see `Tally.settled`."""
        self.tally.settled()
        return self


class Counting:
    """Decides by two policies. Loaded once in each process."""

    def __init__(self, old: Pack, new: Pack, since: int | None = None) -> None:
        self._old, self._new = load_pack(old)[1], load_pack(new)[1]
        self._since = since
        self._schemas = _Schemas()
        self._codec = Codec(schema_ids=self._schemas)

    def count(self, chunk: Chunk) -> Counted:
        """The tally of a chunk.

        Raises:
            OSError, StartupError: its file cannot be read any more.
        """
        found = Counted()
        if isinstance(chunk, Values):
            self._schemas.known.update(chunk.schemas)
        for at, data in _records(chunk):
            found.records += 1
            try:
                decision, facts = self._read(data)
            except DecodeError as error:
                found.bad += 1
                if len(found.faults) < TOLD:
                    found.faults.append((chunk.source, *at, f"{_place(chunk, at)}: {error.detail}; {_FIX}"))
                continue
            if self._since is not None and decision.decided_at < self._since:
                found.outside += 1
            else:
                found.tally.add(compare(decision, facts, self._old, self._new))
        return found

    def _read(self, data: bytes | None) -> Recorded:
        if data is not None and data[:1] == b"{":
            return read_object(data)
        decision = self._codec.decode(Decision, data)
        return decision, recorded_facts(decision)


class _Schemas:
    """What the registry said of the ids in the chunks so far."""

    def __init__(self) -> None:
        self.known: dict[int, Mapping[str, Any]] = {}

    def schema(self, schema_id: int) -> Mapping[str, Any] | None:
        return self.known.get(schema_id)

    def id_of(self, record: type[Record]) -> int | None:
        del record
        return None


def _records(chunk: Chunk) -> Iterator[tuple[tuple[int, int], bytes | None]]:
    match chunk:
        case Lines():
            with chunk.path.open("rb") as file:
                file.seek(chunk.start)
                left, number = chunk.length, chunk.first_line
                while left > 0 and (raw := file.readline()):
                    left -= len(raw)
                    line = raw.removeprefix(b"\xef\xbb\xbf").strip()
                    if line:
                        yield (0, number), unwrapped(line)
                    number += 1
        case Rows():
            from frontdesk.agents.backtest.parquet import read_rows

            for number, row in enumerate(read_rows(chunk.path, chunk.group), start=chunk.first_row):
                yield (0, number), row
        case Values():
            yield from zip(chunk.places, chunk.values, strict=True)


def _place(chunk: Chunk, at: tuple[int, int]) -> str:
    match chunk:
        case Lines():
            return f"{chunk.path}:{at[1]}"
        case Rows():
            return f"{chunk.path}, row {at[1]}"
        case Values():
            return f"{chunk.topic} {at[0]}/{at[1]}"


_FIX = "give one whole decision, as routing.decisions has them"
