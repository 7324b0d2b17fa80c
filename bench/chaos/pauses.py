"""Who paused for how long when a worker died alone: from the times of the steps in the table of shards."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from frontdesk.schemas.topics import SHARDS_TABLE
from tests.support.audit import Logs


@dataclass(frozen=True, slots=True)
class Alone:
    """A worker killed while nothing else was wrong. Times in milliseconds since 1970."""

    at: int
    until: int
    """when the shards were served by others, and a little longer"""
    orphans: frozenset[int]
    """shards of the one that was killed"""
    stayed: frozenset[int]
    """shards that stayed where they were"""


@dataclass(frozen=True, slots=True)
class Pauses:
    """In seconds. Empty where no kill told anything."""

    orphans: tuple[float, ...]
    """of each shard of a killed worker: from the kill to the first step elsewhere"""
    survivors: tuple[float, ...]
    """of each shard that stayed: the longest time between two steps from the kill until the orphans were served"""


def pauses(logs: Logs, deaths: Sequence[Alone]) -> Pauses:
    """All of a run. A step's time is that of its record; what arrives lets a shard take one every tenth of a second or so."""
    steps: dict[int, list[int]] = defaultdict(list)
    for entry in logs.table(SHARDS_TABLE):
        steps[entry.partition].append(entry.timestamp)
    for times in steps.values():
        times.sort()
    orphans, survivors = [], []
    for death in deaths:
        for number in sorted(death.orphans):
            after = bisect_right(steps[number], death.at)
            if after < len(steps[number]):
                orphans.append((steps[number][after] - death.at) / 1000)
        for number in sorted(death.stayed):
            times = steps[number]
            first, last = bisect_right(times, death.at), bisect_right(times, death.until)
            around = [*times[max(0, first - 1) : last], max(death.until, *times[last - 1 : last])]
            gaps = [later - earlier for earlier, later in pairwise(around)]
            survivors.append(max(gaps, default=death.until - death.at) / 1000)
    return Pauses(tuple(orphans), tuple(survivors))
