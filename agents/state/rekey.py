"""`frontdesk state rekey`: more partitions, and everything that is known in the one that its customer now has.

Each record is put into its new place and taken from its old one in one transaction, under the transactional id of the shard that had
it. So it is at any time in one place, and a run that was ended goes on with the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from frontdesk.agents.bootstrap import build_limits
from frontdesk.agents.errors import StartupError
from frontdesk.agents.runtime.logs import KafkaLogs
from frontdesk.agents.runtime.writer import Outgoing
from frontdesk.agents.settings import Settings
from frontdesk.agents.state import shards
from frontdesk.agents.state.shards import Held
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import (
    COMPANIONS_TABLE,
    CUSTOMERS_TABLE,
    SPENDING_TABLE,
    TIMERS_TABLE,
    WAITING_TABLE,
    changelog_topic,
)
from frontdesk.streams.rekey import heirs, home_of, shares


@dataclass(slots=True)
class Survey:
    """What there is, and what stands in the way."""

    partitions: int
    """that the changelogs have"""
    begun: int = 0
    """shards that have served, by the highest of them"""
    customers: int = 0
    moving: int = 0
    """customers who belong elsewhere"""
    doubled: int = 0
    """of those, the ones that are known there as well, or in another shard that they leave"""
    obstacles: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekeyed:
    """What was done."""

    survey: Survey
    partitions: int
    grown: tuple[str, ...]
    """topics that were given more partitions"""
    moved: int
    """customers"""
    merged: int
    """customers who were known in both places"""


class Rekey:
    """One run. `tell` hears a line for each shard."""

    def __init__(self, settings: Settings, partitions: int, tell: Callable[[str], None]) -> None:
        if settings.guarantee != "exactly_once":
            raise StartupError("FRONTDESK_GUARANTEE is at_least_once: state is moved by transactions")
        self._settings = settings
        self._partitions = partitions
        self._tell = tell
        self._logs = KafkaLogs(settings)
        self._codec = Codec()
        self._limits = build_limits(settings, partitions=partitions)
        self._at_home: set[bytes] = set()
        self._spending: list[Held] = []
        self._known: dict[tuple[str, bytes], bytes] = {}
        """what homes know of customers who come from the shard that is moved"""
        self._present = partitions
        self._merged = 0

    async def survey(self) -> Survey:
        """Look at everything; change nothing. Needs memory for one shard, and for the keys of all customers; `run` for what is known of those
        twice as well."""
        self._present = present = await shards.present_partitions(self._settings)
        if present > self._partitions:
            raise StartupError(
                f"there are {present} partitions, and Kafka takes none away: give --partitions {present} or more"
            )
        found = Survey(present)
        if count := await shards.members(self._settings):
            found.obstacles.append(f"{count} workers are running: stop them all")
        strays: list[bytes] = []
        for shard in range(present):
            held = await self._read(shard)
            state = held.state(self._codec)
            if state is not None:
                found.begun = shard + 1
            if waiting := len(held.tables[WAITING_TABLE]):
                found.obstacles.append(
                    f"shard {shard} has {waiting} messages that wait for an answer or may be amended: let workers run for "
                    f"{self._settings.deadline + self._settings.amend_within:g} s without new messages"
                )
            if unread := await shards.unread(self._logs, shard, state, self._partitions):
                found.obstacles.append(
                    f"shard {shard} has {unread} records to read that would be misplaced: stop publishing, and let workers "
                    "read to the end"
                )
            for key in held.tables[CUSTOMERS_TABLE]:
                if home_of(CUSTOMERS_TABLE, key, self._partitions) in (None, shard):
                    self._at_home.add(key)
                else:
                    strays.append(key)
            self._spending.append(Held(shard, {SPENDING_TABLE: held.tables[SPENDING_TABLE]}))
        found.customers = len(self._at_home.union(strays))
        found.moving = len(strays)
        found.doubled = len(self._at_home) + len(strays) - found.customers
        return found

    async def run(self) -> Rekeyed:
        """Survey, add partitions, move.

        Raises:
            StartupError: something stands in the way; nothing was changed. Or writing failed: run it again.
        """
        found = await self.survey()
        if found.obstacles:
            raise StartupError("; ".join(found.obstacles))
        grown = await shards.add_partitions(self._settings, self._partitions)
        moved = 0
        for shard in range(found.partitions):
            moved += await self._move(shard, found.begun)
        if found.begun < self._partitions:
            await self._share_spending()
        return Rekeyed(
            survey=found, partitions=self._partitions, grown=tuple(grown), moved=moved, merged=self._merged
        )

    async def _read(self, shard: int) -> Held:
        return await shards.read_shard(self._logs, self._settings.application, shard)

    async def _move(self, shard: int, begun: int) -> int:
        async with shards.owned(self._settings, shard) as writer:
            held = await self._read(shard)  # once nobody else writes
            if held.tables[WAITING_TABLE]:
                raise StartupError(f"shard {shard} has served meanwhile: stop all workers and run it again")
            await self._meet(held)
            await shards.write(writer, self._moves(held))
            await shards.write(writer, self._inherited(held, begun))
        moved = [
            key
            for key in held.tables[CUSTOMERS_TABLE]
            if self._elsewhere(CUSTOMERS_TABLE, key, shard) is not None
        ]
        self._at_home.update(moved)  # another shard may know them as well
        self._tell(f"shard {shard}: {len(moved)} of {len(held.tables[CUSTOMERS_TABLE])} customers moved")
        return len(moved)

    def _elsewhere(self, table: str, key: bytes, shard: int) -> int | None:
        home = home_of(table, key, self._partitions)
        return None if home in (None, shard) else home

    def _moves(self, held: Held) -> Iterator[list[Outgoing]]:
        """Each customer with their timer, from here to there."""
        customers, timers = held.tables[CUSTOMERS_TABLE], held.tables[TIMERS_TABLE]
        for key in [*customers, *(key for key in timers if key not in customers)]:
            home = self._elsewhere(CUSTOMERS_TABLE, key, held.shard)
            if home is not None:
                yield [
                    part
                    for table in (CUSTOMERS_TABLE, TIMERS_TABLE)
                    if (value := held.tables[table].get(key)) is not None
                    for part in self._move_one(table, key, value, held.shard, home)
                ]

    def _move_one(self, table: str, key: bytes, value: bytes, shard: int, home: int) -> Iterator[Outgoing]:
        topic = changelog_topic(self._settings.application, table)
        yield Outgoing(topic, key, self._with_known(table, key, value, shard), partition=home)
        yield Outgoing(topic, key, None)

    async def _meet(self, held: Held) -> None:
        """Read of the shards where customers of this one are known as well, which is so where workers served with more partitions
        before the state was moved, what they know of those, and keep nothing else."""
        known_there: dict[int, set[bytes]] = {}
        for key in held.tables[CUSTOMERS_TABLE]:
            home = self._elsewhere(CUSTOMERS_TABLE, key, held.shard)
            if home is not None and key in self._at_home:
                known_there.setdefault(home, set()).add(key)
        self._known = {}
        for home, keys in known_there.items():
            there = await shards.read_shard(self._logs, self._settings.application, home, only=keys)
            for table in (CUSTOMERS_TABLE, TIMERS_TABLE):
                self._known.update({(table, key): value for key, value in there.tables[table].items()})

    def _with_known(self, table: str, key: bytes, value: bytes, shard: int) -> bytes:
        other = self._known.get((table, key))
        if other is None:
            return value
        self._merged += table == CUSTOMERS_TABLE
        # The newest is where their messages went until now; where that is home, it is the other.
        newest = home_of(table, key, self._present) == shard
        newer, older = (value, other) if newest else (other, value)
        return shards.together(self._codec, self._limits, table, newer=newer, older=older)

    def _inherited(self, held: Held, begun: int) -> Iterator[list[Outgoing]]:
        topic = changelog_topic(self._settings.application, COMPANIONS_TABLE)
        for heir in heirs(held.shard, begun, self._partitions) if held.shard < begun else ():
            for key, value in held.tables[COMPANIONS_TABLE].items():
                yield [Outgoing(topic, key, value, partition=heir)]

    async def _share_spending(self) -> None:
        """All in one transaction: what was shared twice would be too much."""
        rows = shares((held.spending(self._codec) for held in self._spending), self._partitions)
        topic = changelog_topic(self._settings.application, SPENDING_TABLE)
        records = [
            Outgoing(topic, key, self._codec.encode(row), partition=shard)
            for shard in range(self._partitions)
            for key, row in rows.items()
        ]
        if records:
            async with shards.owned(self._settings, 0) as writer:
                await writer.write(records, {})
