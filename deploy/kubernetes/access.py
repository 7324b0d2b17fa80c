"""Who may do what on Kafka: the principals, and their access to topics, groups and transactions. `generate` writes it as KafkaUsers.

Writing and reading a topic each bring describing it along. Whoever commits offsets within a transaction reads the group, for Kafka.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from frontdesk.schemas import topics as t

APPLICATION = "frontdesk"
Operation = Literal["Read", "Write", "Describe", "DescribeConfigs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One Kafka user."""

    name: str
    why: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    examines: tuple[str, ...] = ()
    """topics whose settings it may look at: what checks a start makes"""
    describes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """consumer groups by name; a star at the end: all that begin so"""
    describes_groups: tuple[str, ...] = ()
    transactions: tuple[str, ...] = field(default=())
    """transactional ids, likewise"""


def _of(*kinds: str) -> tuple[str, ...]:
    return tuple(topic.name for topic in t.TOPICS if topic.kind in kinds)


CHANGELOGS = tuple(topic.name for topic in t.changelog_topics(APPLICATION))
FACTS = (
    t.CUSTOMER_MESSAGES,
    t.CUSTOMER_PROFILES,
    t.CUSTOMER_PURCHASES,
    t.CONVERSATION_EVENTS,
    t.ROUTING_FEEDBACK,
)

PRINCIPALS: tuple[Principal, ...] = (
    Principal(
        name="frontdesk-worker",
        why="decides: reads what comes in, writes what goes out and its own state",
        reads=(*_of("input", "broadcast"), *CHANGELOGS),
        writes=(*_of("output"), t.CUSTOMER_TRANSFERS, *CHANGELOGS),
        examines=(*_of("input", "output", "broadcast"), *CHANGELOGS),
        groups=(APPLICATION,),
        # One for each shard, by its number: and not frontdesk-learner, which a worker could otherwise push aside.
        transactions=tuple(f"{APPLICATION}-{digit}*" for digit in range(10)),
    ),
    Principal(
        name="frontdesk-learner",
        why="teaches and promotes models: reads what was labelled and answered, and who was erased",
        reads=(
            t.ROUTING_LABELS,
            t.ROUTING_FEEDBACK,
            t.CUSTOMER_TRANSFERS,
            t.CUSTOMER_PROFILES,
            t.ROUTING_POLICIES,
            t.ROUTING_MODELS,
        ),
        writes=(t.ROUTING_MODELS,),
        groups=(f"{APPLICATION}-learner",),
        transactions=(f"{APPLICATION}-learner",),
    ),
    Principal(
        name="frontdesk-publisher",
        why="publishes policies, switches, models and the catalogue, for people and pipelines that may change what is decided",
        reads=_of("broadcast"),
        writes=_of("broadcast"),
    ),
    Principal(
        name="platform-producer",
        why="the contact centre: messages, events, profiles, purchases, and what people answered",
        writes=FACTS,
    ),
    Principal(
        name="routing-consumer",
        why="acts on decisions, alerts and suggestions",
        reads=(t.ROUTING_DECISIONS, t.ESCALATION_ALERTS, t.SERVICE_SUGGESTIONS),
        groups=("routing-*",),
    ),
    Principal(
        name="dead-letter-reader",
        why="looks at what could not be used: original bytes, not redacted",
        reads=(t.ROUTING_DEAD_LETTERS,),
        groups=("dead-letter-*",),
    ),
    Principal(
        name="frontdesk-autoscaler",
        why="sees how far behind the workers are, and no message",
        describes=(t.CUSTOMER_MESSAGES,),
        describes_groups=(APPLICATION,),
    ),
)


def acls(principal: Principal) -> list[dict[str, object]]:
    """The rules of a principal in the words of Strimzi's KafkaUser; each resource once."""
    rules: dict[tuple[str, str], set[str]] = {}

    def allow(kind: str, names: Iterable[str], *operations: Operation) -> None:
        for name in names:
            rules.setdefault((kind, name), set()).update(operations)

    allow("topic", principal.reads, "Read", "Describe")
    allow("topic", principal.writes, "Write", "Describe")
    allow("topic", principal.examines, "Describe", "DescribeConfigs")
    allow("topic", principal.describes, "Describe")
    allow("group", principal.groups, "Read", "Describe")
    allow("group", principal.describes_groups, "Describe")
    allow("transactionalId", principal.transactions, "Write", "Describe")
    return [
        {
            "resource": {
                "type": kind,
                "name": name.removesuffix("*"),
                "patternType": "prefix" if name.endswith("*") else "literal",
            },
            "operations": sorted(operations),
        }
        for (kind, name), operations in rules.items()
    ]
