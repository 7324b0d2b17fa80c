"""Switches that every worker follows: records on the policies' topic."""

from __future__ import annotations

from collections.abc import Sequence

from frontdesk.agents.kafka.broadcast_topics import publish_broadcast
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.reading import read_to_end
from frontdesk.schemas.broadcast import PolicyUpdate
from frontdesk.schemas.codec import Codec, DecodeError
from frontdesk.schemas.topics import ROUTING_POLICIES
from frontdesk.schemas.types import Millis

INTAKE_RESUME = "intake.resume"
"""Clears every intake that halted before the switch's `at`."""
LLM = "llm"
"""`off`: no worker asks an LLM; `on`, or never turned: those with an endpoint do."""
EVERYTHING_TO = "everything_to"
"""The queue that takes everything that nobody has yet; nothing: rules route."""
LEARNING = "learning"
"""`frozen`: nothing new is learned or promoted; `on`, or never turned: as it is set up."""


async def publish_switch(cluster: Cluster, name: str, *, now: Millis, value: str = "") -> None:
    """Publish one switch and wait for the broker's acknowledgement.

    Raises:
        StartupError: no broker, or the topics do not exist.
    """
    await publish_updates(cluster, [PolicyUpdate(kind="switch", name=name, body=value, at=now)])


async def publish_updates(cluster: Cluster, updates: Sequence[PolicyUpdate]) -> None:
    """Publish what every worker follows, in order, and wait for the broker's acknowledgement.

    Raises:
        StartupError: no broker, the topic does not exist, or it refuses a record.
    """
    # Compaction keeps the latest record of each name.
    records = [(f"{update.kind}:{update.name}".encode(), update) for update in updates]
    await publish_broadcast(cluster, ROUTING_POLICIES, records)


async def read_switch(cluster: Cluster, name: str) -> PolicyUpdate | None:
    """The newest setting of a switch; None when it was never turned.

    Raises:
        StartupError: no broker, or the topics do not exist.
    """
    found: PolicyUpdate | None = None
    codec = Codec()
    async for records in read_to_end(cluster, ROUTING_POLICIES):
        for record in records:
            if record.key != f"switch:{name}".encode() or record.value is None:
                continue
            try:
                found = codec.decode(PolicyUpdate, record.value)
            except DecodeError:
                continue  # workers pass over it, too
    return found
