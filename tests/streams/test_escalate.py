"""Escalate: each cause once in a conversation, with evidence that gives nobody away."""

from __future__ import annotations

from frontdesk.schemas.inputs import ConversationEvent
from frontdesk.schemas.topics import CUSTOMER_PROFILES
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Batch
from frontdesk.streams.ids import alert_id
from frontdesk.streams.state import customer_key
from tests.support.core import NOW, POLICY, Shard, answer, message, pipeline


def test_an_alert_has_its_evidence() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "complaint: it caught fire, call me at 13812345678 " + "x" * 300))
    assert [alert.kind for alert in shard.alerts] == ["safety", "complaint"]
    safety = shard.alerts[0]
    assert (safety.severity, safety.to, safety.rule) == ("critical", "safety-desk", "safety")
    assert safety.alert_id == alert_id("default", "talk", "safety")
    assert safety.decision_id == shard.decisions[0].decision_id
    assert safety.raised_at == NOW
    quote = safety.evidence[0]
    assert "complaint: it caught fire" in quote
    assert len(quote) <= 202
    assert "13812345678" not in repr(shard.alerts)
    assert any(line.startswith("cue: ") for line in safety.evidence)
    assert any(line.startswith("because: ") for line in safety.evidence)


def test_a_cause_is_raised_once_in_a_conversation() -> None:
    shard = Shard(pipeline())
    shard.send(
        message("m1", "complaint"), message("m2", "complaint"), message("m3", "complaint, it caught fire")
    )
    assert [alert.kind for alert in shard.alerts] == ["complaint", "safety"]
    shard.send(message("m4", "complaint", conversation_id="another"))
    assert [alert.kind for alert in shard.alerts][2:] == ["complaint"]
    assert len({alert.alert_id for alert in shard.alerts}) == 3


WINDOW = POLICY.replace("sla_alert: true", "alert_again_after: 1h")


def held_back(rules: str, second: str = "complaint", *, after: int = 1, other: str = "another") -> int:
    """Alerts of kind complaint after two messages in two conversations, so many milliseconds apart."""
    shard = Shard(pipeline(rules=rules))
    shard.send(message("m1", "complaint"))
    shard.now = Millis(NOW + after)
    shard.send(message("m2", second, conversation_id=other))
    count = sum(alert.kind == "complaint" for alert in shard.alerts)
    assert shard.counts["alert_suppressed"] == 2 - count
    assert {reason.rule for reason in shard.decisions[1].reasons if reason.effect == "alert"} == {"complaint"}
    return count


def test_the_same_of_another_conversation_is_held_back_within_the_window() -> None:
    hour = 3_600_000
    assert held_back(POLICY) == 2, "no window unless the policy says so"
    assert held_back(WINDOW) == 1
    assert held_back(WINDOW, after=hour - 1) == 1
    assert held_back(WINDOW, after=hour) == 2
    own = WINDOW.replace(
        "severity: warning, to: managers", "severity: warning, to: managers, again_after: 2h"
    )
    assert held_back(own, after=hour) == 1
    assert held_back(own.replace("2h", "0")) == 2


def test_what_is_graver_is_not_held_back() -> None:
    rules = WINDOW + (
        "  - {id: grave, match: {intent: complaint, turn: {min: 2}}, then: {alert: {kind: complaint, severity: critical}}}\n"
    )
    shard = Shard(pipeline(rules=rules))
    shard.send(message("m1", "complaint"), message("m2", conversation_id="b"))
    shard.send(message("m3", "complaint", conversation_id="b"))
    assert [(alert.conversation_id, alert.severity) for alert in shard.alerts] == [
        ("talk", "warning"),
        ("b", "critical"),
    ], "of two rules the graver counts, and it is graver than what was alerted"
    shard.send(message("m4", conversation_id="c"), message("m5", "complaint", conversation_id="c"))
    assert len(shard.alerts) == 2


def test_what_is_held_back_is_counted_once_and_raised_when_the_window_is_over() -> None:
    shard = Shard(pipeline(rules=WINDOW))
    shard.send(message("m1", "complaint"))
    for name in ("m2", "m3"):
        shard.send(message(name, "complaint", conversation_id="b"))
    assert (len(shard.alerts), shard.counts["alert_suppressed"]) == (1, 1)
    facts = {fact.name: fact.value for fact in shard.decisions[-1].facts}
    assert facts["alerted"], "there is a cause, though nobody was told of it twice"
    shard.now = Millis(NOW + 3_600_000)
    shard.send(message("m4", "complaint", conversation_id="b"))
    assert [alert.conversation_id for alert in shard.alerts] == ["talk", "b"]


TO_MANAGERS = POLICY.replace("queue: managers, alert", "action: escalate, queue: managers, alert")


def test_only_a_decision_that_escalates_makes_a_conversation_escalated() -> None:
    for rules, escalated in ((POLICY, False), (TO_MANAGERS, True)):
        shard = Shard(pipeline(rules=rules))
        shard.send(message("m1", "complaint"), message("m2"))
        facts = {fact.name: fact.value for fact in shard.decisions[-1].facts}
        assert (facts["escalated"], facts["alerted"]) == (escalated, True)


def test_a_revision_may_escalate() -> None:
    shard = Shard(pipeline(rules=TO_MANAGERS, deadline_ms=1000))
    shard.send(message("m1", "unsure"))
    shard.at(NOW + 1000)
    shard.answers(answer(shard.asks[0], "complaint"))
    shard.send(message("m2"))
    assert {fact.name: fact.value for fact in shard.decisions[-1].facts}["escalated"] is True


def test_what_was_told_mildly_is_told_again_when_it_is_grave() -> None:
    """One alert, by its id; whoever hears of it last hears the gravest, and when it is over that is resolved once."""
    rules = (
        POLICY
        + "  - {id: grave, match: {intent: complaint, turn: {min: 2}}, then: {alert: {kind: complaint, severity: critical, to: board}}}\n"
    )
    shard = Shard(pipeline(rules=rules))
    shard.send(*(message(f"m{number}", "complaint") for number in range(4)))
    assert [(alert.severity, alert.to, alert.message_id) for alert in shard.alerts] == [
        ("warning", "managers", "m0"),
        ("critical", "board", "m1"),
    ]
    assert len({alert.alert_id for alert in shard.alerts}) == 1
    shard.send(
        ConversationEvent(conversation_id="talk", customer_id="ann", kind="resolved", at=Millis(NOW + 1))
    )
    assert [(alert.status, alert.severity) for alert in shard.alerts[2:]] == [("resolved", "critical")]


def test_what_was_written_before_an_erasure_is_alerted_once_and_resolved_in_time() -> None:
    """Nothing of the words is kept, but what people were told is."""
    shard = Shard(pipeline())
    shard.send(message("m0"))
    shard.now = Millis(NOW + 1000)
    shard.step(Batch(arrivals=(shard.arrival(None, topic=CUSTOMER_PROFILES),)))
    for number in range(2):
        shard.send(message(f"m{number + 1}", "complaint"))
    known = shard.state.customer(customer_key("default", "ann"))
    assert known is not None
    assert [alert.kind for alert in shard.alerts] == ["complaint"]
    assert [(one.turns, one.escalated) for one in known.conversations] == [((), ("complaint",))]
    shard.at(NOW + 2 * 86_400_000)
    assert [alert.status for alert in shard.alerts] == ["raised", "resolved"]


def test_another_customer_is_another_matter() -> None:
    shard = Shard(pipeline(rules=WINDOW))
    shard.send(message("m1", "complaint"), message("m2", "complaint", customer_id="bob", conversation_id="b"))
    assert len(shard.alerts) == 2


def test_what_was_said_in_trouble_before_is_quoted() -> None:
    shard = Shard(pipeline())
    before = (
        "terrible, I am at 13812345678",
        "so disappointed " + "y" * 200,
        "this is the worst service",
        "fine",
    )
    for number, text in enumerate(before):
        shard.send(message(f"m{number}", text))
    shard.send(message("m9", "complaint about everything"))
    (alert,) = shard.alerts
    quotes = [line for line in alert.evidence if "“" in line]
    assert quotes[0] == "“complaint about everything”"
    assert quotes[1].startswith("before: “so disappointed yyy")
    assert quotes[2] == "before: “this is the worst service”"
    assert len(quotes) == 3
    assert max(map(len, quotes)) < 100
    assert "13812345678" not in repr(alert)


def test_waiting_alone_is_no_escalation() -> None:
    """The fact `alerted` tells of causes that a rule saw."""
    shard = Shard(pipeline())
    shard.send(message("m1"))
    shard.at(NOW + 3_600_000)
    assert [alert.kind for alert in shard.alerts] == ["sla"]
    shard.send(message("m2"))
    facts = {fact.name: fact.value for fact in shard.decisions[-1].facts}
    assert facts["alerted"] is False


def test_a_revision_raises_only_what_is_new() -> None:
    shard = Shard(pipeline(deadline_ms=1000))
    shard.send(message("m1", "unsure, it caught fire"))
    shard.at(NOW + 1000)
    assert [alert.kind for alert in shard.alerts] == ["safety"]
    shard.answers(answer(shard.asks[0], "complaint"))
    assert [alert.kind for alert in shard.alerts] == ["safety", "complaint"]
    shard.send(message("m2", "complaint"))
    assert len(shard.alerts) == 2


def test_no_text_is_no_quote() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "complaint"))
    shard.asks.clear()
    assert shard.alerts[0].evidence[0] == "“complaint”"
    shard.send(message("m2", None, conversation_id="b"))
    assert len(shard.alerts) == 1


def test_facts_that_say_nothing_are_no_evidence() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "complaint"))
    evidence = "\n".join(shard.alerts[0].evidence)
    assert "negative_streak = 1" in evidence
    for silent in ("tier", "contacts_7d", "repeated_contact", "lifetime_value", "open_orders"):
        assert silent not in evidence
