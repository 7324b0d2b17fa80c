"""The peers, and how each is run."""

from __future__ import annotations

from dataclasses import dataclass

from bench.harness.environments import Environment, KafkaStreams, Own, Quix
from bench.peers.task import AT_LEAST_ONCE, EXACTLY_ONCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One configuration of one system."""

    name: str
    says: str
    """for the table"""
    module: str
    environment: Environment
    guarantee: str
    jobs: tuple[str, ...] = ("path", "whole")
    threads: int = 1
    ours: bool = False
    """writes to the real topics, and needs the real tables made for it"""


_FRONTDESK = "bench.peers.frontdesk_worker"
_PATH = ("path",)

PEERS: tuple[Peer, ...] = (
    Peer(
        name="frontdesk",
        says="Frontdesk worker, exactly once",
        module=_FRONTDESK,
        environment=Own(),
        guarantee=EXACTLY_ONCE,
        ours=True,
    ),
    Peer(
        name="frontdesk-alo",
        says="Frontdesk worker, at least once",
        module=_FRONTDESK,
        environment=Own(),
        guarantee=AT_LEAST_ONCE,
        ours=True,
    ),
    Peer(
        name="faust",
        says="Faust agent as its manual teaches, at least once",
        module="bench.peers.faust_taught",
        environment=Own(),
        guarantee=AT_LEAST_ONCE,
    ),
    Peer(
        name="quix-alo",
        says="Quix Streams, at least once",
        module="bench.peers.quix",
        environment=Quix(),
        guarantee=AT_LEAST_ONCE,
    ),
    Peer(
        name="quix-eo",
        says="Quix Streams, exactly once",
        module="bench.peers.quix",
        environment=Quix(),
        guarantee=EXACTLY_ONCE,
    ),
    *(
        Peer(
            name=f"streams-{short}-{threads}",
            says=f"Kafka Streams (Java), {guarantee.replace('_', ' ')}, {threads} thread{'s' * (threads > 1)}",
            module="PathJob",
            environment=KafkaStreams(),
            guarantee=guarantee,
            threads=threads,
            jobs=_PATH,
        )
        for short, guarantee in (("eo", EXACTLY_ONCE), ("alo", AT_LEAST_ONCE))
        for threads in (1, 2)
    ),
    Peer(
        name="aiokafka",
        says="bare aiokafka loop, at least once",
        module="bench.peers.aiokafka_loop",
        environment=Own(),
        guarantee=AT_LEAST_ONCE,
    ),
    Peer(
        name="core",
        says="the core in a loop, no Kafka",
        module="bench.peers.core_loop",
        environment=Own(),
        guarantee="none",
    ),
)

OURS = "frontdesk"
NO_KAFKA = "core"
AT_HAND = ",".join(peer.name for peer in PEERS if isinstance(peer.environment, Own))
"""those that need no environment of their own"""


def chosen(names: str, job: str) -> tuple[Peer, ...]:
    """The peers with these comma-separated names that do the job; all of them for an empty string.

    Raises:
        ValueError: naming the one that does not exist.
    """
    known = {peer.name for peer in PEERS}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise ValueError(f"there is no peer {name!r}; there are {', '.join(sorted(known))}")
    return tuple(peer for peer in PEERS if job in peer.jobs and (not wanted or peer.name in wanted))


def prepared(names: str, job: str) -> tuple[Peer, ...]:
    """The chosen peers, their environments made.

    Raises:
        ValueError: there is no such peer, or none of them does the job.
        RuntimeError: an environment cannot be made.
    """
    peers = chosen(names, job)
    if not peers:
        raise ValueError(f"none of {names} does the job {job!r}")
    for environment in {type(peer.environment): peer.environment for peer in peers}.values():
        environment.prepare()
    return peers
