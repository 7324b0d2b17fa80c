"""Teaching: which rows of a dataset are learned from, and what each counts for."""

from __future__ import annotations

from typing import Any

import pytest

from frontdesk.agents.learning import teaching
from frontdesk.agents.learning.examples import HOLDOUT, Example
from frontdesk.agents.learning.teaching import lesson, teacher_accuracy
from tests.support.asks import TAXONOMY


def row(number: int, intent: str = "billing", source: str = "llm", **fields: Any) -> Example:
    given: dict[str, Any] = {
        "decision_id": f"d{number:05}",
        "message_id": f"m{number}",
        "customer": f"c{number}",
        "at": number,
        "text": f"text {number}",
        "intent": intent,
        "intent_source": source,
        "asked": "unsure" if source == "llm" else "",
    }
    return Example(**(given | fields))


def test_only_what_people_or_an_llm_said_about_messages_of_train_is_learned() -> None:
    found = lesson(
        [
            row(0),
            row(1, source="person", weight=0.4),
            row(2, source="local"),
            row(3, source="rule", asked="unsure"),
            row(4, "no_such_intent"),
            row(5, weight=0.0),
            row(6, split=HOLDOUT),
            row(7, source="local", split=HOLDOUT),
        ],
        TAXONOMY,
    )
    assert [*found.rows] == [row(0), row(1, source="person", weight=0.4)]
    assert found.examples.texts == ["text 0", "text 1"]
    assert found.examples.labels == {"intent": ["billing", "billing"]}
    assert found.examples.weights == [1.0, 0.4]
    assert found.examples.certain == [False, True]
    assert found.examples.traffic == ["text 2"], "an LLM that gave no answer was asked all the same"
    assert found.left_out == {"nobody_said": 2, "unknown_intent": 1, "no_weight": 1}


def test_an_audit_stands_for_what_nobody_was_asked_about() -> None:
    audits = [row(0, asked="audit", copies=2), row(1, asked="audit")]
    unasked = [row(10 + n, source="local", copies=3) for n in range(9)]
    found = lesson([*audits, row(2, copies=4), row(3, source="person"), *unasked], TAXONOMY)
    # 27 messages were not asked about and 3 audited: each audited one stands for 10.
    assert found.examples.represents == [20.0, 10.0, 4.0, 1.0]
    assert found.audit_share == pytest.approx(0.1)
    assert lesson([row(2), *unasked], TAXONOMY).audit_share is None


def test_thresholds_are_for_the_newest_messages_asked_about_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teaching, "PRESENT", 3)
    found = lesson([row(n, source="llm" if n % 2 else "local") for n in (4, 1, 5, 2, 3)], TAXONOMY)
    assert found.examples.traffic == ["text 4"]
    assert found.examples.texts == ["text 1", "text 5", "text 3"], "what is older teaches all the same"
    assert found.examples.present == [False, True, True]


def test_messages_of_a_customer_stay_together_and_without_one_those_of_the_same_words() -> None:
    found = lesson([row(0), row(1, customer="", text="yes")], TAXONOMY)
    assert found.examples.groups == ["c0", "yes"]


def test_emotion_is_learned_where_somebody_said_it_often_enough() -> None:
    def with_emotions(angry: int) -> list[Example]:
        said = ["neutral"] * 30 + ["angry"] * angry
        return [
            *(row(n, emotion=value, emotion_source="llm") for n, value in enumerate(said)),
            row(100, emotion="angry", emotion_source="rule"),
        ]

    assert "emotion" not in lesson(with_emotions(9), TAXONOMY).examples.labels
    labels = lesson(with_emotions(10), TAXONOMY).examples.labels
    assert labels["emotion"] == ["neutral"] * 30 + ["angry"] * 10 + [None], "a rule's is none to learn"
    assert "urgency" not in labels


def test_a_teacher_is_as_good_as_people_say_and_believed_in_until_they_have_said_enough() -> None:
    assert teacher_accuracy([]).accuracy == pytest.approx(0.98)
    assert teacher_accuracy([row(0, llm_intent="account")]).checked == 0, "nobody checked it"
    checked = [
        row(n, source="person", llm_intent="billing" if n < 80 else "account", asked="unsure")
        for n in range(100)
    ]
    found = teacher_accuracy([*checked, row(200, source="person")])
    assert (found.checked, found.right) == (100, 80)
    assert found.accuracy == pytest.approx((80 + 9.8) / 110)
