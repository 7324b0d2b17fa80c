"""Suggest: what a representative may offer, answer and ask, and in which tone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import Purchase
from frontdesk.schemas.outputs import Decision, Recommendation, Suggestion
from frontdesk.schemas.types import Millis
from frontdesk.streams import replies
from frontdesk.streams.join import NEGATIVE

MAX_RECOMMENDATIONS = 3
_BAD_MOOD = -0.2
_GOOD_MOOD = 0.2
_COMPLAINT = "complaint"
_ENQUIRY = "product_enquiry"
_PER_CATEGORY = 20
_WORDLESS = ("no_text", "no_words", "emoji_only")

Shelves = Mapping[tuple[str, str], Sequence[Product]]
"""products by tenant and category"""


def shelves(catalog: Mapping[str, Product]) -> Shelves:
    """The catalogue by tenant and category, the first few of each by id: made once, looked at for every enquiry."""
    found: dict[tuple[str, str], list[Product]] = {}
    for product in sorted(catalog.values(), key=lambda one: one.product_id):
        shelf = found.setdefault((product.tenant_id, product.category), [])
        if len(shelf) < _PER_CATEGORY:
            shelf.append(product)
    return found


def suggest(
    decision: Decision,
    *,
    mood: float,
    purchases: Sequence[Purchase],
    catalog: Mapping[str, Product],
    by_category: Shelves,
    unsure: bool,
    now: Millis,
) -> Suggestion | None:
    """Help for whoever takes the message; None when somebody already has the conversation.

    Nothing is recommended that the customer owns, and nothing at all to a customer who complains or is in a bad mood.
    """
    if decision.action == "keep":
        return None
    tone = _tone(decision, mood)
    language = replies.language_of(decision.labels.language.value)
    wordless = any(flag in decision.flags for flag in _WORDLESS)
    ask = replies.WORDS if wordless else replies.QUESTIONS
    offer = tone != replies.PATIENT and decision.action == "route" and not wordless
    offer = offer and decision.labels.intent.value != _COMPLAINT
    return Suggestion(
        decision_id=decision.decision_id,
        message_id=decision.message_id,
        conversation_id=decision.conversation_id,
        customer_id=decision.customer_id,
        tenant_id=decision.tenant_id,
        language=language,
        tone=tone,
        reply=_reply(decision, language, tone),
        clarifying_question=ask[language] if unsure or wordless else None,
        recommendations=_recommend(decision, purchases, catalog, by_category, language) if offer else (),
        suggested_at=now,
    )


def _tone(decision: Decision, mood: float) -> str:
    if decision.labels.emotion.value in NEGATIVE or mood <= _BAD_MOOD:
        return replies.PATIENT
    return replies.WARM if mood >= _GOOD_MOOD else replies.NEUTRAL


def _reply(decision: Decision, language: str, tone: str) -> str:
    bodies = replies.REPLIES[language]
    body = bodies.get(decision.labels.intent.value, bodies["other"])
    return replies.OPENINGS[language][tone] + body


def _recommend(
    decision: Decision,
    purchases: Sequence[Purchase],
    catalog: Mapping[str, Product],
    by_category: Shelves,
    language: str,
) -> tuple[Recommendation, ...]:
    owned = {one.product_id for one in purchases}
    found: dict[str, Recommendation] = {}
    for product, kind, bought in _candidates(decision, purchases, catalog, by_category):
        if (
            product.product_id in owned
            or product.product_id in found
            or product.tenant_id != decision.tenant_id
        ):
            continue
        because = replies.REASONS[language][kind].format(bought=_name(bought, language))
        found[product.product_id] = Recommendation(
            product_id=product.product_id, name=_name(product, language), because=because
        )
        if len(found) == MAX_RECOMMENDATIONS:
            break
    return tuple(found.values())


def _candidates(
    decision: Decision, purchases: Sequence[Purchase], catalog: Mapping[str, Product], by_category: Shelves
) -> Iterator[tuple[Product, str, Product]]:
    """Products with the kind of reason and the purchase behind it: what goes with the newest purchase first."""
    bought = [catalog[one.product_id] for one in reversed(purchases) if one.product_id in catalog]
    for product in bought:
        yield from _known(product.accessories, "accessory", product, catalog)
        yield from _known(product.services, "service", product, catalog)
    if decision.labels.intent.value == _ENQUIRY:
        for product in bought:
            for like in by_category.get((decision.tenant_id, product.category), ()):
                yield like, "category", product


def _known(
    ids: Iterable[str], kind: str, bought: Product, catalog: Mapping[str, Product]
) -> Iterator[tuple[Product, str, Product]]:
    for product_id in ids:
        if product_id in catalog:
            yield catalog[product_id], kind, bought


def _name(product: Product, language: str) -> str:
    return product.names.get(language) or next(iter(product.names.values()), product.product_id)
