"""What the worker and the process of its LLM client say to each other: a JSON object a line.

To the process: first `Setup`, then ``{"ask": id, ...}``, ``{"draft": id, ...}`` and ``{"cancel": id}``. From it: ``{"answer": id, ...}``, and what an
`Observer` is told as ``{"call": [...]}``, ``{"limit": [...]}`` and ``{"breaker": [...]}``. All ASCII, so that also what is no Unicode gets through.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from frontdesk.agents.llm.endpoint import Endpoint, Routes
from frontdesk.agents.llm.verdict import FIELDS, SOURCE
from frontdesk.schemas.outputs import Ground, Label, Labels, Suggestion
from frontdesk.schemas.state import Turn, Usage
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer, Drafted
from frontdesk.streams.effects import Ask, Draft
from frontdesk.streams.taxonomy import Taxonomy

LONGEST_LINE = 64 * 1024 * 1024
"""bytes"""
_UNKNOWN = Label(value="", confidence=0.0, source="fallback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the client is built from. It has the keys in it: nothing but the pipe sees it."""

    routes: Routes
    taxonomy: Taxonomy
    context_tokens: int


def line(message: object) -> bytes:
    """One message."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def setup_line(setup: Setup) -> bytes:
    """The first message."""
    default = setup.routes.default
    return line(
        {
            "bound": [_endpoint(endpoint) for endpoint in setup.routes.bound],
            "default": None if default is None else _endpoint(default),
            "taxonomy": asdict(setup.taxonomy),
            "context_tokens": setup.context_tokens,
        }
    )


def read_setup(message: bytes) -> Setup:
    """The first message, read."""
    found = json.loads(message)
    endpoint = TypeAdapter(Endpoint).validate_python
    return Setup(
        routes=Routes(
            bound=tuple(map(endpoint, found["bound"])),
            default=None if found["default"] is None else endpoint(found["default"]),
        ),
        taxonomy=TypeAdapter(Taxonomy).validate_python(found["taxonomy"]),
        context_tokens=found["context_tokens"],
    )


def ask_line(number: int, ask: Ask) -> bytes:
    """An ask, without what no endpoint needs: whose it is stays here."""
    return line({"ask": number, **_asked(ask)})


def draft_line(number: int, draft: Draft) -> bytes:
    """A draft, without what no endpoint needs: neither whose it is nor what is published."""
    return line(
        {
            "draft": number,
            **_asked(draft),
            "facts": [(fact.name, fact.value) for fact in draft.facts],
            "reply": draft.reply,
            "answer_in": draft.suggestion.language,
            "tone": draft.suggestion.tone,
        }
    )


def read_ask(found: dict[str, Any]) -> Ask:
    """An ask, read."""
    return Ask(
        customer=b"",
        seq=found["ask"],
        attempt=0,
        tenant_id=found["tenant"],
        text=found["text"],
        turns=_turns(found),
        locale=found["locale"],
        local=_labels(found),
        deadline=Millis(found["give_up_at"]),
        give_up_at=Millis(found["give_up_at"]),
        max_cost_usd=found["most"],
    )


def read_draft(found: dict[str, Any]) -> Draft:
    """A draft, read."""
    return Draft(
        customer=b"",
        suggestion=Suggestion(
            decision_id="",
            message_id="",
            conversation_id="",
            customer_id="",
            language=found["answer_in"],
            tone=found["tone"],
        ),
        received_at=Millis(0),
        tenant_id=found["tenant"],
        text=found["text"],
        turns=_turns(found),
        locale=found["locale"],
        local=_labels(found),
        facts=tuple(Ground(name=name, value=value) for name, value in found["facts"]),
        reply=found["reply"],
        give_up_at=Millis(found["give_up_at"]),
        max_cost_usd=found["most"],
    )


def answer_line(answer: Answer) -> bytes:
    """What became of an ask."""
    labels = answer.labels
    given = None if labels is None else [_label(getattr(labels, name)) for name in FIELDS]
    return line(
        {
            "answer": answer.seq,
            "labels": given,
            "usage": usage_values(answer.usage),
            "prompt": answer.prompt_version,
            "error": answer.error,
        }
    )


def read_answer(found: dict[str, Any], ask: Ask) -> Answer:
    """What became of this ask, read."""
    labels = None
    if found["labels"] is not None:
        labels = Labels(
            **{
                name: Label(value=value, confidence=confidence, source=SOURCE)
                for name, (value, confidence) in zip(FIELDS, found["labels"], strict=True)
            }
        )
    return Answer(
        customer=ask.customer,
        seq=ask.seq,
        attempt=ask.attempt,
        labels=labels,
        prompt_version=found["prompt"],
        usage=read_usage(found["usage"]),
        error=found["error"],
    )


def drafted_line(number: int, drafted: Drafted) -> bytes:
    """What became of a draft."""
    return line(
        {
            "answer": number,
            "reply": drafted.reply,
            "usage": usage_values(drafted.usage),
            "error": drafted.error,
        }
    )


def read_drafted(found: dict[str, Any], draft: Draft) -> Drafted:
    """What became of this draft, read."""
    return Drafted(draft=draft, reply=found["reply"], usage=read_usage(found["usage"]), error=found["error"])


def usage_values(usage: Usage | None) -> list[object] | None:
    """A usage as a list."""
    return None if usage is None else [usage.model, usage.tokens_in, usage.tokens_out, usage.cost_usd]


def read_usage(values: list[Any] | None) -> Usage | None:
    """A usage, read."""
    if values is None:
        return None
    model, tokens_in, tokens_out, cost_usd = values
    return Usage(model=model, tokens_in=tokens_in, tokens_out=tokens_out, cost_usd=cost_usd)


def _asked(ask: Ask | Draft) -> dict[str, object]:
    return {
        "tenant": ask.tenant_id,
        "text": ask.text,
        "turns": [(turn.role, turn.text) for turn in ask.turns],
        "locale": ask.locale,
        "language": ask.local.language.value,
        "give_up_at": ask.give_up_at,
        "most": ask.max_cost_usd,
    }


def _turns(found: dict[str, Any]) -> tuple[Turn, ...]:
    return tuple(Turn(role=role, text=text, at=Millis(0)) for role, text in found["turns"])


def _labels(found: dict[str, Any]) -> Labels:
    language = Label(value=found["language"], confidence=0.0, source="fallback")
    return Labels(intent=_UNKNOWN, emotion=_UNKNOWN, urgency=_UNKNOWN, language=language)


def _endpoint(endpoint: Endpoint) -> dict[str, object]:
    return {**asdict(endpoint), "api_key": endpoint.api_key.get_secret_value()}


def _label(label: Label) -> tuple[str, float]:
    return label.value, label.confidence
