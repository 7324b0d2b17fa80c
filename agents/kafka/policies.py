"""Policies on their topic: each by its hash, for good, and a switch that names the one in force."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.broadcast_topics import read_broadcast
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.switches import publish_updates
from frontdesk.schemas.broadcast import PolicyUpdate
from frontdesk.schemas.topics import ROUTING_POLICIES
from frontdesk.schemas.types import Millis

POLICY = "policy"
"""kind of the records that hold one, and name of the switch that puts one in force: its hash, or nothing for the worker's own"""
SHADOW = "policy.shadow"
"""name of the switch that puts one in the shadow: `HASH SHARE`, or nothing"""

Files = Mapping[str, str]
"""the texts of a policy's files, by name"""


@dataclass(slots=True)
class Published:
    """What the topic says, as of a moment."""

    bodies: dict[str, str] = field(default_factory=dict)
    """by hash"""
    in_force: PolicyUpdate | None = None
    shadow: PolicyUpdate | None = None
    since: dict[str, Millis] = field(default_factory=dict)
    """when each hash was published"""

    def take(self, update: PolicyUpdate) -> bool:
        """Take up a record of the topic; whether it was about policies."""
        if update.kind == POLICY:
            self.bodies[update.name] = update.body
            self.since[update.name] = update.at
        elif update.kind == "switch" and update.name == POLICY:
            self.in_force = update
        elif update.kind == "switch" and update.name == SHADOW:
            self.shadow = update
        else:
            return False
        return True

    def files(self, digest: str) -> Files:
        """The files of the policy with this hash.

        Raises:
            ValueError: there is none, or its record holds something else.
        """
        if digest not in self.bodies:
            raise ValueError(f"no policy {digest} was published")
        return files_of(self.bodies[digest])


def files_of(body: str) -> Files:
    """
    Raises:
        ValueError: it is no object of texts.
    """
    try:
        found = json.loads(body)
    except ValueError:
        raise ValueError("the record holds no JSON") from None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError("the record holds no object of texts by file name")
    return found


def shadow_of(value: str) -> tuple[str, float] | None:
    """The hash and the share of customers that the shadow's switch names; None for nothing.

    Raises:
        ValueError: it says something else.
    """
    if not value.strip():
        return None
    digest, _, share = value.strip().partition(" ")
    try:
        of_all = float(share)
    except ValueError:
        of_all = -1.0
    if not 0 < of_all <= 1:
        raise ValueError(f"the share of customers is {share[:20]!r}, not above 0 and up to 1")
    return digest, of_all


async def publish_policy(cluster: Cluster, digest: str, files: Files, *, now: Millis) -> None:
    """Publish a policy under its hash. It is in force, or in the shadow, once a switch says so.

    Raises:
        StartupError: no broker, the topic does not exist, or the broker refuses the record.
    """
    body = json.dumps(dict(files), ensure_ascii=False, sort_keys=True)
    await publish_updates(cluster, [PolicyUpdate(kind=POLICY, name=digest, body=body, at=now)])


async def put_in_force(cluster: Cluster, digest: str, *, now: Millis) -> None:
    """Put a published policy in force in every worker; an empty hash: each worker its own again.

    Raises:
        StartupError: as `publish_policy`.
    """
    await publish_updates(cluster, [PolicyUpdate(kind="switch", name=POLICY, body=digest, at=now)])


async def put_in_shadow(cluster: Cluster, digest: str, share: float, *, now: Millis) -> None:
    """Let a published policy shadow the one in force for a share of the customers; an empty hash: none.

    Raises:
        StartupError: as `publish_policy`.
    """
    value = f"{digest} {share:g}" if digest else ""
    await publish_updates(cluster, [PolicyUpdate(kind="switch", name=SHADOW, body=value, at=now)])


async def read_published(cluster: Cluster) -> Published:
    """All policies that were published, and what the switches stand at.

    Raises:
        StartupError: no broker, or no topic.
    """
    found = Published()
    async for update in read_broadcast(cluster, ROUTING_POLICIES, PolicyUpdate):
        found.take(update)
    return found


def full_hash(published: Published, start: str) -> str:
    """The published hash that begins so.

    Raises:
        StartupError: none does, or several do.
    """
    found = [digest for digest in published.bodies if digest.startswith(start)]
    if len(found) != 1:
        what = "no published policy has" if not found else f"{len(found)} published policies have"
        raise StartupError(f"{what} a hash that begins with {start!r}; see: frontdesk policy status")
    return found[0]
