"""Suggest: what a representative may offer, answer and ask, and in which tone; and whether the answer may go out by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import Purchase
from frontdesk.schemas.outputs import Decision, Ground, Suggestion
from frontdesk.schemas.types import Millis
from frontdesk.streams import replies
from frontdesk.streams.answers import Reply, about_order, about_products, which_product
from frontdesk.streams.companions import Rows
from frontdesk.streams.days import COMPLAINT
from frontdesk.streams.join import NEGATIVE
from frontdesk.streams.mentions import Mention
from frontdesk.streams.offers import offers
from frontdesk.streams.questions import question
from frontdesk.streams.shop import Shop

_BAD_MOOD = -0.2
_GOOD_MOOD = 0.2
_ENQUIRY = "product_enquiry"
_ORDER = "after_sales"
WORDLESS = ("no_text", "no_words", "emoji_only")
_REFERS = re.compile(r"\b(?:it|its|it's|this|that|these|those|they|them|one|ones)\b|它|[这那]个|[这那]款")
_REFERS_WITHIN = 60
"""characters; a longer text that names no product is about none named before"""
_CHOICES = 3
"""products that a question names"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a suggestion is made for."""

    decision: Decision
    text: str
    """the message"""
    before: Sequence[str]
    """what was said in the conversation, the newest first"""
    mood: float
    bad_mood: bool
    """for longer than a message"""
    follow_up: bool
    """the message leans on what was said before"""
    purchases: Sequence[Purchase]
    unsure: bool
    """of the intent"""
    troubled: bool
    """an alert went out, now or before in the conversation, or a complaint in it stands"""
    may_send: bool
    """the policy lets an answer to this message go out by itself"""
    now: Millis


def suggest(of: Situation, *, shop: Shop, rows: Rows) -> Suggestion | None:
    """Help for whoever takes the message; None when somebody already has the conversation.

    Nothing is recommended that the customer owns, and nothing at all to a customer who complains or has complained, is in a bad mood,
    or whom somebody was alerted to. What the reply says of the world is in its grounds.
    """
    decision = of.decision
    if decision.action == "keep":
        return None
    tone = _tone(of)
    language = replies.language_of(decision.labels.language.value)
    wordless = any(flag in decision.flags for flag in WORDLESS)
    mentions = () if wordless else _mentions(of, shop)
    meant = _products(mentions, shop, sure=True)
    calm = tone != replies.PATIENT and decision.action == "route" and not of.troubled
    offer = calm and not wordless and decision.labels.intent.value != COMPLAINT
    offer = offer and bool(meant or of.purchases)
    answer = None if wordless else _answer(of, mentions, meant, shop, language)
    question, named = _question(of, mentions, meant, shop, language, wordless=wordless)
    reply = _reply(decision, language) if answer is None else answer.text
    return Suggestion(
        decision_id=decision.decision_id,
        message_id=decision.message_id,
        conversation_id=decision.conversation_id,
        customer_id=decision.customer_id,
        tenant_id=decision.tenant_id,
        language=language,
        tone=tone,
        reply=replies.OPENINGS[language][tone] + reply,
        automatic=answer is not None and answer.answers and calm and of.may_send and question is None,
        clarifying_question=question,
        recommendations=offers(
            decision.tenant_id,
            asked=meant,
            purchases=of.purchases,
            shop=shop,
            rows=rows,
            enquiry=decision.labels.intent.value == _ENQUIRY,
            language=language,
        )
        if offer
        else (),
        suggested_at=of.now,
        grounds=(*(() if answer is None else answer.grounds), *named),
    )


def _tone(of: Situation) -> str:
    if of.bad_mood or of.decision.labels.emotion.value in NEGATIVE or of.mood <= _BAD_MOOD:
        return replies.PATIENT
    return replies.WARM if of.mood >= _GOOD_MOOD else replies.NEUTRAL


def _mentions(of: Situation, shop: Shop) -> tuple[Mention, ...]:
    """What the message speaks of; an enquiry that names nothing and refers to something is about what was spoken of last."""
    tenant_id = of.decision.tenant_id
    found = shop.mentions.find(tenant_id, of.text)
    if found or of.decision.labels.intent.value != _ENQUIRY:
        return found
    refers = len(of.text) <= _REFERS_WITHIN and _REFERS.search(of.text.casefold())
    return shop.mentions.newest(tenant_id, of.before) if of.follow_up or refers else ()


def _products(mentions: Iterable[Mention], shop: Shop, *, sure: bool) -> list[Product]:
    """The products that are meant for certain; otherwise those that may be."""
    ids = dict.fromkeys(one for mention in mentions if (len(mention.ids) == 1) == sure for one in mention.ids)
    return [shop.catalog[one] for one in ids if one in shop.catalog]


def _reply(decision: Decision, language: str) -> str:
    bodies = replies.REPLIES[language]
    return bodies.get(decision.labels.intent.value, bodies["other"])


def _answer(
    of: Situation, mentions: Sequence[Mention], meant: Sequence[Product], shop: Shop, language: str
) -> Reply | None:
    match of.decision.labels.intent.value:
        case "product_enquiry":
            sure = len(mentions) == 1 and mentions[0].nearly_whole
            asks = question(of.text, product=mentions[0].said) if sure else None
            return about_products(meant, language, asks=asks)
        case "after_sales":
            tenant_id = of.decision.tenant_id
            return about_order(
                tenant_id,
                of.purchases,
                meant,
                of.text,
                language,
                shop=shop,
                now=of.now,
                said=mentions[0].said if len(mentions) == 1 else (),
                alone=not of.before,
                vague=any(len(mention.ids) != 1 for mention in mentions),
            )
        case _:
            return None


def _question(
    of: Situation,
    mentions: Sequence[Mention],
    meant: Sequence[Product],
    shop: Shop,
    language: str,
    *,
    wordless: bool,
) -> tuple[str | None, tuple[Ground, ...]]:
    """What to ask back, with the grounds of the names in it; None where nothing is unclear."""
    if wordless:
        return replies.WORDS[language], ()
    if of.unsure:
        return replies.QUESTIONS[language], ()
    enquiry = of.decision.labels.intent.value == _ENQUIRY and not meant
    choices = _products(mentions, shop, sure=False)[:_CHOICES] if enquiry else []
    return which_product(choices, language) if choices else (None, ())
