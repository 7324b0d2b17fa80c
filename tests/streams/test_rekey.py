"""Where state belongs among more partitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.state import Spending
from frontdesk.schemas.topics import (
    COMPANIONS_TABLE,
    CUSTOMERS_TABLE,
    SHARDS_TABLE,
    SPENDING_TABLE,
    TIMERS_TABLE,
    WAITING_TABLE,
)
from frontdesk.streams.admit import misplaced_key
from frontdesk.streams.rekey import heirs, home_of, shares
from frontdesk.streams.state import customer_key, split_customer_key, waiting_key

IDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
MANY = st.integers(1, 500)


@given(IDS, IDS)
def test_a_state_key_names_its_customer(tenant_id: str, customer_id: str) -> None:
    assert split_customer_key(customer_key(tenant_id, customer_id)) == (tenant_id, customer_id)


@pytest.mark.parametrize("tenant_id", ["default", "acme/eu", "50%2F"])
@given(IDS, MANY, st.integers(0, 2**63))
def test_all_of_a_customer_goes_where_their_messages_go(
    tenant_id: str, customer_id: str, partitions: int, seq: int
) -> None:
    key, home = (
        customer_key(tenant_id, customer_id),
        partition_of(wire_key(tenant_id, customer_id), partitions),
    )
    assert home_of(CUSTOMERS_TABLE, key, partitions) == home
    assert home_of(TIMERS_TABLE, key, partitions) == home
    assert home_of(WAITING_TABLE, waiting_key(key, seq), partitions) == home


def test_what_is_no_customers_stays() -> None:
    key = customer_key("default", "u")
    for table in (SPENDING_TABLE, COMPANIONS_TABLE, SHARDS_TABLE):
        assert home_of(table, key, 9) is None
    for table in (CUSTOMERS_TABLE, TIMERS_TABLE):
        assert home_of(table, misplaced_key(key), 9) is None
    assert home_of(WAITING_TABLE, waiting_key(misplaced_key(key), 3), 9) is None


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=20), MANY)
def test_together_they_have_spent_as_much_and_hardly_more(
    spent: list[tuple[int, int]], partitions: int
) -> None:
    accounts = [{b"*": Spending(tenant_id="", day=9, spent=one, reserved=two)} for one, two in spent]
    each = shares(accounts, partitions)[b"*"]
    for of_each, total in ((each.spent, sum(s for s, _ in spent)), (each.reserved, sum(r for _, r in spent))):
        assert total <= of_each * partitions < total + partitions


def test_only_the_newest_day_counts_and_tenants_stay_apart() -> None:
    accounts = [
        {b"a": Spending(tenant_id="a", day=8, spent=100)},
        {b"a": Spending(tenant_id="a", day=9, spent=4), b"b": Spending(tenant_id="b", day=8, spent=6)},
        {b"a": Spending(tenant_id="a", day=7, spent=100)},
    ]
    assert shares(accounts, 2) == {
        b"a": Spending(tenant_id="a", day=9, spent=2),
        b"b": Spending(tenant_id="b", day=8, spent=3),
    }


@given(MANY, MANY)
def test_each_new_shard_has_one_to_begin_with(before: int, more: int) -> None:
    partitions = before + more
    assert sorted(heir for shard in range(before) for heir in heirs(shard, before, partitions)) == list(
        range(before, partitions)
    )


@given(IDS, MANY, st.integers(2, 5))
def test_of_a_multiple_it_is_the_one_its_customers_come_from(
    customer_id: str, before: int, times: int
) -> None:
    key = wire_key("default", customer_id)
    was, is_ = partition_of(key, before), partition_of(key, before * times)
    assert is_ == was or is_ in heirs(was, before, before * times)
