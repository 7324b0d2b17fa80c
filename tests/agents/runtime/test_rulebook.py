"""What is published is put to use, or refused aloud while what was in use stays."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from frontdesk.agents import startup
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.policies import POLICY as IN_FORCE
from frontdesk.agents.kafka.policies import SHADOW, Published
from frontdesk.agents.runtime.rulebook import Rulebook, begin_with
from frontdesk.agents.settings import load
from frontdesk.schemas.broadcast import PolicyUpdate
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.types import Millis
from frontdesk.streams.policy import Policy, load_pack
from frontdesk.streams.taxonomy import Taxonomy
from tests.support.core import POLICY, TAXONOMY

OWN = {"taxonomy.yaml": TAXONOMY, "policy.yaml": POLICY}
OTHER = {**OWN, "policy.yaml": POLICY.replace("sla: 5m", "sla: 7m")}
ELSEWHERE = {**OWN, "taxonomy.yaml": TAXONOMY.replace("languages: [en, zh]", "languages: [en]")}


def of(files: Mapping[str, str]) -> Policy:
    return load_pack(files)[1]


class World:
    """The topic, and a worker that follows it."""

    def __init__(self) -> None:
        self.published = Published()
        self.refused: list[str] = []
        self.book = Rulebook(of(OWN), of(OWN), refused=self.refused.append)

    def publish(self, files: Mapping[str, str] | str, name: str | None = None) -> str:
        body = files if isinstance(files, str) else json.dumps(dict(files))
        digest = name or (of(files).hash if not isinstance(files, str) else "broken")
        self.published.take(PolicyUpdate(kind="policy", name=digest, body=body, at=Millis(1)))
        return digest

    async def switch(self, name: str, value: str) -> None:
        self.published.take(PolicyUpdate(kind="switch", name=name, body=value, at=Millis(2)))
        await self.book.follow(self.published)


async def test_what_is_published_is_in_force_and_an_empty_switch_ends_it() -> None:
    world = World()
    digest = world.publish(OTHER)
    await world.book.follow(world.published)
    assert world.book.policy.hash == of(OWN).hash, "it lies there, and nobody said so"
    await world.switch(IN_FORCE, digest)
    assert world.book.policy.hash == digest
    await world.switch(IN_FORCE, "")
    assert world.book.policy.hash == of(OWN).hash
    assert world.refused == []


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({**OWN, "policy.yaml": POLICY.replace("queue: general", "queue: generl")}, "0" * 32),
        (OTHER, "0" * 32),
        (ELSEWHERE, None),
        ("no json", None),
        ('{"policy.yaml": 1}', None),
        ({"policy.yaml": POLICY}, "0" * 32),
    ],
    ids=[
        "invalid",
        "of another hash",
        "another taxonomy",
        "no json",
        "no texts",
        "a file is missing",
    ],
)
async def test_what_cannot_be_used_is_refused_and_what_was_in_force_stays(
    files: Mapping[str, str] | str, name: str | None
) -> None:
    world = World()
    await world.switch(IN_FORCE, world.publish(OTHER))
    bad = world.publish(files, name)
    await world.switch(IN_FORCE, bad)
    await world.switch(SHADOW, f"{bad} 0.5")
    assert (world.book.policy.hash, world.book.shadow) == (of(OTHER).hash, None)
    assert world.refused == ["policy", "policy.shadow"]
    await world.book.follow(world.published)
    assert len(world.refused) == 2, "each once"
    assert world.book.refusing == {"policy", "policy.shadow"}, "and for as long as it is published"
    await world.switch(SHADOW, "")
    assert world.book.refusing == {"policy"}
    await world.switch(IN_FORCE, of(OTHER).hash)
    assert world.book.refusing == set()


@pytest.mark.parametrize("value", ["nobody-knows 0.5", "HASH", "HASH 0", "HASH 1.1", "HASH nan", "HASH many"])
async def test_a_shadow_that_names_nothing_of_use_is_refused(value: str) -> None:
    world = World()
    digest = world.publish(OTHER)
    await world.switch(SHADOW, f"{digest} 0.5")
    await world.switch(SHADOW, value.replace("HASH", digest))
    assert world.book.shadow is not None
    assert (world.book.shadow.policy.hash, world.book.shadow.share) == (digest, 0.5)
    assert world.refused == ["policy.shadow"]
    await world.switch(SHADOW, "")
    assert world.book.shadow is None


async def test_what_was_refused_is_looked_at_again_when_it_is_published_anew() -> None:
    world = World()
    digest = world.publish("no json", of(OTHER).hash)
    await world.switch(IN_FORCE, digest)
    assert (world.book.policy.hash, world.refused) == (of(OWN).hash, ["policy"])
    world.publish(OTHER)
    await world.book.follow(world.published)
    assert world.book.policy.hash == digest


async def test_a_worker_that_began_with_another_taxonomy_goes_back_with_a_restart() -> None:
    world = World()
    world.book = Rulebook(of(OWN), of(ELSEWHERE), refused=world.refused.append)
    await world.switch(IN_FORCE, world.publish(ELSEWHERE))
    assert (world.book.policy.hash, world.refused) == (of(ELSEWHERE).hash, [])
    await world.switch(IN_FORCE, "")
    assert (world.book.policy.hash, world.refused) == (of(ELSEWHERE).hash, ["policy"])


def test_a_taxonomy_that_the_local_model_was_not_taught_stops_no_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    published = Published()
    published.take(PolicyUpdate(kind="policy", name=of(ELSEWHERE).hash, body=json.dumps(ELSEWHERE)))
    published.take(PolicyUpdate(kind="switch", name=IN_FORCE, body=of(ELSEWHERE).hash))

    def build(settings: object, *, pack: tuple[Taxonomy, Policy], **_: object) -> Policy:
        if pack[1].hash != of(OWN).hash:
            raise StartupError("FRONTDESK_MODEL: it was taught another taxonomy")
        return pack[1]

    monkeypatch.setattr(startup, "build_pipeline", build)
    built: object = startup.first_pipeline(load(), load_pack(OWN), published, 4, Codec())
    assert built == of(OWN)


def test_a_worker_begins_with_another_taxonomy_where_the_policy_in_force_has_one() -> None:
    own, published = load_pack(OWN), Published()
    assert begin_with(own, published) is own
    for files in (OTHER, ELSEWHERE):
        published.take(PolicyUpdate(kind="policy", name=of(files).hash, body=json.dumps(files)))
    published.take(PolicyUpdate(kind="switch", name=IN_FORCE, body=of(OTHER).hash))
    assert begin_with(own, published) is own, "it is put in force as it would be while the worker runs"
    published.take(PolicyUpdate(kind="switch", name=IN_FORCE, body=of(ELSEWHERE).hash))
    assert begin_with(own, published)[1].hash == of(ELSEWHERE).hash
    published.take(PolicyUpdate(kind="switch", name=IN_FORCE, body="nobody-knows"))
    assert begin_with(own, published) is own
