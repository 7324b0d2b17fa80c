"""Files for fine-tuning: what is taken from a dataset, what a line says, and what is wrong with a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.learning.examples import HOLDOUT, Example
from frontdesk.agents.learning.finetune_check import faults_in
from frontdesk.agents.learning.finetune_export import Tally, ask_about, lines
from frontdesk.agents.llm.prompt import LabelPrompt
from frontdesk.agents.llm.tokens import estimate
from frontdesk.agents.llm.verdict import Verdict
from tests.support.asks import TAXONOMY

PERSON = Example(
    decision_id="d-1",
    message_id="m-1",
    text="my bill is wrong",
    language="en",
    intent="billing",
    intent_source="person",
    emotion="neutral",
    emotion_source="rule",
    urgency="normal",
    urgency_source="llm",
    by=("ann",),
)
LLM = replace(PERSON, intent_source="llm", llm_intent="billing", local_intent="account", by=())


def exported(*examples: Example, trusted: str = "people") -> tuple[list[tuple[str, str]], Tally]:
    tally = Tally()
    found = list(lines(examples, TAXONOMY, tally, trusted=trusted, context_tokens=100))
    return found, tally


def test_a_line_asks_as_a_worker_does_and_answers_as_a_worker_reads() -> None:
    ((split, line),), tally = exported(PERSON)
    system, user, assistant = json.loads(line)["messages"]
    prompt = LabelPrompt(TAXONOMY, context_tokens=100)
    assert split == "train"
    assert system == {"role": "system", "content": prompt.system}
    assert user == {"role": "user", "content": prompt.user(ask_about("my bill is wrong"))}
    labels = Verdict(TAXONOMY).read(assistant["content"])
    assert labels is not None
    assert [labels.intent.value, labels.emotion.value, labels.urgency.value, labels.language.value] == [
        "billing",
        "neutral",
        "normal",
        "en",
    ]
    assert labels.intent.confidence > labels.urgency.confidence > labels.emotion.confidence
    assert tally.tokens["train"] >= sum(estimate(turn["content"]) for turn in (system, user, assistant))
    assert tally.trained_tokens(3) == 3 * tally.tokens["train"]


def test_what_was_held_out_is_no_training_data() -> None:
    found, tally = exported(PERSON, replace(PERSON, split=HOLDOUT))
    assert [split for split, _ in found] == ["train", "validation"]
    assert tally.rows == {"train": 1, "validation": 1}


@pytest.mark.parametrize(
    ("example", "trusted", "reason"),
    [
        (PERSON, "people", None),
        (LLM, "people", "not of people"),
        (LLM, "confirmed", "not confirmed"),
        (replace(LLM, local_intent="billing"), "confirmed", None),
        (replace(LLM, candidate="billing"), "confirmed", None),
        (replace(PERSON, intent_source="local", local_intent="billing"), "confirmed", "not of people"),
        (replace(PERSON, intent="travel"), "people", "not in the taxonomy"),
        (replace(PERSON, emotion=""), "people", "not in the taxonomy"),
        (replace(PERSON, text=" \n"), "people", "without words"),
    ],
)
def test_only_what_somebody_vouches_for_is_taught(example: Example, trusted: str, reason: str | None) -> None:
    found, tally = exported(example, trusted=trusted)
    assert (len(found), dict(tally.left_out)) == ((1, {}) if reason is None else (0, {reason: 1}))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), min_size=10, max_size=12))
def test_whatever_customers_write_the_files_are_in_order(tmp_path_factory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("any") / "train.jsonl"
    found, _ = exported(*(replace(PERSON, text=f"x{text}") for text in texts))
    path.write_text("".join(f"{line}\n" for _, line in found))
    assert list(faults_in(path, TAXONOMY)) == []


def good(number: int = 0) -> dict:
    ((_, line),), _ = exported(replace(PERSON, text=f"text {number}"))
    return json.loads(line)


def broken(change) -> str:
    value = good()
    change(value)
    return json.dumps(value)


def answering(**fields: object):
    def change(value: dict) -> None:
        said = json.loads(value["messages"][2]["content"])
        said.update(fields)
        value["messages"][2]["content"] = json.dumps({k: v for k, v in said.items() if v is not None})

    return change


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not JSON"),
        ("[]", "no list of messages"),
        (broken(lambda value: value.update(messages=[])), "no list of messages"),
        (broken(lambda value: value["messages"].pop()), "the last message is of the user"),
        (broken(lambda value: value["messages"].pop(1)), "no message of the user"),
        (broken(lambda value: value["messages"][1].update(role="customer")), "message 2 has no role"),
        (broken(lambda value: value["messages"][1].update(role="system")), "message 2 is a system turn"),
        (broken(lambda value: value["messages"][1].update(content="")), "message 2 (user) has no text"),
        (broken(lambda value: value["messages"][2].update(content="billing")), "the answer is not JSON"),
        (broken(answering(intent="travel")), "the answer's intent 'travel' is not in the taxonomy"),
        (broken(answering(urgency=None)), "no urgency"),
        (broken(answering(emotion_confidence=1.5)), "a confidence of the answer"),
        (broken(answering(emotion_confidence=None)), "a confidence of the answer"),
        (
            broken(lambda value: value["messages"][1].update(content="词" * 66_000)),
            "tokens, more than 65,536",
        ),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "train.jsonl"
    sound = [json.dumps(good(number)) for number in range(10)]
    path.write_text("\n".join([*sound[:4], line, *sound[4:]]) + "\n")
    (fault,) = faults_in(path, TAXONOMY)
    assert fault.line == 5
    assert problem in fault.problem
    assert fault.fix


def test_nine_examples_are_too_few_and_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    sound = [json.dumps(good(number)).encode() for number in range(9)]
    path.write_bytes(b"\n".join([*sound, b"\xff"]) + b"\n")
    assert [(one.line, one.problem) for one in faults_in(path, TAXONOMY)] == [
        (10, "not UTF-8"),
        (11, "9 usable examples, fewer than 10"),
    ]
