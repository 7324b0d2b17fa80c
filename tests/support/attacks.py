"""The corpus of attacks: what customers write to a model that they hope will obey."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parents[1] / "corpora" / "attacks.jsonl"

ALERT_OF = {"safety": "safety", "legal": "legal", "leaving": "retention"}
"""the retail policy's mandatory rules (they read no label) and the kind of alert that each one raises"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack."""

    id: str
    kind: str
    language: str
    text: str
    wants: Mapping[str, Any]
    """what the model is to answer: labels, fields that nobody asked for, values that do not exist"""
    rule: str | None = None
    """the mandatory rule that the same text triggers, if any"""
    before: tuple[str, ...] = ()
    """messages of the same customer, sent first"""


@cache
def corpus() -> tuple[Attack, ...]:
    """All attacks. `{filler}` in a text stands for the row's filler, repeated: nobody could read the file otherwise."""
    return tuple(map(_attack, CORPUS.read_text(encoding="utf-8").splitlines()))


def _attack(line: str) -> Attack:
    row = json.loads(line)
    filler = row.pop("filler", "") * row.pop("times", 0)
    row["text"] = row["text"].replace("{filler}", filler)
    return Attack(**{**row, "before": tuple(row.get("before", ()))})
