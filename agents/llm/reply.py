"""What an endpoint answered, as far as we use it. Anything may come back: nothing is taken for granted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOST_TOKENS = 100_000_000
"""of one call: a larger count is no count, and would not fit where it is kept"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One chat completion."""

    content: str
    """of the model's message; empty if there is none"""
    refused: bool
    """the model declined, or a filter took its answer away"""
    cut: bool
    """it ended at the bound of its length"""
    tokens: tuple[int, int] | None
    """in and out; None if the endpoint does not say"""


def read_reply(document: object) -> Reply | None:
    """The first choice of a chat completion; None if the document is none."""
    if not isinstance(document, Mapping) or not isinstance(choices := document.get("choices"), list):
        return None
    choice = _mapping(choices[0]) if choices else {}
    message = _mapping(choice.get("message"))
    content = message.get("content")
    return Reply(
        content=content if isinstance(content, str) else "",
        refused=bool(message.get("refusal")) or choice.get("finish_reason") == "content_filter",
        cut=choice.get("finish_reason") == "length",
        tokens=_tokens(_mapping(document.get("usage"))),
    )


def _tokens(usage: Mapping[str, object]) -> tuple[int, int] | None:
    tokens_in, tokens_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(tokens_in, int) or not isinstance(tokens_out, int):
        return None
    return (
        (tokens_in, tokens_out) if 0 < tokens_in <= MOST_TOKENS and 0 <= tokens_out <= MOST_TOKENS else None
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
