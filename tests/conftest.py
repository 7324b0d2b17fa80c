"""Brokers for every test that asks for one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import hypothesis
import pytest

from frontdesk.agents.embedded import EmbeddedBroker
from tests.support.clients import delete_all_topics
from tests.support.effort import CI, examples
from tests.support.kafka import KafkaServer, MissingToolError

# No example is timed: a busy machine is no defect. CI looks at the same examples every time, everybody else at new ones.
hypothesis.settings.register_profile(
    "frontdesk",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    print_blob=True,
    max_examples=examples(100),
)
hypothesis.settings.register_profile(
    "ci", hypothesis.settings.get_profile("frontdesk"), derandomize=True, database=None
)
hypothesis.settings.load_profile("ci" if CI else "frontdesk")


@pytest.fixture(scope="session")
def kafka_process() -> Iterator[KafkaServer]:
    """One real Kafka for all tests of this process. Use `kafka` instead, unless the test may not find it empty."""
    try:
        server = KafkaServer()
    except MissingToolError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must run the tests on a real Kafka: {missing}")
        pytest.skip(str(missing))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def kafka(kafka_process: KafkaServer) -> KafkaServer:
    """The run's real Kafka without any topic: the names of topics are fixed, so every test starts empty.

    Consumer groups and transactional ids of earlier tests remain: use an application name of your own.
    """
    if kafka_process.pid is None:
        kafka_process.start()
    asyncio.run(delete_all_topics(kafka_process.bootstrap))
    return kafka_process


@pytest.fixture
def embedded_broker() -> Iterator[EmbeddedBroker]:
    """A new embedded broker, empty."""
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture(
    params=[
        pytest.param("embedded", marks=pytest.mark.embedded),
        pytest.param("kafka", marks=pytest.mark.kafka),
    ]
)
def any_broker(request: pytest.FixtureRequest) -> str:
    """The address of an empty broker; the test runs once on the embedded one and once on the real one."""
    fixture = "embedded_broker" if request.param == "embedded" else "kafka"
    bootstrap: str = request.getfixturevalue(fixture).bootstrap
    return bootstrap
