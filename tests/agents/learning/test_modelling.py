"""From rows to a model with its card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontdesk.agents.learning.held_out import Heard
from frontdesk.agents.learning.model_card import bad_at
from frontdesk.agents.learning.modelling import Plan, modelled, remembering
from frontdesk.agents.local.model import load_model
from frontdesk.agents.local.thresholds import Aim
from frontdesk.agents.local.training import TooLittle
from tests.support.asks import TAXONOMY
from tests.support.lessons import NOISE, dataset, eyes

ROWS = dataset(hard=("technical",))
PLAN = Plan(aim=Aim(accuracy=0.95, teacher=0.96))


def made(folder: Path, rows: Sequence[Any] = ROWS, plan: Plan = PLAN) -> dict[str, Any]:
    model, card = modelled(rows, folder, TAXONOMY, eyes, plan)
    assert card["model"] == model.version == load_model(folder).version
    assert json.loads((folder / "card.json").read_text(encoding="utf-8")) == card
    return card


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("model")


@pytest.fixture(scope="module")
def card(folder: Path) -> dict[str, Any]:
    return made(folder)


def test_the_card_says_what_the_model_was_made_of(card: dict[str, Any], folder: Path) -> None:
    taught = [row for row in ROWS if row.split == "train" and row.intent_source != "local"]
    assert card["learned_from"] == len(taught) == 216
    assert card["examples"]["intent_source"] == {"llm": 168, "person": 48}
    assert sum(card["examples"]["language"].values()) == 216
    assert card["left_out"] == {"nobody_said": 24}
    assert card["traffic"] == 24
    assert card["audit_share"] == 0.5
    assert load_model(folder).learned_from["dataset"] == card["dataset"]["sha256"]
    assert card["labels"]["intent"]["expected_settled"] > 0.9
    assert {"c", "penalty", "mix", "ngrams", "embedding", "expected_settled"} <= {*card["labels"]["intent"]}


def test_the_card_says_how_good_it_is_on_later_messages(card: dict[str, Any]) -> None:
    held = card["holdout"]
    judged = [row for row in ROWS if row.split == "holdout" and row.intent_source != "local"]
    assert held["messages"] == len(judged) == 135
    recall = held["intents"]["technical"]["recall"]
    assert recall["of"] == sum(row.intent == "technical" for row in judged)
    assert recall["low"] < recall["share"] < recall["high"] < 0.8
    assert held["intents"]["billing"]["recall"]["share"] > 0.9
    assert held["intents"]["billing"]["precision"]["share"] < 0.8, "it is what technical is taken for"
    assert held["languages"]["en"]["of"] + held["languages"]["zh"]["of"] == 135
    right = round(held["accuracy"]["share"] * 135)
    assert sum(pair["messages"] for pair in held["worst_pairs"]) == 135 - right, "every mistake is of a pair"
    assert held["calibration_error"]["before"] > held["calibration_error"]["after"]


def test_it_says_in_words_what_it_is_bad_at_and_no_word_of_a_customer(
    card: dict[str, Any], folder: Path
) -> None:
    assert card["bad_at"][0].startswith("Intent technical: ")
    assert "it is taken for " in card["bad_at"][0]
    assert not any("billing:" in one for one in card["bad_at"])
    told = (folder / "card.json").read_text(encoding="utf-8") + (folder / "card.md").read_text(
        encoding="utf-8"
    )
    assert card["bad_at"][0] in told
    for row in ROWS:
        assert not [word for word in row.text.split() if {*word} <= {*NOISE} and word in told]
        assert row.customer not in told


def test_what_is_bad_is_told_of_the_worst_first_and_not_of_a_handful(folder: Path) -> None:
    def said(truth: str, right: int, wrong: int, taken_for: str) -> list[tuple[str, str]]:
        return [(truth, truth)] * right + [(truth, taken_for)] * wrong

    pairs = [
        *said("billing", 90, 10, "other"),
        *said("account", 4, 6, "billing"),
        *said("technical", 6, 2, "account"),
        *said("technical", 0, 8, "billing"),
        *said("complaint", 0, 9, "billing"),
    ]
    rows = [replace(ROWS[0], intent=truth, language="en") for truth, _ in pairs]
    heard = Heard([taken for _, taken in pairs], np.ones(len(pairs)), np.ones(len(pairs), dtype=np.bool_))
    assert bad_at(rows, heard, load_model(folder)) == [
        "Intent technical: 38% of 16 were right (95 %: 18% to 61%); it is taken for billing (8), account (2).",
        "Intent account: 40% of 10 were right (95 %: 17% to 69%); it is taken for billing (6).",
        "Nobody knows how it does on complaint: fewer than 10 held-out messages each.",
    ]


def test_the_learning_curve_ends_with_the_model_itself(card: dict[str, Any]) -> None:
    points = card["learning_curve"]
    assert [one["examples"] for one in points] == [27, 54, 108, 216]
    assert points[0]["accuracy"] is None, "of no two intents there are ten examples"
    assert points[-1]["accuracy"]["share"] == card["holdout"]["accuracy"]["share"]


@pytest.mark.slow
def test_the_same_rows_and_seed_make_the_same_model_and_card(card: dict[str, Any], tmp_path: Path) -> None:
    assert made(tmp_path) == card


def test_words_that_were_taught_are_not_judged_by(tmp_path: Path, card: dict[str, Any]) -> None:
    known = next(row.text for row in ROWS if row.intent_source == "llm")
    late = next(row for row in ROWS if row.split == "holdout" and row.intent_source == "person")
    rows = [replace(row, text=known.upper() + "!") if row is late else row for row in ROWS]
    held = made(tmp_path, rows, replace(PLAN, curve=False))["holdout"]
    assert (held["messages"], held["left_out_since_taught"]) == (134, 1)


def test_without_a_holdout_it_is_said_that_nobody_knows(tmp_path: Path) -> None:
    card = made(tmp_path, [row for row in ROWS if row.split == "train"])
    assert card["holdout"]["accuracy"]["share"] is None
    assert card["learning_curve"] == []
    assert "Not known: nothing was held out." in (tmp_path / "card.md").read_text(encoding="utf-8")


def test_too_little_is_too_little(tmp_path: Path) -> None:
    with pytest.raises(TooLittle, match="have 10 examples or more"):
        modelled(ROWS[:12], tmp_path, TAXONOMY, eyes, PLAN)
    unsaid = [replace(row, intent_source="local") for row in ROWS]
    with pytest.raises(TooLittle, match="neither a person nor an LLM said"):
        modelled(unsaid, tmp_path, TAXONOMY, eyes, PLAN)
    assert not [*tmp_path.iterdir()]


def test_a_text_is_embedded_once() -> None:
    seen: list[str] = []

    def watched(texts: list[str]) -> Any:
        seen.extend(texts)
        return eyes(texts)

    embed = remembering(watched, most=2)
    assert np.array_equal(embed(["kard", "wyfi", "kard"]), eyes(["kard", "wyfi", "kard"]))
    assert np.array_equal(embed(["wyfi", "loggin"]), eyes(["wyfi", "loggin"]))
    embed(["loggin"])
    assert seen == ["kard", "wyfi", "loggin", "loggin"], "no more are kept than was said"
