"""What a step has changed so far, over a state that stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from frontdesk.schemas.state import Customer, Waiting
from frontdesk.schemas.topics import TABLES
from frontdesk.schemas.types import Record
from frontdesk.streams.effects import Remember
from frontdesk.streams.state import (
    CUSTOMERS,
    SMALL,
    WAITING,
    R,
    StateView,
    Table,
    split_waiting_key,
    waiting_key,
)

LATE = "late"


class Changeable(Protocol):
    """State that takes changes record by record."""

    def put_customer(self, key: bytes, customer: Customer | None) -> None:
        """Replace or forget a customer."""

    def put_waiting(self, key: bytes, entry: Waiting) -> None:
        """Add or replace a waiting message."""

    def drop_waiting(self, key: bytes, seq: int) -> None:
        """Remove a waiting message."""

    def put_row(self, table: Table[R], key: bytes, record: R | None) -> None:
        """Replace a record of one of the small tables; None removes it."""


class Overlay:
    """A `StateView` that also takes changes. The state below is read, never touched.

    Overlays stack: one overlay may be the state below another, which is how a shard computes its next step before the
    last one is committed. Mappings handed out never change afterwards.
    """

    __slots__ = ("_below", "_count", "_customers", "_late", "_rows", "_waiting")

    def __init__(self, below: StateView) -> None:
        self._below = below
        self._customers: dict[bytes, Customer | None] = {}
        self._waiting: dict[bytes, Mapping[int, Waiting]] = {}
        self._rows: dict[tuple[str, bytes], Record | None] = {}
        self._count = below.waiting_count()
        self._late = below.late_count()

    def customer(self, key: bytes) -> Customer | None:
        """The customer as changed, else as below."""
        if key in self._customers:
            return self._customers[key]
        return self._below.customer(key)

    def waiting(self, key: bytes) -> Mapping[int, Waiting]:
        """The customer's waiting messages as changed, by seq, ascending."""
        entries = self._waiting.get(key)
        return self._below.waiting(key) if entries is None else entries

    def waiting_customers(self) -> tuple[bytes, ...]:
        """All customers with waiting messages: those below in their order, then new ones."""
        below = [key for key in self._below.waiting_customers() if self.waiting(key)]
        known = set(below)
        return (*below, *(key for key, entries in self._waiting.items() if entries and key not in known))

    def waiting_count(self) -> int:
        """Messages in phase asked or behind, over all customers."""
        return self._count

    def late_count(self) -> int:
        """Entries in phase late, over all customers."""
        return self._late

    def row(self, table: Table[R], key: bytes) -> R | None:
        """A record of one of the small tables as changed, else as below."""
        place = (table.name, key)
        if place in self._rows:
            return cast("R | None", self._rows[place])
        return self._below.row(table, key)

    def put_row(self, table: Table[R], key: bytes, record: R | None) -> None:
        """Replace a record of one of the small tables; None removes it."""
        self._rows[table.name, key] = record

    def put_customer(self, key: bytes, customer: Customer | None) -> None:
        """Replace a customer; None forgets them."""
        self._customers[key] = customer

    def put_waiting(self, key: bytes, entry: Waiting) -> None:
        """Add a waiting message, or replace the one of its seq."""
        before = self.waiting(key)
        self._count += undecided(entry) - undecided(before.get(entry.seq))
        self._late += late(entry) - late(before.get(entry.seq))
        self._waiting[key] = with_entry(before, entry)

    def drop_waiting(self, key: bytes, seq: int) -> None:
        """Remove a waiting message. No effect when there is none."""
        before = self.waiting(key)
        if seq in before:
            self._count -= undecided(before[seq])
            self._late -= late(before[seq])
            self._waiting[key] = {other: entry for other, entry in before.items() if other != seq}

    def touched(self) -> tuple[tuple[bytes, Customer | None], ...]:
        """Customers that were put, by state key; None: forgotten."""
        return tuple(self._customers.items())

    def apply(self, change: Remember) -> None:
        """Take over a change that a step returned.

        Raises:
            ValueError: the change is for a table that is not the core's, or its record is not of that table.
        """
        apply_change(self, change)

    def changes(self) -> tuple[Remember, ...]:
        """One `Remember` for each record that now differs from the state below, in order of first change."""
        changed: list[Remember] = []
        for key, customer in self._customers.items():
            if customer != self._below.customer(key):
                changed.append(Remember(table=CUSTOMERS, key=key, record=customer))
        for key, entries in self._waiting.items():
            below = self._below.waiting(key)
            gone = [seq for seq in below if seq not in entries]
            changed += [Remember(table=WAITING, key=waiting_key(key, seq), record=None) for seq in gone]
            changed += [
                Remember(table=WAITING, key=waiting_key(key, seq), record=entry)
                for seq, entry in entries.items()
                if below.get(seq) != entry
            ]
        for (name, key), row in self._rows.items():
            table: Table[Any] = SMALL[name]
            if row != self._below.row(table, key):
                changed.append(Remember(table=name, key=key, record=row))
        return tuple(changed)


def apply_change(state: Changeable, change: Remember) -> None:
    """Put one change into a state.

    Raises:
        ValueError: the change is for a table that is not the core's, or its record is not of that table.
    """
    record: Record | None = change.record
    if change.table == CUSTOMERS and (record is None or isinstance(record, TABLES[CUSTOMERS])):
        state.put_customer(change.key, cast("Customer | None", record))
    elif change.table == WAITING and record is None:
        state.drop_waiting(*split_waiting_key(change.key))
    elif change.table == WAITING and isinstance(record, Waiting):
        state.put_waiting(split_waiting_key(change.key)[0], record)
    elif (small := SMALL.get(change.table)) is not None and isinstance(record, small.record | None):
        table: Table[Any] = small
        state.put_row(table, change.key, record)
    else:
        raise ValueError(f"table {change.table!r} does not hold {type(record).__name__}")


def with_entry(entries: Mapping[int, Waiting], entry: Waiting) -> Mapping[int, Waiting]:
    """A copy of the entries with one put in its place; still ascending, in whatever order entries are put."""
    fits = entry.seq in entries or not entries or entry.seq > max(entries)
    out = {**entries, entry.seq: entry}
    return out if fits else dict(sorted(out.items()))


def undecided(entry: Waiting | None) -> int:
    """1 for a message that no decision stands for yet, 0 otherwise."""
    return 1 if entry is not None and entry.phase != LATE else 0


def late(entry: Waiting | None) -> int:
    """1 for a message whose decision an answer may still amend, 0 otherwise."""
    return 1 if entry is not None and entry.phase == LATE else 0
