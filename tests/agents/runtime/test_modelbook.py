"""Which model labels: what is published is put to use, or refused aloud while what was in use stays."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from frontdesk.agents.kafka import models as topic
from frontdesk.agents.kafka.models import CANDIDATE, OWN, PREVIOUS, SERVING, Models
from frontdesk.agents.learning.registry import Registry, Unreachable
from frontdesk.agents.local.model import load_model
from frontdesk.agents.runtime.modelbook import Modelbook, load_published
from frontdesk.schemas.broadcast import ModelUpdate
from frontdesk.schemas.types import Millis
from frontdesk.streams.policy import load_pack
from frontdesk.streams.ports import IntentLabeller
from tests.support.core import POLICY, TAXONOMY, KeywordLabeller
from tests.support.models import constant

PACK = load_pack({"taxonomy.yaml": TAXONOMY, "policy.yaml": POLICY})[0]
OTHER = load_pack(
    {"taxonomy.yaml": TAXONOMY.replace("languages: [en, zh]", "languages: [en]"), "policy.yaml": POLICY}
)[0]


def never(texts: list[str]):  # no tier of these models embeds
    raise AssertionError(texts)


class World:
    """The topic, a registry, and a worker that follows both. Every record is a second later than the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.models = Models()
        self.refused: list[str] = []
        self.changes = 0
        self.changed = asyncio.Event()
        self.registry = Registry(str(folder / "registry"))
        self.own = KeywordLabeller()
        self.load: Callable[[ModelUpdate], IntentLabeller] = lambda update: load_published(
            update, PACK, never
        )
        self.frozen_since: Millis | None = None
        self._now = 0
        self.restart()

    def restart(self) -> None:
        self.book = Modelbook(
            self.own,
            lambda update: self.load(update),
            changed=self._changed,
            refused=self.refused.append,
            retry=0.001,
        )

    def now(self) -> Millis:
        self._now += 1000
        return Millis(self._now)

    def register(self, intent: str, taxonomy=PACK) -> str:
        made = self.folder / f"{intent}-{taxonomy.hash}"
        constant(taxonomy, made, intent)
        put = self.registry.put(made)
        self.models.take(
            ModelUpdate(
                model=put.version,
                uri=put.uri,
                sha256=put.sha256,
                taxonomy_hash=put.taxonomy_hash,
                at=self.now(),
            )
        )
        return put.version

    async def publish(self, monkeypatch: pytest.MonkeyPatch, action, *given, **more) -> object:
        """What a command would publish, taken up."""

        async def taken(broker: str, updates) -> None:
            for update in updates:
                assert self.models.take(update)

        monkeypatch.setattr(topic, "publish_models", taken)
        done = await action("nowhere", self.models, *given, because="", now=self.now(), **more)
        await self.follow()
        return done

    async def follow(self) -> None:
        self.book.follow(self.models, self.frozen_since)
        await self.book.settled()
        await asyncio.sleep(0)

    @property
    def serving(self) -> str:
        return topic.version_in(self.book.labeller.version)

    @property
    def candidate(self) -> tuple[str, float] | None:
        one = self.book.candidate
        return None if one is None else (topic.version_in(one.labeller.version), one.share)

    async def _changed(self) -> None:
        self.changes += 1
        self.changed.set()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def say(world: World, monkeypatch: pytest.MonkeyPatch):
    async def publish(action, *given, **more):
        return await world.publish(monkeypatch, action, *given, **more)

    return publish


async def test_a_model_is_tried_promoted_and_gone_back_from(world: World, say) -> None:
    one = world.register("billing")
    await world.follow()
    assert (world.serving, world.candidate) == (OWN, None), "it lies there, and nobody said so"
    await say(topic.put_on_trial, one, share=0.0)
    assert (world.serving, world.candidate) == (OWN, (one, 0.0))
    await say(topic.put_on_trial, one, share=0.05)
    assert world.candidate == (one, 0.05)
    await say(topic.promote, one)
    assert (world.serving, world.candidate) == (one, None), "its trial is over"
    assert {score.intent.value for score in world.book.labeller.label(["hello", "问"])} == {"billing"}
    two = world.register("complaint")
    await say(topic.promote, two)
    assert world.serving == two
    assert await say(topic.roll_back) == one
    assert world.serving == one
    assert world.refused == []


async def test_a_rollback_of_the_first_model_goes_back_to_each_workers_own(world: World, say) -> None:
    await say(topic.promote, world.register("billing"))
    assert await say(topic.roll_back) == OWN
    assert world.book.labeller is world.own


async def test_a_second_rollback_does_not_bring_back_what_was_to_go(world: World, say) -> None:
    one, two = world.register("billing"), world.register("complaint")
    await say(topic.promote, one)
    await say(topic.promote, two)
    await say(topic.roll_back)
    with pytest.raises(topic.StartupError, match=f"was {two}.*learn promote VERSION"):
        await say(topic.roll_back)
    assert world.serving == one


async def test_nothing_to_go_back_to_is_said(world: World, say) -> None:
    with pytest.raises(topic.StartupError, match="no model was promoted yet"):
        await say(topic.roll_back)


async def test_what_is_loaded_is_not_loaded_again(world: World, say) -> None:
    loads: list[str] = []
    real = world.load

    def counted(update: ModelUpdate) -> IntentLabeller:
        loads.append(update.model)
        return real(update)

    world.load = counted
    one, two = world.register("billing"), world.register("complaint")
    await say(topic.put_on_trial, one, share=0.0)
    await say(topic.put_on_trial, one, share=0.5)
    await say(topic.promote, one)
    await say(topic.promote, two)
    await say(topic.roll_back)
    assert loads == [one, two]


def _damage(world: World, version: str) -> None:
    path = world.folder / "registry" / version / "model.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def _remove(world: World, version: str) -> None:
    (world.folder / "registry" / version / "model.json").unlink()


def _deny(world: World, version: str) -> None:
    del world.models.announced[version]


def _announce_otherwise(world: World, version: str) -> None:
    world.models.take(replace(world.models.announced[version], sha256="0" * 64))


def _another(world: World, version: str) -> None:
    """An announcement that names another model's folder."""
    other = world.models.announced[world.register("other")]
    world.models.take(replace(other, model=version))


async def test_a_worker_that_started_after_a_promotion_rolls_back_to_a_model_that_is_gone_by_then(
    world: World, say
) -> None:
    before, bad = world.register("billing"), world.register("complaint")
    await say(topic.promote, before)
    await say(topic.promote, bad)
    world.restart()
    await world.follow()
    assert world.serving == bad
    await asyncio.gather(*world.book._tasks.values())
    _remove(world, before)
    await say(topic.roll_back)
    assert (world.serving, world.refused) == (before, [])


async def test_that_there_is_nothing_to_go_back_to_is_told_before_it_is_needed(world: World, say) -> None:
    before, bad = world.register("billing"), world.register("complaint")
    await say(topic.promote, before)
    await say(topic.promote, bad)
    _remove(world, before)
    world.restart()
    await world.follow()
    await asyncio.gather(*world.book._tasks.values())
    assert (world.serving, world.refused) == (bad, [PREVIOUS])


@pytest.mark.parametrize("harm", [_damage, _remove, _deny, _announce_otherwise, _another])
async def test_what_cannot_be_used_is_refused_and_what_was_in_use_stays(world: World, say, harm) -> None:
    good, tried, bad = (
        world.register("billing"),
        world.register("product_enquiry"),
        world.register("complaint"),
    )
    await say(topic.promote, good)
    await say(topic.put_on_trial, tried, share=0.1)
    stages = [
        ModelUpdate(**{**_plain(world.models.known(bad)), "kind": "stage", "stage": stage, "at": world.now()})
        for stage in (SERVING, CANDIDATE)
    ]
    harm(world, bad)
    for stage in stages:
        world.models.take(stage)
    await world.follow()
    assert (world.serving, world.candidate) == (good, None), "nobody says that the one before is on trial"
    assert sorted(world.refused) == [CANDIDATE, SERVING]
    await world.follow()
    assert len(world.refused) == 2, "each once"
    assert world.book.refusing == {CANDIDATE, SERVING}, "and for as long as it is published"
    world.models.take(topic.trial(world.models, OWN, share=0.0, because="", now=world.now()))
    await world.follow()
    assert world.book.refusing == {SERVING}


def _plain(update: ModelUpdate) -> dict[str, object]:
    return {name: getattr(update, name) for name in type(update).__slots__}


async def test_a_stage_that_names_another_digest_than_was_announced_is_refused(world: World) -> None:
    one = world.models.known(world.register("billing"))
    world.models.take(replace(one, kind="stage", stage=SERVING, sha256="0" * 64, at=world.now()))
    await world.follow()
    assert (world.serving, world.refused) == (OWN, [SERVING])


def test_a_folder_that_holds_another_model_than_its_announcement_names_is_refused(world: World) -> None:
    one = world.models.known(world.register("billing"))
    with pytest.raises(ValueError, match=f"holds the model {one.model}, not somebody else"):
        load_published(replace(one, model="somebody else"), PACK, never)


async def test_a_model_of_another_taxonomy_is_refused(world: World, say) -> None:
    await say(topic.promote, world.register("billing", OTHER))
    assert (world.serving, world.refused) == (OWN, [SERVING])


async def test_what_was_refused_is_looked_at_again_when_it_is_published_anew(world: World, say) -> None:
    one = world.register("billing")
    _damage(world, one)
    await say(topic.promote, one)
    assert (world.serving, world.refused) == (OWN, [SERVING])
    (world.folder / "registry" / one / "model.json").unlink()
    world.register("billing")
    await world.follow()
    assert world.serving == one


async def test_a_model_that_was_dropped_labels_no_more_where_its_successor_is_refused(
    world: World, say
) -> None:
    dropped, bad = world.register("billing"), world.register("complaint")
    await say(topic.put_on_trial, dropped, share=0.25)
    assert world.candidate == (dropped, 0.25)
    _remove(world, bad)
    # The worker reads the topic when both are said: the end of the one trial, and the next.
    world.models.take(topic.trial(world.models, OWN, share=0.0, because="worse", now=world.now()))
    world.models.take(topic.trial(world.models, bad, share=0.0, because="", now=world.now()))
    await world.follow()
    assert (world.candidate, world.refused) == (None, [CANDIDATE])


async def test_a_registry_that_is_away_is_asked_again(world: World, say) -> None:
    answers = threading.Event()
    real = world.load

    def away(update: ModelUpdate) -> IntentLabeller:
        if not answers.is_set():
            raise Unreachable("nobody there")
        return real(update)

    world.load = away
    one = world.register("billing")
    await say(topic.promote, one)
    assert (world.serving, world.refused) == (OWN, [SERVING]), "told once, however often it is asked"
    assert world.book.refusing == {SERVING}
    answers.set()
    await world.changed.wait()
    assert (world.serving, world.refused, world.changes) == (one, [SERVING], 1)
    assert world.book.refusing == set()


@pytest.mark.slow
async def test_a_rollback_waits_for_no_registry(world: World, say) -> None:
    hangs, found = threading.Event(), threading.Event()
    one, two = world.register("billing"), world.register("complaint")
    await say(topic.promote, one)
    real = world.load

    def slow(update: ModelUpdate) -> IntentLabeller:
        hangs.wait(30)
        labeller = real(update)
        found.set()
        return labeller

    world.load = slow
    world.models.take(replace(world.models.known(two), kind="stage", stage=SERVING, at=world.now()))
    world.book.follow(world.models)
    assert world.serving == one
    world.models.take(ModelUpdate(model=OWN, uri="", sha256="", kind="stage", stage=SERVING, at=world.now()))
    world.book.follow(world.models)
    assert world.book.labeller is world.own, "at once"
    hangs.set()
    await asyncio.to_thread(found.wait, 30)
    await asyncio.sleep(0.05)
    await world.book.close()
    assert world.book.labeller is world.own, "what the registry says then comes too late"


@pytest.mark.parametrize("restarted", [False, True])
async def test_frozen_only_a_rollback_is_followed_and_the_rest_when_learning_goes_on(
    world: World, say, restarted: bool
) -> None:
    one, two, three = (world.register(name) for name in ("billing", "complaint", "product_enquiry"))
    await say(topic.promote, one)
    await say(topic.promote, two)
    world.frozen_since = world.now()

    async def seen() -> tuple[str, object]:
        if restarted:
            world.restart()
        await world.follow()
        return world.serving, world.candidate

    await say(topic.promote, three)
    await say(topic.put_on_trial, three, share=0.5)
    assert await seen() == (two, None)
    # The topic names three as what labelled before: two was promoted before three, so it is a rollback.
    await say(topic.promote, two)
    assert await seen() == (two, None)
    await say(topic.promote, one)
    assert await seen() == (one, None)
    await say(topic.promote, three)
    assert await seen() == (one, None)
    world.frozen_since = None
    assert await seen() == (three, None), "promoted, so its trial is over"
    assert world.refused == []


async def test_what_was_said_before_the_freeze_counts(world: World, say) -> None:
    one, two = world.register("billing"), world.register("complaint")
    await say(topic.promote, one)
    await say(topic.put_on_trial, two, share=0.5)
    world.frozen_since = world.now()
    world.restart()
    await world.follow()
    assert (world.serving, world.candidate) == (one, (two, 0.5))
    await say(topic.put_on_trial, OWN, share=0.0)
    assert world.candidate is None, "the end of a trial always counts"


def test_records_that_say_nothing_are_passed_over() -> None:
    models = Models()
    for update in (
        ModelUpdate(model="", uri="", sha256=""),
        ModelUpdate(model="m", uri="", sha256="", kind="stage", stage="throne"),
        ModelUpdate(model="m", uri="", sha256="", kind="rumour"),
    ):
        assert not models.take(update)
    assert (models.announced, models.stages) == ({}, {})
    with pytest.raises(ValueError, match="learn register FOLDER"):
        models.known("m")
    assert models.version(PREVIOUS) == OWN


def test_confidences_that_are_no_numbers_are_refused(world: World, tmp_path: Path) -> None:
    made = load_model(_made(tmp_path))
    head = made.labels["intent"].ngrams
    broken = replace(
        made,
        labels={"intent": replace(made.labels["intent"], ngrams=replace(head, temperature=float("nan")))},
    )
    broken.saved(tmp_path / "broken")
    put = world.registry.put(tmp_path / "broken")
    update = ModelUpdate(model=put.version, uri=put.uri, sha256=put.sha256)
    with pytest.raises(ValueError, match="confidences are no numbers"):
        load_published(update, PACK, never)


def _made(folder: Path) -> Path:
    constant(PACK, folder / "made", "billing")
    return folder / "made"
