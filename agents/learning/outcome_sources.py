"""Where the records come from that outcomes are folded of: four topics, or files of JSON lines."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.reading import from_time, read_to_end
from frontdesk.agents.learning.outcomes import Outcome
from frontdesk.agents.registry import SchemaRegistry
from frontdesk.agents.sources.entry import Fault
from frontdesk.schemas.codec import Codec, DecodeError, schema_ids_in
from frontdesk.schemas.inputs import ConversationEvent, Feedback
from frontdesk.schemas.json_value import read_json
from frontdesk.schemas.outputs import Decision, LabelRecord
from frontdesk.schemas.topics import (
    CONVERSATION_EVENTS,
    ROUTING_DECISIONS,
    ROUTING_FEEDBACK,
    ROUTING_LABELS,
    spec,
)
from frontdesk.schemas.types import Record

TOPICS: Mapping[str, type[Record]] = {
    ROUTING_DECISIONS: Decision,
    CONVERSATION_EVENTS: ConversationEvent,
    ROUTING_FEEDBACK: Feedback,
    ROUTING_LABELS: LabelRecord,
}
_SIGNS: tuple[tuple[frozenset[str], type[Record]], ...] = (
    (frozenset({"policy_hash", "queue", "labels"}), Decision),
    (frozenset({"taxonomy_hash", "labels"}), LabelRecord),
    (frozenset({"decision_id", "by"}), Feedback),
    (frozenset({"conversation_id", "kind"}), ConversationEvent),
)
"""fields by which a line is told that does not name its topic"""
_FIX = 'keep one record a line as JSON, as it is or as {"topic": ..., "value": ...}'


def read_file(path: Path) -> Iterator[Outcome | Fault]:
    """The records of a file of JSON lines; those of other topics are passed over.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            line = raw.removeprefix(b"\xef\xbb\xbf").strip()
            if not line:
                continue
            try:
                found = _record(line)
            except DecodeError as error:
                yield Fault(path=path, line=number, problem=error.detail, fix=_FIX)
                continue
            if found is not None:
                yield found


async def read_topics(
    cluster: Cluster, *, since: int | None, registry: SchemaRegistry | None
) -> AsyncIterator[Sequence[Outcome | str]]:
    """The committed records of all four topics up to their present ends, in batches; what is wrong with a record in its place.

    Raises:
        StartupError: no broker, or a topic is missing.
        RegistryUnavailable: a record names a schema id, and the registry cannot be asked.
    """
    codec = Codec(schema_ids=registry)
    start = None if since is None else from_time(since)
    for topic, kind in TOPICS.items():
        async for records in read_to_end(cluster, topic, start=start):
            if registry is not None:
                await registry.prefetch(schema_ids_in(record.value for record in records))
            batch: list[Outcome | str] = []
            for record in records:
                try:
                    batch.append(cast("Outcome", codec.decode(kind, record.value)))
                except DecodeError as error:
                    batch.append(f"{topic} {record.partition}/{record.offset}: {error.detail}")
            yield batch


def _record(line: bytes) -> Outcome | None:
    """The record in a line; None of another topic.

    Raises:
        DecodeError: it is none.
    """
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise DecodeError("malformed", "no JSON object")
    if isinstance(topic := value.get("topic"), str) and isinstance(value.get("value"), dict):
        kind = TOPICS.get(topic)
        if kind is None:
            _known(topic)
            return None
        line = json.dumps(value["value"]).encode()
    else:
        kind = next((kind for signs, kind in _SIGNS if signs <= value.keys()), None)
        if kind is None:
            raise DecodeError("malformed", "neither a decision, an event, feedback nor a label record")
    return cast("Outcome", read_json(kind, line))


def _known(topic: str) -> None:
    try:
        spec(topic)
    except KeyError:
        raise DecodeError("malformed", f"no topic is called {topic[:60]!r}") from None
