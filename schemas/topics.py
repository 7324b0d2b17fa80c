"""The one table of topics: what lies where, and how long it is kept.

Every topic with ``keyed`` has the same number of partitions, so that all that is known of a customer lies in one
partition number. Broadcast topics have one partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from frontdesk.schemas.broadcast import ModelUpdate, PolicyUpdate, Product
from frontdesk.schemas.inputs import ConversationEvent, CustomerMessage, CustomerProfile, Feedback, Purchase
from frontdesk.schemas.outputs import Alert, DeadLetter, Decision, Difference, LabelRecord, Suggestion
from frontdesk.schemas.state import Companions, Customer, ShardState, Spending, Timer, Waiting
from frontdesk.schemas.transfers import Transfer
from frontdesk.schemas.types import DAY_MS, Record

CUSTOMER_MESSAGES = "customer.messages"
CUSTOMER_PROFILES = "customer.profiles"
CUSTOMER_PURCHASES = "customer.purchases"
CONVERSATION_EVENTS = "conversation.events"
ROUTING_FEEDBACK = "routing.feedback"
CUSTOMER_TRANSFERS = "customer.transfers"

ROUTING_DECISIONS = "routing.decisions"
ESCALATION_ALERTS = "escalation.alerts"
SERVICE_SUGGESTIONS = "service.suggestions"
ROUTING_LABELS = "routing.labels"
ROUTING_DEAD_LETTERS = "routing.dead-letters"
ROUTING_DIFFERENCES = "routing.differences"

PRODUCT_CATALOG = "product.catalog"
ROUTING_POLICIES = "routing.policies"
ROUTING_MODELS = "routing.models"

CUSTOMERS_TABLE = "customers"
WAITING_TABLE = "waiting"
SHARDS_TABLE = "shards"
SPENDING_TABLE = "spending"
TIMERS_TABLE = "timers"
COMPANIONS_TABLE = "companions"

_LARGE = {"max.message.bytes": str(8 * 1024 * 1024)}
# A dead letter holds the largest possible input together with its key, headers and reason.
_LARGER = {"max.message.bytes": str(12 * 1024 * 1024)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """One topic."""

    name: str
    record: type[Record]
    kind: Literal["input", "output", "state", "broadcast"]
    cleanup: Literal["delete", "compact"] = "delete"
    keyed: bool = True
    """records lie in their customer's partition; false: one partition, read whole by every worker"""
    retention_ms: int | None = None
    """None where the topic is compacted: nothing expires"""
    config: Mapping[str, str] = field(default_factory=dict)
    """topic settings beyond cleanup and retention, by their Kafka names"""

    def settings(self) -> dict[str, str]:
        """All topic settings, by their Kafka names, as `topics create` sets them."""
        out = {"cleanup.policy": self.cleanup, **self.config}
        if self.retention_ms is not None:
            out["retention.ms"] = str(self.retention_ms)
        return out


TABLES: Mapping[str, type[Record]] = {
    CUSTOMERS_TABLE: Customer,
    WAITING_TABLE: Waiting,
    SHARDS_TABLE: ShardState,
    SPENDING_TABLE: Spending,
    TIMERS_TABLE: Timer,
    COMPANIONS_TABLE: Companions,
}
"""The tables of a shard. The keys of their changelogs are their own; the shard's partition is given explicitly."""

TOPICS: tuple[TopicSpec, ...] = (
    TopicSpec(
        name=CUSTOMER_MESSAGES, record=CustomerMessage, kind="input", retention_ms=7 * DAY_MS, config=_LARGE
    ),
    TopicSpec(name=CUSTOMER_PROFILES, record=CustomerProfile, kind="input", cleanup="compact"),
    TopicSpec(name=CUSTOMER_PURCHASES, record=Purchase, kind="input", retention_ms=730 * DAY_MS),
    TopicSpec(name=CONVERSATION_EVENTS, record=ConversationEvent, kind="input", retention_ms=7 * DAY_MS),
    TopicSpec(name=ROUTING_FEEDBACK, record=Feedback, kind="input", retention_ms=365 * DAY_MS),
    # Shards write it as well: one hands a customer's state over, another takes it in.
    TopicSpec(name=CUSTOMER_TRANSFERS, record=Transfer, kind="input", retention_ms=7 * DAY_MS, config=_LARGE),
    TopicSpec(name=ROUTING_DECISIONS, record=Decision, kind="output", retention_ms=30 * DAY_MS),
    TopicSpec(name=ESCALATION_ALERTS, record=Alert, kind="output", retention_ms=30 * DAY_MS),
    TopicSpec(name=SERVICE_SUGGESTIONS, record=Suggestion, kind="output", retention_ms=7 * DAY_MS),
    TopicSpec(
        name=ROUTING_LABELS,
        record=LabelRecord,
        kind="output",
        retention_ms=365 * DAY_MS,
        config={"retention.bytes": str(16 * 1024**3)},  # a partition: training data must not fill the broker
    ),
    TopicSpec(
        name=ROUTING_DEAD_LETTERS, record=DeadLetter, kind="output", retention_ms=90 * DAY_MS, config=_LARGER
    ),
    TopicSpec(name=ROUTING_DIFFERENCES, record=Difference, kind="output", retention_ms=30 * DAY_MS),
    TopicSpec(name=PRODUCT_CATALOG, record=Product, kind="broadcast", cleanup="compact", keyed=False),
    TopicSpec(name=ROUTING_POLICIES, record=PolicyUpdate, kind="broadcast", cleanup="compact", keyed=False),
    TopicSpec(name=ROUTING_MODELS, record=ModelUpdate, kind="broadcast", cleanup="compact", keyed=False),
)
"""Every topic but the changelogs, whose names depend on the application: see `changelog_topics`."""

INPUT_TOPICS: tuple[str, ...] = tuple(topic.name for topic in TOPICS if topic.kind == "input")
OUTPUT_TOPICS: tuple[str, ...] = tuple(topic.name for topic in TOPICS if topic.kind == "output")
BROADCAST_TOPICS: tuple[str, ...] = tuple(topic.name for topic in TOPICS if topic.kind == "broadcast")

_BY_NAME = {topic.name: topic for topic in TOPICS}
_CHANGELOG = "-changelog"


def changelog_topic(application: str, table: str) -> str:
    """Name of the topic that holds a table of the application's shards.

    Raises:
        KeyError: there is no such table.
    """
    if table not in TABLES:
        raise KeyError(table)
    return f"{application}.{table}{_CHANGELOG}"


def is_changelog(name: str) -> bool:
    """Whether a topic is named as the state topics of an application are."""
    return name.endswith(_CHANGELOG)


def changelog_topics(application: str) -> tuple[TopicSpec, ...]:
    """The state topics of an application, in the order of `TABLES`."""
    return tuple(spec(changelog_topic(application, table)) for table in TABLES)


def spec(name: str) -> TopicSpec:
    """The topic with this name; changelogs of any application included.

    Raises:
        KeyError: the table of topics does not have it.
    """
    known = _BY_NAME.get(name)
    if known is not None:
        return known
    application, dot, table = name.removesuffix(_CHANGELOG).rpartition(".")
    if application and dot and table in TABLES and name.endswith(_CHANGELOG):
        return TopicSpec(name=name, record=TABLES[table], kind="state", cleanup="compact", config=_LARGE)
    raise KeyError(name)
