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
from frontdesk.streams.orders import open_orders, status_of
from frontdesk.streams.shop import Shop, in_language, name_of

PRODUCTS = 2
"""that one reply tells of"""
_DESCRIPTION_CHARS = 300
_MOST = 1e12
_DAY = 86_400_000

_ASKS_PRICE = re.compile(r"how much|\bprice|\bcosts?\b|多少钱|价格|价钱|售价|怎么卖|什么价|几块|几元")
_ASKS_ABOUT = re.compile(
    r"tell me (?:more )?about|what is\b|what's\b|\bdetails?\b|\bspecs?\b|\bspecifications?\b|\bfeatures?\b|\bdescri|\binfo"
    r"|介绍|参数|配置|规格|详情|功能|了解"
)
_NUMBERED = re.compile(r"[a-z0-9-]*\d{3,}[a-z0-9-]*")
"""what may be the number of an order"""
_ASKS_STATUS = re.compile(
    r"where(?:'s| is| are)\b|\bstatus\b|\btrack|\bwhen (?:will|does|is)\b|\bshipped\b|\bdispatched\b|has(?:n't| not)? (?:it |my \w+ )?(?:been )?(?:arrived|shipped|sent)"
    r"|到哪|到了吗|状态|物流|进度|发货|什么时候(?:能)?(?:到|送)|多久(?:能)?到|没收到|还没到"
)
_ASKS_ELSE = re.compile(
    r"discount|coupon|cheaper|\bdeals?\b|in stock|availab|warranty|guarantee|refund|\breturn|exchange|repair|cancel|broken|damaged|wrong|missing"
    r"|compar|differ|better|compatib|\bfit|invoice|address|change|deliver (?:to|on|by)|express"
    r"|优惠|折扣|便宜|活动|现货|有货|库存|保修|质保|退|换|修|取消|坏|破|错|少了|少发|缺|对比|区别|哪个好|兼容|适合|发票|地址|改|赠"
)
"""what no ground answers, whatever else is asked"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What may be said, and on what it stands."""

    text: str
    grounds: tuple[Ground, ...]
    answers: bool
    """whether that is, as far as the words show, all that was asked: it may be sent without anybody having looked"""


def about_products(products: Sequence[Product], text: str, language: str, *, sure: bool) -> Reply | None:
    """What the catalogue says of the first products; None where it says nothing. `sure`: these are what the text is about."""
    said: list[str] = []
    grounds: list[Ground] = []
    priced = described = True
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
        if price is not None:
            said.append(templates["price"].format(name=name, price=price))
            grounds.append(Ground(name=f"product.{product.product_id}.price", value=price))
        priced, described = priced and price is not None, described and description is not None
    if not said:
        return None
    asked = text.casefold()
    asks_price, asks_about = bool(_ASKS_PRICE.search(asked)), bool(_ASKS_ABOUT.search(asked))
    told = (asks_price or asks_about) and (priced or not asks_price) and (described or asks_price)
    whole = len(products) == 1 and not _ASKS_ELSE.search(asked)
    return Reply(
        text="".join((*said, replies.PRODUCTS[language]["end"])),
        grounds=tuple(grounds),
        answers=sure and told and whole,
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
) -> Reply | None:
    """How the newest open order stands, of a mentioned product where there is one; None where nothing is known of any."""
    known = [one for one in open_orders(purchases) if _status(one, language)]
    ids = {product.product_id for product in mentioned}
    meant = [one for one in known if one.product_id in ids] or known
    if not meant:
        return None
    order = meant[-1]
    product = shop.product(tenant_id, order.product_id)
    status, since = _status(order, language), _since(now - order.purchased_at, language)
    name = order.order_id if product is None else name_of(product, language)
    kind = "order" if product is None else "product"
    templates = replies.ORDERS[language]
    asked = text.casefold()
    return Reply(
        text=templates[kind].format(name=name, since=since, status=status) + templates["end"],
        grounds=(
            Ground(name=f"purchase.{order.order_id}.{kind}", value=name),
            Ground(name=f"purchase.{order.order_id}.since", value=since),
            Ground(name=f"purchase.{order.order_id}.status", value=status),
        ),
        # Of several orders, of another's, or of a product that was not ordered, this one's status is no answer.
        answers=len(meant) == 1
        and (ids == {order.product_id} or (not ids and len(purchases) == 1))
        and (not _NUMBERED.search(asked) or order.order_id.casefold() in asked)
        and bool(_ASKS_STATUS.search(asked))
        and not _ASKS_ELSE.search(asked),
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


def _status(order: Purchase, language: str) -> str:
    """How an order stands, in the customer's words; empty where nobody knows, or where the platform's word is none of those known."""
    return replies.STATUSES[language].get(status_of(order), "")


def _since(milliseconds: int, language: str) -> str:
    days = max(0, milliseconds) // _DAY
    templates = replies.SINCE[language]
    if days == 0:
        return templates["today"]
    return templates["one"] if days == 1 else templates["more"].format(days=days)
