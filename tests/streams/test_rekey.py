"""Where state belongs among more partitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.schemas.inputs import CustomerProfile, Purchase
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.state import Customer, Spending
from frontdesk.schemas.topics import (
    COMPANIONS_TABLE,
    CUSTOMERS_TABLE,
    SHARDS_TABLE,
    SPENDING_TABLE,
    TIMERS_TABLE,
    WAITING_TABLE,
)
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import misplaced_key
from frontdesk.streams.limits import Limits
from frontdesk.streams.rekey import heirs, home_of, rejoined, shares
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


def known(at: int, **more: object) -> Customer:
    """A customer with a profile and a purchase of then."""
    return Customer(
        tenant_id="default",
        customer_id="u",
        profile=CustomerProfile(customer_id="u", tier="vip", updated_at=Millis(at)),
        purchases=(Purchase(customer_id="u", order_id=f"o{at}", product_id="lamp", purchased_at=Millis(at)),),
        seen=(f"m{at}",),
        **more,  # type: ignore[arg-type]  # fields of a customer
    )


def test_who_was_erased_where_they_moved_to_stays_erased() -> None:
    erased = Customer(tenant_id="default", customer_id="u", seen=("m20",), erased_at=Millis(15))
    whole = rejoined(erased, known(10), Limits())
    assert (whole.profile, whole.purchases, whole.erased_at) == (None, (), 15)
    assert whole.seen == ("m10", "m20"), "no message is decided twice"
    since = rejoined(erased, known(16), Limits())
    assert [one.order_id for one in since.purchases] == ["o16"]


def test_marks_of_merges_and_erasures_are_kept_of_who_was_known_twice() -> None:
    older = known(
        10,
        erased_at=Millis(5),
        merged_into="ann",
        merged_at=Millis(9),
        transfers=("t1", "t2"),
        merged_from=("v1",),
    )
    whole = rejoined(known(20, transfers=("t2", "t3")), older, Limits())
    assert [one.order_id for one in whole.purchases] == ["o10", "o20"]
    assert (whole.erased_at, whole.merged_into, whole.merged_at) == (5, "ann", 9)
    assert (whole.transfers, whole.merged_from) == (("t1", "t2", "t3"), ("v1",))
    turned = rejoined(
        known(20, merged_into="bob", merged_at=Millis(19), merged_from=("v2",)), older, Limits()
    )
    assert (turned.merged_into, turned.merged_at, turned.merged_from) == ("bob", 19, ("v1", "v2"))
