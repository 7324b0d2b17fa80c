"""The tables of a shard in one of its lives: the state that steps read, over a store of what is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from frontdesk.agents.runtime.customers import StoredCustomers
from frontdesk.agents.runtime.stores import Change, MemoryStore, Store
from frontdesk.agents.runtime.writer import Outgoing
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.topics import (
    CUSTOMERS_TABLE,
    SHARDS_TABLE,
    TABLES,
    WAITING_TABLE,
    changelog_topic,
)
from frontdesk.schemas.types import Millis
from frontdesk.streams.effects import Remember
from frontdesk.streams.memory_state import MemoryState
from frontdesk.streams.state import SMALL

SHARD_KEY = b"shard"
"""of the one record that a shard has in the table of shards"""
DECODED = 20_000
"""customers of a shard that are kept decoded, some 3 KB each; the others are decoded at use"""
AT_ONCE = (WAITING_TABLE, *SMALL)
"""tables of few records, which are decoded as they are read"""


class Tables:
    """Few records are decoded as soon as they are read (`AT_ONCE`); the many, customers, when a step asks for them.

    `state` takes a step's changes as soon as the next step is to see them; `committed` takes the same changes, as bytes,
    once they are in the changelogs. A life that fails throws all of it away, but for what a durable store holds.
    """

    def __init__(self, store: Store, codec: Codec, application: str) -> None:
        self._store = store
        self._codec = codec
        self._of_topic = {changelog_topic(application, table): table for table in TABLES}
        self._customers = StoredCustomers(store, codec, decoded=DECODED)
        self.state = MemoryState(self._customers)
        for table in AT_ONCE:
            for change in store.items(table):
                self.state.apply(self._remembered(table, change))

    @classmethod
    def none(cls, codec: Codec, application: str) -> Tables:
        """Of a shard that has not read its own yet."""
        return cls(MemoryStore(), codec, application)

    @property
    def durable(self) -> bool:
        """Whether changes go to a disk."""
        return self._store.durable

    @property
    def customers(self) -> int:
        """How many there are, about."""
        return self._store.count(CUSTOMERS_TABLE)

    def sizes(self) -> dict[str, int]:
        """Records by table; of customers about."""
        return {CUSTOMERS_TABLE: self.customers, SHARDS_TABLE: 1, **self.state.sizes()}

    def shard_state(self) -> ShardState:
        """What the shard last committed about itself.

        Raises:
            DecodeError: it is not readable.
        """
        data = self._store.get(SHARDS_TABLE, SHARD_KEY)
        return ShardState() if data is None else self._codec.decode(ShardState, data)

    def load(self, table: str, changes: list[Change], offset: int, as_of: Millis) -> None:
        """Take a piece of a changelog whose last record has this offset. Recovery only; may wait for a disk.

        Raises:
            DecodeError: a record is not readable.
            StoreFailed: it cannot be stored.
        """
        decoded = [self._remembered(table, change) for change in changes] if table in AT_ONCE else []
        if not decoded:
            self._codec.check(TABLES[table], [value for _, value in changes])
        self._store.write({table: changes}, {table: offset}, as_of)
        for change in decoded:
            self.state.apply(change)

    async def committed(self, records: Iterable[Outgoing], bases: Mapping[str, int], before: Millis) -> None:
        """A step is committed: these are its records, where in each topic its last batch begins, and a time before it
        was written. Called once for each step, in their order; outputs among the records are passed over.

        Raises:
            StoreFailed: this life is over.
        """
        changes: dict[str, list[Change]] = {}
        for record in records:
            table = self._of_topic.get(record.topic)
            if table is not None:
                changes.setdefault(table, []).append((record.key, record.value))
        positions = {table: bases[topic] for topic, table in self._of_topic.items() if topic in bases}
        if self._store.durable:
            await asyncio.to_thread(self._store.write, changes, positions, before)
        else:
            self._store.write(changes, positions, before)
        self._customers.committed(key for key, _ in changes.get(CUSTOMERS_TABLE, ()))

    async def close(self) -> None:
        """Let go of the store. Never raises."""
        if self._store.durable:
            await asyncio.to_thread(self._store.close)
        else:
            self._store.close()

    def _remembered(self, table: str, change: Change) -> Remember:
        key, value = change
        record = None if value is None else self._codec.decode(TABLES[table], value)
        return Remember(table=table, key=key, record=record)
