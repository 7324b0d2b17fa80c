"""Offers: products worth mentioning to a customer, each with the kind of reason and the reason in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import Purchase
from frontdesk.schemas.outputs import Recommendation
from frontdesk.streams import replies
from frontdesk.streams.companions import SEEDS, Rows, companions_of
from frontdesk.streams.orders import standing
from frontdesk.streams.shop import Shop, name_of

MOST = 3


class Offer(NamedTuple):
    """A product, and the product that it goes with."""

    product_id: str
    kind: str
    given: Product
    asked: bool
    """whether that was asked about; else it was bought"""


def offers(
    tenant_id: str,
    *,
    asked: Sequence[Product],
    purchases: Sequence[Purchase],
    shop: Shop,
    rows: Rows,
    enquiry: bool,
    language: str,
) -> tuple[Recommendation, ...]:
    """At most three products of the tenant's catalogue that the customer does not own, the best first.

    First what an enquiry asks about; then what is bought together with that, then with the newest purchases; then what the
    catalogue links to them; for an enquiry then the rest of their categories.
    """
    owned = {one.product_id for one in purchases}
    found: dict[str, Recommendation] = {}
    for offer in _candidates(tenant_id, asked, purchases, shop, rows, enquiry=enquiry):
        product = shop.product(tenant_id, offer.product_id)
        if product is None or offer.product_id in owned or offer.product_id in found:
            continue
        reason = replies.REASONS[language][offer.kind]["asked" if offer.asked else "bought"]
        found[offer.product_id] = Recommendation(
            product_id=offer.product_id,
            name=name_of(product, language),
            because=reason.format(product=name_of(offer.given, language)),
            kind=offer.kind,
        )
        if len(found) == MOST:
            break
    return tuple(found.values())


def _candidates(
    tenant_id: str,
    asked: Sequence[Product],
    purchases: Sequence[Purchase],
    shop: Shop,
    rows: Rows,
    *,
    enquiry: bool,
) -> Iterator[Offer]:
    newest = dict.fromkeys(one.product_id for one in reversed(standing(purchases)))
    bought = [product for one in newest if (product := shop.product(tenant_id, one)) is not None]
    if enquiry:
        yield from (Offer(product.product_id, "information", product, asked=True) for product in asked)
    for products, is_asked in ((asked, True), (bought[:SEEDS], False)):
        seeds = {product.product_id: product for product in products}
        for product_id, seed in companions_of(rows, tenant_id, [*seeds]) if seeds else ():
            yield Offer(product_id, "bought_together", seeds[seed], is_asked)
    for products, is_asked in ((asked, True), (bought, False)):
        for product in products:
            yield from _linked(product.accessories, "accessory", product, asked=is_asked)
            yield from _linked(product.services, "service", product, asked=is_asked)
    for products, is_asked in ((asked, True), (bought, False)) if enquiry else ():
        for product in products:
            shelf = shop.shelves.get((tenant_id, product.category), ())
            yield from _linked((like.product_id for like in shelf), "category", product, asked=is_asked)


def _linked(ids: Iterable[str], kind: str, given: Product, *, asked: bool) -> Iterator[Offer]:
    return (Offer(product_id, kind, given, asked) for product_id in ids)
