"""Answers: replies that say something of the world, and the grounds on which they say it.

A reply is a template filled with what the catalogue or the customer's purchases say; whatever is filled in is one of its grounds. Nothing
else is claimed: no delivery times, no refunds, no discounts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import Purchase
from frontdesk.schemas.outputs import Ground
from frontdesk.schemas.types import Millis
from frontdesk.streams import replies
from frontdesk.streams.mentions import Tokens, place_of, tokens_of
from frontdesk.streams.orders import UNDER_WAY, open_orders, status_of
from frontdesk.streams.questions import ABOUT, PRICE, STATUS, question
from frontdesk.streams.shop import Shop, in_language, name_of

PRODUCTS = 2
"""that one reply tells of"""
_DESCRIPTION_CHARS = 300
_NUMBER_CHARS = 4
_OTHER_NUMBER = re.compile(r"(?<![\w-])[A-Za-z]{0,6}[-#]?\d{4,}[\w-]*|(?<![\w-])[A-Za-z]{1,6}-?\d{3,}[\w-]*")
"""what looks like the number of an order"""
"""of an order's id; a shorter one may be any number"""
_MOST = 1e12
_DAY = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What may be said, and on what it stands."""

    text: str
    grounds: tuple[Ground, ...]
    answers: bool
    """whether that is all that was asked, and just that: it may be sent without anybody having looked"""


def about_products(products: Sequence[Product], language: str, *, asks: str | None) -> Reply | None:
    """What the catalogue says of the first products; None where it says nothing. `asks`: what the text is, if it is a `question` about
    the only one."""
    said: list[str] = []
    grounds: list[Ground] = []
    told: set[str] = set()
    for product in products[:PRODUCTS]:
        price, description = price_of(product, language), _description(product, language)
        if price is None and description is None:
            continue
        name = name_of(product, language)
        templates = replies.PRODUCTS[language]
        grounds.append(Ground(name=f"product.{product.product_id}.name", value=name))
        if description is not None:
            said.append(templates["description"].format(name=name, description=description))
            grounds.append(Ground(name=f"product.{product.product_id}.description", value=description))
            told.add(ABOUT)
        if price is not None:
            said.append(templates["price"].format(name=name, price=price))
            grounds.append(Ground(name=f"product.{product.product_id}.price", value=price))
            told.add(PRICE)
    if not said:
        return None
    return Reply(
        text="".join((*said, replies.PRODUCTS[language]["end"])),
        grounds=tuple(grounds),
        answers=len(products) == 1 and asks in told,
    )


def about_order(
    tenant_id: str,
    purchases: Sequence[Purchase],
    mentioned: Sequence[Product],
    text: str,
    language: str,
    *,
    shop: Shop,
    now: Millis,
    said: Tokens = (),
    alone: bool = False,
    vague: bool = False,
) -> Reply | None:
    """How the newest open order stands: the one whose number is named, or of a mentioned product, where there is one; None where
    nothing is known of any, or not of the one that is named.

    `said` and `alone` as `question` has them: the words for the product, and whether nothing was said before. `vague`: something
    is mentioned that may be this product or that.
    """
    known = [one for one in open_orders(purchases) if _status(one, language)]
    ids = {product.product_id for product in mentioned}
    named = _numbered(purchases, text)
    if not named and not ids and _OTHER_NUMBER.search(text):
        return None  # an order that nobody knows
    meant = [one for one in known if one in named] if named else []
    if not named:
        meant = [one for one in known if one.product_id in ids] or known
    if not meant:
        return None
    order = meant[-1]
    product = shop.product(tenant_id, order.product_id)
    status, since = _status(order, language), _since(now - order.purchased_at, language)
    name = order.order_id if product is None else name_of(product, language)
    kind = "order" if product is None else "product"
    templates = replies.ORDERS[language]
    number = tokens_of(order.order_id) if named else ()
    # Whatever may be meant counts, also what nobody knows the status of.
    if named:
        candidates = named
    elif ids:
        candidates = [one for one in open_orders(purchases) if one.product_id in ids]
    else:
        candidates = list(purchases)
    return Reply(
        text=templates[kind].format(name=name, since=since, status=status) + templates["end"],
        grounds=(
            Ground(name=f"purchase.{order.order_id}.{kind}", value=name),
            Ground(name=f"purchase.{order.order_id}.since", value=since),
            Ground(name=f"purchase.{order.order_id}.status", value=status),
        ),
        # Of several orders, of another's, or of a product that was not ordered, this one's status is no answer.
        answers=candidates == [order]
        and not vague
        and ids <= {order.product_id}
        and status_of(order) in UNDER_WAY
        and question(text, product=said, order=number, alone=alone) == STATUS,
    )


def which_product(products: Sequence[Product], language: str) -> tuple[str, tuple[Ground, ...]]:
    """The question which of some products is meant, with their names as its grounds."""
    names = [name_of(product, language) for product in products]
    grounds = tuple(
        Ground(name=f"product.{product.product_id}.name", value=name)
        for product, name in zip(products, names, strict=True)
    )
    return replies.CHOICES[language].format(names=replies.SEPARATORS[language].join(names)), grounds


def price_of(product: Product, language: str) -> str | None:
    """A price as the customer would read it; None where the catalogue names no amount that can be right, or no currency."""
    amount, currency = product.price, (product.currency or "").strip()
    if amount is None or not math.isfinite(amount) or not 0 < amount <= _MOST or not currency:
        return None
    shown = f"{amount:,.0f}" if amount == int(amount) else f"{amount:,.2f}"
    return replies.AMOUNTS[language].format(amount=shown, currency=currency[:8])


def _description(product: Product, language: str) -> str | None:
    given = in_language(product.descriptions, language)
    if given is None:
        return None
    line = " ".join(given.split())
    if len(line) > _DESCRIPTION_CHARS:
        line = line[: _DESCRIPTION_CHARS - 1].rstrip() + "…"
    return line.rstrip(".。") or None


def _numbered(purchases: Sequence[Purchase], text: str) -> list[Purchase]:
    """Purchases whose order a text names by its number."""
    words = tokens_of(text)
    if not any(char.isdigit() for word in words for char in word):
        return []
    return [
        one
        for one in purchases
        if _is_number(number := tokens_of(one.order_id)) and place_of(number, words) is not None
    ]


def _is_number(name: Tokens) -> bool:
    """Whether an order's id is told from words and amounts: long enough, or with a letter beside its digits."""
    said = "".join(name)
    digits = any(char.isdigit() for char in said)
    return digits and (len(said) >= _NUMBER_CHARS or any(char.isalpha() for char in said))


def _status(order: Purchase, language: str) -> str:
    """How an order stands, in the customer's words; empty where nobody knows, or where the platform's word is none of those known."""
    return replies.STATUSES[language].get(status_of(order), "")


def _since(milliseconds: int, language: str) -> str:
    days = max(0, milliseconds) // _DAY
    templates = replies.SINCE[language]
    if days == 0:
        return templates["today"]
    return templates["one"] if days == 1 else templates["more"].format(days=days)
