"""A connection for commands that create and describe topics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError, for_code

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.diagnosis import diagnose
from frontdesk.agents.kafka.rights import hidden
from frontdesk.schemas.topics import is_changelog

_REQUEST_TIMEOUT_MS = 15_000


@asynccontextmanager
async def admin(cluster: Cluster) -> AsyncIterator[AIOKafkaAdminClient]:
    """A started admin client, closed at the end.

    Raises:
        StartupError: no broker answers there, or it does not let us in; also where that comes out only in the body.
    """
    client = AIOKafkaAdminClient(**cluster.options(), request_timeout_ms=_REQUEST_TIMEOUT_MS)
    try:
        try:
            await client.start()
        except NO_CONNECTION:
            raise await unreachable(cluster) from None
        try:
            yield client
        except (KafkaConnectionError, NodeNotReadyError) as error:
            # The address of the settings let us in; one that a broker names for itself may not.
            because = await diagnose(cluster)
            if because is None:
                raise
            raise StartupError(because) from error
    finally:
        await client.close()


NO_CONNECTION = (KafkaError, OSError, TimeoutError, ValueError)
"""what the start of a client may raise; ValueError: a broker that does not prove that it knows the password"""


async def unreachable(cluster: Cluster) -> StartupError:
    """What every command says when no broker answers, or none lets us in."""
    because = await diagnose(cluster)
    if because is not None:
        return StartupError(because)
    return StartupError(f"no Kafka answers at {cluster}: start it, or set FRONTDESK_BROKER to its host:port")


async def require_topics(
    client: AIOKafkaAdminClient, cluster: Cluster, topics: Iterable[str]
) -> dict[str, int]:
    """The number of partitions of all topics.

    Raises:
        StartupError: one of `topics` is not there, or we may not see it.
    """
    counts = await partition_counts(client)
    missing = sorted(set(topics) - counts.keys())
    if missing and cluster.authenticated and (unseen := await hidden(client, missing)):
        raise StartupError(
            f"{cluster.principal} may not see topic {unseen[0]} at {cluster}: it lacks an ACL (docs/security.md)"
        )
    if missing:
        other = "set FRONTDESK_APPLICATION, or " if is_changelog(missing[0]) else ""
        raise StartupError(f"topic {missing[0]} does not exist at {cluster}: {other}frontdesk topics create")
    return counts


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
