"""`frontdesk state import`: an export, into changelogs that hold nothing, of any number of partitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from aiokafka import TopicPartition

from frontdesk.agents.bootstrap import build_limits
from frontdesk.agents.errors import StartupError
from frontdesk.agents.runtime.logs import KafkaLogs
from frontdesk.agents.runtime.writer import Outgoing
from frontdesk.agents.settings import Settings
from frontdesk.agents.state import shards
from frontdesk.agents.state.files import Manifest, file_name, read_file, read_manifest
from frontdesk.agents.state.shards import Held
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.state import Companions, Waiting
from frontdesk.schemas.topics import (
    COMPANIONS_TABLE,
    CUSTOMERS_TABLE,
    SHARDS_TABLE,
    SPENDING_TABLE,
    TABLES,
    TIMERS_TABLE,
    WAITING_TABLE,
    changelog_topic,
)
from frontdesk.streams.companions import pooled
from frontdesk.streams.rekey import heirs, home_of, shares
from frontdesk.streams.state import split_waiting_key, waiting_key


class Import:
    """One run, into changelogs that hold nothing; as many partitions as they have now."""

    def __init__(self, settings: Settings, folder: Path, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._folder = folder
        self._tell = tell
        self._codec = Codec()
        self._twice: set[bytes] = set()
        """customers whom more than one shard knows"""
        self._together: dict[tuple[str, bytes], bytes] = {}
        """records of those"""
        self._waiting: dict[bytes, list[tuple[bool, int, bytes]]] = {}
        """what waits of those: whether in the shard of their newest messages, with its place there"""
        self._staying: dict[int, int] = {}
        """records that belong nowhere but in their own shard, by shard"""

    async def run(self) -> Manifest:
        """Read everything once, then write it.

        Raises:
            StartupError: it is not readable, or has no place for everything, or workers run, or there is state already: nothing was
                written. Or writing failed: make the changelogs anew, and run it again.
        """
        manifest = read_manifest(self._folder)
        found = self._read_all(manifest)
        if found != manifest.records:
            raise StartupError(f"{self._folder} has {found} records, not {manifest.records}: it is not whole")
        if count := await shards.members(self._settings):
            raise StartupError(f"{count} workers are running: stop them all")
        partitions = await shards.present_partitions(self._settings)
        self._refuse_homeless(manifest.partitions, partitions)
        await self._refuse_state(partitions)
        spent = []
        for shard in range(manifest.partitions):
            held = read_file(self._folder, shard)
            spent.append(held.spending(self._codec))
            # Written by whoever takes its number; more files than partitions take turns.
            async with shards.owned(self._settings, shard % partitions) as writer:
                count = await shards.write(writer, self._placed(held, manifest.partitions, partitions))
            self._tell(f"shard {shard}: {count} records")
        for shard in range(partitions if partitions < manifest.partitions else 0):
            async with shards.owned(self._settings, shard) as writer:
                await shards.write(writer, self._pooled(shard, manifest.partitions, partitions))
        rows = shares(spent, partitions)
        topic = changelog_topic(self._settings.application, SPENDING_TABLE)
        async with shards.owned(self._settings, 0) as writer:
            await shards.write(writer, self._known_twice(partitions))
            await shards.write(
                writer,
                (
                    [Outgoing(topic, key, self._codec.encode(row), partition=shard)]
                    for shard in range(partitions)
                    for key, row in rows.items()
                ),
            )
        return manifest

    def _read_all(self, manifest: Manifest) -> int:
        """How many records there are; who is known to more than one shard, as where partitions were added by hand; and what stays
        where it is, as what was learned from misplaced messages does."""
        found, once = 0, set[bytes]()
        for shard in range(manifest.partitions):
            tables = read_file(self._folder, shard).tables
            found += sum(map(len, tables.values()))
            theirs = [key for table in (CUSTOMERS_TABLE, TIMERS_TABLE) for key in tables[table]]
            theirs += [split_waiting_key(key)[0] for key in tables[WAITING_TABLE]]
            homeless = [home_of(CUSTOMERS_TABLE, key, 1) is None for key in theirs]
            customers = {key for key, stays in zip(theirs, homeless, strict=True) if not stays}
            self._staying[shard] = sum(homeless)
            self._twice |= once & customers
            once |= customers
        return found

    def _refuse_homeless(self, before: int, partitions: int) -> None:
        for shard in range(partitions, before):
            if count := self._staying[shard]:
                raise StartupError(
                    f"{self._folder / file_name(shard)}: {count} records of misplaced messages belong to partition {shard}, and the "
                    f"changelogs have {partitions} partitions, 0 to {partitions - 1}: make them anew with {before} or more "
                    f"(kafka-topics.sh --delete, then FRONTDESK_PARTITIONS={before} frontdesk topics create); more later are given by "
                    "frontdesk state rekey"
                )

    async def _refuse_state(self, partitions: int) -> None:
        logs = KafkaLogs(self._settings)
        for table in TABLES:
            topic = changelog_topic(self._settings.application, table)
            bounds = await logs.bounds([TopicPartition(topic, number) for number in range(partitions)])
            for partition, (first, end) in bounds.items():
                if first != end:
                    raise StartupError(
                        f"{topic} has records in partition {partition.partition}: import into changelogs that are new "
                        "(kafka-topics.sh --delete, then frontdesk topics create)"
                    )

    def _placed(self, held: Held, before: int, partitions: int) -> Iterator[Sequence[Outgoing]]:
        """What a shard of `before` held, where it belongs now. Not its positions, which are another cluster's."""
        left_out = {SHARDS_TABLE, SPENDING_TABLE} | ({COMPANIONS_TABLE} if partitions < before else set())
        for table, rows in held.tables.items():
            if table in left_out:
                continue
            topic = changelog_topic(self._settings.application, table)
            for key, value in rows.items():
                newest = home_of(table, key, before) == held.shard
                if self._gathered(table, key, value, newest=newest):
                    continue
                for home in self._homes(table, key, held.shard, before, partitions):
                    yield [Outgoing(topic, key, value, partition=home)]

    def _gathered(self, table: str, key: bytes, value: bytes, *, newest: bool) -> bool:
        """Whether it is of a customer whom more than one shard knows. The newest is where their messages went."""
        if table == WAITING_TABLE:
            customer, seq = split_waiting_key(key)
            if customer in self._twice:
                self._waiting.setdefault(customer, []).append((newest, seq, value))
            return customer in self._twice
        if table not in (CUSTOMERS_TABLE, TIMERS_TABLE) or key not in self._twice:
            return False
        other = self._together.get((table, key))
        if other is not None:
            limits = build_limits(self._settings, partitions=1)
            newer, older = (value, other) if newest else (other, value)
            value = shards.together(self._codec, limits, table, newer=newer, older=older)
        self._together[table, key] = value
        return True

    def _known_twice(self, partitions: int) -> Iterator[Sequence[Outgoing]]:
        for (table, key), value in self._together.items():
            topic = changelog_topic(self._settings.application, table)
            yield [Outgoing(topic, key, value, partition=home_of(table, key, partitions))]
        topic = changelog_topic(self._settings.application, WAITING_TABLE)
        for customer, entries in self._waiting.items():
            # Numbered anew: two shards may have given two messages the same number.
            for seq, (_, _, value) in enumerate(sorted(entries)):
                key = waiting_key(customer, seq)
                entry = replace(self._codec.decode(Waiting, value), seq=seq)
                home = home_of(WAITING_TABLE, key, partitions)
                yield [Outgoing(topic, key, self._codec.encode(entry), partition=home)]

    def _pooled(self, shard: int, before: int, partitions: int) -> Iterator[Sequence[Outgoing]]:
        """What the shards of `before` whose customers come here, about, know of products bought together."""
        rows: dict[bytes, Companions] = {}
        for other in range(shard, before, partitions):
            for key, value in read_file(self._folder, other).tables[COMPANIONS_TABLE].items():
                row = self._codec.decode(Companions, value)
                rows[key] = pooled(rows[key], row) if key in rows else row
        topic = changelog_topic(self._settings.application, COMPANIONS_TABLE)
        for key, row in rows.items():
            yield [Outgoing(topic, key, self._codec.encode(row), partition=shard)]

    @staticmethod
    def _homes(table: str, key: bytes, shard: int, before: int, partitions: int) -> Sequence[int]:
        home = home_of(table, key, partitions)
        if home is not None:
            return (home,)
        return (shard, *heirs(shard, before, partitions)) if table == COMPANIONS_TABLE else (shard,)
