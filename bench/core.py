"""The core in a loop, without Kafka: what a message costs to decide, with its state and its encoded records.

    python -m bench.core --data FOLDER

Batches of real messages (FOLDER/multidogo/*_test.tsv, FOLDER/crosswoz/conversations.jsonl) go through the step that a shard computes,
once with the local labels and once with labels that cost nothing. Median of some rounds, each on an empty state. One thread.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from frontdesk.agents.bootstrap import build_pipeline
from frontdesk.agents.runtime.step import compute
from frontdesk.agents.settings import load
from frontdesk.agents.sources.crosswoz import read_crosswoz
from frontdesk.agents.sources.entry import Entry
from frontdesk.agents.sources.multidogo import read_multidogo
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Label
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.memory_state import MemoryState
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.ports import Scores

BEGAN = 1_790_000_000_000


class FreeLabels:
    """Labels that cost nothing: what is left is the core."""

    version = "free"

    def label(self, texts: Sequence[str]) -> list[Scores]:
        """The same answer to every text."""
        label = Label(value="product_enquiry", confidence=0.9, source="local")
        return [Scores(intent=label, unsure=False)] * len(texts)


def main() -> int:
    """Measure, print one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FRONTDESK_DATA", "../shared/data")))
    parser.add_argument("--messages", type=int, default=4000, help="of each language")
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    codec = Codec()
    arrivals = _arrivals(options.data, options.messages, codec)
    pipeline = build_pipeline(load(), partitions=1, codec=codec)
    free = replace(pipeline, labeller=FreeLabels())
    costs: dict[str, list[float]] = {"with_local_labels": [], "with_free_labels": []}
    for number in range(options.rounds):
        for name, core in (("with_local_labels", pipeline), ("with_free_labels", free)):
            costs[name].append(_round(core, arrivals, options.batch, codec))
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    report = {
        "messages": len(arrivals),
        "batch": options.batch,
        "rounds": options.rounds,
        "python": platform.python_version(),
        "microseconds_a_message": {name: round(statistics.median(each)) for name, each in costs.items()},
        "spread": {name: [round(min(each)), round(max(each))] for name, each in costs.items()},
    }
    print(json.dumps(report, indent=1))
    return 0


def _arrivals(data: Path, most: int, codec: Codec) -> list[Arrival]:
    english = (
        entry
        for path in sorted(data.glob("multidogo/*_test.tsv"))
        for entry in read_multidogo(path, CUSTOMER_MESSAGES)
    )
    chinese = read_crosswoz(data / "crosswoz" / "conversations.jsonl", CUSTOMER_MESSAGES)
    records = [
        entry.record
        for source in (english, chinese)
        for entry in islice(source, most)
        if isinstance(entry, Entry) and isinstance(entry.record, CustomerMessage)
    ]
    return [
        Arrival(
            topic=CUSTOMER_MESSAGES,
            partition=0,
            offset=offset,
            timestamp=Millis(BEGAN + offset),
            key=wire_key(record.tenant_id, record.customer_id),
            value=codec.encode(record),
        )
        for offset, record in enumerate(records)
        if isinstance(record, CustomerMessage)
    ]


def _round(core: Pipeline, arrivals: Sequence[Arrival], batch: int, codec: Codec) -> float:
    """Microseconds a message, over all batches."""
    state = MemoryState()
    began = time.perf_counter()
    for start in range(0, len(arrivals), batch):
        given = Batch(arrivals=tuple(arrivals[start : start + batch]))
        outcome = compute(core, state, given, Millis(BEGAN + start), codec=codec, application="frontdesk")
        for change in outcome.changes:
            state.apply(change)
    return (time.perf_counter() - began) / len(arrivals) * 1e6


if __name__ == "__main__":
    sys.exit(main())
