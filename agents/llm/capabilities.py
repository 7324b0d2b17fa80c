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


ANSWER_TOKENS = 300
"""of one answer at most; a complete one takes about 80, but a model that reasons counts its thoughts as well"""

_NEXT = {Mode.JSON_SCHEMA: Mode.JSON_OBJECT, Mode.JSON_OBJECT: Mode.PROMPT}
_BOUNDS = ("max_tokens", "max_completion_tokens")
"""the same bound under two names: newer models of OpenAI refuse the first, most others do not know the second"""
_OPTIONAL = ("temperature", *_BOUNDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What is asked of an endpoint."""

    mode: Mode = Mode.JSON_SCHEMA
    without: frozenset[str] = frozenset()
    """optional parameters it does not take (reasoning models refuse a temperature)"""

    @property
    def bounded(self) -> bool:
        """Whether the endpoint lets the length of an answer be bounded, and so its cost."""
        return not self.without.issuperset(_BOUNDS)

    def weaker(self, param: str | None) -> Capabilities | None:
        """What to try after a 400 that blames `param`; None if there is nothing left to do without."""
        if param is not None and param in _OPTIONAL and param not in self.without:
            return replace(self, without=self.without | {param})
        following = _NEXT.get(self.mode)
        return replace(self, mode=following) if following else None

    def parameters(
        self, name: str, schema: Mapping[str, Any], answer_tokens: int = ANSWER_TOKENS
    ) -> dict[str, Any]:
        """The request's parameters besides model and messages; `name` is that of the schema."""
        chosen: dict[str, Any] = {} if "temperature" in self.without else {"temperature": 0.0}
        for name in _BOUNDS:
            if name not in self.without:
                chosen[name] = answer_tokens
                break
        if self.mode is Mode.JSON_SCHEMA:
            named = {"name": name, "strict": True, "schema": schema}
            return chosen | {"response_format": {"type": "json_schema", "json_schema": named}}
        if self.mode is Mode.JSON_OBJECT:
            return chosen | {"response_format": {"type": "json_object"}}
        return chosen
