"""Topics are created as one family, and what does not fit is named together with what mends it."""

from __future__ import annotations

import pytest

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import admin, partition_counts, topic_settings
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.topics import check_topics, create_topics, wanted_topics
from frontdesk.agents.settings import Settings, load
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
    ROUTING_POLICIES,
    changelog_topic,
    spec,
)
from tests.support.clients import make_topic
from tests.support.embedded import free_port
from tests.support.kafka import KafkaServer


def settings(broker: str, **overrides: object) -> Settings:
    return load(broker=broker, application="topics-test", **{"partitions": 3, **overrides})


async def test_creates_every_topic_as_the_table_says(any_broker: str) -> None:
    chosen = settings(any_broker)
    done = await create_topics(chosen)
    assert done.created == tuple(topic.name for topic in wanted_topics(chosen))
    async with admin(Cluster(any_broker)) as client:
        counts = await partition_counts(client)
        found = await topic_settings(
            client, done.created, ("cleanup.policy", "retention.ms", "max.message.bytes")
        )
    assert counts == {topic.name: 3 if topic.keyed else 1 for topic in wanted_topics(chosen)}
    for topic in wanted_topics(chosen):
        wanted = {name: value for name, value in topic.settings().items() if name in found[topic.name]}
        assert wanted
        assert wanted.items() <= found[topic.name].items()
    assert await check_topics(chosen) == []


async def test_creating_again_changes_nothing(any_broker: str) -> None:
    await make_topic(any_broker, CUSTOMER_MESSAGES, partitions=3, settings={"retention.ms": "1000"})
    first = await create_topics(settings(any_broker))
    assert first.existed == (CUSTOMER_MESSAGES,)
    second = await create_topics(settings(any_broker))
    assert second.created == ()
    assert len(second.existed) == len(wanted_topics(settings(any_broker)))
    async with admin(Cluster(any_broker)) as client:
        kept = await topic_settings(client, [CUSTOMER_MESSAGES], ["retention.ms"])
    assert kept == {CUSTOMER_MESSAGES: {"retention.ms": "1000"}}


async def test_refuses_to_create_beside_topics_of_another_count(any_broker: str) -> None:
    await make_topic(any_broker, CUSTOMER_MESSAGES, partitions=6)
    with pytest.raises(StartupError, match=r"customer.messages exists with 6 .* set FRONTDESK_PARTITIONS=6"):
        await create_topics(settings(any_broker))
    async with admin(Cluster(any_broker)) as client:
        assert list(await partition_counts(client)) == [CUSTOMER_MESSAGES]
    await create_topics(settings(any_broker, partitions=6))
    # The check compares the topics with each other, not with what new ones would get.
    assert await check_topics(settings(any_broker)) == []


async def test_names_missing_topics_and_the_command_that_makes_them(any_broker: str) -> None:
    await make_topic(any_broker, CUSTOMER_MESSAGES, partitions=6, settings={"max.message.bytes": "1000"})
    (problem,) = await check_topics(settings(any_broker))
    assert ROUTING_DECISIONS in problem.what
    assert CUSTOMER_MESSAGES not in problem.what
    assert problem.fix == "FRONTDESK_PARTITIONS=6 frontdesk topics create"


async def test_names_counts_that_differ_changelogs_included(any_broker: str) -> None:
    changelog = changelog_topic("topics-test", "customers")
    await make_topic(any_broker, changelog, partitions=2, settings=spec(changelog).settings())
    await make_topic(any_broker, CUSTOMER_MESSAGES, partitions=3, settings=spec(CUSTOMER_MESSAGES).settings())
    differing = [
        problem for problem in await check_topics(settings(any_broker)) if "one number" in problem.what
    ]
    assert [problem.what for problem in differing] == [
        f"customer-keyed topics need one number of partitions (customer.messages has 3): {changelog} has 2"
    ]
    assert "frontdesk state rekey --partitions 3" in differing[0].fix
    assert "delete" not in differing[0].fix, "there is state in it"


async def test_names_broadcast_topics_with_several_partitions_and_wrong_settings(any_broker: str) -> None:
    await make_topic(any_broker, ROUTING_POLICIES, partitions=2, settings={"cleanup.policy": "delete"})
    await create_topics(settings(any_broker))
    problems = {problem.what: problem.fix for problem in await check_topics(settings(any_broker))}
    assert problems.keys() == {
        "routing.policies has 2 partitions; a broadcast topic is read in order, so it has one",
        "routing.policies has cleanup.policy=delete, needs compact",
    }
    assert (
        "--add-config cleanup.policy=compact"
        in problems["routing.policies has cleanup.policy=delete, needs compact"]
    )


@pytest.mark.kafka
async def test_says_why_the_broker_refused(kafka: KafkaServer) -> None:
    with pytest.raises(StartupError, match=r"refused to create customer.messages: .*[Rr]eplication"):
        await create_topics(settings(kafka.bootstrap, replication=3))


async def test_names_output_topics_without_room_for_the_largest_record(any_broker: str) -> None:
    await make_topic(
        any_broker, ROUTING_DEAD_LETTERS, partitions=3, settings={"max.message.bytes": "1048588"}
    )
    await create_topics(settings(any_broker))
    (problem,) = await check_topics(settings(any_broker))
    assert problem.what == "routing.dead-letters has max.message.bytes=1048588, needs 12582912"
    assert problem.fix.endswith("--add-config max.message.bytes=12582912")


async def test_no_broker_is_one_clear_line() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(
        StartupError, match=f"no Kafka answers at {address}: start it, or set FRONTDESK_BROKER"
    ):
        await check_topics(settings(address))
