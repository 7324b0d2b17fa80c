"""`frontdesk demo --teach`: its lessons, its account, and a short run on the embedded broker."""

from __future__ import annotations

import json
from itertools import islice

import aiohttp
import pytest

from frontdesk.agents.demo.lessons import Lesson, lessons
from frontdesk.agents.demo.teacher import teacher
from frontdesk.agents.demo.teaching import WINDOW, Lessons, line_of, problem
from frontdesk.schemas.outputs import Label, LabelRecord, Labels
from frontdesk.streams.redact import redact
from tests.support.cli import frontdesk


def record(number: int, intent: str, asked: str = "", revision: int = 1) -> LabelRecord:
    label = Label(value=intent, confidence=0.9, source="llm" if asked else "local")
    return LabelRecord(
        decision_id=f"{number}/{revision}",
        message_id=f"lesson-{number}",
        conversation_id="c",
        customer_id="c",
        text="t",
        labels=Labels(intent=label, emotion=label, urgency=label, language=label),
        taxonomy_hash="t",
        model_version="local-abc/t",
        cost_usd=0.01 if asked else 0.0,
        asked=asked,
        revision=revision,
    )


def test_lessons_are_the_same_for_the_same_seed_and_none_is_changed_by_redaction() -> None:
    found = list(islice(lessons(3), 2000))
    assert found == list(islice(lessons(3), 2000))
    assert len({one.text for one in found}) == 2000
    assert {one.language for one in found} == {"en", "zh"}
    assert [one.text for one in found if redact(one.text) != one.text] == []


def test_a_window_tells_what_was_asked_what_was_right_and_what_it_cost() -> None:
    seen = Lessons(
        sent={f"lesson-{n}": Lesson(text="t", intent="billing", language="en") for n in range(WINDOW)}
    )
    assert seen.take(record(WINDOW + 5, "billing")) is None, "not a message of this run"
    for number in range(WINDOW - 1):
        wrong = number % 4 == 0
        assert seen.take(record(number, "other" if wrong else "billing", "unsure" if wrong else "")) is None
        assert seen.take(record(number, "billing", "audit", revision=2)) is None, "a message counts once"
    window = seen.take(record(WINDOW - 1, "billing"))
    assert window is not None
    assert window.asked == pytest.approx((WINDOW - 1) / WINDOW)
    assert window.right == 1.0
    assert window.cost_usd == pytest.approx(0.01 * (WINDOW - 1))
    assert "right 100%" in line_of(window)
    assert problem(seen) is None
    seen.sent["lesson-x"] = Lesson(text="t", intent="billing", language="en")
    assert problem(seen) == f"1 of {WINDOW + 1} messages were not labelled"


async def test_the_teacher_knows_every_lesson_that_was_sent() -> None:
    known: dict[str, str] = {}
    async with teacher(known, {}) as url, aiohttp.ClientSession() as http:
        known["where is my lantern"] = "after_sales"
        body = {"messages": [{"role": "user", "content": json.dumps({"message": "where is my lantern"})}]}
        async with http.post(f"{url}/chat/completions", json=body) as response:
            said = json.loads((await response.json())["choices"][0]["message"]["content"])
    assert said["intent"] == "after_sales"


def test_a_real_kafka_is_refused() -> None:
    done = frontdesk("demo", "--teach", "--broker", "127.0.0.1:1", code=2)
    assert "--teach runs on the embedded broker alone" in done.stderr


@pytest.mark.embedded
@pytest.mark.slow
@pytest.mark.slow
def test_a_short_run_labels_everything() -> None:
    """Too short for a second model: that the share falls is seen where a person looks."""
    done = frontdesk("demo", "--teach", "--seconds", "8", "--json")
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["messages"] == said["labelled"] > 100
