"""The table of topics holds what the runtime builds on."""

from __future__ import annotations

import pytest

from frontdesk.schemas.state import Companions, Customer, ShardState, Spending, Timer, Waiting
from frontdesk.schemas.topics import (
    BROADCAST_TOPICS,
    INPUT_TOPICS,
    OUTPUT_TOPICS,
    ROUTING_DEAD_LETTERS,
    TABLES,
    TOPICS,
    changelog_topic,
    changelog_topics,
    spec,
)
from frontdesk.streams.state import CUSTOMERS, SMALL, WAITING

ALL = (*TOPICS, *changelog_topics("frontdesk"))


def test_every_topic_is_of_one_kind_and_named_once() -> None:
    names = [topic.name for topic in TOPICS]
    assert len(set(names)) == len(names)
    assert sorted(names) == sorted((*INPUT_TOPICS, *OUTPUT_TOPICS, *BROADCAST_TOPICS))
    assert all(spec(name).name == name for name in names)


def test_only_broadcast_topics_are_not_partitioned_by_customer() -> None:
    assert {topic.name for topic in ALL if not topic.keyed} == set(BROADCAST_TOPICS)


def test_state_and_broadcast_are_compacted_and_never_expire() -> None:
    for topic in ALL:
        kept_forever = topic.kind in ("state", "broadcast") or topic.name == "customer.profiles"
        assert (topic.cleanup == "compact") == kept_forever
        assert (topic.retention_ms is None) == kept_forever
        assert topic.settings()["cleanup.policy"] == topic.cleanup
        assert ("retention.ms" in topic.settings()) != kept_forever


def test_a_dead_letter_has_room_for_the_largest_message() -> None:
    largest = max(
        int(topic.config.get("max.message.bytes", 1_048_588)) for topic in TOPICS if topic.kind == "input"
    )
    assert int(spec(ROUTING_DEAD_LETTERS).config["max.message.bytes"]) > largest + 1024 * 1024


def test_changelogs_belong_to_an_application() -> None:
    assert [topic.name for topic in changelog_topics("desk.eu")] == [
        "desk.eu.customers-changelog",
        "desk.eu.waiting-changelog",
        "desk.eu.shards-changelog",
        "desk.eu.spending-changelog",
        "desk.eu.timers-changelog",
        "desk.eu.companions-changelog",
    ]
    assert [topic.record for topic in changelog_topics("a")] == [
        Customer,
        Waiting,
        ShardState,
        Spending,
        Timer,
        Companions,
    ]
    assert {CUSTOMERS, WAITING, *SMALL} < set(TABLES)


@pytest.mark.parametrize(
    "name", ["customers-changelog", ".customers-changelog", "a.customers", "a.b-changelog", "x"]
)
def test_what_the_table_does_not_have_is_no_topic(name: str) -> None:
    with pytest.raises(KeyError):
        spec(name)


def test_a_table_that_does_not_exist_has_no_changelog() -> None:
    with pytest.raises(KeyError):
        changelog_topic("frontdesk", "orders")
