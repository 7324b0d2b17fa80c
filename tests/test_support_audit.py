"""The auditor of the fault runs finds what it is for: a sound run passes, and each way of spoiling its logs is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.outputs import Alert, Decision, Suggestion
from frontdesk.schemas.state import Customer, Timer
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    CUSTOMERS_TABLE,
    ESCALATION_ALERTS,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
    ROUTING_LABELS,
    SERVICE_SUGGESTIONS,
    SHARDS_TABLE,
    TIMERS_TABLE,
    WAITING_TABLE,
    changelog_topic,
)
from frontdesk.schemas.types import Millis
from tests.support.audit import Audit, Entry, Logs, Sample, examine
from tests.support.audit.logs import APPLICATION
from tests.support.paper import Paper

CODEC = Codec()
CUSTOMERS = changelog_topic(APPLICATION, CUSTOMERS_TABLE)
SHARDS = changelog_topic(APPLICATION, SHARDS_TABLE)
TIMERS = changelog_topic(APPLICATION, TIMERS_TABLE)
WAITING = changelog_topic(APPLICATION, WAITING_TABLE)


@pytest.fixture(scope="module")
def sound() -> Logs:
    """A run in which nothing went wrong."""
    return Paper(1).run(30)


@pytest.fixture
def logs(sound: Logs) -> Logs:
    """The same, to be spoiled."""
    copy = Logs(ends=dict(sound.ends), committed=dict(sound.committed), samples=list(sound.samples))
    copy.entries.update({topic: list(entries) for topic, entries in sound.entries.items()})
    return copy


def kinds(account: Audit) -> set[str]:
    """What kinds of fault were found."""
    return {fault.kind for fault in account.faults}


def decision_of(entry: Entry) -> Decision:
    """What a record of the decisions says."""
    return CODEC.decode(Decision, entry.value)


def again(logs: Logs, entry: Entry, value: bytes | None) -> None:
    """Append to the entry's log a record with its key."""
    end = logs.ends[entry.topic, entry.partition]
    logs.add([entry._replace(offset=end, value=value)])
    logs.sort()


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.slow
def test_a_sound_run_passes_whatever_its_traffic(seed: int) -> None:
    account = examine(Paper(seed).run(30))
    assert account.faults == []
    assert account.decisions == account.messages > 200
    assert min(account.duplicates, account.dead_letters, account.provisional, account.samples) > 0


@pytest.mark.parametrize("seed", range(6, 9))
@pytest.mark.slow
def test_a_run_with_outages_passes_although_its_steps_are_large(seed: int) -> None:
    account = examine(Paper(seed, outages=0.05).run(40))
    assert account.faults == []
    assert account.decisions == account.messages > 200


def test_the_sound_run_has_of_everything(sound: Logs) -> None:
    account = examine(sound)
    assert account.faults == []
    assert min(account.context, account.amended, account.alerts, account.facts, len(account.resolved)) > 0
    assert {alert.kind for raised in account.raised.values() for alert in raised} == {"complaint", "sla"}
    causes = [
        cause
        for entry in sound.entries[CUSTOMERS]
        for talk in CODEC.decode(Customer, entry.value).conversations
        for cause in talk.escalated
    ]
    assert "~complaint" in causes, "no alert was held back"


@pytest.mark.parametrize(
    "topic", [ROUTING_DECISIONS, ROUTING_DEAD_LETTERS, ROUTING_LABELS, SERVICE_SUGGESTIONS]
)
def test_an_output_that_is_lost(logs: Logs, topic: str) -> None:
    del logs.entries[topic][len(logs.entries[topic]) // 2]
    assert "lost" in kinds(examine(logs))


@pytest.mark.parametrize(
    "topic",
    [ROUTING_DECISIONS, ROUTING_DEAD_LETTERS, ROUTING_LABELS, SERVICE_SUGGESTIONS, ESCALATION_ALERTS],
)
def test_an_output_that_is_doubled(logs: Logs, topic: str) -> None:
    entry = logs.entries[topic][len(logs.entries[topic]) // 2]
    again(logs, entry, entry.value)
    assert "doubled" in kinds(examine(logs))


def test_a_second_decision_that_says_something_else(logs: Logs) -> None:
    entry = logs.entries[ROUTING_DECISIONS][10]
    again(logs, entry, CODEC.encode(replace(decision_of(entry), queue="elsewhere")))
    assert "conflicting" in kinds(examine(logs))


def test_a_decision_for_nobody(logs: Logs) -> None:
    entry = logs.entries[ROUTING_DECISIONS][10]
    stray = replace(decision_of(entry), message_id="of nobody", decision_id="d")
    again(logs, entry, CODEC.encode(stray))
    assert "stray" in kinds(examine(logs))


def test_two_decisions_of_a_customer_in_the_wrong_order(logs: Logs) -> None:
    decisions = logs.entries[ROUTING_DECISIONS]
    first = next(
        one
        for one, entry in enumerate(decisions)
        if decision_of(entry).revision == 1
        and any(_next_of_the_same(decision_of(entry), decision_of(later)) for later in decisions[one + 1 :])
    )
    second = next(
        other
        for other in range(first + 1, len(decisions))
        if _next_of_the_same(decision_of(decisions[first]), decision_of(decisions[other]))
    )
    one, other = decisions[first], decisions[second]
    decisions[first], decisions[second] = one._replace(value=other.value), other._replace(value=one.value)
    assert "out of order" in kinds(examine(logs))


def _next_of_the_same(one: Decision, other: Decision) -> bool:
    return (other.revision, other.tenant_id, other.customer_id) == (1, one.tenant_id, one.customer_id)


def test_an_answer_that_still_waits_at_the_end(logs: Logs) -> None:
    entry = next(entry for entry in reversed(logs.entries[WAITING]) if entry.value is not None)
    again(logs, entry, entry.value)
    assert "lost" in kinds(examine(logs))


def _fewer_turns(customer: Customer) -> Customer:
    talk = customer.conversations[-1]
    return replace(
        customer, conversations=(*customer.conversations[:-1], replace(talk, turns=talk.turns[:-1]))
    )


@pytest.mark.parametrize(
    "spoil",
    [
        _fewer_turns,
        lambda one: replace(one, seen=one.seen[:-1]),
        lambda one: replace(one, seen=(*one.seen[:-2], one.seen[-1], one.seen[-2])),
        lambda one: replace(one, corrections=one.corrections + 1),
    ],
    ids=["a turn is missing", "an id is missing", "ids are swapped", "a correction counts twice"],
)
@pytest.mark.slow
def test_a_table_that_differs(logs: Logs, spoil: Callable[[Customer], Customer]) -> None:
    """In the last record of one customer: an effect that is missing, in the wrong place or there twice."""
    last = {entry.key: entry for entry in logs.entries[CUSTOMERS]}
    entry, customer = next(
        (entry, known)
        for entry in last.values()
        if (known := CODEC.decode(Customer, entry.value)).conversations and len(known.seen) > 1
    )
    again(logs, entry, CODEC.encode(spoil(customer)))
    account = examine(logs)
    assert kinds(account) == {"table differs"}
    assert customer.customer_id in account.faults[0].what


def test_a_table_without_a_customer(logs: Logs) -> None:
    again(logs, logs.entries[CUSTOMERS][0], None)
    assert kinds(examine(logs)) == {"table differs"}


@pytest.mark.parametrize(
    ("kind", "spoil", "found"),
    [
        ("sla", lambda one: None if one.status == "resolved" else one, "table differs"),
        ("complaint", lambda one: None if one.status == "resolved" else one, "table differs"),
        ("sla", lambda one: None if one.status == "raised" else one, "table differs"),
        ("sla", lambda one: replace(one, severity="info"), "table differs"),
        ("complaint", lambda one: replace(one, raised_at=one.raised_at + 1), "stray"),
        ("sla", lambda one: replace(one, conversation_id="another"), "stray"),
    ],
    ids=["sla not resolved", "not resolved", "not raised", "less severe", "too late", "of another"],
)
@pytest.mark.slow
def test_an_alert_that_differs(
    logs: Logs, kind: str, spoil: Callable[[Alert], Alert | None], found: str
) -> None:
    """All alerts of a kind, put wrong in one way."""
    kept = []
    for entry in logs.entries[ESCALATION_ALERTS]:
        alert = CODEC.decode(Alert, entry.value)
        after = spoil(alert) if alert.kind == kind else alert
        kept += [] if after is None else [entry._replace(value=CODEC.encode(after))]
    logs.entries[ESCALATION_ALERTS] = kept
    assert found in kinds(examine(logs))


def test_a_timer_that_is_missing_and_one_that_is_too_late(logs: Logs) -> None:
    last = {entry.key: entry for entry in logs.entries[TIMERS] if entry.value is not None}
    first, second, *_ = last.values()
    again(logs, first, None)
    again(logs, second, CODEC.encode(Timer(due_at=Millis(2**50))))
    account = examine(logs)
    assert kinds(account) == {"table differs"}
    assert len(account.faults) == 2


def test_a_step_that_forgot_what_the_one_before_it_did(logs: Logs) -> None:
    """A decision made on an older state: the facts that it recorded tell, even if the table is right in the end."""
    spoiled = next(
        (number, decision)
        for number, entry in enumerate(logs.entries[ROUTING_DECISIONS])
        if dict(_facts(decision := decision_of(entry)))["turn"] == 2
    )
    number, decision = spoiled
    facts = tuple(replace(fact, value=1) if fact.name == "turn" else fact for fact in decision.facts)
    entry = logs.entries[ROUTING_DECISIONS][number]
    logs.entries[ROUTING_DECISIONS][number] = entry._replace(
        value=CODEC.encode(replace(decision, facts=facts))
    )
    assert "table differs" in kinds(examine(logs))


def _facts(decision: Decision) -> list[tuple[str, object]]:
    return [(fact.name, fact.value) for fact in decision.facts]


def test_an_offset_beyond_the_end(logs: Logs) -> None:
    logs.committed[CUSTOMER_MESSAGES, 0] += 1
    assert kinds(examine(logs)) == {"offset too far"}


def test_an_offset_that_was_too_far_for_a_while(logs: Logs) -> None:
    """Committed before outputs and state: seen in a sample only, since all is well in the end."""
    number = len(logs.samples) // 2
    sample = logs.samples[number]
    later = {**sample.committed, (CUSTOMER_MESSAGES, 1): logs.committed[CUSTOMER_MESSAGES, 1]}
    logs.samples[number] = Sample(later, sample.ends)
    assert kinds(examine(logs)) == {"offset too far"}


def test_an_offset_whose_outputs_came_later_than_the_state(logs: Logs) -> None:
    sample = logs.samples[-1]
    early = {**sample.ends, (ROUTING_DECISIONS, 0): 1}
    logs.samples[-1] = Sample(sample.committed, early)
    assert kinds(examine(logs)) == {"offset too far"}


def test_a_shard_that_went_back(logs: Logs) -> None:
    earlier = next(entry for entry in logs.entries[SHARDS] if entry.partition == 0)
    again(logs, earlier, earlier.value)
    assert "offset too far" in kinds(examine(logs))


@pytest.fixture(scope="module")
def worded() -> Logs:
    """A run in which replies were drafted, and nothing went wrong."""
    return Paper(1, drafts=True).run(15)


def drafts_of(logs: Logs) -> list[Entry]:
    """Second revisions of suggestions."""
    entries = logs.entries[SERVICE_SUGGESTIONS]
    return [entry for entry in entries if CODEC.decode(Suggestion, entry.value).revision == 2]


def test_drafts_pass_where_each_follows_its_suggestion(worded: Logs) -> None:
    account = examine(worded)
    assert account.faults == []
    assert len(account.drafted) == len(drafts_of(worded)) > 10


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "doubled"),
        ({"revision": 3}, "out of order"),
        ({"automatic": True}, "conflicting"),
        ({"tone": "cold"}, "conflicting"),
        ({"source": "template"}, "conflicting"),
        ({"decision_id": "nobody's"}, "stray"),
    ],
    ids=str,
)
def test_a_draft_that_is_none(worded: Logs, changes: dict[str, object], kind: str) -> None:
    logs = Logs(ends=dict(worded.ends), committed=dict(worded.committed), samples=list(worded.samples))
    logs.entries.update({topic: list(entries) for topic, entries in worded.entries.items()})
    entry = drafts_of(logs)[3]
    changed = CODEC.encode(replace(CODEC.decode(Suggestion, entry.value), **changes))
    if kind == "doubled":
        again(logs, entry, changed)
    else:
        at = logs.entries[SERVICE_SUGGESTIONS].index(entry)
        logs.entries[SERVICE_SUGGESTIONS][at] = entry._replace(value=changed)
    assert kind in kinds(examine(logs))
