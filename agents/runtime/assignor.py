"""Which worker owns which shard: whole partition numbers, evenly, moving as few as possible."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata


class Claim(NamedTuple):
    """What a member says it owns: the shards of its latest assignment, and the number of that assignment."""

    epoch: int
    shards: tuple[int, ...]


def divide(shards: Iterable[int], claims: Mapping[str, Claim]) -> dict[str, list[int]]:
    """Shards by member: sizes differ by at most one, and a member keeps what it owns as far as that allows.

    Of two claims on one shard the newer assignment wins: a worker that slept through a rebalance does not take its shards
    back from their new owner. Deterministic; every shard is assigned when there is a member.
    """
    every = sorted(set(shards))
    members = sorted(claims)
    if not members:
        return {}
    kept: dict[str, list[int]] = {member: [] for member in members}
    free = []
    for shard in every:
        owners = [member for member in members if shard in claims[member].shards]
        if owners:
            kept[max(owners, key=lambda member: (claims[member].epoch, member))].append(shard)
        else:
            free.append(shard)
    base, extra = divmod(len(every), len(members))
    # The largest owners get the odd shards, so that nothing moves when it need not.
    order = sorted(members, key=lambda member: (-len(kept[member]), member))
    quota = {member: base + (rank < extra) for rank, member in enumerate(order)}
    for member in members:
        free.extend(kept[member][quota[member] :])
        del kept[member][quota[member] :]
    free.sort(reverse=True)
    for member in members:
        while len(kept[member]) < quota[member]:
            kept[member].append(free.pop())
        kept[member].sort()
    return kept


class ShardAssignor(AbstractPartitionAssignor):  # type: ignore[misc]  # aiokafka is untyped
    """Assigns partition number p of every topic to one member. One instance per consumer: it remembers what it owns."""

    name = "frontdesk-shards"
    version = 0

    def __init__(self) -> None:
        self._own = Claim(0, ())

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Subscription of this member, with its claim."""
        claim = json.dumps({"epoch": self._own.epoch, "shards": self._own.shards}).encode()
        return ConsumerProtocolMemberMetadata(self.version, sorted(topics), claim)

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Called on the leader of the group only."""
        topics = sorted({topic for member in members.values() for topic in member.subscription})
        partitions = {topic: cluster.partitions_for_topic(topic) or set() for topic in topics}
        claims = {member: _claim(metadata.user_data) for member, metadata in members.items()}
        every = set().union(*partitions.values())
        epoch = 1 + max(claim.epoch for claim in claims.values())
        return {
            member: ConsumerProtocolMemberAssignment(
                self.version,
                [(topic, [shard for shard in shards if shard in partitions[topic]]) for topic in topics],
                json.dumps({"epoch": epoch, "shards": shards}).encode(),
            )
            for member, shards in divide(every, claims).items()
        }

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Remember what this member owns from now on."""
        self._own = _claim(assignment.user_data)


def _claim(user_data: bytes | None) -> Claim:
    """The claim in a member's user data; none when it is not ours or not readable."""
    try:
        data = json.loads(user_data or b"")
        return Claim(int(data["epoch"]), tuple(int(shard) for shard in data["shards"]))
    except (ValueError, TypeError, KeyError):
        return Claim(0, ())
