"""A connection for commands that create and describe topics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from frontdesk.agents.errors import StartupError

_REQUEST_TIMEOUT_MS = 15_000


@asynccontextmanager
async def admin(broker: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """A started admin client, closed at the end.

    Raises:
        StartupError: no broker answers there.
    """
    client = AIOKafkaAdminClient(bootstrap_servers=broker, request_timeout_ms=_REQUEST_TIMEOUT_MS)
    try:
        try:
            await client.start()
        except (KafkaError, OSError, TimeoutError):
            raise unreachable(broker) from None
        yield client
    finally:
        await client.close()


def unreachable(broker: str) -> StartupError:
    """What every command says when no broker answers."""
    return StartupError(f"no Kafka answers at {broker}: start it, or set FRONTDESK_BROKER to its host:port")


async def partition_counts(client: AIOKafkaAdminClient) -> dict[str, int]:
    """The number of partitions of every topic whose partitions all have a leader; internal topics left out."""
    # All topics are asked for, because asking for one by name may create it (auto.create.topics.enable).
    counts: dict[str, int] = {}
    for topic in await client.describe_topics(None):
        ready = topic["error_code"] == 0 and all(part["leader"] >= 0 for part in topic["partitions"])
        if ready and not topic["is_internal"]:
            counts[str(topic["topic"])] = len(topic["partitions"])
    return counts


async def topic_settings(
    client: AIOKafkaAdminClient, topics: Iterable[str], names: Iterable[str]
) -> Mapping[str, Mapping[str, str]]:
    """The values of the settings `names` of each of `topics`; what the broker does not tell is left out."""
    # All settings are asked for (configs=None): the embedded broker hangs up on a request that names some.
    wanted = frozenset(names)
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic, configs=None) for topic in topics]
    if not resources:
        return {}
    found: dict[str, Mapping[str, str]] = {}
    for response in await client.describe_configs(resources):
        for error, _, _, topic, entries in response.resources:
            if error == 0:
                found[topic] = {
                    entry[0]: entry[1] for entry in entries if entry[0] in wanted and entry[1] is not None
                }
    return found


def error_of(topic_error: tuple[Any, ...]) -> type[KafkaError]:
    """The error class in one (topic, code, ...) row of an admin response; NoError where it went well."""
    found: type[KafkaError] = for_code(topic_error[1])
    return found
