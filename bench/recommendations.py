"""Whether recommendations learned from the stream find what a customer buys next, and what they cost.

    python -m bench.recommendations
    python -m bench.recommendations --customers 20000 --shards 1,12 --json

Made-up purchase histories of known structure (see bench/purchases.py), learned purchase by purchase as a shard learns them. The last purchase of
each customer who has two or more is hidden. Told is how often it is among three recommended products, by

  learned      what is bought together, as suggestions rank it (streams/companions.py), each shard from its own customers alone
  popularity   the products bought most by all, without those that the customer owns
  links        the catalogue's own links of the newest purchases; it knows those of a share of the products (--linked)
  best         the other products of the last purchases' groups: who knew the structure could do no better than this, roughly

Then what a suggestion costs that is made for a message, whole: for a stranger who names no product, for one who asks about a product, and for a customer with
purchases. One thread, no Kafka; times are CPU, means over all calls.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.purchases import Market, histories, market
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import Purchase
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.outputs import Decision, Label, Labels
from frontdesk.schemas.state import Customer
from frontdesk.schemas.types import Millis
from frontdesk.streams.companions import SEEDS, companions_of, learn_companions
from frontdesk.streams.memory_state import MemoryState
from frontdesk.streams.overlay import Overlay
from frontdesk.streams.shop import Shop
from frontdesk.streams.state import COMPANIONS
from frontdesk.streams.suggest import Situation, suggest

OFFERED = 3
TENANT = "default"
STEP = 200
"""purchases of a step"""


@dataclass(slots=True, kw_only=True)
class Learned:
    """A shard's rows, and what it cost to learn them."""

    state: MemoryState
    seconds: float = 0.0
    counted: int = 0
    bytes_out: int = 0
    """of the rows' records, as the changelog takes them: each at most once a step"""


def main(arguments: Sequence[str]) -> int:
    """Measure, print; exit code 1 where learning does not beat popularity by a fifth."""
    given = _options(arguments)
    sold = market(given.seed, products=given.products, skew=given.skew, linked=given.linked)
    bought = dict(
        histories(given.seed + 1, sold, customers=given.customers, together=given.together, noise=given.noise)
    )
    hidden = {name: products[-1] for name, products in bought.items() if len(products) > 1}
    known = {name: products[:-1] if name in hidden else products for name, products in bought.items()}
    totals = Counter(product for products in known.values() for product in products)
    popular = [product for product, _ in totals.most_common(50)]
    found: dict[str, Any] = {
        "customers": len(bought),
        "tested": len(hidden),
        "purchases": sum(totals.values()),
    }
    found["popularity"] = _rate(known, hidden, lambda name: popular)
    found["links"] = _rate(known, hidden, lambda name: _links(sold, known[name]))
    found["best"] = _rate(known, hidden, lambda name: _groups(sold, known[name], totals))
    found["shards"] = [_measured(shards, sold, known, hidden) for shards in given.shards]
    found["suggestion_us"] = _suggestions(sold, known)
    print(json.dumps(found, indent=2) if given.json else _told(found))
    return 0 if all(one["learned"] >= 1.2 * found["popularity"] for one in found["shards"]) else 1


def _measured(
    shards: int, sold: Market, known: Mapping[str, list[str]], hidden: Mapping[str, str]
) -> dict[str, Any]:
    shop = Shop.of(sold.catalog)
    learned = [Learned(state=MemoryState()) for _ in range(shards)]
    mine: list[list[tuple[str, list[str]]]] = [[] for _ in range(shards)]
    for name, products in known.items():
        mine[_shard(name, shards)].append((name, products))
    for shard, customers in zip(learned, mine, strict=True):
        _learn(shard, customers, shop)
    spent: list[int] = []

    def offered(name: str) -> list[str]:
        seeds = known[name][::-1][:SEEDS]
        began = time.thread_time_ns()
        ranked = companions_of(Overlay(learned[_shard(name, shards)].state), TENANT, seeds)
        spent.append(time.thread_time_ns() - began)
        return [product for product, _ in ranked]

    rate = _rate(known, hidden, offered)
    rows = sum(1 for shard in learned for table, _, _ in shard.state.records() if table == COMPANIONS.name)
    counted = sum(shard.counted for shard in learned)
    return {
        "shards": shards,
        "learned": rate,
        "rows": rows,
        "learn_us": sum(shard.seconds for shard in learned) / counted * 1e6,
        "rows_bytes_a_purchase": sum(shard.bytes_out for shard in learned) / counted,
        "rank_us": statistics.mean(spent) / 1000,
    }


def _learn(shard: Learned, customers: Sequence[tuple[str, list[str]]], shop: Shop) -> None:
    """The purchases of a shard, those of all customers by turns as they would come, in steps."""
    codec = Codec()
    longest = max((len(products) for _, products in customers), default=0)
    stream = [
        (name, turn, products)
        for turn in range(longest)
        for name, products in customers
        if turn < len(products)
    ]
    for start in range(0, len(stream), STEP):
        overlay = Overlay(shard.state)
        step = [_customers(*one) for one in stream[start : start + STEP]]
        began = time.thread_time()
        for before, after in step:
            shard.counted += learn_companions(overlay, before, after, after.purchases[-1], shop=shop)
        changes = overlay.changes()
        shard.bytes_out += sum(
            len(codec.encode(change.record)) for change in changes if change.record is not None
        )
        shard.seconds += time.thread_time() - began
        for change in changes:
            shard.state.apply(change)


def _customers(name: str, turn: int, products: Sequence[str]) -> tuple[Customer, Customer]:
    """A customer before and after a purchase."""
    bought = tuple(
        Purchase(
            order_id=f"o{at}",
            customer_id=name,
            product_id=product,
            purchased_at=Millis(1_790_000_000_000 + at),
        )
        for at, product in enumerate(products[: turn + 1])
    )
    return (
        Customer(tenant_id=TENANT, customer_id=name, purchases=bought[:-1]),
        Customer(tenant_id=TENANT, customer_id=name, purchases=bought),
    )


def _rate(
    known: Mapping[str, Sequence[str]], hidden: Mapping[str, str], offered: Callable[[str], Sequence[str]]
) -> float:
    """The share of customers whose hidden purchase is among the first three offers that they do not own."""
    hits = 0
    for name, product in hidden.items():
        owned = set(known[name])
        hits += product in [one for one in offered(name) if one not in owned][:OFFERED]
    return hits / len(hidden)


def _links(sold: Market, products: Sequence[str]) -> list[str]:
    return list(
        dict.fromkeys(link for product in products[::-1] for link in sold.catalog[product].accessories)
    )


def _groups(sold: Market, products: Sequence[str], totals: Mapping[str, int]) -> list[str]:
    """The rest of the newest purchase's group, then of the one before, the most popular of each first."""
    found: dict[str, None] = {}
    for product in products[::-1]:
        found |= dict.fromkeys(sorted(sold.group_of[product], key=lambda one: -totals[one]))
    return list(found)


def _suggestions(sold: Market, known: Mapping[str, list[str]]) -> dict[str, float]:
    """Microseconds of a whole suggestion, by who it is for; and of the first look at the names."""
    learned = Learned(state=MemoryState())
    customers = list(known.items())[:1_000]
    shop = Shop.of(sold.catalog)
    _learn(learned, customers, shop)
    rows = Overlay(learned.state)
    began = time.thread_time_ns()
    shop.mentions.find(TENANT, "")
    names = (time.thread_time_ns() - began) / 1000
    said = "I would like to know how long it takes until somebody looks at what I wrote to you"
    owners = [
        (said, _customers(name, len(products) - 1, products)[1].purchases) for name, products in customers
    ]
    asking = [
        (f"how much is the {one.names['en']}, please", ()) for one in list(sold.catalog.values())[:1_000]
    ]
    return {
        "a stranger": _cost(shop, rows, [(said, ())] * 1_000, "technical"),
        "a stranger who asks about a product": _cost(shop, rows, asking, "product_enquiry"),
        "a customer with purchases": _cost(shop, rows, owners, "technical"),
        f"the names of {len(sold.catalog):,} products, once": names,
    }


def _cost(shop: Shop, rows: Overlay, given: Sequence[tuple[str, tuple[Purchase, ...]]], intent: str) -> float:
    def label(value: str) -> Label:
        return Label(value=value, confidence=0.9, source="local")

    labels = Labels(
        intent=label(intent), emotion=label("neutral"), urgency=label("normal"), language=label("en")
    )
    decision = Decision(
        decision_id="d", message_id="m", conversation_id="c", customer_id="u", action="route", queue="q",
        labels=labels, policy_hash="p", model_version="v",
    )  # fmt: skip
    situations = [
        Situation(
            decision=decision, text=text, before=(), mood=0.0, bad_mood=False, follow_up=False, purchases=purchases, unsure=False, troubled=False,
            may_send=True, now=Millis(1_790_000_000_000),
        )
        for text, purchases in given
    ]  # fmt: skip
    began = time.thread_time_ns()
    for one in situations:
        suggest(one, shop=shop, rows=rows)
    return (time.thread_time_ns() - began) / len(situations) / 1000


def _shard(name: str, shards: int) -> int:
    return partition_of(wire_key(TENANT, name), shards)


def _told(found: Mapping[str, Any]) -> str:
    lines = [
        f"{found['customers']:,} customers, {found['purchases']:,} purchases, {found['tested']:,} hidden ones",
        "",
        "| by | hit rate@3 | beside popularity |",
        "|---|---|---|",
    ]
    rates = [(f"learned, {one['shards']} shards", one["learned"]) for one in found["shards"]]
    rates += [(name, found[name]) for name in ("popularity", "links", "best")]
    lines += [f"| {name} | {rate:.3f} | {rate / found['popularity']:.2f} |" for name, rate in rates]
    lines += [
        "",
        "| shards | rows | learn a purchase, µs | bytes of rows a purchase | rank, µs |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {one['shards']} | {one['rows']:,} | {one['learn_us']:.0f} | {one['rows_bytes_a_purchase']:,.0f} | {one['rank_us']:.0f} |"
        for one in found["shards"]
    ]
    lines += ["", "| a suggestion for | µs |", "|---|---|"]
    lines += [f"| {who} | {spent:,.0f} |" for who, spent in found["suggestion_us"].items()]
    return "\n".join(lines)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.recommendations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--customers", type=int, default=50_000, help="default %(default)s")
    parser.add_argument("--products", type=int, default=2_000, help="default %(default)s")
    parser.add_argument(
        "--skew", type=float, default=0.8, help="Zipf's exponent of popularity; default %(default)s"
    )
    parser.add_argument(
        "--together", type=float, default=0.5, help="that one more of a group is bought; default %(default)s"
    )
    parser.add_argument(
        "--noise", type=float, default=0.3, help="that it is of no group after all; default %(default)s"
    )
    parser.add_argument(
        "--linked",
        type=float,
        default=0.4,
        help="share of products that the catalogue links; default %(default)s",
    )
    parser.add_argument("--shards", type=_numbers, default=[1, 12], help="comma-separated; default 1,12")
    parser.add_argument("--seed", type=int, default=1, help="default %(default)s")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser.parse_args(arguments)


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
