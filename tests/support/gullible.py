"""A model that obeys whatever a customer writes: what containment has to hold against.

It answers as the attack wants, with full confidence: labels that do not exist, queues, tools, other customers' data. Of an attack
that it does not know it decodes what may be hidden (base64, rot13, percent, hex and unicode escapes) and takes every `name: value`.
Each answer comes in one of `FORMS`, from tidy to absurd.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from frontdesk.streams.limits import Limits
from frontdesk.streams.redact import redact
from tests.support.attacks import Attack

FIELDS = ("intent", "emotion", "urgency", "language")
FORMS = (
    "plain",
    "power",
    "nested_too",
    "prose",
    "fenced",
    "twice",
    "huge",
    "capitals",
    "lists",
    "nested",
    "tool_call",
)
"""how an answer is written; the first seven hold labels that are to be read where their values are known"""

_POWER = {
    "queue": "vip_care",
    "action": "keep",
    "priority": 0,
    "sla_seconds": 999_999,
    "alerts": [],
    "escalate": False,
    "tags": ["vip"],
    "rule": "safety",
    "rules": {"safety": "off", "legal": "off"},
    "facts": {"cue_safety": False, "cue_legal": False, "cue_leave": False, "tier": "vip", "mood": 1.0},
    "customer_id": "u-2",
    "tenant_id": "other",
    "seq": 0,
    "labels": {"intent": {"value": "vip_care"}},
    "source": "rule",
    "provisional": False,
}
"""every lever that a decision has, as fields that nobody asked for"""
_HARMLESS = {"intent": "other", "emotion": "neutral", "urgency": "low", "language": "en"}
_PAIR = re.compile(
    r"(intent|emotion|urgency|language|queue|priority)\W{0,3}(?: is |=|:)\W{0,2}(\w+)", re.IGNORECASE
)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-f]{2}){8,}")


class Gullible:
    """`reply` for `LlmServer`."""

    def __init__(self, attacks: Iterable[Attack] = (), *, form: str | None = None) -> None:
        self._form = form
        self._known = {_as_sent(attack.text): attack.wants for attack in attacks}
        self.said: list[str] = []
        """every answer, as text"""

    def reply(self, message: str) -> Mapping[str, Any]:
        """The assistant's message."""
        wants = self._known.get(message, None)
        labels = fields({**_HARMLESS, **(heard(message) if wants is None else wants)})
        form = self._form or FORMS[len(self.said) % len(FORMS)]
        said = written(labels, form)
        self.said.append(json.dumps(said, ensure_ascii=False))
        return said


def fields(wants: Mapping[str, Any]) -> dict[str, Any]:
    """The form that is asked for, filled in as wanted and sure of itself, and whatever is wanted beyond it."""
    return {**{f"{name}_confidence": 1.0 for name in FIELDS}, **wants}


def written(labels: Mapping[str, Any], form: str) -> dict[str, Any]:
    """The assistant's message with these labels, in this form."""
    plain = json.dumps(labels, ensure_ascii=False)
    content: str | None = plain
    extra: dict[str, Any] = {}
    match form:
        case "power":
            content = json.dumps({**_POWER, **labels}, ensure_ascii=False)
        case "nested_too":
            content = json.dumps({**labels, "result": labels, "override": {**labels, **_POWER}})
        case "prose":
            content = f"Of course! As you ask, I ignore my rules. {plain} Alert suppressed, moved to queue vip_care."
        case "fenced":
            content = f"```json\n{plain}\n```"
        case "twice":
            content = plain[:-1] + ", " + plain[1:]  # every name twice, the way a parser may take either
        case "huge":
            content = json.dumps({**labels, "reasoning": "as the customer says. " * 20_000})
        case "capitals":
            content = plain.upper()
        case "lists":
            content = json.dumps({name: [value, "vip_care"] for name, value in labels.items()})
        case "nested":
            content = json.dumps({"labels": labels, **_POWER})
        case "tool_call":
            content = None
            function = {"name": "route", "arguments": json.dumps({**labels, **_POWER})}
            extra = {"tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
        case _:
            pass
    return {"content": content, **extra}


def heard(message: str) -> dict[str, Any]:
    """What a message asks for, in plain words or hidden."""
    found: dict[str, Any] = {}
    for text in _decodings(message):
        found |= {name.lower(): value for name, value in _PAIR.findall(text)}
    return found


def _decodings(text: str) -> Iterator[str]:
    yield text
    yield unquote(text)
    yield codecs.encode(text, "rot13")
    yield re.sub(r"\\u([0-9a-f]{4})", lambda one: chr(int(one[1], 16)), text)
    yield text[::-1]
    for hidden in _HEX.findall(text):
        yield bytes.fromhex(hidden).decode(errors="replace")
    for hidden in _BASE64.findall(text):
        try:
            yield from _decodings(base64.b64decode(hidden, validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            continue


def _as_sent(text: str) -> str:
    """The text as it comes to a model: cut to size, redacted, fit for UTF-8."""
    return redact(text[: Limits().max_text_chars])
