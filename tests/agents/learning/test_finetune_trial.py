"""Whether a tuned model is better: the paired bootstrap, and what it takes for a verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from frontdesk.agents.learning.examples import HOLDOUT, Example
from frontdesk.agents.learning.finetune_export import ask_about
from frontdesk.agents.learning.finetune_trial import compare, judged_by
from frontdesk.agents.llm.prompt import LabelPrompt
from tests.support.asks import TAXONOMY

HELD = Example(
    decision_id="d",
    message_id="m",
    text="my bill",
    intent="billing",
    intent_source="person",
    split=HOLDOUT,
)


def trial(base: list[str], tuned: list[str], customers: list[str] | None = None):
    return compare(base, tuned, customers or [""] * len(base), np.random.default_rng(1))


def said(right: int, wrong: int) -> list[str]:
    return ["right"] * right + ["wrong"] * wrong


def test_better_in_twenty_of_two_hundred_is_better() -> None:
    found = trial(said(160, 40), said(180, 20))
    assert found.accepted
    assert (found.better, found.worse) == (20, 0)
    assert found.tuned_accuracy - found.base_accuracy == pytest.approx(0.1)
    assert 0 < found.difference.low < 0.1 < found.difference.high


@pytest.mark.parametrize(
    ("base", "tuned"),
    [
        (said(150, 50), said(150, 50)),  # the same
        (said(160, 40), said(140, 60)),  # worse
        (said(100, 100), said(100, 100)[::-1][:99] + said(101, 0)),  # one more right, and most of them others
    ],
)
def test_what_is_not_better_beyond_chance_is_not_accepted(base: list[str], tuned: list[str]) -> None:
    assert not trial(base, tuned).accepted


def test_one_customer_who_writes_twenty_times_shows_little() -> None:
    base, tuned = said(160, 40), said(180, 20)
    one = ["other"] * 160 + ["chatty"] * 20 + [f"u-{n}" for n in range(20)]
    spread = [f"u-{n}" for n in range(200)]
    assert trial(base, tuned, spread).accepted
    assert not trial(base, tuned, one).accepted


def test_messages_that_the_endpoint_did_not_answer_judge_nobody() -> None:
    base, tuned = said(80, 20), ["right"] * 96 + ["unanswered"] * 4
    found = trial(base, tuned)
    assert (found.messages, found.unanswered, found.accepted) == (96, 4, True)
    found = trial(base, ["right"] * 94 + ["unanswered"] * 6)
    assert (found.enough_answered, found.accepted) == (False, False)
    assert not trial(["unanswered"], ["right"]).accepted


def test_it_is_judged_by_what_people_said_of_messages_it_was_not_taught() -> None:
    prompt = LabelPrompt(TAXONOMY)
    taught = frozenset({prompt.user(ask_about("taught in these words"))})
    kept = replace(HELD, message_id="kept")
    others = [
        replace(HELD, split="train"),
        replace(HELD, intent_source="llm"),
        replace(HELD, intent="travel"),
        replace(HELD, text="taught in these words"),
    ]
    assert judged_by([kept, *others], TAXONOMY, prompt, taught) == [kept]
