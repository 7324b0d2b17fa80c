"""What is sent to the model: the rules as instructions, the customer's words as data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files

from frontdesk.agents.llm.tokens import cut, estimate, shorten
from frontdesk.schemas.state import Turn
from frontdesk.streams.effects import Ask, Draft
from frontdesk.streams.taxonomy import Intent, Taxonomy

MAX_MESSAGE = 4_000
"""characters; what decides an intent stands at the beginning or at the end, so the middle is left out"""
MAX_TURN = 500
MAX_TURNS = 10
"""the newest"""
CONTEXT_TOKENS = 1_000
"""of all turns together, by estimate"""
_TURN_TOKENS = 12
"""of what stands around a turn's text"""
_EXAMPLES = 3


class LabelPrompt:
    """The prompt of one taxonomy. Pure once built; the template comes with the package."""

    __slots__ = ("_context_tokens", "system", "version")

    def __init__(
        self, taxonomy: Taxonomy, template: str | None = None, *, context_tokens: int = CONTEXT_TOKENS
    ) -> None:
        self.system = _render(template or read_template(), taxonomy)
        self._context_tokens = context_tokens
        digest = hashlib.sha256(f"{self.system}\n{taxonomy.hash}".encode())
        self.version = digest.hexdigest()[:12]

    def user(self, ask: Ask) -> str:
        """The user turn that goes with `system`. Of `ask` only text, turns (role and text) and locale are in it."""
        data = {
            "conversation": _context(ask.turns, self._context_tokens),
            "locale": ask.locale,
            "message": shorten(ask.text, MAX_MESSAGE),
        }
        return _as_data(data)


class DraftPrompt:
    """The prompt for replies. Pure once built; the text comes with the package."""

    __slots__ = ("_context_tokens", "system", "version")

    def __init__(self, *, context_tokens: int = CONTEXT_TOKENS) -> None:
        self.system = read_template("draft.md")
        self._context_tokens = context_tokens
        self.version = hashlib.sha256(self.system.encode()).hexdigest()[:12]

    def user(self, ask: Draft) -> str:
        """The user turn that goes with `system`. Of a draft only text, turns (role and text), facts, reply, language and tone are
        in it."""
        data = {
            "conversation": _context(ask.turns, self._context_tokens),
            "message": shorten(ask.text, MAX_MESSAGE),
            "facts": {ground.name: ground.value for ground in ask.facts},
            "reply": ask.reply,
            "language": ask.suggestion.language,
            "tone": ask.suggestion.tone,
        }
        return _as_data(data)


def read_template(name: str = "label.md") -> str:
    """A bundled template. Reads a file."""
    return (files("frontdesk.agents") / "prompts" / name).read_text(encoding="utf-8")


def _render(template: str, taxonomy: Taxonomy) -> str:
    values = {
        "intents": "\n".join(_describe(intent) for intent in taxonomy.intents),
        "fallback": taxonomy.fallback_intent,
        "emotions": ", ".join(taxonomy.emotions),
        "urgencies": ", ".join(taxonomy.urgencies),
        "languages": ", ".join(taxonomy.languages),
    }
    for name, value in values.items():
        template = template.replace("{{" + name + "}}", value)
    return template


def _describe(intent: Intent) -> str:
    meaning = intent.description.get("en") or next(iter(intent.description.values()), intent.id)
    names = " / ".join(intent.name.values())
    line = f"- `{intent.id}` ({names}): {meaning.strip()}"
    if intent.examples:
        line += " For example: " + "; ".join(f"“{text}”" for text in intent.examples[:_EXAMPLES])
    return line


def _as_data(data: object) -> str:
    return f"<customer_data>\n{_as_json(data)}\n</customer_data>"


def _as_json(data: object) -> str:
    """JSON in which no text can end its own string, or the block around it: quotes and line ends are escaped by JSON,
    angle brackets here."""
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")
    return text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates cannot be sent


def _context(turns: Sequence[Turn], tokens: int) -> list[dict[str, str]]:
    """The newest turns that fit, oldest first. The first that does not fit ends it; only the newest of all is cut for that."""
    kept: list[dict[str, str]] = []
    for turn in reversed(turns[-MAX_TURNS:]):
        text = shorten(turn.text, MAX_TURN)
        tokens -= _TURN_TOKENS + estimate(text)
        if tokens < 0:
            if not kept and (text := cut(text, tokens + estimate(text))):
                kept.append({"role": turn.role, "text": text})
            break
        kept.append({"role": turn.role, "text": text})
    return kept[::-1]
