"""MultiDoGO, the turn-level splits: tab-separated, one row a customer turn.

https://github.com/awslabs/multi-domain-goal-oriented-dialogues-dataset
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from frontdesk.agents.sources.entry import Entry, Fault, wrong_topic
from frontdesk.agents.sources.tables import Row, is_text, rows
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.topics import CUSTOMER_MESSAGES

HEADER = ("conversationId", "turnNumber", "utteranceId", "utterance", "slot-labels", "intent")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def read_multidogo(path: Path, topic: str) -> Iterator[Entry | Fault]:
    """Customer turns in the order of the file, which is the order of the conversations."""
    if (fault := wrong_topic(path, topic, "MultiDoGO")) is not None:
        yield fault
        return
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        table = rows(file, csv.excel_tab)
        header = next(table, None)
        if header is None or tuple(header.cells) != HEADER:
            fix = f"the first row is, separated by tabs: {' '.join(HEADER)}"
            yield Fault(path=path, line=1, problem="not a MultiDoGO file", fix=fix)
            return
        for row in table:
            yield _entry(path, row)


def _entry(path: Path, row: Row) -> Entry | Fault:
    if len(row.cells) != len(HEADER):
        problem = f"{len(row.cells)} columns instead of {len(HEADER)}"
        return Fault(path=path, line=row.line, problem=problem, fix="mend the row, or pass --on-error skip")
    if not is_text(row):
        return Fault(path=path, line=row.line, problem="not UTF-8", fix="save the file as UTF-8")
    conversation, turn, utterance, text, _, intent = row.cells
    message_id, conversation_id = _safe(utterance), _safe(conversation)
    if not message_id or not conversation_id:
        fix = "give every row a conversationId and an utteranceId"
        return Fault(path=path, line=row.line, problem="an id is empty", fix=fix)
    record = CustomerMessage(
        message_id=message_id,
        conversation_id=conversation_id,
        customer_id=conversation_id,  # the data names no customers
        text=text,
        locale="en",
        attributes={"turn": turn, **({"intent": intent} if intent else {})},
    )
    return Entry(path=path, line=row.line, topic=CUSTOMER_MESSAGES, record=record)


def _safe(raw: str) -> str:
    """The id with what is unsafe in file names, URLs and logs replaced: ``<CONV>a<TURN>0`` becomes ``CONV-a-TURN-0``."""
    return _UNSAFE.sub("-", raw).strip("-")
