"""The learner over a scripted clock and stream: what it teaches, announces and decides, and that a restart changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from frontdesk.agents.kafka.models import Models
from frontdesk.agents.learning.controller import Situation
from frontdesk.agents.learning.evidence import Evidence
from frontdesk.agents.learning.learner import Learner
from frontdesk.agents.learning.learner_state import read_state
from frontdesk.agents.learning.store import Store
from frontdesk.agents.metrics.learner import LearnerMetrics
from frontdesk.agents.settings import Settings, load
from frontdesk.schemas.broadcast import ModelUpdate
from frontdesk.schemas.topics import ROUTING_LABELS
from frontdesk.schemas.types import Millis
from tests.agents.learning.test_controller import MINUTE, Stream

SETTINGS: Settings = load(
    learn_answers=50, learn_every=0, learn_stage_time=60, learn_audits=20, learn_margin=0.1, audit_share=0.1
)


class Topic:
    """Models in memory."""

    def __init__(self) -> None:
        self.models = Models()
        self.frozen: Millis | None = None
        self.written: list[ModelUpdate] = []

    async def read(self) -> tuple[Models, Millis | None]:
        return self.models, self.frozen

    async def write(self, updates: Sequence[ModelUpdate]) -> None:
        self.written += updates
        for one in updates:
            self.models.take(one)

    def stages(self) -> list[tuple[str, str, float]]:
        """What was written of stages, in order."""
        return [(one.stage, one.model, one.share) for one in self.written if one.kind == "stage"]


class World:
    """A learner, the stream that it hears, and a clock."""

    def __init__(self, folder: Path, right: dict[str, float]) -> None:
        self.folder, self.topic, self.metrics = folder, Topic(), LearnerMetrics()
        self.stream = Stream(right={"": 0.9, **right})
        self.names = iter([one for one in right if one])
        self.taught = self.minute = self.rows = 0
        self.fail = False
        self.broken = 0
        self.own = "own"
        self.refused: set[str] = set()
        """models that the workers do not take"""
        self.store = Store(folder, {})
        self.learner = self.started()

    def started(self) -> Learner:
        return Learner(
            SETTINGS, self.folder, self.topic, self.teach, self.register, self.metrics, taxonomy="t"
        )

    async def teach(self) -> dict[str, Any]:
        self.taught += 1
        if self.broken:
            self.broken -= 1
            return {"failed": "out of memory"}
        name = next(self.names, "")
        if self.fail or not name:
            return {
                "dataset": "d",
                "examples": 1,
                "held": {"evil": "it moves"},
                "too_little": "no intent has ten examples",
            }
        return {
            "dataset": "d",
            "examples": 40,
            "held": {"evil": "it moves"},
            "model": "x",
            "folder": f"models/{name}",
        }

    async def register(self, folder: Path) -> ModelUpdate:
        return ModelUpdate(model=folder.name, uri=str(folder), sha256="0", taxonomy_hash="t")

    async def go(self, minutes: int) -> None:
        """Each minute some messages are labelled as the topic says, collected, and looked at."""
        for _ in range(minutes):
            self.minute += 1
            now = Millis(self.minute * MINUTE)
            models = self.topic.models
            candidate = models.stages.get("candidate")
            at = Situation(
                serving=self.taken(models.version("serving")),
                candidate=self.taken(models.version("candidate")),
                share=candidate.share if candidate else 0.0,
            )
            new = [
                replace(
                    row,
                    offset=self.rows + number,
                    model_version=row.model_version.replace("local-/t", self.own),
                )
                for number, row in enumerate(self.stream.rows(at, 60, now)[0])
            ]
            new = [
                replace(row, candidate_model=self.own) if row.candidate_model == "local-/t" else row
                for row in new
            ]
            self.rows += len(new)
            self.store.add(ROUTING_LABELS, 0, new, self.rows)
            self.learner.take(new)
            await self.learner.look(now)
            await asyncio.sleep(0)  # lets teaching begin and end

    def taken(self, version: str) -> str:
        return "" if version in self.refused else version

    async def restart(self) -> None:
        await self.learner.close()
        self.store.flush()
        self.learner = self.started()


async def test_a_model_is_taught_tried_promoted_and_its_successor_as_well(tmp_path: Path) -> None:
    world = World(tmp_path, {"m1": 0.97, "m2": 0.97})
    await world.go(1)
    assert world.taught == 0, "too little is new"
    while world.topic.models.version("serving") != "m1" and world.minute < 200:
        await world.go(1)
    assert [one.model for one in world.topic.written if one.kind == "model"] == ["m1"]
    assert world.topic.stages() == [
        ("candidate", "m1", 0.0),
        ("candidate", "m1", 0.05),
        ("candidate", "m1", 0.25),
        ("previous", "", 0.0),
        ("serving", "m1", 0.0),
        ("candidate", "", 0.0),
    ]
    assert all(one.because for one in world.topic.written if one.kind == "stage")
    while world.topic.models.version("serving") != "m2" and world.minute < 600:
        await world.go(1)
    await world.go(2)
    assert world.topic.models.version("previous") == "m1"
    assert world.topic.models.version("candidate") == "m1", "it shows how good the one in force is"
    text = world.metrics.exposition().decode()
    assert 'frontdesk_learner_stage{stage="serving"} 1.0' in text
    assert 'frontdesk_learner_verdicts_total{action="promote"} 2.0' in text
    assert "frontdesk_learner_sources_held 1.0" in text

    world.stream.right["m2"] = 0.5
    before = world.minute
    while world.topic.models.version("serving") != "m1" and world.minute < before + 60:
        await world.go(1)
    assert world.topic.models.version("serving") == "m1"
    assert "agrees less" in world.topic.models.stages["serving"].because
    assert read_state(tmp_path).failed == 1
    await world.learner.close()


async def test_a_bad_model_is_dropped_and_not_tried_again(tmp_path: Path) -> None:
    world = World(tmp_path, {"bad": 0.6})
    world.names = iter(["bad"])
    while not world.topic.stages() or world.topic.stages()[-1][1]:
        await world.go(1)
        assert world.minute < 100
    assert [one[1] for one in world.topic.stages()] == ["bad", ""]
    assert read_state(tmp_path).failed == 1
    world.fail = True
    await world.go(20)
    assert [one[1] for one in world.topic.stages()] == ["bad", ""]
    assert "frontdesk_learner_failures_total" in world.metrics.exposition().decode()
    await world.learner.close()


async def test_a_restart_knows_what_was_known(tmp_path: Path) -> None:
    world = World(tmp_path, {"m1": 0.97})
    while ("candidate", "m1", 0.25) not in world.topic.stages():
        await world.go(1)
    await world.go(3)

    def known(evidence: Evidence | None) -> tuple[Any, ...]:
        assert evidence is not None
        return evidence.differences, evidence.arms, evidence.audits, evidence.pairs

    before = known(world.learner._evidence)
    await world.restart()
    await world.learner.look(Millis(world.minute * MINUTE))
    assert known(world.learner._evidence) == before
    assert world.taught == 1
    await world.learner.close()


async def test_frozen_nothing_is_taught_announced_or_moved_forward(tmp_path: Path) -> None:
    world = World(tmp_path, {"m1": 0.97})
    world.topic.frozen = Millis(0)
    await world.go(30)
    assert (world.taught, world.topic.written) == (0, [])
    world.topic.frozen = None
    while not world.topic.stages():
        await world.go(1)
    world.topic.frozen = Millis(world.minute * MINUTE)
    before = list(world.topic.written)
    await world.go(60)
    assert world.topic.written == before
    world.topic.frozen = None
    await world.go(5)
    assert world.topic.written != before
    await world.learner.close()


async def test_what_a_person_says_of_stages_counts(tmp_path: Path) -> None:
    world = World(tmp_path, {"m1": 0.97})
    while not world.topic.stages():
        await world.go(1)
    ended = replace(world.topic.models.stages["candidate"], model="", share=0.0, because="a person")
    world.topic.models.take(ended)
    written = len(world.topic.written)
    world.fail = True
    await world.go(30)
    assert len(world.topic.written) == written
    await world.learner.close()


async def test_a_candidate_is_compared_with_what_the_workers_have_of_their_own(tmp_path: Path) -> None:
    world = World(tmp_path, {"m1": 0.97})
    world.own = "local-v1/t"  # as where FRONTDESK_MODEL is set
    while world.topic.models.version("serving") != "m1" and world.minute < 60:
        await world.go(1)
    assert world.topic.models.version("serving") == "m1"
    await world.learner.close()


async def test_after_a_change_of_the_taxonomy_learning_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path, {"m1": 0.97, "m2": 0.97})
    for one, stages in (("old", ["serving", "previous"]), ("older", ["candidate"])):
        known = ModelUpdate(model=one, uri="", sha256="0", taxonomy_hash="before", kind="model", at=Millis(1))
        world.topic.models.take(known)
        for stage in stages:
            world.topic.models.take(replace(known, kind="stage", stage=stage))
    world.refused = {"old", "older"}
    await world.go(1)
    assert world.topic.stages() == [("candidate", "", 0.0)]
    assert "another taxonomy" in world.topic.written[0].because
    assert read_state(tmp_path).failed == 0, "the next one is as good as any"
    while world.topic.models.version("serving") != "m1" and world.minute < 60:
        await world.go(1)
    assert world.topic.models.version("serving") == "m1"
    world.fail = True
    await world.go(3)
    assert "old" not in [one[1] for one in world.topic.stages() if one[0] == "candidate"], (
        "nobody can go back to it"
    )
    await world.learner.close()


async def test_teaching_that_broke_is_tried_again_before_more_is_new(tmp_path: Path) -> None:
    world = World(tmp_path, {"m1": 0.97})
    world.broken = 1
    while not world.taught:
        await world.go(1)
    world.stream.right = {"": 0.9, "m1": 0.97}
    await world.go(2)
    assert world.taught == 2
    await world.learner.close()
