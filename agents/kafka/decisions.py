"""Decisions as they lie in Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.reading import Start, read_to_end
from frontdesk.agents.registry import SchemaRegistry
from frontdesk.schemas.codec import Codec, DecodeError, schema_ids_in
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.topics import ROUTING_DECISIONS

Found = tuple[str, Decision | str]
"""partition/offset, and the decision or what is wrong with the record"""


async def read_published_decisions(
    cluster: Cluster,
    *,
    start: Start | None = None,
    registry: SchemaRegistry | None = None,
    within: float | None = None,
) -> AsyncIterator[Sequence[Found]]:
    """The committed decisions up to the present end, in batches; in order within each partition. `within`: as `read_to_end` says.

    Raises:
        StartupError: no broker, or no such topic.
        RegistryUnavailable: a record names a schema id, and the registry cannot be asked.
    """
    codec = Codec(schema_ids=registry)
    async for records in read_to_end(cluster, ROUTING_DECISIONS, start=start, within=within):
        if registry is not None:
            await registry.prefetch(schema_ids_in(record.value for record in records))
        batch: list[Found] = []
        for record in records:
            place = f"{record.partition}/{record.offset}"
            try:
                batch.append((place, codec.decode(Decision, record.value)))
            except DecodeError as error:
                batch.append((place, error.detail))
        yield batch
