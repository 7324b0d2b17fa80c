"""Purchase histories with a known structure: groups of products that go together, popularity after Zipf, and noise."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from frontdesk.schemas.broadcast import Product

_GROUP_MOST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What is sold, and how people buy it."""

    products: Sequence[str]
    """the most popular first"""
    group_of: Mapping[str, Sequence[str]]
    """the products that go together with a product, itself included; each belongs to one group"""
    popularity: Sequence[float]
    """of the products, added up"""
    catalog: Mapping[str, Product]
    """links, where its author thought of them, are right"""


def market(seed: int, *, products: int, skew: float, linked: float) -> Market:
    """A market. `skew` is Zipf's exponent; `linked` the share of products whose links the catalogue names, at most three each."""
    draw = random.Random(seed)
    names = [f"p{number:05}" for number in range(products)]
    shuffled = names[:]
    draw.shuffle(shuffled)
    groups: list[list[str]] = []
    while shuffled:
        size = draw.randrange(2, _GROUP_MOST + 1)
        groups.append(shuffled[:size])
        shuffled = shuffled[size:]
    called = {name: f"{_word(draw)} {_word(draw)} {_word(draw)}" for name in names}
    catalog = {}
    for number, group in enumerate(groups):
        for name in group:
            others = [other for other in group if other != name]
            links = draw.sample(others, min(3, len(others))) if draw.random() < linked else []
            catalog[name] = Product(
                product_id=name,
                category=f"c{number // 10}",
                names={"en": called[name]},
                accessories=tuple(links),
            )
    weights = [1 / (rank + 1) ** skew for rank in range(products)]
    return Market(
        products=names,
        group_of={name: group for group in groups for name in group},
        popularity=list(accumulate(weights)),
        catalog=catalog,
    )


def histories(
    seed: int, sold: Market, *, customers: int, together: float, noise: float
) -> Iterator[tuple[str, list[str]]]:
    """Customers with what each bought, in order, every product once.

    A customer comes a few times, each time for a product drawn by popularity; with probability `together` another of its group goes
    with it, and then perhaps another. With probability `noise` a visit's companions are drawn by popularity instead.
    """
    draw = random.Random(seed)
    for number in range(customers):
        bought: dict[str, None] = {}
        for _ in range(1 + min(6, int(draw.expovariate(1 / 1.5)))):
            first = _popular(draw, sold)
            bought[first] = None
            while draw.random() < together:
                stray = draw.random() < noise
                bought[_popular(draw, sold) if stray else draw.choice(sold.group_of[first])] = None
        yield f"customer-{number}", list(bought)


def _word(draw: random.Random) -> str:
    return "".join(draw.choice("bdfgklmnprst") + draw.choice("aeiou") for _ in range(3))


def _popular(draw: random.Random, sold: Market) -> str:
    return sold.products[bisect_right(sold.popularity, draw.random() * sold.popularity[-1])]
