"""Examples: the rows of a dataset, one message each with the best label that anybody gave it, in Parquet (extra `learn`)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from frontdesk.agents.learning.tables import read, write
from frontdesk.schemas.inputs import DEFAULT_TENANT
from frontdesk.schemas.keys import wire_key

TRAIN, HOLDOUT = "train", "holdout"
"""values of `split`"""
PERSON, LLM, LOCAL = "person", "llm", "local"
"""sources of a label, the best first; beside them `rule` and `fallback`"""
MADE_BY = "frontdesk learn dataset FOLDER"
_HEX_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One message of a dataset. Where nobody said anything a field is empty, or 0."""

    decision_id: str
    """of the newest revision: what feedback about the message names"""
    message_id: str
    conversation: str = ""
    """as `hashed`"""
    customer: str = ""
    """as `hashed`"""
    tenant_id: str = DEFAULT_TENANT
    at: int = 0
    """when it was labelled, in milliseconds since the epoch"""
    text: str
    """redacted and normalised"""
    language: str = ""
    intent: str
    intent_source: str = LOCAL
    """person, llm, local, rule or fallback; so the other sources"""
    emotion: str = ""
    emotion_source: str = ""
    urgency: str = ""
    urgency_source: str = ""
    local_intent: str = ""
    """of the local tiers, whoever had the last word"""
    local_confidence: float = 0.0
    """of `local_intent`, 0 to 1"""
    model_version: str = ""
    """of the local tiers"""
    llm_intent: str = ""
    llm_model: str = ""
    asked: str = ""
    """why an LLM was asked: unsure, audit, or nothing"""
    candidate: str = ""
    """the intent that the other of two models says: see `LabelRecord.candidate`"""
    candidate_model: str = ""
    by: tuple[str, ...] = ()
    """the people who said `intent`, in order"""
    weight: float = 1.0
    copies: int = 1
    """messages that this one stands for: near-duplicates of one split"""
    split: str = TRAIN
    entities: str = "{}"
    """a JSON object: what is named in the text, by kind"""


def hashed(tenant_id: str, name: str) -> str:
    """A customer or conversation of a tenant as a dataset names it: 16 hex digits. A pseudonym, not anonymous: whoever knows
    the id can make it again."""
    return hashlib.blake2b(wire_key(tenant_id, name), digest_size=_HEX_BYTES).hexdigest()


def read_examples(path: Path) -> list[Example]:
    """All rows of a Parquet file of examples, in its order; columns that it lacks are empty.

    Raises:
        StartupError: pyarrow is missing, or the file is none of examples.
    """
    return list(read(path, Example, made_by=MADE_BY))


def write_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write examples to a Parquet file, in order. What lay there stays until the new file is whole.

    Raises:
        StartupError: pyarrow is missing, or the file cannot be written.
    """
    write(path, Example, examples)
