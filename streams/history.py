"""Facts from the other topics, put into what is known of a customer. Putting one in twice changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from frontdesk.schemas.inputs import ConversationEvent, CustomerProfile, Feedback, Purchase
from frontdesk.schemas.state import Consultation, Conversation, Customer
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import Fact, believable, clean, finite
from frontdesk.streams.limits import Limits
from frontdesk.streams.remember import (
    consultation_of,
    conversation_of,
    with_consultation,
    with_conversation,
)
from frontdesk.streams.taxonomy import Taxonomy

BAD, STALE, REPEATED, APPLIED = "bad_fact", "stale_fact", "repeated_fact", "fact"
"""what became of a fact, as it is counted"""

ASSIGNED, TRANSFERRED, RESOLVED, ABANDONED, RATED = (
    "assigned",
    "transferred",
    "resolved",
    "abandoned",
    "rated",
)
KINDS = (ASSIGNED, TRANSFERRED, RESOLVED, ABANDONED, RATED)
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


def learn(
    customer: Customer | None,
    fact: Fact,
    *,
    when: When,
    waiting: frozenset[str],
    taxonomy: Taxonomy,
    limits: Limits,
) -> Outcome:
    """The customer with a fact put in. Facts that cannot be right are kept out: they never stop the path.

    `waiting` names conversations whose first message still waits: what happens to them is known already.
    """
    if customer is not None and _before_erasure(customer, fact, when):
        return customer, STALE
    match fact:
        case CustomerProfile():
            return _profile(customer, fact, when, limits)
        case Purchase():
            return _purchase(customer, fact, when, limits)
        case ConversationEvent():
            return _event(customer, fact, when, waiting, limits)
        case Feedback():
            return _feedback(customer, fact, when, taxonomy, limits)


def assigned_since(customer: Customer, conversation: Conversation, at: Millis) -> bool:
    """Whether somebody has the conversation, or had it at any time since then."""
    return conversation.assigned_at is not None or any(
        event.conversation_id == conversation.conversation_id
        and event.kind in (ASSIGNED, TRANSFERRED)
        and event.at >= at
        for event in customer.events
    )


def _before_erasure(customer: Customer, fact: Fact, when: When) -> bool:
    """Whether a fact is older than the erasure of its customer. A profile never is: it lies in the tombstone's own topic,
    behind it."""
    erased_at = customer.erased_at
    return erased_at is not None and when.timestamp <= erased_at and not isinstance(fact, CustomerProfile)


def _profile(customer: Customer | None, given: CustomerProfile, when: When, limits: Limits) -> Outcome:
    updated_at = believable(given.updated_at, when.now, limits) or when.timestamp
    before = None if customer is None else customer.profile
    if before is not None and before.updated_at > updated_at:
        return customer, STALE
    tier = clean(given.tier)
    unknown_tier = tier is not None and len(tier) > _MAX_TIER_CHARS
    profile = replace(
        given,
        tier=None if unknown_tier else tier,
        locale=clean(given.locale),
        tags=tuple(tag for one in given.tags[:_MAX_TAGS] if (tag := clean(one)) is not None),
        preferred_representative=clean(given.preferred_representative),
        updated_at=updated_at,
    )
    if profile == before:
        return customer, REPEATED
    return replace(_known(customer, given), profile=profile), BAD if unknown_tier else APPLIED


def _purchase(customer: Customer | None, given: Purchase, when: When, limits: Limits) -> Outcome:
    if not finite(given.amount) or given.amount > _MAX_AMOUNT:
        return customer, BAD
    purchase = replace(
        given,
        category=clean(given.category),
        currency=clean(given.currency),
        status=clean(given.status) or "unknown",
        purchased_at=believable(given.purchased_at, when.now, limits) or when.timestamp,
    )
    known = _known(customer, given)
    same = [
        one for one in known.purchases if (one.order_id, one.product_id) == (given.order_id, given.product_id)
    ]
    if purchase in same:
        return customer, REPEATED
    if any(one.purchased_at > purchase.purchased_at for one in same):
        return customer, STALE
    kept = sorted(
        (*(one for one in known.purchases if one not in same), purchase), key=lambda one: one.purchased_at
    )
    after = replace(known, purchases=tuple(kept[-limits.purchases :]))
    return after, APPLIED if purchase in after.purchases else STALE


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
        return customer, BAD
    if customer is not None and event in customer.events:
        return customer, REPEATED
    conversation = conversation_of(customer, event.conversation_id)
    past = _consultation(customer, event.conversation_id)
    if conversation is None and past is None and event.conversation_id not in waiting:
        return customer, BAD
    known = _known(customer, given)
    known = replace(known, events=(*known.events, event)[-limits.events :])
    if conversation is None and past is None:
        conversation = Conversation(
            conversation_id=event.conversation_id, opened_at=when.now, last_at=when.now
        )
    if conversation is not None:
        known = with_conversation(known, _moved(conversation, event), limits)
    if kind in (RESOLVED, ABANDONED, RATED):
        known = with_consultation(known, _ended(conversation, past, event), limits)
    return known, APPLIED


def _moved(conversation: Conversation, event: ConversationEvent) -> Conversation:
    match event.kind:
        case "assigned" | "transferred":
            return replace(
                conversation,
                assigned_at=event.at,
                sla_due_at=None,
                queue=event.queue or conversation.queue,
                representative=event.representative
                or (conversation.representative if event.kind == ASSIGNED else None),
            )
        case "resolved" | "abandoned":
            return replace(
                conversation, assigned_at=None, representative=None, sla_due_at=None, status=event.kind
            )
        case _:
            return conversation


def _ended(
    conversation: Conversation | None, past: Consultation | None, event: ConversationEvent
) -> Consultation:
    """The conversation in one line, with what the event adds to what is known of its end."""
    if past is None:
        past = consultation_of(conversation) if conversation is not None else None
    if past is None:
        past = Consultation(conversation_id=event.conversation_id, at=event.at)
    if event.kind == RATED:
        return replace(past, score=event.score)
    if conversation is not None:
        past = replace(consultation_of(conversation), score=past.score)
    return replace(
        past, outcome=event.kind, representative=event.representative or past.representative, at=event.at
    )


def _feedback(
    customer: Customer | None, given: Feedback, when: When, taxonomy: Taxonomy, limits: Limits
) -> Outcome:
    if customer is None:
        return customer, BAD
    intents = {intent.id for intent in taxonomy.intents}
    wrong_intent = given.intent is not None and given.intent not in intents
    wrong_emotion = given.emotion is not None and given.emotion not in taxonomy.emotions
    if wrong_intent or wrong_emotion:
        return customer, BAD
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
        events=(*customer.events, mark)[-limits.events :],
        corrections=customer.corrections + 1,
    )
    for conversation in customer.conversations:
        if conversation.decision_id == given.decision_id:
            corrected = replace(
                conversation,
                intent=given.intent or conversation.intent,
                queue=mark.queue or conversation.queue,
            )
            after = with_conversation(after, corrected, limits)
    return after, APPLIED


def _known(customer: Customer | None, given: Fact) -> Customer:
    return customer or Customer(tenant_id=given.tenant_id, customer_id=given.customer_id)


def _consultation(customer: Customer | None, conversation_id: str) -> Consultation | None:
    if customer is None:
        return None
    return next((one for one in customer.consultations if one.conversation_id == conversation_id), None)
