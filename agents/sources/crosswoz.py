"""CrossWOZ reduced to JSON lines: one turn a line, by the customer (usr) or the bot (sys).

https://github.com/thu-coai/CrossWOZ
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from frontdesk.agents.sources.entry import Entry, Fault, build, wrong_topic
from frontdesk.schemas.topics import CUSTOMER_MESSAGES

REQUIRED = frozenset({"conversation_id", "turn", "role", "text"})
ROLES = {"usr": "customer", "sys": "bot"}


def read_crosswoz(path: Path, topic: str) -> Iterator[Entry | Fault]:
    """Turns in the order of the file, which is the order of the conversations."""
    if (fault := wrong_topic(path, topic, "CrossWOZ")) is not None:
        yield fault
        return
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            if line := raw.strip():
                yield _entry(path, number, line)


def _entry(path: Path, number: int, line: bytes) -> Entry | Fault:
    try:
        turn = json.loads(line)
    except (ValueError, RecursionError):
        return build(path, number, CUSTOMER_MESSAGES, line)  # which says where it is broken
    if not isinstance(turn, dict) or not turn.keys() >= REQUIRED or turn["role"] not in ROLES:
        return Fault(
            path=path,
            line=number,
            problem="not a CrossWOZ turn",
            fix="a line has conversation_id, turn, role (usr or sys) and text; other files: --format jsonl",
        )
    # Conversation ids are unique within their split only.
    split = f"{turn['split']}-" if turn.get("split") else ""
    conversation = f"{split}{turn['conversation_id']}"
    value = {
        "message_id": f"{conversation}-{turn['turn']}",
        "conversation_id": conversation,
        "customer_id": conversation,
        "role": ROLES[turn["role"]],
        "text": turn["text"],
        "locale": "zh",
        "attributes": {"turn": str(turn["turn"])},
    }
    return build(path, number, CUSTOMER_MESSAGES, json.dumps(value).encode())
