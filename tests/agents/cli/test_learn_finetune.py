"""`frontdesk learn finetune`: from a dataset to a model that may serve, or may not, at a stand-in over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontdesk.agents.learning.examples import HOLDOUT, Example, write_examples
from tests.support.cli import frontdesk, json_lines
from tests.support.core import POLICY, TAXONOMY
from tests.support.llm_server import LlmServer
from tests.support.llm_thread import running
from tests.support.llm_tuning import Tuning

INTENTS = ("billing", "complaint", "product_enquiry")
HELD = 40


def intent_of(text: str) -> str:
    return INTENTS[int(text.split()[-1]) % len(INTENTS)]


def example(number: int, **fields: object) -> Example:
    text = f"made-up message {number}"
    given = {
        "decision_id": f"d-{number}",
        "message_id": f"m-{number}",
        "customer": f"{number:016x}",
        "text": text,
        "language": "en",
        "intent": intent_of(text),
        "intent_source": "person",
        "emotion": "neutral",
        "urgency": "normal",
        "split": HOLDOUT if number >= 30 else "train",
    }
    return Example(**{**given, **fields})


@pytest.fixture(autouse=True)
def small_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command reads the policy: one that is quickly read."""
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "taxonomy.yaml").write_text(TAXONOMY, encoding="utf-8")
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    monkeypatch.setenv("FRONTDESK_POLICY", str(folder))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "versions" / "3f2a"
    folder.mkdir(parents=True)
    rows = [example(number) for number in range(30 + HELD)]
    write_examples(folder / "examples.parquet", [*rows, example(0, intent_source="llm", message_id="by-llm")])
    return folder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LlmServer]:
    """A base that takes every message for a bill; what is tuned knows better, unless a test says otherwise."""
    made = LlmServer(
        answer=lambda _: {"intent": "billing"},
        tuned=lambda message: {"intent": intent_of(message)},
        tuning=Tuning(looks=1),
    )
    with running(made):
        monkeypatch.setenv("FRONTDESK_LLM_BASE_URL", made.url)
        monkeypatch.setenv("FRONTDESK_FINETUNE_BASE", "base-1")
        yield made


def learn(*arguments: str, code: int = 0):
    return frontdesk("learn", "finetune", *arguments, code=code)


@pytest.fixture
def tuned(dataset: Path, server: LlmServer, tmp_path: Path) -> str:
    folder = str(tmp_path / "tuning")
    learn("export", str(dataset), folder)
    learn("start", folder, "--follow", "--every", "0.01")
    return folder


def test_an_export_says_what_is_in_it_and_what_it_would_cost(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_FINETUNE_PRICE", "3")
    monkeypatch.setenv("FRONTDESK_FINETUNE_EPOCHS", "2")
    (told,) = json_lines(learn("export", str(dataset), str(tmp_path / "tuning"), "--json"))
    assert told["rows"] == {"train": 30, "validation": HELD}
    assert told["left_out"] == {"not of people": 1}
    assert told["trained_tokens"] == 2 * told["tokens"]["train"]
    assert told["cost_usd"] == pytest.approx(told["trained_tokens"] * 3e-6)
    assert len((tmp_path / "tuning" / "train.jsonl").read_text().splitlines()) == 30
    monkeypatch.delenv("FRONTDESK_FINETUNE_PRICE")
    said = learn("export", str(dataset), str(tmp_path / "again")).stdout
    assert "train           30 examples" in said
    assert "no price known (FRONTDESK_FINETUNE_PRICE)" in said


def test_an_export_that_no_job_can_use_is_exit_code_1(dataset: Path, tmp_path: Path) -> None:
    write_examples(dataset / "examples.parquet", [example(number) for number in range(9)])
    done = learn("export", str(dataset), str(tmp_path / "tuning"), code=1)
    assert "train.jsonl:10: 9 usable examples, fewer than 10; have people label more messages" in done.stderr


@pytest.mark.slow
def test_a_better_model_is_accepted_and_the_setting_is_told(tuned: str, server: LlmServer) -> None:
    assert "not accepted yet" in learn("status", tuned).stdout
    done = learn("evaluate", tuned, "--at-least", "40")
    name = server.tuning.jobs["ftjob-1"]["fine_tuned_model"]
    assert f"accepted. To use it: FRONTDESK_LLM_MODEL={name}" in done.stdout
    assert {request.body["model"] for request in server.requests} == {"base-1", name}
    (told,) = json_lines(learn("status", tuned, "--json"))
    (model,) = told["models"]
    assert model["accepted"]
    assert (model["base"], model["job"]) == ("base-1", "ftjob-1")
    assert model["dataset_sha256"] == told["export"]["dataset_sha256"]
    assert model["evaluated"]["messages"] == HELD


@pytest.mark.slow
def test_a_model_that_is_no_better_does_not_serve(tuned: str, server: LlmServer) -> None:
    server.tuned = lambda _: {"intent": "complaint"}
    done = learn("evaluate", tuned, "--at-least", "40", code=1)
    assert "not accepted: it is not better beyond chance" in done.stdout
    assert "FRONTDESK_LLM_MODEL" not in done.stdout + learn("status", tuned).stdout


def test_too_few_labels_of_people_are_counted(tuned: str) -> None:
    said = learn("evaluate", tuned, code=2).stderr
    assert "people labelled 40 held-out messages, 60 are missing of the 100" in said


@pytest.mark.slow
def test_an_endpoint_without_the_model_is_told(tuned: str, server: LlmServer) -> None:
    server.failures = {"401": 1.0}
    assert (
        "does not let us ask 'base-1' (denied)" in learn("evaluate", tuned, "--at-least", "40", code=2).stderr
    )


@pytest.mark.slow
def test_started_twice_it_is_one_job(dataset: Path, server: LlmServer, tmp_path: Path) -> None:
    folder = str(tmp_path / "tuning")
    learn("export", str(dataset), folder)
    assert "no job yet" in learn("status", folder).stdout
    learn("start", folder)
    learn("start", folder)
    assert len(server.tuning.jobs) == 1
    done = learn("follow", folder, "--every", "0.01")
    assert "train_loss 1" in done.stderr
    assert "succeeded" in done.stdout
    assert "exported" not in learn("export", str(dataset), folder, code=2).stdout


@pytest.mark.slow
def test_a_job_that_fails_is_exit_code_1(dataset: Path, server: LlmServer, tmp_path: Path) -> None:
    server.tuning.ends = "failed"
    folder = str(tmp_path / "tuning")
    learn("export", str(dataset), folder)
    assert "The file was not liked." in learn("start", folder, "--follow", "--every", "0.01", code=1).stdout
    assert "no tuned model yet" in learn("evaluate", folder, code=2).stderr


def test_a_cancelled_job_is_said_to_be(dataset: Path, server: LlmServer, tmp_path: Path) -> None:
    folder = str(tmp_path / "tuning")
    learn("export", str(dataset), folder)
    learn("start", folder)
    assert "cancelled" in learn("cancel", folder).stdout
    assert "has ended: cancelled" in learn("cancel", folder, code=2).stderr


def test_nothing_is_sent_that_was_changed_after_the_export(
    dataset: Path, server: LlmServer, tmp_path: Path
) -> None:
    folder = tmp_path / "tuning"
    learn("export", str(dataset), str(folder))
    with (folder / "train.jsonl").open("a") as file:
        file.write(json.dumps({"messages": []}) + "\n")
    assert "train.jsonl: changed since the export" in learn("start", str(folder), code=2).stderr
    assert not server.tuning.requests


def test_what_is_missing_is_said_with_the_command_that_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        "frontdesk learn dataset"
        in learn("export", str(tmp_path / "none"), str(tmp_path / "out"), code=2).stderr
    )
    assert "frontdesk learn finetune export" in learn("start", str(tmp_path), code=2).stderr
    assert "frontdesk learn finetune start" in learn("follow", str(tmp_path), code=2).stderr
