"""Where what is known belongs once there are more partitions.

Customers, what waits of them and their timers go where their messages go. Money spent is known of all shards together, so each
has its share of it. What is bought besides a product is counted by each shard for itself and tells of nobody: a new shard begins
with what the one knew that its customers come from. What a shard knows of itself stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.state import Customer, Spending
from frontdesk.schemas.topics import CUSTOMERS_TABLE, TIMERS_TABLE, WAITING_TABLE
from frontdesk.streams.admit import is_misplaced
from frontdesk.streams.expire import since
from frontdesk.streams.limits import Limits
from frontdesk.streams.merge import merged
from frontdesk.streams.state import split_customer_key, split_waiting_key


def home_of(table: str, key: bytes, partitions: int) -> int | None:
    """The shard that a record with this key belongs to; None: to the one that has it.

    What was learned from misplaced messages stays: they will not come again where they should have come.
    """
    if table == WAITING_TABLE:
        key = split_waiting_key(key)[0]
    elif table not in (CUSTOMERS_TABLE, TIMERS_TABLE):
        return None
    return None if is_misplaced(key) else partition_of(wire_key(*split_customer_key(key)), partitions)


def rejoined(newer: Customer, older: Customer, limits: Limits) -> Customer:
    """One customer who was known twice: the newer began in another shard, without knowing the older.

    What was known before an erasure that only the newer has seen stays forgotten. Marks of merges are kept, so that an erasure
    still reaches whom it has to.
    """
    if newer.erased_at is not None:
        older = since(older, newer.erased_at)
    marked = older if newer.merged_into is None else newer
    erasures = [at for at in (newer.erased_at, older.erased_at) if at is not None]
    return replace(
        merged(newer, older, limits),
        erased_at=max(erasures, default=None),
        merged_into=marked.merged_into,
        merged_at=marked.merged_at,
        transfers=_each_once(older.transfers, newer.transfers)[-limits.transfers :],
        merged_from=_each_once(older.merged_from, newer.merged_from)[-limits.visitors :],
    )


def _each_once(older: tuple[str, ...], newer: tuple[str, ...]) -> tuple[str, ...]:
    return (*(one for one in older if one not in newer), *newer)


def shares(accounts: Iterable[Mapping[bytes, Spending]], partitions: int) -> dict[bytes, Spending]:
    """What each of so many shards has spent of the newest day, where together they have spent what these accounts say.

    Rounded up: together they may have spent a little more, never less.
    """
    total: dict[bytes, Spending] = {}
    for rows in accounts:
        for key, row in rows.items():
            known = total.get(key)
            if known is None or row.day > known.day:
                total[key] = row
            elif row.day == known.day:
                total[key] = replace(
                    known, spent=known.spent + row.spent, reserved=known.reserved + row.reserved
                )
    return {
        key: replace(row, spent=-(-row.spent // partitions), reserved=-(-row.reserved // partitions))
        for key, row in total.items()
    }


def heirs(shard: int, before: int, partitions: int) -> range:
    """The new shards that begin with what this one of `before` knows of products: where the number is a multiple, those whose
    customers were its own."""
    return range(before + shard, partitions, before)
