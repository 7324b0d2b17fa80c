"""The two errors of the wire."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "malformed", "unknown_schema", "null_value", "invalid_utf8", "too_deep", "too_large", "missing_id"
]


class DecodeError(Exception):
    """A value that is not a record. It becomes a dead letter with this reason."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail
        """what and where, never the customer's words"""


class EncodeError(ValueError):
    """A record that breaks its own types, such as an integer beyond 64 bits: a defect of whoever made it."""
