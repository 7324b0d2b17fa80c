"""Escalate: each cause once in a conversation, with evidence that gives nobody away."""

from __future__ import annotations

from frontdesk.streams.ids import alert_id
from tests.support.core import NOW, Shard, answer, message, pipeline


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
