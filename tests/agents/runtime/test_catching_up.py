"""A shard that has gone by a newer policy elsewhere waits until this worker does (rule 10)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from frontdesk.agents.runtime.shard import Shard
from frontdesk.agents.runtime.writer import Outgoing
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.topics import SHARDS_TABLE, changelog_topic
from tests.support.desk import APP, Desk, Running


def running(desk: Desk, applied: list[int]) -> Running:
    run = Running(desk)
    run.services = replace(run.services, applied=lambda: applied[0])
    run.shard = Shard(0, run.services)
    return run


def stands_at(desk: Desk, offset: int) -> None:
    """Another worker has gone by the policies up to there."""
    topic = changelog_topic(APP, SHARDS_TABLE)
    desk.log.append(Outgoing(topic, b"shard", Codec().encode(ShardState(broadcast=offset))))


async def test_every_step_says_which_policies_it_went_by() -> None:
    desk, applied = Desk(), [7]
    async with running(desk, applied):
        desk.send("one")
        await desk.until(lambda: desk.decided() == ["m0"])
        assert desk.state().broadcast == 7
        applied[0] = 9
        desk.send("two")
        await desk.until(lambda: desk.decided() == ["m0", "m1"])
        assert desk.state().broadcast == 9


async def test_nothing_is_decided_by_an_older_policy_than_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontdesk.agents.runtime.incarnation.HELD_LOOK_EVERY", 0.001)
    desk, applied, looks = Desk(), [3], 0

    def looked() -> int:
        nonlocal looks
        looks += 1
        return applied[0]

    stands_at(desk, 5)
    desk.send("one")
    run = running(desk, applied)
    run.services = replace(run.services, applied=looked)
    run.shard = Shard(0, run.services)
    async with run:
        await desk.until(lambda: looks > 20)
        assert desk.decided() == []
        applied[0] = 5
        await desk.until(lambda: desk.decided() == ["m0"])


async def test_it_does_not_wait_for_ever_for_a_topic_that_was_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("frontdesk.agents.runtime.incarnation.HELD_LOOK_EVERY", 0.01)
    desk = Desk()
    desk.settings = desk.settings.model_copy(update={"recovery_timeout": 0.1})
    stands_at(desk, 5)
    desk.send("one")
    async with running(desk, [1]):
        await desk.until(lambda: desk.decided() == ["m0"])
        assert desk.state().broadcast == 1
