"""Where what is known belongs once there are more partitions.

Customers, what waits of them and their timers go where their messages go. Money spent is known of all shards together, so each
has its share of it. What is bought besides a product is counted by each shard for itself and tells of nobody: a new shard begins
with what the one knew that its customers come from. What a shard knows of itself stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.state import Spending
from frontdesk.schemas.topics import CUSTOMERS_TABLE, TIMERS_TABLE, WAITING_TABLE
from frontdesk.streams.admit import is_misplaced
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
