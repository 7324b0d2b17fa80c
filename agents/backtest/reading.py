"""Decisions as JSON objects: only what a backtest needs of them is read, which takes half the time of reading all."""

from __future__ import annotations

import json
import math
from typing import Any

from frontdesk.schemas.codec import MAX_BYTES
from frontdesk.schemas.errors import DecodeError
from frontdesk.schemas.json_value import read_json, read_value
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.types import Scalar
from frontdesk.streams.decide import Facts, recorded_facts
from frontdesk.streams.facts import complete

Recorded = tuple[Decision, Facts]
"""a decision, which may lack its reasons and facts, and its facts, complete"""

_QUICK_BYTES = 65_536
"""so little that nothing in it can take much memory"""
_INT64 = 2**63


def read_object(data: bytes) -> Recorded:
    """The decision that a JSON object holds.

    Raises:
        DecodeError: as `read_json`; of reasons that are of no use nothing is said.
    """
    quick = _quick(data)
    if quick is not None:
        return quick
    if len(data) > MAX_BYTES:
        raise DecodeError("too_large", f"{len(data)} bytes, more than {MAX_BYTES}")
    decision = read_json(Decision, data)
    assert isinstance(decision, Decision)  # noqa: S101  # it was read as one
    return decision, recorded_facts(decision)


def _quick(data: bytes) -> Recorded | None:
    """None: whatever is odd about it is said, or found to be none, by reading all of it."""
    if len(data) > _QUICK_BYTES or b"\\u" in data:
        return None
    try:
        value = json.loads(data.decode(), parse_constant=_refuse)
        facts = _facts(value.pop("facts"))
        value.pop("reasons", None)
        decision = read_value(Decision, value)
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError, DecodeError):
        return None
    assert isinstance(decision, Decision)  # noqa: S101  # it was read as one
    return None if facts is None else (decision, complete(facts))


def _facts(given: Any) -> dict[str, Scalar] | None:
    facts = {one["name"]: one["value"] for one in given}
    for name, value in facts.items():
        kind = type(value)
        if type(name) is not str or not (
            kind is str
            or kind is bool
            or value is None
            or (kind is int and -_INT64 <= value < _INT64)
            or (kind is float and math.isfinite(value))
        ):
            return None
    return facts


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
