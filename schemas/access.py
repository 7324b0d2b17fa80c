"""Who may do what on Kafka: the rights of each principal, for access control lists. The table in docs/security.md is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from frontdesk.schemas.topics import (
    CONVERSATION_EVENTS,
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    CUSTOMER_PURCHASES,
    CUSTOMER_TRANSFERS,
    ESCALATION_ALERTS,
    PRODUCT_CATALOG,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
    ROUTING_FEEDBACK,
    ROUTING_LABELS,
    ROUTING_MODELS,
    ROUTING_POLICIES,
    SERVICE_SUGGESTIONS,
    SHARDS_TABLE,
    TOPICS,
    WAITING_TABLE,
    changelog_topic,
    changelog_topics,
)

Operation = Literal["Read", "Write", "Describe", "DescribeConfigs"]
Resource = Literal["topic", "group", "transactionalId"]

WORKER = "frontdesk-worker"
LEARNER = "frontdesk-learner"
PUBLISHER = "frontdesk-publisher"
PRODUCER = "platform-producer"
CONSUMER = "routing-consumer"
DEAD_LETTER_READER = "dead-letter-reader"
AUDITOR = "frontdesk-auditor"
AUTOSCALER = "frontdesk-autoscaler"
PURPOSES = {
    WORKER: "decides: reads what comes in, writes what goes out and its own state",
    LEARNER: "teaches and promotes models: reads what was labelled, answered and decided, what became of it, and who was erased",
    PUBLISHER: "publishes policies, switches, models and the catalogue, for people and pipelines that may change what is decided",
    PRODUCER: "the contact centre: messages, events, profiles, purchases, and what people answered",
    CONSUMER: "acts on decisions, alerts and suggestions",
    DEAD_LETTER_READER: "looks at what could not be used: original bytes, not redacted",
    AUDITOR: "looks for what became of every message: `frontdesk decisions reconcile`",
    AUTOSCALER: "sees how far behind the workers are, and no message",
}
PRINCIPALS = tuple(PURPOSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One right of a principal. Read and Write imply Describe, as Kafka has it."""

    resource: Resource
    name: str
    operations: tuple[Operation, ...]
    prefixed: bool = False
    """of all resources whose names begin so"""


def grants(principal: str, application: str = "frontdesk") -> tuple[Grant, ...]:
    """All that this principal needs, and nothing else. `application` is the setting of that name.

    A consumer reads in a group of its own: its name begins with the principal's.
    """
    match principal:
        case "frontdesk-worker":
            return _worker(application)
        case "frontdesk-learner":
            return (
                # Profiles and transfers: whom they say to forget is forgotten in datasets as well. Decisions and events: what became
                # of them, for its metrics.
                *_topics(
                    ("Read",),
                    ROUTING_LABELS,
                    ROUTING_FEEDBACK,
                    ROUTING_POLICIES,
                    CUSTOMER_PROFILES,
                    CUSTOMER_TRANSFERS,
                    ROUTING_DECISIONS,
                    CONVERSATION_EVENTS,
                ),
                *_topics(("Read", "Write"), ROUTING_MODELS),
                Grant(resource="group", name=f"{application}.learner", operations=("Read",)),
                Grant(resource="transactionalId", name=f"{application}.learner", operations=("Write",)),
            )
        case "frontdesk-publisher":
            return _topics(("Read", "Write"), PRODUCT_CATALOG, ROUTING_POLICIES, ROUTING_MODELS)
        case "platform-producer":
            return _topics(
                ("Write",),
                CUSTOMER_MESSAGES,
                CUSTOMER_PROFILES,
                CUSTOMER_PURCHASES,
                CONVERSATION_EVENTS,
                ROUTING_FEEDBACK,
            )
        case "routing-consumer":
            return (
                *_topics(("Read",), ROUTING_DECISIONS, ESCALATION_ALERTS, SERVICE_SUGGESTIONS),
                Grant(resource="group", name=CONSUMER, operations=("Read",), prefixed=True),
            )
        case "dead-letter-reader":
            return _topics(("Read",), ROUTING_DEAD_LETTERS)
        case "frontdesk-auditor":
            return _topics(
                ("Read",),
                CUSTOMER_MESSAGES,
                ROUTING_DECISIONS,
                ROUTING_DEAD_LETTERS,
                changelog_topic(application, SHARDS_TABLE),
                changelog_topic(application, WAITING_TABLE),
            )
        case "frontdesk-autoscaler":
            return (
                *_topics((), CUSTOMER_MESSAGES),
                Grant(resource="group", name=application, operations=("Describe",)),
            )
    raise ValueError(f"{principal!r} is none of {', '.join(PRINCIPALS)}")


def _worker(application: str) -> tuple[Grant, ...]:
    out: list[Grant] = []
    for topic in (*TOPICS, *changelog_topics(application)):
        writes: tuple[Operation, ...] = ("Write",)
        reads: tuple[Operation, ...] = ("Read",)
        if topic.kind == "output":
            needed = writes
        elif topic.kind == "state" or topic.name == CUSTOMER_TRANSFERS:
            needed = (*reads, *writes)
        else:
            needed = reads
        # DescribeConfigs: `topics check` compares what a topic is set to.
        out.append(
            Grant(resource="topic", name=topic.name, operations=(*needed, "Describe", "DescribeConfigs"))
        )
    return (
        *out,
        Grant(resource="group", name=application, operations=("Read",)),
        # One a shard: the name ends in its number.
        Grant(resource="transactionalId", name=f"{application}-", operations=("Write",), prefixed=True),
    )


def _topics(operations: tuple[Operation, ...], *names: str) -> tuple[Grant, ...]:
    return tuple(Grant(resource="topic", name=name, operations=(*operations, "Describe")) for name in names)
