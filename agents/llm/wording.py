"""The form of a draft: one text. What it says is checked in the core, where it is known what it may say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore")

    reply: str


class Wording:
    """Reads a model's answer as a reply."""

    __slots__ = ()

    name = "reply"
    schema: Mapping[str, Any] = {
        "type": "object",
        "properties": {"reply": {"type": "string"}},
        "required": ["reply"],
        "additionalProperties": False,
    }

    def read(self, content: str) -> str | None:
        """The reply in a model's answer; None if there is none."""
        for candidate in (content, content[content.find("{") : content.rfind("}") + 1]):
            try:
                return _Reply.model_validate_json(candidate).reply
            except (ValidationError, UnicodeEncodeError):
                continue
        return None
