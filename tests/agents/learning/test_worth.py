"""What is worth a person's minute: why, in which order, and what is not shown again."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.learning.joining import Joined
from frontdesk.agents.learning.rows import given as given_row
from frontdesk.agents.learning.rows import labelled
from frontdesk.agents.learning.worth import REASONS, Item, message_of, worth
from frontdesk.schemas.inputs import Feedback
from frontdesk.schemas.outputs import Label, LabelRecord
from frontdesk.schemas.types import Millis
from tests.support.learning import labels, record, said

UNSURE = labels("billing", confidence=0.4)


def joined(one: LabelRecord, *given: Feedback) -> Joined:
    votes = tuple(given_row(vote, number, Millis(0)) for number, vote in enumerate(given))
    return Joined(row=labelled(one, 0), votes=votes)


def ranked(*messages: Joined, by: str = "me", **options: Any) -> list[Item]:
    return worth(messages, **{"by": by, "answered": {}, "fallback_intent": "other", **options})


CANDIDATE = Label(value="complaint", confidence=0.7, source="local")
CASES = [
    (
        joined(record(0), said(record(0), "other", by="a"), said(record(0), "billing", by="b")),
        "people_disagree",
    ),
    (joined(record(1, "complaint", "llm", local=UNSURE)), "models_disagree"),
    (joined(record(2, candidate=CANDIDATE, candidate_model="m2")), "candidate_disagrees"),
    (joined(record(3, "other", confidence=0.95)), "out_of_scope"),
    (joined(record(4, confidence=0.3)), "low_confidence"),
    (joined(record(5, "billing", "llm", local=labels("billing"), asked="audit")), "audit"),
]
SURE = joined(record(6)), joined(record(7, "billing", "llm", local=UNSURE, asked="unsure"))


@pytest.mark.parametrize(("message", "reason"), CASES)
def test_a_reason_to_look(message: Joined, reason: str) -> None:
    (found,) = ranked(message, *SURE, audit_share=1.0)
    assert (found.reason, found.joined) == (reason, message)


def test_disagreement_of_people_comes_first_and_the_audit_last() -> None:
    messages = [message for message, _ in CASES]
    random.Random(3).shuffle(messages)
    assert [one.reason for one in ranked(*messages, audit_share=1.0)] == list(REASONS)


def test_nobody_is_shown_what_they_answered_and_others_only_where_people_disagree() -> None:
    about = record(0, confidence=0.3)
    assert ranked(joined(about, said(about, "other", by="me"))) == []
    assert ranked(joined(about, said(about, "other", by="you"))) == []
    torn = joined(about, said(about, "other", by="you"), said(about, "billing", by="her"))
    assert ranked(torn) != []
    assert ranked(torn, by="her") == []
    name = message_of(torn.row)
    assert ranked(torn, answered={name: {"me"}}) == []
    assert ranked(torn, answered={name: {"you"}}) != []
    assert ranked(joined(about), answered={name: {"you"}}) == []
    assert ranked(joined(about, said(about, None, emotion="angry", by="me"))) != [], (
        "that was no answer to this"
    )


@given(
    st.lists(st.sampled_from(["billing", "complaint", "technical"]), min_size=3, max_size=60), st.randoms()
)
def test_kinds_take_turns_and_the_order_of_collecting_makes_no_difference(
    intents: list[str], chance: random.Random
) -> None:
    messages = [
        joined(record(number, intent, confidence=0.1 + number % 7 / 20, text=f"words {'x' * number}"))
        for number, intent in enumerate(intents)
    ]
    found = ranked(*messages, most=100)
    chance.shuffle(messages)
    assert ranked(*messages, most=100) == found
    shown = [one.joined.row.intent for one in found]
    for at in range(1, len(shown)):
        assert shown[at] != shown[at - 1] or len(set(shown[at:])) == 1, (
            "twice in a row only when no other is left"
        )


def test_the_same_words_are_shown_once_and_the_audit_is_a_share_of_its_rows() -> None:
    same = [joined(record(number, confidence=0.3, text=f"Where is order {number}?")) for number in range(9)]
    assert len(ranked(*same)) == 1
    audited = [
        joined(
            record(
                number,
                (number % 2 and "billing") or "complaint",
                "llm",
                asked="audit",
                text="x" * (number + 1),
            )
        )
        for number in range(200)
    ]
    counts = {len(ranked(*audited, audit_share=0.1, seed=seed, most=1000)) for seed in range(5)}
    assert all(5 <= count <= 40 for count in counts)
    assert ranked(*audited, seed=1) != ranked(*audited, seed=2)
    assert len(ranked(*audited, audit_share=1.0, most=7)) == 7


def test_what_others_say_cannot_move_the_cursor_of_whoever_looks() -> None:
    one = record(0)
    [item] = ranked(joined(one, said(one, "\x1b[2Jother", by="a"), said(one, "billing", by="b")))
    assert item.because.isprintable()
