"""What the demo tells of a run at its end: only what was published."""

from __future__ import annotations

from dataclasses import replace

from frontdesk.agents.demo.stories import Stories
from frontdesk.schemas.outputs import (
    Alert,
    Decision,
    Fact,
    Ground,
    Label,
    Labels,
    Recommendation,
    Suggestion,
)
from frontdesk.schemas.types import Scalar

LABELS = Labels(
    intent=Label(value="product_enquiry", confidence=0.9, source="local"),
    emotion=Label(value="neutral", confidence=0.9, source="rule"),
    urgency=Label(value="normal", confidence=0.9, source="rule"),
    language=Label(value="en", confidence=0.9, source="rule"),
)


def decision(message_id: str, *, who: str | None = None, **facts: Scalar) -> Decision:
    return Decision(
        decision_id=f"d-{message_id}",
        message_id=message_id,
        conversation_id="talk",
        customer_id="ada",
        action="route",
        queue="product_team",
        labels=LABELS,
        preferred_representative=who,
        facts=tuple(Fact(name=name, value=value) for name, value in facts.items()),
        policy_hash="p",
        model_version="m",
    )


def help_for(message_id: str) -> Suggestion:
    return Suggestion(
        decision_id=f"d-{message_id}",
        message_id=message_id,
        conversation_id="talk",
        customer_id="ada",
        language="en",
        tone="neutral",
        reply="It costs 179 USD.",
    )


def said(message_id: str) -> str:
    return f"words of {message_id}, reach me at ada@example.com"


def told(stories: Stories) -> str:
    return "\n".join(stories.told(said))


def test_of_nothing_nothing_is_told() -> None:
    assert Stories().told(said) == []


def test_a_fall_is_told_up_to_its_alert_and_in_redacted_words() -> None:
    stories = Stories()
    for message_id, mood in (("m1", 0.0), ("m2", -0.3), ("m3", -0.6), ("m4", -0.7)):
        stories.decided(decision(message_id, mood=mood))
    alert = Alert(
        alert_id="a",
        decision_id="d-m3",
        message_id="m3",
        conversation_id="talk",
        customer_id="ada",
        kind="mood",
        severity="warning",
        to="boss",
        evidence=("“m3”", "because: mood = -0.6"),
        rule="mood-collapse",
    )
    stories.alerted(alert)
    text = told(stories)
    assert "mood +0.00  “words of m1" in text
    assert "mood -0.60" in text
    assert "m4" not in text
    assert "ALERT warning mood to boss; because: mood = -0.6" in text
    assert "ada@example.com" not in text
    assert "[EMAIL]" in text


def test_a_mood_that_did_not_fall_is_no_story() -> None:
    stories = Stories()
    stories.decided(decision("m1", mood=-0.6))
    stories.decided(decision("m2", mood=-0.4))
    stories.alerted(
        Alert(
            alert_id="a",
            decision_id="d-m2",
            message_id="m2",
            conversation_id="talk",
            customer_id="ada",
            kind="vip",
            severity="warning",
            to="boss",
            rule="vip",
        )
    )
    assert told(stories) == ""


def test_an_automatic_reply_is_told_with_what_it_stands_on_and_whether_it_helped() -> None:
    stories = Stories()
    stories.decided(decision("m1"))
    stories.decided(decision("m2", automatic_helped="yes"))
    plain = help_for("m1")
    stories.suggested(plain)
    assert told(stories) == ""
    stories.suggested(replace(plain, automatic=True, grounds=(Ground(name="price", value="179 USD"),)))
    text = told(stories)
    assert "reply: It costs 179 USD." in text
    assert "stands on price = 179 USD" in text
    assert "(helped: yes)" in text


def test_a_recommendation_is_told_with_its_reason() -> None:
    stories = Stories()
    stories.decided(decision("m1"))
    offer = Recommendation(product_id="p", name="Dock", because="an accessory for Feather 14")
    stories.suggested(replace(help_for("m1"), recommendations=(offer,)))
    assert "offer Dock: an accessory for Feather 14" in told(stories)


def test_who_comes_back_about_the_same_thing_goes_to_the_same_person() -> None:
    stories = Stories()
    stories.decided(decision("m1", who="rep-1", topic_representative=""))
    assert told(stories) == ""
    stories.decided(decision("m2", who="rep-1", topic_representative="rep-1"))
    assert "to rep-1, who handled it before" in told(stories)
