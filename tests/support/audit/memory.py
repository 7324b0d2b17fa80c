"""What a customer's record has to be: every change that a message, a decision, a fact or an erasure makes, written a second time.

Written from the contract, not shared with the core: only the record classes, the core's bounds and `redact` (what counts as
personal data cannot sensibly be written twice) are. Input has to be in normal form, as the chaos run publishes it: times that
can be believed, short values without control characters, known intents and kinds. A time that only the step's clock knew is
`UNKNOWN`, and is not compared.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from frontdesk.schemas.inputs import ConversationEvent, CustomerMessage, CustomerProfile, Feedback, Purchase
from frontdesk.schemas.outputs import Decision, Label
from frontdesk.schemas.state import Consultation, Conversation, Customer, DayCount, Turn
from frontdesk.schemas.types import Millis, Scalar
from frontdesk.streams.limits import Limits
from frontdesk.streams.redact import redact
from frontdesk.streams.understand import SURE_INTENT, SURE_LANGUAGE

UNKNOWN = Millis(-1)
ALERTS = re.compile(r"; (\w+) \((?:info|warning|critical)\)$")
"""the kind of the alert that a reason tells of"""
GRAVER = "!"
"""stands behind the kind of an alert that was raised before, less gravely"""
BOUNDS = Limits()
FALLBACK = "other"
"""the intent of what says nothing, in every taxonomy that is audited"""
DAY = 86_400_000
ORDER = ("assigned", "transferred", "resolved", "abandoned", "rated")

Fact = CustomerProfile | Purchase | ConversationEvent | Feedback


def concluded(
    customer: Customer, message: CustomerMessage, decision: Decision | None, alerts: Iterable[str]
) -> Customer:
    """After a message: its id and, unless it was written before an erasure, its turn and what was decided."""
    customer = replace(customer, seen=(*customer.seen, message.message_id)[-BOUNDS.dedupe_window :])
    at = UNKNOWN if decision is None else decision.received_at
    if customer.erased_at is not None and message.sent_at < customer.erased_at:
        return _wordless(customer, message, decision, alerts)
    customer = _began(customer, message.conversation_id, at)
    before = talk(customer, message.conversation_id) or _new(message.conversation_id, at)
    turn = Turn(
        role=message.role,
        text=redact(message.text or "")[: BOUNDS.turn_chars],
        at=at if at == UNKNOWN else min(at, message.sent_at or at),
        intent=None if decision is None else _sure(decision.labels.intent, SURE_INTENT),
        emotion=None if decision is None else decision.labels.emotion.value,
        language=None if decision is None else decision.labels.language.value,
    )
    after = replace(before, last_at=at, turns=(*before.turns, turn)[-BOUNDS.turns :])
    if message.role == "representative":
        after = replace(after, sla_due_at=None, waiting_since=None)
    if decision is not None:
        language = decision.labels.language
        plain = None if language.source == "fallback" else _sure(language, SURE_LANGUAGE)
        after = replace(
            after,
            customer_turns=before.customer_turns + 1,
            decisions=before.decisions + 1,
            mood=recorded(decision)["mood"],
            mood_level=recorded(decision)["mood_level"],
            failures=recorded(decision)["failures"],
            language=plain or before.language,
            waiting_since=at if before.waiting_since is None else before.waiting_since,
            status=_status(customer, before, message),
            last_sent_at=max(before.last_sent_at, message.sent_at),
            **_route(decision, before, alerts),
        )
        customer = _counted(customer, decision, before, message.conversation_id)
    return _newest(customer, after)


def _wordless(
    customer: Customer, message: CustomerMessage, decision: Decision | None, alerts: Iterable[str]
) -> Customer:
    """After a message from before an erasure: what it raised, and no more."""
    if decision is None:
        return customer
    before = talk(customer, message.conversation_id) or _new(message.conversation_id, decision.received_at)
    raised = _raised(decision, before, alerts)
    if not alerts and raised["escalated"] == before.escalated:
        return customer
    return _newest(customer, replace(before, last_at=decision.received_at, **raised))


def amended(customer: Customer, decision: Decision, alerts: Iterable[str]) -> Customer:
    """After a second revision of a conversation's latest decision."""
    before = talk(customer, decision.conversation_id)
    if before is None:
        return customer
    more = (decision.labels.intent.value == "complaint") - (before.intent == "complaint")
    if more:
        customer = _with_day(customer, decision.received_at // DAY, 0, 0, more)
    return _newest(customer, replace(before, **_route(decision, before, alerts)))


def learned(
    customer: Customer | None, fact: Fact, timestamp: int, waiting: Collection[str]
) -> Customer | None:
    """After a fact whose record has this timestamp. `waiting` names the conversations of messages that are not concluded."""
    if (
        customer is not None
        and customer.erased_at is not None
        and timestamp <= customer.erased_at
        and not isinstance(fact, CustomerProfile)
    ):
        return customer
    known = customer or Customer(tenant_id=fact.tenant_id, customer_id=fact.customer_id)
    if isinstance(fact, CustomerProfile):
        stale = known.profile is not None and known.profile.updated_at > fact.updated_at
        return known if stale else replace(known, profile=fact)
    if isinstance(fact, Purchase):
        return _bought(known, fact)
    if isinstance(fact, Feedback):
        return customer and _corrected(customer, fact)
    return _happened(known, fact)


def erased(customer: Customer | None, tenant_id: str, customer_id: str, at: int) -> Customer:
    """After a tombstone: the ids of messages, and when it was."""
    seen = () if customer is None else customer.seen
    return Customer(tenant_id=tenant_id, customer_id=customer_id, seen=seen, erased_at=Millis(at))


def talk(customer: Customer | None, conversation_id: str) -> Conversation | None:
    """The conversation, where it is remembered in full."""
    known = () if customer is None else customer.conversations
    return next((one for one in known if one.conversation_id == conversation_id), None)


def facts_seen(
    customer: Customer | None, message: CustomerMessage, alerts: Collection[str]
) -> dict[str, Scalar]:
    """What a decision must have recorded of the state it was made in, as far as no clock and no label is in it."""
    if customer is not None:
        customer = _began(customer, message.conversation_id, UNKNOWN)
    one = talk(customer, message.conversation_id)
    profile = None if customer is None else customer.profile
    purchases = () if customer is None else customer.purchases
    return {
        "known_customer": profile is not None or bool(purchases),
        "tier": (profile.tier if profile is not None else None) or "",
        "preferred_representative": (profile.preferred_representative if profile is not None else None) or "",
        "purchases": len(purchases),
        "turn": 1 if one is None else one.customer_turns + 1,
        "intent_before": "" if one is None else one.intent or "",
        "queue_before": "" if one is None else one.queue or "",
        "assigned": one is not None and one.assigned_at is not None,
        "representative": "" if one is None else one.representative or "",
        "escalated": one is not None and one.escalated_at is not None,
        "alerted": one is not None and bool(one.escalated),
        "alerts raised before": bool(one is not None and set(alerts) & set(one.escalated)),
    }


def recorded(decision: Decision) -> Mapping[str, Scalar]:
    """The facts of a decision by name. None of its alerts may have been raised before."""
    return {fact.name: fact.value for fact in decision.facts} | {"alerts raised before": False}


def without_unknown(actual: Customer, expected: Customer) -> Customer:
    """What a table holds, with `UNKNOWN` wherever the expected record says so: then the two can be compared."""
    talks = zip(actual.conversations, expected.conversations, strict=False)
    past = zip(actual.consultations, expected.consultations, strict=False)
    return replace(
        actual,
        alerts=expected.alerts,
        conversations=(
            *(_blurred(one, other) for one, other in talks),
            *actual.conversations[len(expected.conversations) :],
        ),
        consultations=(
            *(replace(one, at=UNKNOWN) if other.at == UNKNOWN else one for one, other in past),
            *actual.consultations[len(expected.consultations) :],
        ),
    )


def _blurred(one: Conversation, other: Conversation) -> Conversation:
    turns = zip(one.turns, other.turns, strict=False)
    return replace(
        one,
        # What timers do lies at no record's time: `tables` holds it against what was published.
        escalated=tuple(kind for kind in one.escalated if kind != "sla"),
        sla_due_at=other.sla_due_at if "sla" in one.escalated else one.sla_due_at,
        opened_at=UNKNOWN if other.opened_at == UNKNOWN else one.opened_at,
        last_at=UNKNOWN if other.last_at == UNKNOWN else one.last_at,
        turns=(
            *(replace(turn, at=UNKNOWN) if same.at == UNKNOWN else turn for turn, same in turns),
            *one.turns[len(other.turns) :],
        ),
    )


def _sure(label: Label, least: float) -> str | None:
    return label.value if label.confidence >= least else None


def _new(conversation_id: str, at: Millis) -> Conversation:
    return Conversation(conversation_id=conversation_id, opened_at=at, last_at=at)


def _route(decision: Decision, before: Conversation, alerts: Iterable[str]) -> dict[str, object]:
    about = _sure(decision.labels.intent, SURE_INTENT)
    return {
        "sla_due_at": _sla_due(decision, before),
        "intent": decision.labels.intent.value,
        "topic": before.topic if about in (None, FALLBACK) else about,
        "queue": decision.queue,
        "decision_id": decision.decision_id,
        **_raised(decision, before, alerts),
    }


def _raised(decision: Decision, before: Conversation, alerts: Iterable[str]) -> dict[str, object]:
    raised = dict.fromkeys((*before.escalated, *(kind.removesuffix(GRAVER) for kind in alerts)))
    wanted = (ALERTS.findall(reason.because) for reason in decision.reasons if reason.effect == "alert")
    # Wanted, and neither raised now nor before: another conversation has raised it lately.
    held = dict.fromkeys(f"~{kind}" for kinds in wanted for kind in kinds if kind not in raised)
    first = decision.decided_at if decision.action == "escalate" else None
    return {
        "escalated": tuple(raised | held),
        "escalated_at": first if before.escalated_at is None else before.escalated_at,
    }


def _sla_due(decision: Decision, before: Conversation) -> Millis | None:
    """The earliest that nobody has met; nothing new where somebody has the conversation, unless it is escalated."""
    with_somebody = before.assigned_at is not None and decision.action != "escalate"
    new = None if with_somebody or decision.action == "keep" else decision.sla_due_at
    return min((due for due in (before.sla_due_at, new) if due is not None), default=None)


def _newest(customer: Customer, one: Conversation) -> Customer:
    """The conversation as the newest; the oldest beyond the bound is kept in one line, unless it is already."""
    talks = (
        *(other for other in customer.conversations if other.conversation_id != one.conversation_id),
        one,
    )
    over = max(0, len(talks) - BOUNDS.conversations)
    customer = replace(customer, conversations=talks[over:])
    for old in talks[:over]:
        if _past(customer, old.conversation_id) is None:
            customer = _with_past(customer, _in_one_line(old))
    return customer


def _past(customer: Customer, conversation_id: str) -> Consultation | None:
    return next((one for one in customer.consultations if one.conversation_id == conversation_id), None)


def _with_past(customer: Customer, one: Consultation) -> Customer:
    if _past(customer, one.conversation_id) is None:
        kept = (*customer.consultations, one)[-BOUNDS.consultations :]
    else:
        kept = tuple(
            one if other.conversation_id == one.conversation_id else other for other in customer.consultations
        )
    return replace(customer, consultations=kept)


def _in_one_line(one: Conversation) -> Consultation:
    return Consultation(
        conversation_id=one.conversation_id,
        intent=one.topic or one.intent,
        queue=one.queue,
        representative=one.representative,
        at=one.last_at,
    )


def _bought(customer: Customer, purchase: Purchase) -> Customer:
    """The newest record of each order line, the newest lines; by time of purchase."""
    same = [
        one
        for one in customer.purchases
        if (one.order_id, one.product_id) == (purchase.order_id, purchase.product_id)
    ]
    if any(one.purchased_at > purchase.purchased_at or one == purchase for one in same):
        return customer
    kept = [*(one for one in customer.purchases if one not in same), purchase]
    kept.sort(key=lambda one: (one.purchased_at, one.order_id, one.product_id))
    return replace(customer, purchases=tuple(kept[-BOUNDS.purchases :]))


def _corrected(customer: Customer, feedback: Feedback) -> Customer:
    mark = ConversationEvent(
        conversation_id=feedback.decision_id,
        customer_id=feedback.customer_id,
        tenant_id=feedback.tenant_id,
        kind="corrected",
        queue=feedback.queue,
        representative=feedback.by,
        at=feedback.at,
    )
    if mark in customer.events:
        return customer
    customer = replace(
        customer,
        events=_sorted(*customer.events, mark),
        corrections=customer.corrections + 1,
    )
    for one in customer.conversations:
        if one.decision_id == feedback.decision_id:
            corrected = replace(
                one,
                intent=feedback.intent or one.intent,
                topic=feedback.intent or one.topic,
                queue=feedback.queue or one.queue,
            )
            customer = _replaced(customer, corrected)
    return customer


def _happened(customer: Customer, event: ConversationEvent) -> Customer:
    """All that happened to a conversation, told again from the start, in order; of an unknown one it is only noted."""
    if event in customer.events:
        return customer
    customer = replace(customer, events=_sorted(*customer.events, event))
    name = event.conversation_id
    if talk(customer, name) is None and _past(customer, name) is None:
        return customer
    return _retold(customer, name, event)


def _began(customer: Customer, name: str, at: Millis) -> Customer:
    events = [one for one in customer.events if one.conversation_id == name and one.kind in ORDER]
    if not events or talk(customer, name) is not None or _past(customer, name) is not None:
        return customer
    customer = _newest(customer, _new(name, at))
    for event in events:
        customer = _retold(customer, name, event)
    return customer


def _retold(customer: Customer, name: str, new: ConversationEvent) -> Customer:
    one, past = talk(customer, name), _past(customer, name)
    assigned_at, who, end, by, score, queue_from = None, None, None, None, None, None
    for event in customer.events:
        if event.conversation_id != name:
            continue
        if event.kind in ("assigned", "transferred"):
            assigned_at = event.at
            who = event.representative or (who if event.kind == "assigned" else None)
            queue_from = event if event.queue else queue_from
        elif event.kind in ("resolved", "abandoned"):
            end, by, assigned_at, who = event, event.representative or who, None, None
        elif event.kind == "rated":
            score = event.score
    if one is not None:
        over = end is not None and end.at >= one.last_sent_at
        met = new.kind in ("assigned", "transferred") or (over and end == new)
        one = replace(
            one,
            assigned_at=assigned_at,
            representative=who,
            queue=new.queue if queue_from == new else one.queue,
            status=end.kind if over and end is not None else one.status,
            sla_due_at=None if met else one.sla_due_at,
        )
        customer = _replaced(customer, one)
    if past is None and end is None and score is None:
        return customer
    line = _in_one_line(one) if one is not None else past
    assert line is not None
    if one is not None and past is not None:
        line = replace(line, score=past.score)
        if end is None and past.outcome is not None:
            line = replace(line, outcome=past.outcome, representative=past.representative, at=past.at)
    if end is not None:
        kept = line.representative if one is None else None
        line = replace(line, outcome=end.kind, representative=by or kept, at=end.at)
    return _with_past(customer, line if score is None else replace(line, score=score))


def _status(customer: Customer, before: Conversation, message: CustomerMessage) -> str:
    """Open, unless this is the first message, and its conversation ended after it."""
    ended = [
        one.kind
        for one in customer.events
        if one.conversation_id == message.conversation_id
        and one.kind == before.status
        and one.at >= message.sent_at
    ]
    return ended[-1] if ended and not before.customer_turns else "open"


def _counted(customer: Customer, decision: Decision, before: Conversation, name: str) -> Customer:
    past = _past(customer, name)
    begins = not before.customer_turns and (past is None or past.intent is None)
    complains = decision.labels.intent.value == "complaint"
    return _with_day(customer, decision.received_at // DAY, int(begins), 1, int(complains))


def _with_day(customer: Customer, day: int, contacts: int, messages: int, complaints: int) -> Customer:
    days = {one.day: one for one in customer.days}
    one = days.get(day, DayCount(day=day))
    days[day] = DayCount(
        day=day,
        contacts=one.contacts + contacts,
        messages=one.messages + messages,
        complaints=max(0, one.complaints + complaints),
    )
    return replace(customer, days=tuple(days[number] for number in sorted(days))[-BOUNDS.days :])


def _replaced(customer: Customer, one: Conversation) -> Customer:
    return replace(
        customer,
        conversations=tuple(
            one if other.conversation_id == one.conversation_id else other for other in customer.conversations
        ),
    )


def _sorted(*events: ConversationEvent) -> tuple[ConversationEvent, ...]:
    """As they happened; of one moment by kind, then by what they name."""

    def place(one: ConversationEvent) -> tuple[object, ...]:
        kind = ORDER.index(one.kind) if one.kind in ORDER else len(ORDER)
        score = -1.0 if one.score is None else one.score
        return one.at, kind, one.conversation_id, one.queue or "", one.representative or "", score

    return tuple(sorted(events, key=place))[-BOUNDS.events :]
