"""Companions: what is bought together, learned once for each customer and product."""

from __future__ import annotations

from dataclasses import replace

import pytest

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage, CustomerProfile, Purchase
from frontdesk.schemas.state import Companions
from frontdesk.schemas.topics import CUSTOMER_PROFILES
from frontdesk.streams.batch import Batch
from frontdesk.streams.companions import KEPT, OTHERS, companions_key, companions_of, pooled, similarity
from frontdesk.streams.overlay import Overlay
from frontdesk.streams.state import COMPANIONS
from tests.support.core import NOW, Shard, pipeline


def _bought(
    customer: str, product: str, *, tenant: str = "default", day: int = 0, **fields: object
) -> Purchase:
    given = {
        "order_id": f"{customer}-{product}",
        "purchased_at": NOW - 10**9 + day * 1000,
        "status": "paid",
        **fields,
    }
    return Purchase(customer_id=customer, tenant_id=tenant, product_id=product, **given)  # type: ignore[arg-type]  # the caller's


def _shard() -> Shard:
    """One that sells all that is bought here."""
    names = ["phone", "case", "bread", "zip", "bag"] + [f"p{number:02}" for number in range(OTHERS + 5)]
    names += [f"p{number}" for number in range(8)] + [f"odd{number}" for number in range(3 * KEPT)]
    sold = [(name, "default") for name in names]
    sold += [("b/c", "a"), ("x", "a"), ("c", "a/b"), ("y", "a/b")]
    return Shard(
        pipeline(catalog=[Product(product_id=one, tenant_id=tenant, category="c") for one, tenant in sold])
    )


def _row(shard: Shard, product: str, tenant: str = "default") -> Companions:
    row = shard.state.row(COMPANIONS, companions_key(tenant, product))
    return row or Companions(tenant_id=tenant, product_id=product)


def _ranked(shard: Shard, *seeds: str) -> list[str]:
    return [product for product, _ in companions_of(Overlay(shard.state), "default", seeds)]


def test_a_purchase_counts_both_ways_once_a_customer() -> None:
    shard = _shard()
    shard.send(_bought("ann", "phone"), _bought("ann", "case", day=1), _bought("bob", "phone"))
    shard.send(_bought("ann", "case", day=1))  # told twice
    shard.send(_bought("ann", "case", day=1, status="shipped"))  # its status
    shard.send(_bought("ann", "case", day=2, order_id="again"))  # another one
    assert (_row(shard, "phone").buyers, _row(shard, "case").buyers) == (2, 1)
    assert dict(_row(shard, "phone").counts) == {"case": 1}
    assert dict(_row(shard, "case").counts) == {"phone": 1}


@pytest.mark.parametrize("status", ["cancelled", " Canceled", "returned"])
def test_what_is_taken_back_does_not_count(status: str) -> None:
    shard = _shard()
    shard.send(_bought("ann", "phone", status=status), _bought("ann", "case", day=1))
    assert (_row(shard, "phone").buyers, _row(shard, "case").buyers) == (0, 1)
    assert not _row(shard, "case").counts
    shard.send(_bought("ann", "case", day=1, status=status))
    assert _row(shard, "case").buyers == 1, "what was counted stays"


def test_only_the_newest_other_products_count() -> None:
    shard = _shard()
    shard.send(*(_bought("ann", f"p{number:02}", day=number) for number in range(OTHERS + 5)))
    assert set(_row(shard, f"p{OTHERS + 4:02}").counts) == {
        f"p{number:02}" for number in range(4, OTHERS + 4)
    }


def test_counts_are_bounded_and_keep_the_most_frequent() -> None:
    shard = _shard()
    for customer in ("ann", "bob"):
        shard.send(_bought(customer, "phone"), _bought(customer, "case", day=1))
    for number in range(3 * KEPT):
        shard.send(_bought(f"c{number}", "phone"), _bought(f"c{number}", f"odd{number}", day=1))
        assert len(_row(shard, "phone").counts) <= 2 * KEPT
    assert next(iter(_row(shard, "phone").counts.items())) == ("case", 2)
    assert _row(shard, "phone").buyers == 2 + 3 * KEPT


def test_what_goes_together_more_than_popularity_explains_comes_first() -> None:
    shard = _shard()
    for number in range(20):  # everybody buys bread; phone and case go together
        shard.send(_bought(f"c{number}", "bread"))
        if number < 6:
            shard.send(_bought(f"c{number}", "phone", day=1), _bought(f"c{number}", "case", day=2))
    assert _ranked(shard, "phone") == ["case", "bread"]
    assert _ranked(shard, "phone", "case") == ["bread"], "what is asked for is no answer"
    assert similarity(6, 6, 6) > similarity(6, 6, 20) > similarity(2, 2, 6)


def test_one_customer_proves_nothing_and_ties_go_by_id() -> None:
    shard = _shard()
    shard.send(_bought("ann", "phone"), _bought("ann", "zip", day=1), _bought("ann", "bag", day=2))
    assert _ranked(shard, "phone") == []
    shard.send(_bought("bob", "phone"), _bought("bob", "zip", day=1), _bought("bob", "bag", day=2))
    assert _ranked(shard, "phone") == ["bag", "zip"]


def test_tenants_learn_apart_whatever_their_names() -> None:
    shard = _shard()
    for customer in ("ann", "bob"):
        shard.send(_bought(customer, "b/c", tenant="a"), _bought(customer, "x", tenant="a", day=1))
        shard.send(_bought(customer, "c", tenant="a/b"), _bought(customer, "y", tenant="a/b", day=1))
    assert set(_row(shard, "b/c", "a").counts) == {"x"}
    assert set(_row(shard, "c", "a/b").counts) == {"y"}


def test_only_what_the_tenant_sells_is_counted() -> None:
    shard = _shard()
    shard.send(_bought("ann", "phone"), _bought("ann", "made-up", day=1), _bought("ann", "x", day=2))
    shard.send(_bought("ann", "case", day=3))
    shard.send(_bought("eve", "phone", tenant="a"), _bought("eve", "x", tenant="a", day=1))
    rows = {key: record for table, key, record in shard.state.records() if table == COMPANIONS.name}
    sold = [("default", "phone"), ("default", "case"), ("a", "x")]
    assert set(rows) == {companions_key(*one) for one in sold}
    assert (dict(_row(shard, "case").counts), dict(_row(shard, "x", "a").counts)) == ({"phone": 1}, {})


def test_without_a_catalogue_nothing_is_counted() -> None:
    shard = Shard(pipeline())
    shard.send(*(_bought("ann", f"p{number}", day=number) for number in range(8)))
    assert not [table for table, _, _ in shard.state.records() if table == COMPANIONS.name]


def test_erasure_leaves_the_counts_and_forgotten_purchases_do_not_come_back() -> None:
    shard = _shard()
    shard.send(_bought("ann", "phone"), _bought("ann", "case", day=1))
    before = _row(shard, "phone")
    late = shard.arrival(_bought("ann", "bag", day=2), timestamp=shard.now - 1)
    shard.step(Batch(arrivals=(shard.arrival(None, topic=CUSTOMER_PROFILES),)))
    assert shard.counts["erased"] == 1
    shard.step(Batch(arrivals=(late,)))
    assert _row(shard, "phone") == before


def test_rows_read_back_as_they_were_written() -> None:
    shard = _shard()
    for number in range(8):
        shard.send(_bought("ann", f"p{number}", day=number))
    row = replace(_row(shard, "p3"), counts={"z": 3, "b": 2, "a": 1})
    codec = Codec()
    again = codec.decode(Companions, codec.encode(row))
    assert list(again.counts) == ["z", "b", "a"], "the most frequent first"


def test_profiles_and_messages_teach_nothing() -> None:
    shard = _shard()
    shard.send(
        CustomerProfile(customer_id="ann"),
        CustomerMessage(message_id="m", conversation_id="c", customer_id="ann", text="phone and case"),
    )
    assert not [table for table, _, _ in shard.state.records() if table == COMPANIONS.name]


def test_what_two_shards_have_counted_is_as_one_would_have() -> None:
    """Customers of one, of the other, and of both in one shard."""
    ann = [_bought("ann", "phone"), _bought("ann", "case", day=1)]
    bob = [_bought("bob", "phone"), _bought("bob", "bag", day=1), _bought("bob", "case", day=2)]
    one, other, both = _shard(), _shard(), _shard()
    one.send(*ann)
    other.send(*bob)
    both.send(*ann, *bob)
    for product in ("phone", "case"):
        assert pooled(_row(one, product), _row(other, product)) == _row(both, product)
    assert list(pooled(_row(other, "phone"), _row(one, "phone")).counts.items()) == [("case", 2), ("bag", 1)]


def test_pooled_counts_stay_bounded() -> None:
    rows = [
        Companions(
            tenant_id="default",
            product_id="p",
            counts={f"{side}{number}": number for number in range(2 * KEPT)},
        )
        for side in "ab"
    ]
    kept = pooled(*rows).counts
    assert len(kept) == KEPT
    assert min(kept.values()) > KEPT
