"""The form of an answer: built from the taxonomy, asked for as a JSON schema, checked in every mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from frontdesk.schemas.outputs import Label, Labels
from frontdesk.streams.taxonomy import Taxonomy

FIELDS = ("intent", "emotion", "urgency", "language")
SOURCE = "llm"


class Verdict:
    """Reads a model's answer as labels of one taxonomy."""

    __slots__ = ("_model", "schema")

    name = "labels"

    def __init__(self, taxonomy: Taxonomy) -> None:
        values = taxonomy.values()
        one_of: Any = Literal
        fields: dict[str, Any] = {}
        for name in FIELDS:
            fields[name] = (one_of[values[name]], ...)
            fields[f"{name}_confidence"] = (float, Field(ge=0.0, le=1.0, allow_inf_nan=False))
        # Fields that were not asked for ("reasoning") are common without a schema and do no harm.
        self._model: type[BaseModel] = create_model(
            "Verdict", __config__=ConfigDict(extra="ignore"), **fields
        )
        self.schema: Mapping[str, Any] = _strict(values)

    def read(self, content: str) -> Labels | None:
        """The labels in a model's answer; None if it is not exactly of this form, whatever else it is."""
        for candidate in (content, content[content.find("{") : content.rfind("}") + 1]):
            try:
                found = self._model.model_validate_json(candidate).model_dump()
            except (ValidationError, UnicodeEncodeError):
                continue
            return Labels(**{name: _label(found, name) for name in FIELDS})
        return None


def _label(found: Mapping[str, Any], name: str) -> Label:
    return Label(value=found[name], confidence=found[f"{name}_confidence"], source=SOURCE)


def _strict(values: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """A schema in the subset that every strict mode takes: no bounds, no references; bounds are checked on reading."""
    properties: dict[str, Any] = {}
    for name in FIELDS:
        properties[name] = {"type": "string", "enum": list(values[name])}
        properties[f"{name}_confidence"] = {"type": "number", "description": "0 to 1"}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
