"""Evaluation: who is better, on which messages, and when nobody can tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.evaluation.metrics import Interval
from frontdesk.agents.learning.evaluation import Evaluation, evaluate, verdict
from frontdesk.agents.learning.examples import HOLDOUT, Example
from frontdesk.agents.learning.held_out import taught_words
from frontdesk.schemas.outputs import Label
from frontdesk.streams.ports import Said, Scores
from tests.support.asks import TAXONOMY


class Oracle:
    """Says what it is told to say of each text, as sure as the number behind the text's last space."""

    def __init__(self, name: str, says: Callable[[str], str]) -> None:
        self.version = name
        self.asked = 0
        self._says = says

    def label(self, texts: Sequence[str]) -> list[Scores]:
        self.asked += len(texts)
        return [
            Scores(
                intent=Label(value=self._says(text), confidence=0.9, source="local"),
                unsure=int(text.split()[-1]) % 2 == 1,
            )
            for text in texts
        ]

    def explain(self, texts: Sequence[str]) -> list[tuple[Said, ...]]:
        return [() for _ in texts]


def spelled(number: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def held(number: int, intent: str = "billing", **fields: Any) -> Example:
    given: dict[str, Any] = {
        "decision_id": f"d{number}",
        "message_id": f"m{number}",
        "customer": f"c{number}",
        "text": f"{intent} {spelled(number)} {number}",
        "language": "zh" if number % 4 == 0 else "en",
        "intent": intent,
        "intent_source": "person",
        "split": HOLDOUT,
    }
    return Example(**(given | fields))


def knows(text: str) -> str:
    return text.split()[0]


def but(wrong: Callable[[int], bool]) -> Callable[[str], str]:
    """Right, but for the messages of these numbers."""
    return lambda text: "other" if wrong(int(text.split()[-1])) else knows(text)


ROWS = [held(n, "billing" if n % 2 else "technical") for n in range(200)]


def judged(
    mine: Callable[[str], str],
    theirs: Callable[[str], str],
    rows: Sequence[Example] = ROWS,
    **more: Any,
) -> Evaluation:
    taught = more.pop("taught", frozenset())
    return evaluate(rows, TAXONOMY, Oracle("new", mine), Oracle("old", theirs), taught=taught, **more)


def test_a_model_that_is_right_more_often_is_better_and_the_other_way_round_worse() -> None:
    few, many = but(lambda n: n % 20 == 0), but(lambda n: n % 5 == 0)
    found = judged(few, many)
    assert found.verdict == "better"
    assert (found.better, found.worse) == (30, 0)
    assert found.model is not None
    assert (found.model.name, found.model.accuracy.share, found.model.accuracy.of) == ("new", 0.95, 200)
    assert judged(many, few).verdict == "worse"
    assert judged(many, many).verdict == "no worse"
    assert judged(but(lambda n: n % 7 == 0), but(lambda n: n % 7 == 1)).verdict == "unknown"


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_verdict_never_says_more_than_the_interval(one: float, other: float) -> None:
    low, high = sorted((one, other))
    said = verdict(Interval(low=low, high=high))
    assert (said == "better") == (low > 0)
    assert (said in ("better", "no worse")) == (low > -0.02)
    assert said != "worse" or high < 0
    assert said != "unknown" or high >= 0


def test_one_customer_who_writes_a_lot_shows_little() -> None:
    rows = [held(n, customer="chatty" if n < 30 else f"c{n}") for n in range(200)]
    worse = but(lambda n: n < 30)
    assert judged(knows, worse, [held(n) for n in range(200)]).verdict == "better"
    assert judged(knows, worse, rows).verdict != "better"


def test_too_few_labels_of_people_are_refused_before_anybody_is_asked() -> None:
    rows = [*ROWS[:99], *(replace(row, intent_source="llm") for row in ROWS[99:])]
    asked = Oracle("new", knows)
    found = evaluate(rows, TAXONOMY, asked, asked, taught=frozenset())
    assert (found.verdict, found.messages, found.missing, asked.asked) == ("unknown", 99, 1, 0)
    assert judged(knows, knows, ROWS[:100]).verdict == "no worse", "a hundred are enough"


def test_what_either_was_taught_is_left_out_and_counted() -> None:
    taught = taught_words(replace(row, split="train", text=row.text.upper()) for row in ROWS[:60])
    found = judged(knows, but(lambda n: n < 60), taught=taught)
    assert (found.messages, found.taught) == (140, 60)
    assert found.model is not None
    assert found.model.settled.of == 200, "what comes again is settled, too"
    assert found.verdict == "no worse", "only what was taught would have told them apart"


def test_settled_is_of_all_held_out_messages_and_its_accuracy_of_what_people_labelled() -> None:
    others = [held(2 * n + 1000, intent_source="local") for n in range(100)]  # all of them sure
    found = judged(but(lambda n: n % 10 == 0), knows, [*ROWS, *others])
    assert found.model is not None
    assert (found.model.settled.share, found.model.settled.of) == (pytest.approx(200 / 300, abs=1e-4), 300)
    assert (found.model.accuracy_of_settled.share, found.model.accuracy_of_settled.of) == (0.8, 100)
    assert found.model.calibration_error == pytest.approx(0.0, abs=1e-9)


def test_an_intent_is_told_of_where_the_difference_is_beyond_chance() -> None:
    found = judged(but(lambda n: n % 8 == 0), but(lambda n: n == 1))
    (part,) = found.classes
    assert part.name == "technical"
    assert part.against.share == 1.0
    assert [one.name for one in found.languages] == ["en", "zh"]
    assert [one.beyond_chance for one in found.languages] == [False, True]
    few = judged(but(lambda n: n in (0, 2, 4, 6, 8, 10)), knows)
    assert (few.worse, few.classes) == (6, ()), "one time in 32 by chance, and there are two intents"
    of_one = [replace(row, customer="chatty") if row.intent == "technical" else row for row in ROWS]
    assert judged(but(lambda n: n % 8 == 0), but(lambda n: n == 1), of_one).classes == ()


def test_intents_that_the_taxonomy_no_longer_has_judge_nobody() -> None:
    found = judged(knows, knows, [*ROWS, held(900, "gone"), held(901, "gone", split="train")])
    assert found.messages == 200
