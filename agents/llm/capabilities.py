"""What an endpoint can do, found out by asking it.

"OpenAI-compatible" endpoints differ in which response formats and parameters they take, and say so only by answering 400.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any


class Mode(Enum):
    """How the form of the answer is asked for, strictest first. The prompt describes the form in each of them."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    PROMPT = "prompt"


MAX_ANSWER_TOKENS = 300
"""Of one answer; a complete one takes about 80."""

_OPTIONAL: Mapping[str, Any] = {"temperature": 0.0, "max_tokens": MAX_ANSWER_TOKENS}
_NEXT = {Mode.JSON_SCHEMA: Mode.JSON_OBJECT, Mode.JSON_OBJECT: Mode.PROMPT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What is asked of an endpoint."""

    mode: Mode = Mode.JSON_SCHEMA
    without: frozenset[str] = frozenset()
    """optional parameters it does not take (reasoning models refuse a temperature)"""

    def weaker(self, param: str | None) -> Capabilities | None:
        """What to try after a 400 that blames `param`; None if there is nothing left to do without."""
        if param is not None and param in _OPTIONAL and param not in self.without:
            return replace(self, without=self.without | {param})
        following = _NEXT.get(self.mode)
        return replace(self, mode=following) if following else None

    def parameters(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The request's parameters besides model and messages."""
        chosen = {name: value for name, value in _OPTIONAL.items() if name not in self.without}
        if self.mode is Mode.JSON_SCHEMA:
            named = {"name": "labels", "strict": True, "schema": schema}
            return chosen | {"response_format": {"type": "json_schema", "json_schema": named}}
        if self.mode is Mode.JSON_OBJECT:
            return chosen | {"response_format": {"type": "json_object"}}
        return chosen
