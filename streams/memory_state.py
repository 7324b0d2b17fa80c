"""The state of a shard in memory: what recovery fills, steps read and commits change."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Protocol, cast

from frontdesk.schemas.state import Customer, Timer, Waiting
from frontdesk.schemas.types import Millis, Record
from frontdesk.streams.effects import Remember
from frontdesk.streams.overlay import LATE, apply_change, late, undecided, with_entry
from frontdesk.streams.state import CUSTOMERS, SMALL, TIMERS, WAITING, R, Table, waiting_key

_TIMER = -1
"""stands for a seq where a customer's timer is meant"""
_NOTHING: Mapping[int, Waiting] = MappingProxyType({})


class Customers(Protocol):
    """What `MemoryState` needs to hold customers by state key: a dict, or something that holds more than memory does."""

    def get(self, key: bytes, /) -> Customer | None:
        """The customer; None when there is none."""

    def __setitem__(self, key: bytes, customer: Customer, /) -> None:
        """Put or replace a customer."""

    def pop(self, key: bytes, default: None, /) -> object:
        """Forget a customer, if there is one; what is returned is of no use."""

    def items(self) -> Iterable[tuple[bytes, Customer]]:
        """All customers."""


class MemoryState:
    """A `StateView` over dictionaries, with a clock of what is due. Not thread-safe.

    `apply` may be called in any order of records (a compacted changelog keeps only the last of each key). Mappings
    handed out never change afterwards.
    """

    def __init__(self, customers: Customers | None = None) -> None:
        plain: dict[bytes, Customer] = {}
        self._customers = plain if customers is None else customers
        self._waiting: dict[bytes, Mapping[int, Waiting]] = {}
        self._rows: dict[str, dict[bytes, Record]] = {name: {} for name in SMALL}
        self._count = 0
        self._late = 0
        self._due_at: dict[tuple[bytes, int], Millis] = {}
        # Entries whose time has changed stay in the heap until they surface; `_due_at` tells which are true.
        self._heap: list[tuple[Millis, bytes, int]] = []

    def customer(self, key: bytes) -> Customer | None:
        """The customer with this state key."""
        return self._customers.get(key)

    def waiting(self, key: bytes) -> Mapping[int, Waiting]:
        """The customer's waiting messages by seq, ascending."""
        return self._waiting.get(key, _NOTHING)

    def waiting_customers(self) -> tuple[bytes, ...]:
        """State keys of all customers with waiting messages."""
        return tuple(self._waiting)

    def waiting_count(self) -> int:
        """Messages in phase asked or behind; kept, not counted."""
        return self._count

    def late_count(self) -> int:
        """Entries in phase late; kept, not counted."""
        return self._late

    def waiting_since(self) -> Millis | None:
        """When the message was taken up that has waited longest for its decision; None: none waits. Looks at all that wait; may be
        called while a step changes the state."""
        entries = [entry for each in tuple(self._waiting.values()) for entry in each.values()]
        return min((entry.arrived_at for entry in entries if entry.phase != LATE), default=None)

    def sizes(self) -> dict[str, int]:
        """Records by table, but for customers."""
        return {WAITING: self._count + self._late, **{name: len(rows) for name, rows in self._rows.items()}}

    def apply(self, change: Remember) -> None:
        """Make a committed change.

        Raises:
            ValueError: the change is for a table that is not the core's, or its record is not of that table.
        """
        apply_change(self, change)

    def put_customer(self, key: bytes, customer: Customer | None) -> None:
        """Replace a customer; None forgets them."""
        if customer is None:
            self._customers.pop(key, None)
        else:
            self._customers[key] = customer

    def put_waiting(self, key: bytes, entry: Waiting) -> None:
        """Add a waiting message, or replace the one of its seq."""
        before = self.waiting(key)
        self._count += undecided(entry) - undecided(before.get(entry.seq))
        self._late += late(entry) - late(before.get(entry.seq))
        self._waiting[key] = with_entry(before, entry)
        at = entry.forget_at if entry.phase == LATE else entry.deadline
        if self._due_at.get((key, entry.seq)) != at:
            self._due_at[key, entry.seq] = at
            heapq.heappush(self._heap, (at, key, entry.seq))

    def drop_waiting(self, key: bytes, seq: int) -> None:
        """Remove a waiting message. No effect when there is none."""
        before = self.waiting(key)
        if seq not in before:
            return
        self._count -= undecided(before[seq])
        self._late -= late(before[seq])
        del self._due_at[key, seq]
        if left := {other: entry for other, entry in before.items() if other != seq}:
            self._waiting[key] = left
        else:
            del self._waiting[key]

    def row(self, table: Table[R], key: bytes) -> R | None:
        """A record of one of the small tables."""
        return cast("R | None", self._rows[table.name].get(key))

    def rows(self, table: Table[R]) -> tuple[tuple[bytes, R], ...]:
        """All records of one of the small tables, by key."""
        return tuple(cast("dict[bytes, R]", self._rows[table.name]).items())

    def put_row(self, table: Table[R], key: bytes, record: R | None) -> None:
        """Replace a record of one of the small tables; None removes it."""
        if record is None:
            self._rows[table.name].pop(key, None)
        else:
            self._rows[table.name][key] = record
        if table.name == TIMERS.name:
            self._set_timer(key, record.due_at if isinstance(record, Timer) else None)

    def next_due(self) -> Millis | None:
        """When the next waiting message meets its deadline or is to be forgotten, or the next timer rings; None: never."""
        self._discard_stale()
        return self._heap[0][0] if self._heap else None

    def due(self, now: Millis, limit: int | None = None) -> tuple[bytes, ...]:
        """Customers with something due, longest due first, at most `limit`. Asking changes nothing: a customer stays due
        until a step's changes are applied."""
        customers: dict[bytes, None] = {}
        surfaced: list[tuple[Millis, bytes, int]] = []
        while limit is None or len(customers) < limit:
            self._discard_stale()
            if not self._heap or self._heap[0][0] > now:
                break
            surfaced.append(heapq.heappop(self._heap))
            customers[surfaced[-1][1]] = None
        for item in surfaced:
            heapq.heappush(self._heap, item)
        return tuple(customers)

    def records(self) -> Iterator[tuple[str, bytes, Record]]:
        """Every record with its table and key, as the changelog holds them."""
        for key, customer in self._customers.items():
            yield CUSTOMERS, key, customer
        for key, entries in self._waiting.items():
            for seq, entry in entries.items():
                yield WAITING, waiting_key(key, seq), entry
        for name, rows in self._rows.items():
            for key, record in rows.items():
                yield name, key, record

    def _set_timer(self, key: bytes, at: Millis | None) -> None:
        if at is None:
            self._due_at.pop((key, _TIMER), None)
        elif self._due_at.get((key, _TIMER)) != at:
            self._due_at[key, _TIMER] = at
            heapq.heappush(self._heap, (at, key, _TIMER))

    def _discard_stale(self) -> None:
        while self._heap and self._due_at.get(self._heap[0][1:]) != self._heap[0][0]:
            heapq.heappop(self._heap)
