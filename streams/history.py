"""Facts from the other topics, put into what is known of a customer. Putting one in twice changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass, replace

from frontdesk.schemas.inputs import ConversationEvent, CustomerProfile, Feedback, Purchase
from frontdesk.schemas.state import Conversation, Customer
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import Fact, believable, clean, finite
from frontdesk.streams.course import ASSIGNED, KINDS, RATED, TRANSFERRED, in_order, with_event
from frontdesk.streams.limits import Limits
from frontdesk.streams.remember import OPEN, conversation_of, in_place
from frontdesk.streams.taxonomy import Taxonomy

STALE, REPEATED, APPLIED = "stale_fact", "repeated_fact", "fact"
BAD_AMOUNT = "bad_amount"
BAD_EVENT = "bad_event"
BAD_FEEDBACK = "bad_feedback"
UNKNOWN_PRODUCT = "unknown_product"
UNKNOWN_TIER = "unknown_tier"
UNKNOWN_CONVERSATION = "unknown_conversation"
SKEWED = "fact_clock_skew"
DOUBTFUL = frozenset(
    {
        STALE,
        BAD_AMOUNT,
        BAD_EVENT,
        BAD_FEEDBACK,
        UNKNOWN_PRODUCT,
        UNKNOWN_TIER,
        UNKNOWN_CONVERSATION,
        SKEWED,
        "bad_merge",
        "unknown_visitor",
        "unknown_role",
    }
)
"""what becomes of records that count for less than they say"""
"""what became of a fact, as it is counted; a skewed one is counted once more"""

CORRECTED = "corrected"

Outcome = tuple[Customer | None, str]
"""the customer afterwards (None: as before, there was none), and what became of the fact"""

_MAX_AMOUNT = 1e12
_MAX_TAGS = 50
_MAX_TIER_CHARS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """The times of a fact."""

    now: Millis
    timestamp: Millis
    """of its record in Kafka"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What facts are held against."""

    taxonomy: Taxonomy
    tiers: Container[str] | None
    """None: every tier is known"""
    products: Collection[str]
    """of the catalogue; none: every product is known"""
    limits: Limits


def learn(
    customer: Customer | None,
    fact: Fact,
    *,
    when: When,
    waiting: frozenset[str],
    known: Known,
) -> Outcome:
    """The customer with a fact put in. Facts that cannot be right are kept out: they never stop the path.

    `waiting` names conversations whose first message still waits: what happens to them is known already.
    """
    if customer is not None and _before_erasure(customer, fact, when):
        return customer, STALE
    match fact:
        case CustomerProfile():
            return _profile(customer, fact, when, known)
        case Purchase():
            return _purchase(customer, fact, when, known)
        case ConversationEvent():
            return _event(customer, fact, when, waiting, known.limits)
        case Feedback():
            return _feedback(customer, fact, when, known)


def is_skewed(fact: Fact, when: When, limits: Limits) -> bool:
    """Whether a fact bears a time that no clock which was set can have shown: that of its record in Kafka stands in."""
    match fact:
        case CustomerProfile():
            at = fact.updated_at
        case Purchase():
            at = fact.purchased_at
        case ConversationEvent() | Feedback():
            at = fact.at
    return bool(at) and believable(at, when.now, limits) is None


def assigned_since(customer: Customer, conversation: Conversation, at: Millis) -> bool:
    """Whether somebody has the conversation, or had it at any time since then."""
    return conversation.assigned_at is not None or any(
        event.conversation_id == conversation.conversation_id
        and event.kind in (ASSIGNED, TRANSFERRED)
        and event.at >= at
        for event in customer.events
    )


def is_current(customer: Customer, conversation: Conversation, decision_id: str, received_at: Millis) -> bool:
    """Whether nobody has acted on a decision since its message was taken up, and nothing was decided after it."""
    return (
        conversation.status == OPEN
        and conversation.decision_id == decision_id
        and not assigned_since(customer, conversation, received_at)
    )


def _before_erasure(customer: Customer, fact: Fact, when: When) -> bool:
    """Whether a fact is older than the erasure of its customer. A profile never is: it lies in the tombstone's own topic,
    behind it."""
    erased_at = customer.erased_at
    return erased_at is not None and when.timestamp <= erased_at and not isinstance(fact, CustomerProfile)


def _profile(customer: Customer | None, given: CustomerProfile, when: When, known: Known) -> Outcome:
    updated_at = believable(given.updated_at, when.now, known.limits) or when.timestamp
    before = None if customer is None else customer.profile
    if before is not None and before.updated_at > updated_at:
        return customer, STALE
    tier = clean(given.tier)
    absurd = tier is not None and len(tier) > _MAX_TIER_CHARS
    unknown_tier = absurd or (tier is not None and known.tiers is not None and tier not in known.tiers)
    profile = replace(
        given,
        tier=None if absurd else tier,
        locale=clean(given.locale),
        tags=tuple(tag for one in given.tags[:_MAX_TAGS] if (tag := clean(one)) is not None),
        preferred_representative=clean(given.preferred_representative),
        updated_at=updated_at,
    )
    if profile == before:
        return customer, REPEATED
    return replace(_blank(customer, given), profile=profile), UNKNOWN_TIER if unknown_tier else APPLIED


def _purchase(customer: Customer | None, given: Purchase, when: When, against: Known) -> Outcome:
    if not finite(given.amount) or given.amount > _MAX_AMOUNT:
        return customer, BAD_AMOUNT
    limits = against.limits
    purchase = replace(
        given,
        category=clean(given.category),
        currency=clean(given.currency),
        status=clean(given.status) or "unknown",
        purchased_at=believable(given.purchased_at, when.now, limits) or when.timestamp,
    )
    known = _blank(customer, given)
    same = [
        one for one in known.purchases if (one.order_id, one.product_id) == (given.order_id, given.product_id)
    ]
    if purchase in same:
        return customer, REPEATED
    if any(one.purchased_at > purchase.purchased_at for one in same):
        return customer, STALE
    after = with_purchases(known, (purchase,), limits)
    if purchase not in after.purchases:
        return after, STALE
    unknown = against.products and purchase.product_id not in against.products
    return after, UNKNOWN_PRODUCT if unknown else APPLIED


def with_purchases(customer: Customer, new: Iterable[Purchase], limits: Limits) -> Customer:
    """The customer with purchases put in: of each order line the newest record, and of those the newest."""
    lines = {(one.order_id, one.product_id): one for one in customer.purchases}
    for purchase in new:
        line = (purchase.order_id, purchase.product_id)
        known = lines.get(line)
        if known is None or _newness(purchase) >= _newness(known):
            lines[line] = purchase
    kept = sorted(lines.values(), key=_newness)
    return replace(customer, purchases=tuple(kept[-limits.purchases :]))


def _newness(purchase: Purchase) -> tuple[Millis, str, str]:
    return purchase.purchased_at, purchase.order_id, purchase.product_id


def _event(
    customer: Customer | None, given: ConversationEvent, when: When, waiting: frozenset[str], limits: Limits
) -> Outcome:
    kind = given.kind.strip().lower()
    event = replace(
        given,
        kind=kind,
        queue=clean(given.queue),
        representative=clean(given.representative),
        score=given.score if kind == RATED else None,
        at=believable(given.at, when.now, limits) or when.timestamp,
    )
    if kind not in KINDS or (kind == RATED and not finite(event.score)):
        return customer, BAD_EVENT
    if customer is not None and event in customer.events:
        return customer, REPEATED
    after = with_event(_blank(customer, given), event, limits)
    if event not in after.events:
        return customer, STALE  # older than all that are kept
    talk = event.conversation_id
    known = conversation_of(after, talk) or any(one.conversation_id == talk for one in after.consultations)
    return after, APPLIED if known or talk in waiting else UNKNOWN_CONVERSATION


def _feedback(customer: Customer | None, given: Feedback, when: When, known: Known) -> Outcome:
    taxonomy, limits = known.taxonomy, known.limits
    if customer is None:
        return customer, BAD_FEEDBACK
    intents = {intent.id for intent in taxonomy.intents}
    wrong_intent = given.intent is not None and given.intent not in intents
    wrong_emotion = given.emotion is not None and given.emotion not in taxonomy.emotions
    if wrong_intent or wrong_emotion:
        return customer, BAD_FEEDBACK
    # Kept among the events, so that the same correction is counted once.
    mark = ConversationEvent(
        conversation_id=given.decision_id,
        customer_id=given.customer_id,
        tenant_id=given.tenant_id,
        kind=CORRECTED,
        queue=clean(given.queue),
        representative=clean(given.by),
        at=believable(given.at, when.now, limits) or when.timestamp,
    )
    if mark in customer.events:
        return customer, REPEATED
    after = replace(
        customer,
        events=in_order((*customer.events, mark))[-limits.events :],
        corrections=customer.corrections + 1,
    )
    if mark not in after.events:
        return customer, STALE
    for conversation in customer.conversations:
        if conversation.decision_id == given.decision_id:
            corrected = replace(
                conversation,
                intent=given.intent or conversation.intent,
                topic=given.intent or conversation.topic,
                queue=mark.queue or conversation.queue,
            )
            after = in_place(after, corrected)
    return after, APPLIED


def _blank(customer: Customer | None, given: Fact) -> Customer:
    return customer or Customer(tenant_id=given.tenant_id, customer_id=given.customer_id)
