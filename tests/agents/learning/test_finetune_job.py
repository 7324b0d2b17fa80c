"""A fine-tuning job at a stand-in over HTTP: begun once whatever is lost on the way, followed to its end, gone on with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.finetune import FineTuning, Plan
from frontdesk.agents.learning.finetune_state import Manifest, read_job
from frontdesk.agents.llm.exchange import open_client
from tests.support.llm_server import LlmServer
from tests.support.llm_tuning import Tuning

PLAN = Plan(base="base-1", suffix="desk", epochs=2, learning_rate_multiplier=0.5)
URL = "the endpoint"


class _StoppedError(Exception):
    """A person's Ctrl-C."""


def manifest(**fields: object) -> Manifest:
    given = {
        "dataset": "d",
        "dataset_sha256": "1" * 64,
        "taxonomy_hash": "t",
        "prompt_version": "p",
        "trusted": "people",
        "train_sha256": "a" * 64,
        "validation_sha256": "b" * 64,
        "rows": {"train": 10, "validation": 1},
    }
    return Manifest(**{**given, **fields})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.jsonl").write_text("line\n" * 10)
    (tmp_path / "validation.jsonl").write_text("line\n")
    return tmp_path


@asynccontextmanager
async def tuning(
    server: LlmServer, folder: Path, tell: Callable[[str], None] = lambda _: None
) -> AsyncIterator[FineTuning]:
    async def at_once(_: float) -> None:
        pass

    client = open_client(server.url, "", 5.0)
    try:
        yield FineTuning(client=client, folder=folder, tell=tell, sleep=at_once)
    finally:
        await client.close()


async def test_both_files_and_the_plan_are_what_the_endpoint_gets(folder: Path) -> None:
    async with LlmServer() as server, tuning(server, folder) as tune:
        job = await tune.start(PLAN, manifest(), URL)
        made = server.tuning
        assert [made.contents[one] for one in (job.train_file, job.validation_file)] == [
            b"line\n" * 10,
            b"line\n",
        ]
        (body,) = made.bodies
        assert body == {
            "model": "base-1",
            "training_file": job.train_file,
            "validation_file": job.validation_file,
            "suffix": "desk",
            "method": {
                "type": "supervised",
                "supervised": {"hyperparameters": {"n_epochs": 2, "learning_rate_multiplier": 0.5}},
            },
        }
        assert read_job(folder) == job


async def test_without_held_out_examples_there_is_no_second_file(folder: Path) -> None:
    async with LlmServer() as server, tuning(server, folder) as tune:
        job = await tune.start(PLAN, manifest(rows={"train": 10}), URL)
        assert job.validation_file is None
        assert server.tuning.bodies[0]["validation_file"] is None


# Requests of an undisturbed start: list and upload train, list and upload validation, list and create the job.
@pytest.mark.parametrize(
    ("outcome", "at"), [*(("lost", at) for at in range(6)), ("500", 1), ("429", 5), ("reset", 5)]
)
async def test_whatever_is_lost_once_nothing_is_made_twice(folder: Path, outcome: str, at: int) -> None:
    server = LlmServer(tuning=Tuning(script=(*["ok"] * at, outcome)))
    async with server, tuning(server, folder) as tune:
        await tune.start(PLAN, manifest(), URL)
        assert (len(server.tuning.files), len(server.tuning.jobs)) == (2, 1)


@pytest.mark.parametrize("at", [0, 3, 5])
async def test_a_start_that_was_cut_off_is_gone_on_with(folder: Path, at: int) -> None:
    server = LlmServer(tuning=Tuning(script=(*["ok"] * at, *["lost"] * 20)))
    async with server, tuning(server, folder) as tune:
        with pytest.raises(StartupError, match="start again later"):
            await tune.start(PLAN, manifest(), URL)
        server.tuning.script = ()
        first = await tune.start(PLAN, manifest(), URL)
        second = await tune.start(PLAN, manifest(), URL)
        assert first == second
        assert (len(server.tuning.files), len(server.tuning.jobs)) == (2, 1)


async def test_a_job_is_found_again_where_its_state_was_lost(folder: Path) -> None:
    async with LlmServer() as server, tuning(server, folder) as tune:
        first = await tune.start(PLAN, manifest(), URL)
        (folder / "job.json").unlink()
        assert (await tune.start(PLAN, manifest(), URL)).job == first.job


@pytest.mark.parametrize(
    ("plan", "said", "what"),
    [
        (Plan(base="base-2"), manifest(), "another base"),
        (PLAN, manifest(train_sha256="c" * 64), "another train_sha256"),
    ],
)
async def test_another_job_needs_another_folder(folder: Path, plan: Plan, said: Manifest, what: str) -> None:
    async with LlmServer() as server, tuning(server, folder) as tune:
        await tune.start(PLAN, manifest(), URL)
        with pytest.raises(StartupError, match=what):
            await tune.start(plan, said, URL)


async def test_an_endpoint_that_refuses_is_not_asked_again(folder: Path) -> None:
    server = LlmServer(tuning=Tuning(script=("401",)))
    async with server, tuning(server, folder) as tune:
        with pytest.raises(
            StartupError, match=r"uploading train.jsonl: the endpoint said denied; .*_API_KEY"
        ):
            await tune.start(PLAN, manifest(), URL)
        assert server.tuning.requests == 1


async def test_each_event_is_told_once_also_when_the_watching_was_interrupted(folder: Path) -> None:
    told: list[str] = []

    def tell(what: str) -> None:
        told.append(what)
        if what.startswith("Step 3") and told.count(what) == 1:
            raise _StoppedError

    server = LlmServer(tuning=Tuning(looks=5))
    async with server, tuning(server, folder, tell) as tune:
        job = await tune.start(PLAN, manifest(), URL)
        with pytest.raises(_StoppedError):
            await tune.follow(job, 1.0)
        before = read_job(folder)
        assert before is not None
        ended = await tune.follow(before, 1.0)
    steps = [one for one in told if one.startswith("Step")]
    # What was being told when it was stopped is told again; no other is.
    assert [one.split("/")[0] for one in steps] == [f"Step {n}" for n in (1, 2, 3, 3, 4, 5)]
    assert "train_loss 0.5" in steps[1]
    assert ended.status == "succeeded"
    assert ended.tuned == "ft:base-1:org:desk:ftjob-1"
    assert ended.trained_tokens


async def test_a_failed_job_says_why_and_another_is_begun_only_when_asked_for(folder: Path) -> None:
    server = LlmServer(tuning=Tuning(ends="failed", looks=0))
    async with server, tuning(server, folder) as tune:
        failed = await tune.follow(await tune.start(PLAN, manifest(), URL), 1.0)
        assert (failed.status, failed.error) == ("failed", "The file was not liked.")
        with pytest.raises(
            StartupError, match=r"was failed: The file was not liked\.; start another one with --again"
        ):
            await tune.start(PLAN, manifest(), URL)
        other = await tune.start(PLAN, manifest(), URL, again=True)
        assert other.job == "ftjob-2"
        assert other.abandoned == ("ftjob-1",)
        assert len(server.tuning.files) == 2
        assert json.loads((folder / "job.json").read_text())["job"] == "ftjob-2"


async def test_a_cancelled_job_has_ended(folder: Path) -> None:
    async with LlmServer() as server, tuning(server, folder) as tune:
        job = await tune.cancel(await tune.start(PLAN, manifest(), URL))
        assert job.ended
        assert (await tune.follow(job, 1.0)).status == "cancelled"
