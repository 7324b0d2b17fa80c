"""`frontdesk policy publish|use|shadow` and `frontdesk switch everything-to`: what they say, to people and to machines."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from frontdesk.schemas.topics import ROUTING_POLICIES
from tests.support.cli import frontdesk, json_lines
from tests.support.clients import make_topic
from tests.support.core import POLICY, TAXONOMY
from tests.support.embedded import EmbeddedBroker

NIGHT = POLICY.replace("queues:\n", "queues:\n  night: {}\n") + "  - {id: late, then: {queue: night}}\n"


def pack(folder: Path, policy: str) -> str:
    folder.mkdir()
    (folder / "taxonomy.yaml").write_text(TAXONOMY, encoding="utf-8")
    (folder / "policy.yaml").write_text(policy, encoding="utf-8")
    return str(folder)


@pytest.fixture
def broker(embedded_broker: EmbeddedBroker) -> tuple[str, str]:
    asyncio.run(make_topic(embedded_broker.bootstrap, ROUTING_POLICIES, partitions=1))
    return ("--broker", embedded_broker.bootstrap)


@pytest.mark.slow
def test_a_switch_that_a_policy_makes_idle_is_told_when_the_policy_is_put_in_force(
    broker: tuple[str, str], tmp_path: Path
) -> None:
    has, lacks = pack(tmp_path / "has", NIGHT), pack(tmp_path / "lacks", POLICY)
    (first,) = json_lines(frontdesk("policy", "publish", has, *broker, "--json"))
    assert first == {"policy": first["policy"], "use": "in_force", "warnings": []}
    assert "everything goes to night" in frontdesk("switch", "everything-to", "night", *broker).stderr
    done = frontdesk("policy", "publish", lacks, *broker)
    second = done.stdout.strip()
    assert "the policy has no queue 'night', to which a switch sends everything" in done.stderr
    assert "counts for nothing" in frontdesk("switch", "status", *broker).stderr
    (shadow,) = json_lines(frontdesk("policy", "shadow", second[:8], "--share", "0.5", *broker, "--json"))
    assert shadow == {"policy": second, "use": "shadow", "share": 0.5, "warnings": []}
    assert "counts" not in frontdesk("policy", "use", first["policy"], *broker).stderr
    (back,) = json_lines(frontdesk("policy", "use", second[:8], *broker, "--json"))
    assert [back["policy"], back["use"], len(back["warnings"])] == [second, "in_force", 1]
    (own,) = json_lines(frontdesk("policy", "use", "own", *broker, "--json"))
    assert own == {"policy": "", "use": "in_force", "warnings": []}


def test_a_misspelt_queue_is_told_at_once_where_the_policy_in_force_is_known(
    broker: tuple[str, str], tmp_path: Path
) -> None:
    assert "everything goes to nihgt" in frontdesk("switch", "everything-to", "nihgt", *broker).stderr
    frontdesk("policy", "publish", pack(tmp_path / "has", NIGHT), *broker)
    assert "did you mean 'night'?" in frontdesk("switch", "everything-to", "nihgt", *broker).stderr
