"""A shop on the bench: the retail pack, a small catalogue, and a shard whose labeller reads the intent off the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import Purchase
from frontdesk.schemas.outputs import Label, Suggestion
from frontdesk.schemas.types import Millis
from frontdesk.streams.policy import Policy, load_pack
from frontdesk.streams.ports import Scores
from frontdesk.streams.taxonomy import Taxonomy
from tests.support.core import NOW, KeywordLabeller, Shard, message, pipeline

PACK = Path(__file__).parents[2] / "deploy" / "policies" / "retail"
DAY = 86_400_000

AURORA = Product(
    product_id="aurora",
    category="phones",
    names={"en": "Aurora 8 Pro phone", "zh": "极光手机 8 Pro"},
    descriptions={"en": "6.7-inch phone with 80 W charging", "zh": "6.7 英寸手机，支持 80W 快充"},
    price=899.0,
    currency="USD",
    accessories=("case",),
    services=("cover",),
)
CATALOG = (
    AURORA,
    Product(
        product_id="case", category="cases", names={"en": "Case for Aurora 8 Pro", "zh": "极光 8 Pro 保护壳"}
    ),
    Product(product_id="cover", category="services", names={"en": "Screen cover plan", "zh": "碎屏保两年"}),
    Product(
        product_id="nova",
        category="phones",
        names={"en": "Nova 3 phone", "zh": "新星手机 3"},
        price=329.5,
        currency="USD",
    ),
    Product(product_id="robot", category="home", names={"en": "Trot robot vacuum", "zh": "小跑扫地机器人"}),
    Product(product_id="mop", category="home", names={"en": "Swish robot vacuum", "zh": "沙沙扫地机器人"}),
)


class TaggedLabeller(KeywordLabeller):
    """Knows the intent of a text by a tag, ``#after_sales 0.7``, in it or told for it; without a number it is sure. Without a tag it is
    an enquiry."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, str] = {}

    def _score(self, text: str) -> Scores:
        tag, _, number = self.tags.get(text, text.partition("#")[2]).partition(" ")
        confidence = float(number) if number else 0.95
        return Scores(
            intent=Label(value=tag or "product_enquiry", confidence=confidence, source="local"), unsure=False
        )


def shop(catalog: Sequence[Product] = CATALOG, policy: str | None = None) -> Shard:
    """A shard that works by the retail pack, or by its taxonomy and another policy."""
    taxonomy, rules = _pack(policy)
    bench = pipeline(catalog=catalog, llm_enabled=False)
    return Shard(replace(bench, taxonomy=taxonomy, policy=rules, labeller=TaggedLabeller()))


@cache
def _pack(policy: str | None) -> tuple[Taxonomy, Policy]:
    files = {path.name: path.read_text(encoding="utf-8") for path in PACK.glob("*.yaml")}
    return load_pack(files if policy is None else {**files, "policy.yaml": policy})


def asked(shard: Shard, text: str, talk: str = "talk", **fields: object) -> Suggestion:
    """The suggestion on what ann says; behind a # stands what the labeller makes of it."""
    told = len(shard.suggestions)
    text, _, tag = text.partition("#")
    text = text.strip()
    if isinstance(labeller := shard.pipeline.labeller, TaggedLabeller):
        labeller.tags[text] = tag
    shard.send(message(f"m{shard.offset}", text, conversation_id=talk, **fields))
    assert len(shard.suggestions) == told + 1
    return shard.suggestions[-1]


def bought(
    product_id: str, *, days: int = 3, status: str = "shipped", customer_id: str = "ann", order_id: str = ""
) -> Purchase:
    """A purchase some days ago."""
    return Purchase(
        order_id=order_id or f"order-{product_id}",
        customer_id=customer_id,
        product_id=product_id,
        purchased_at=Millis(NOW - days * DAY),
        status=status,
    )
