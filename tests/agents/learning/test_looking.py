"""The learner's long looks: what they find is on its port, and one that fails leaves what was found before."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from frontdesk.agents.learning import drift_inputs, drift_labels, look_apart
from frontdesk.agents.learning.apart import Failed, apart
from frontdesk.agents.learning.examples import Example, write_examples
from frontdesk.agents.learning.learner_run import _long_looks
from frontdesk.agents.learning.looking import look_again_and_again
from frontdesk.agents.learning.outcome_counts import Counts, Group
from frontdesk.agents.metrics import catalogue, looks
from frontdesk.agents.metrics.learner import LearnerMetrics
from frontdesk.agents.settings import load
from frontdesk.schemas.types import DAY_MS

COUNTS = {Group("p1", "v1", "desk"): Counts(messages=7, newest=1)}
BILLING = Example(
    decision_id="d", message_id="m", text="my invoice is wrong", intent="billing", language="en"
)


def examples(sort: str) -> list[Example]:
    """Four weeks about invoices; then a week of something else."""
    return [
        replace(
            BILLING,
            message_id=f"m-{number}",
            customer=f"{number:016x}",
            at=number % 35 * DAY_MS,
            text=f"{sort if number % 35 >= 28 else 'my invoice is wrong'} {number}",
        )
        for number in range(350)
    ]


async def test_what_a_look_finds_is_exposed_with_when_it_began_and_stays_when_one_fails() -> None:
    metrics = LearnerMetrics()
    asked: list[str] = []
    often = asyncio.Event()

    async def ask(look: looks.Look) -> Mapping[str, Any]:
        asked.append(look)
        if look == "drift":
            raise Failed("it ended with 1")
        if asked.count("outcomes") > 1:
            often.set()
            return {"nothing": "no decision"}
        return json.loads(json.dumps(looks.plain(looks.outcomes(COUNTS, 0.5))))

    looking = asyncio.create_task(look_again_and_again(metrics, ask, every=0))
    await asyncio.wait_for(often.wait(), 10)
    looking.cancel()
    shown = metrics.exposition().decode()
    assert 'frontdesk_outcome_messages{model="v1",policy="p1"} 7.0' in shown
    assert "frontdesk_outcome_customers_share 0.5" in shown
    assert 'frontdesk_learner_looked_timestamp_seconds{look="outcomes"} ' in shown
    assert 'look="drift"' not in shown


async def test_a_look_that_never_succeeds_shows_as_one_that_is_to_come() -> None:
    """What FrontdeskLearnerStale goes by: a series that is not there is compared with nothing."""
    metrics = LearnerMetrics()

    def looked() -> list[str]:
        lines = metrics.exposition().decode().splitlines()
        return [line for line in lines if line.startswith("frontdesk_learner_looked_timestamp_seconds{")]

    assert looked() == ['frontdesk_learner_looked_timestamp_seconds{look="stages"} 0.0'], "others may be off"
    looking = asyncio.create_task(_long_looks(metrics, Path("none"), load()))
    await asyncio.sleep(0)
    looking.cancel()
    assert sorted(looked())[:2] == [
        f'frontdesk_learner_looked_timestamp_seconds{{look="{look}"}} 0.0' for look in ("drift", "outcomes")
    ]


async def test_a_look_that_sees_nothing_is_a_look() -> None:
    metrics = LearnerMetrics()
    again = asyncio.Event()

    async def ask(look: looks.Look) -> Mapping[str, Any]:
        if 'looked_timestamp_seconds{look="outcomes"}' in metrics.exposition().decode():
            again.set()
        return {"nothing": "no decision"}

    looking = asyncio.create_task(look_again_and_again(metrics, ask, every=0))
    await asyncio.wait_for(again.wait(), 10)
    looking.cancel()


def test_drift_is_looked_at_in_the_newest_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (drift_inputs, drift_labels):
        monkeypatch.setattr(module, "PERMUTATIONS", 449)
    assert "there is no dataset" in str(look_apart.main("drift", tmp_path)["nothing"])
    folder = tmp_path / "versions" / "3f2a"
    folder.mkdir(parents=True)
    write_examples(folder / "examples.parquet", [replace(one, at=DAY_MS) for one in examples("x")])
    assert "no messages from before" in str(look_apart.main("drift", tmp_path)["nothing"])
    write_examples(folder / "examples.parquet", examples("where is the parcel of my neighbour"))
    metrics = LearnerMetrics()
    metrics.found("drift", looks.read(look_apart.main("drift", tmp_path)), 1)
    (flagged,) = [
        line
        for line in metrics.exposition().decode().splitlines()
        if line.startswith('frontdesk_drift_flagged{kind="shift"}')
    ]
    assert float(flagged.split()[-1]) > 0


def test_readings_survive_their_way_and_what_another_version_says_is_passed_over() -> None:
    found = looks.outcomes(COUNTS, 0.5)
    told = json.loads(json.dumps(looks.plain(found)))
    assert looks.read(told) == found
    assert looks.read({**told, "frontdesk_of_tomorrow": [[[], 1.0]]}) == found


def test_a_file_holds_the_look_and_nothing_of_the_process() -> None:
    lines = looks.text(looks.outcomes(COUNTS, 0.5)).decode().splitlines()
    names = {line.split("{")[0].split()[0] for line in lines if not line.startswith("#")}
    assert names == {catalogue.OUTCOME_MESSAGES.name, catalogue.OUTCOME_SAMPLED.name}


@pytest.mark.parametrize(
    ("said", "because"),
    [
        ("raise SystemExit(3)", "it ended with 3"),
        ("print('hello')", "something else"),
        ("print([1])", "something else"),
    ],
)
async def test_a_process_that_says_something_else_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, because: str
) -> None:
    (tmp_path / "says.py").write_text(said)
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    with pytest.raises(Failed, match=because):
        await apart("says", environment={"PYTHONPATH": path})
