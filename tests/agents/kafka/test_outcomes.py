"""Outcomes from the topics themselves: all four are read, and what is no record is named with its place."""

from __future__ import annotations

from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.learning.outcome_counts import rows
from frontdesk.agents.learning.outcome_sources import TOPICS, read_topics
from frontdesk.agents.learning.outcomes import Outcomes
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import ConversationEvent, Feedback
from frontdesk.schemas.outputs import Decision, Label, LabelRecord, Labels
from tests.support.clients import make_topic, produce

LABEL = Label(value="billing", confidence=0.9, source="local")
LABELS = Labels(intent=LABEL, emotion=LABEL, urgency=LABEL, language=LABEL)
WHOSE = {"conversation_id": "c", "customer_id": "u"}
RECORDS = (
    Decision(
        **WHOSE,
        decision_id="d",
        message_id="m",
        action="route",
        queue="desk",
        labels=LABELS,
        policy_hash="p",
        model_version="v",
        decided_at=1,
    ),
    ConversationEvent(**WHOSE, kind="transferred", at=2),
    Feedback(customer_id="u", decision_id="d", by="ann", intent="account"),
    LabelRecord(
        **WHOSE,
        decision_id="d",
        message_id="m",
        text="words",
        labels=LABELS,
        taxonomy_hash="t",
        model_version="v",
        asked="audit",
        cost_usd=0.5,
    ),
)


async def test_all_four_topics_are_read_and_what_is_no_record_is_named(any_broker: str) -> None:
    for (topic, kind), record in zip(TOPICS.items(), RECORDS, strict=True):
        assert type(record) is kind
        await make_topic(any_broker, topic)
        await produce(any_broker, topic, [(b"u", Codec().encode(record)), (b"u", b"nonsense")])
    fold, faults = Outcomes(), []
    async for batch in read_topics(Cluster(any_broker), since=None, registry=None):
        for found in batch:
            if isinstance(found, str):
                faults.append(found)
            else:
                fold.take(found)
    (row,) = rows(fold.counts())
    found = {name: one.value for name, one in row.figures.items()}
    assert found == {"transferred": 1.0, "corrected": 1.0, "asked": 1.0, "cost": 0.5}
    assert [fault.split(":")[0] for fault in faults] == [f"{topic} 0/1" for topic in TOPICS]
