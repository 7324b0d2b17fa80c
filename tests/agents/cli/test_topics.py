"""`frontdesk topics`: what it prints, and how it ends."""

from __future__ import annotations

import asyncio

import pytest

from frontdesk.schemas.broadcast import PolicyUpdate
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_POLICIES
from tests.support.cli import frontdesk, json_lines
from tests.support.clients import make_topic, partition_count, read_all
from tests.support.embedded import EmbeddedBroker

pytestmark = pytest.mark.embedded


def test_create_prints_each_new_topic_and_is_silent_the_second_time(embedded_broker: EmbeddedBroker) -> None:
    arguments = ("topics", "create", "--broker", embedded_broker.bootstrap, "--partitions", "5")
    first = frontdesk(*arguments)
    assert f"created  {CUSTOMER_MESSAGES}\n" in first.stdout
    assert asyncio.run(partition_count(embedded_broker.bootstrap, CUSTOMER_MESSAGES)) == 5
    second = frontdesk(*arguments)
    assert second.stdout == ""
    assert second.stderr.startswith("0 created, ")


def test_create_says_in_json_what_it_did(embedded_broker: EmbeddedBroker) -> None:
    asyncio.run(make_topic(embedded_broker.bootstrap, CUSTOMER_MESSAGES, partitions=4))
    (said,) = json_lines(frontdesk("topics", "create", "--broker", embedded_broker.bootstrap, "--json"))
    assert said["existed"] == [CUSTOMER_MESSAGES]
    assert ROUTING_POLICIES in said["created"]


def test_check_ends_with_1_and_the_fix_until_all_is_well(embedded_broker: EmbeddedBroker) -> None:
    arguments = ("topics", "check", "--broker", embedded_broker.bootstrap)
    assert "fix: frontdesk topics create" in frontdesk(*arguments, code=1).stdout
    (said,) = json_lines(frontdesk(*arguments, "--json", code=1))
    assert said["problems"][0]["fix"] == "frontdesk topics create"
    frontdesk("topics", "create", "--broker", embedded_broker.bootstrap)
    assert frontdesk(*arguments).stdout == "all topics are there and fit together\n"
    assert json_lines(frontdesk(*arguments, "--json")) == [{"problems": []}]


def test_resume_publishes_the_switch(embedded_broker: EmbeddedBroker) -> None:
    broker = embedded_broker.bootstrap
    assert "frontdesk topics create" in frontdesk("intake", "resume", "--broker", broker, code=2).stderr
    frontdesk("topics", "create", "--broker", broker)
    frontdesk("intake", "resume", "--broker", broker)
    (record,) = asyncio.run(read_all(broker, ROUTING_POLICIES))
    update = Codec().decode(PolicyUpdate, record.value)
    assert (update.kind, update.name) == ("switch", "intake.resume")
    assert 0 <= record.timestamp - update.at < 60_000


def test_the_llms_switch_is_on_until_turned_and_stays_as_turned_last(embedded_broker: EmbeddedBroker) -> None:
    broker = ("--broker", embedded_broker.bootstrap)
    frontdesk("topics", "create", *broker)
    assert frontdesk("llm", "status", *broker).stdout == "on\n"
    frontdesk("llm", "off", *broker)
    (said,) = json_lines(frontdesk("llm", "status", "--json", *broker))
    assert said["llm"] == "off"
    frontdesk("llm", "on", *broker)
    assert frontdesk("llm", "status", *broker).stdout == "on\n"
