"""`frontdesk learn train`: from a file to a model that a worker takes."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from frontdesk.agents.local.model import load_model
from tests.support.cli import frontdesk, json_lines

WORDS = {
    "billing": "invoice charged refund card payment bill",
    "technical": "crash bluetooth error screen wifi firmware",
    "account": "password login email profile delete username",
}


def labelled(path: Path, *more: dict[str, str]) -> Path:
    draw = random.Random(1)
    rows = [
        {
            "text": " ".join(draw.sample(words.split(), 3)) + f" please {draw.randrange(1000)}",
            "intent": intent,
        }
        for intent, words in WORDS.items()
        for _ in range(40)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *more]))
    return path


@pytest.mark.slow
def test_what_it_makes_is_what_explain_goes_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = labelled(
        tmp_path / "labelled.jsonl",
        {"text": "book me a flight", "intent": "travel"},
        {"text": "my view", "intent": "suggestion"},
        {"text": "nobody said what this is"},
    )
    folder = tmp_path / "model"
    done = frontdesk("learn", "train", str(file), str(folder))
    assert "labelled.jsonl:121: intent 'travel' is not in the taxonomy" in done.stderr
    assert "'suggestion' was not learned: 1 examples are too few" in done.stdout
    assert load_model(folder).version in done.stdout
    monkeypatch.setenv("FRONTDESK_MODEL", str(folder))
    (said,) = json_lines(frontdesk("explain", "charged card invoice", "--json"))
    assert said["labels"]["intent"] == {
        "value": "billing",
        "confidence": pytest.approx(0.99, abs=0.02),
        "source": "local",
    }
    assert said["decision"]["model_version"].startswith("local-")


@pytest.mark.slow
def test_the_same_file_makes_the_same_model_and_says_so_to_a_machine(tmp_path: Path) -> None:
    file = labelled(tmp_path / "labelled.jsonl")
    (one,), (two,) = (
        json_lines(frontdesk("learn", "train", str(file), str(tmp_path / name), "--json"))
        for name in ("a", "b")
    )
    assert one["model"] == two["model"]
    assert one["learned"]["intent"]["classes"] == 3


@pytest.mark.slow
def test_what_cannot_be_learned_from_is_said_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "labelled.csv"
    file.write_text("text,label\nhello,billing\n")
    assert "--intent-column NAME" in frontdesk("learn", "train", str(file), str(tmp_path), code=2).stderr
    file.write_text("text,intent\nhello,billing\n")
    assert "label more texts" in frontdesk("learn", "train", str(file), str(tmp_path), code=2).stderr
    assert (
        "No such file" in frontdesk("learn", "train", str(tmp_path / "no.csv"), str(tmp_path), code=2).stderr
    )
