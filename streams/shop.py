"""The catalogue as suggestions look at it: by id, by category, and by what customers call things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from frontdesk.schemas.broadcast import Product
from frontdesk.streams.mentions import Mentions

_PER_CATEGORY = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Made once for each catalogue, looked at for every suggestion."""

    catalog: Mapping[str, Product]
    shelves: Mapping[tuple[str, str], Sequence[Product]]
    """the first few products by id, of each tenant and category"""
    mentions: Mentions

    @classmethod
    def of(cls, catalog: Mapping[str, Product]) -> Shop:
        """The shop of a catalogue by product id."""
        shelves: dict[tuple[str, str], list[Product]] = {}
        for product in sorted(catalog.values(), key=lambda one: one.product_id):
            shelf = shelves.setdefault((product.tenant_id, product.category), [])
            if len(shelf) < _PER_CATEGORY:
                shelf.append(product)
        return cls(catalog=catalog, shelves=shelves, mentions=Mentions(catalog.values()))

    def product(self, tenant_id: str, product_id: str) -> Product | None:
        """A product that the tenant sells."""
        product = self.catalog.get(product_id)
        return product if product is not None and product.tenant_id == tenant_id else None


def in_language(texts: Mapping[str, str], language: str) -> str | None:
    """A text in a language, whatever its region; None where there is none, or only blanks."""
    if given := texts.get(language, "").strip():
        return given
    for tag, text in texts.items():
        if tag.lower().replace("_", "-").partition("-")[0] == language and text.strip():
            return text.strip()
    return None


def name_of(product: Product, language: str) -> str:
    """What a product is called: in the language, else in another, else its id. On one line."""
    named = in_language(product.names, language)
    if named is None:
        named = next((text for text in product.names.values() if text.strip()), product.product_id)
    return " ".join(named.split())
