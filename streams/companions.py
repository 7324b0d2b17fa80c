"""Companions: what is bought besides a product, learned from the purchases of a shard's own customers.

Item-to-item collaborative filtering (Linden, Smith, York 2003: "Amazon.com recommendations"): how many customers bought both,
beside how many bought either. Nothing in it tells of a person; see docs/adr/0016-recommendations.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from math import sqrt
from operator import itemgetter
from typing import Protocol

from frontdesk.schemas.inputs import Purchase
from frontdesk.schemas.state import Companions, Customer
from frontdesk.streams.orders import standing
from frontdesk.streams.shop import Shop
from frontdesk.streams.state import COMPANIONS, R, Table, customer_key

OTHERS = 10
"""newest other products of a customer that a purchase is counted with: who buys very much teaches little of each"""
KEPT = 50
"""companions of a product that survive a cut; up to twice as many are counted between two cuts, so that new ones have time to gather"""
SEEDS = 5
"""newest purchases that a recommendation is made from"""
LOOKED_AT = 10
"""most frequent companions of a product that are weighed"""
SUPPORT = 2
"""customers who must have bought both"""
SHRINKAGE = 5.0
"""a pair that n customers bought counts n / (n + 5) of its similarity: few purchases prove little"""


class Rows(Protocol):
    """The small tables of a step."""

    def row(self, table: Table[R], key: bytes) -> R | None:
        """A record."""

    def put_row(self, table: Table[R], key: bytes, record: R | None) -> None:
        """Replace a record."""


def companions_key(tenant_id: str, product_id: str) -> bytes:
    """The key of a product's row: tenant and product, each percent-escaped, joined by a slash."""
    return customer_key(tenant_id, product_id)


def learn_companions(
    rows: Rows, before: Customer | None, after: Customer, given: Purchase, *, shop: Shop
) -> bool:
    """Count a purchase that has just become known of a customer, in both directions; whether it counted.

    It counts the first time that the customer is known to have bought the product, unless it was taken back: another order of it,
    or news of its status, counts nothing. What was counted stays, also when the order is returned later. Only products that the tenant
    sells count, so that there are no more rows than products: nothing else can be offered.
    """
    tenant_id = after.tenant_id
    if not standing((given,)) or shop.product(tenant_id, given.product_id) is None:
        return False
    if before is not None and any(one.product_id == given.product_id for one in before.purchases):
        return False
    bought = dict.fromkeys(one.product_id for one in reversed(standing(after.purchases)))
    if given.product_id not in bought:
        return False  # older than all that is remembered
    others = [
        product for product in bought if product != given.product_id and shop.product(tenant_id, product)
    ][:OTHERS]
    _count(rows, tenant_id, given.product_id, others, buyers=1)
    for other in others:
        _count(rows, tenant_id, other, (given.product_id,), buyers=0)
    return True


def companions_of(rows: Rows, tenant_id: str, seeds: Sequence[str]) -> list[tuple[str, str]]:
    """Products bought together with any of these, best first, each with the seed that speaks most for it.

    What several seeds speak for adds up. Seeds are never among them. The same rows give the same order: ties go by id.
    """
    scores: dict[str, float] = {}
    strongest: dict[str, tuple[float, str]] = {}
    for seed in dict.fromkeys(seeds):
        row = rows.row(COMPANIONS, companions_key(tenant_id, seed))
        if row is None:
            continue
        for product, together in islice(row.counts.items(), LOOKED_AT):
            if together < SUPPORT:
                break
            other = rows.row(COMPANIONS, companions_key(tenant_id, product))
            if other is None or not (other.buyers and row.buyers):
                continue
            score = similarity(together, row.buyers, other.buyers)
            scores[product] = scores.get(product, 0.0) + score
            if score > strongest.get(product, (0.0, ""))[0]:
                strongest[product] = (score, seed)
    ranked = sorted(scores, key=lambda product: (-scores[product], product))
    return [(product, strongest[product][1]) for product in ranked if product not in seeds]


def similarity(together: int, buyers: int, others: int) -> float:
    """Cosine of two products over customers, shrunk by support (Koren and Bell, Recommender Systems Handbook, 2011)."""
    return together / sqrt(buyers * others) * together / (together + SHRINKAGE)


def pooled(one: Companions, other: Companions) -> Companions:
    """What two shards, which have no customer in common, have counted for a product."""
    counts = dict(one.counts)
    for product, count in other.counts.items():
        counts[product] = counts.get(product, 0) + count
    return replace(one, buyers=one.buyers + other.buyers, counts=_kept(counts))


def _count(rows: Rows, tenant_id: str, product_id: str, others: Sequence[str], *, buyers: int) -> None:
    key = companions_key(tenant_id, product_id)
    row = rows.row(COMPANIONS, key) or Companions(tenant_id=tenant_id, product_id=product_id)
    counts = dict(row.counts)
    for other in others:
        counts[other] = counts.get(other, 0) + 1
    rows.put_row(COMPANIONS, key, replace(row, buyers=row.buyers + buyers, counts=_kept(counts)))


def _kept(counts: Mapping[str, int]) -> dict[str, int]:
    """The most frequent first, so that reading need not sort; of two alike the one known longer."""
    ordered = sorted(counts.items(), key=itemgetter(1), reverse=True)
    return dict(ordered if len(ordered) <= 2 * KEPT else ordered[:KEPT])
