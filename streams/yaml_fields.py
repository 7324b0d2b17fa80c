"""Typed fields of a YAML tree: each getter returns the value, or adds a problem and returns what is neutral."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from frontdesk.schemas.types import Millis
from frontdesk.streams.hours import LATEST
from frontdesk.streams.yaml_source import Node, Problems, suggest

MAX_CHARS = 2_000
"""of one text"""
_LARGEST = 1e15
_DURATION = re.compile(r"(\d{1,9})\s*(s|m|h|d)?")
_LONGEST = 3_650 * 86_400
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, None: 1}


def mapping(
    node: Node, what: str, known: tuple[str, ...], problems: Problems, *, required: tuple[str, ...] = ()
) -> Mapping[str, Node]:
    """The fields of a mapping; unknown and missing ones are problems."""
    if not isinstance(node.value, Mapping):
        problems.add(node, f"{what} is not a mapping", f"write it as `name: value` with {', '.join(known)}")
        return {}
    for name, item in node.value.items():
        if name not in known:
            problems.add(item.key, f"{what} has no key {name!r}", suggest(name, known, "it has"))
    for name in required:
        if name not in node.value:
            problems.add(node, f"{what} lacks {name!r}", "add it")
    return node.value


def mapping_of_any(node: Node, what: str, problems: Problems) -> Mapping[str, Node]:
    """The fields of a mapping whose keys its author chooses."""
    return mapping(node, what, tuple(node.value) if isinstance(node.value, Mapping) else (), problems)


def items(node: Node | None, what: str, problems: Problems) -> tuple[Node, ...]:
    """The items of a list; an absent list is empty, anything else is a problem."""
    if node is None:
        return ()
    if not isinstance(node.value, tuple):
        problems.add(node, f"{what} is not a list", "write each item on a line of its own after a dash")
        return ()
    return node.value


def string(node: Node | None, what: str, problems: Problems) -> str | None:
    """A non-empty string of at most `MAX_CHARS`; an absent one is None, anything else is a problem."""
    if node is None:
        return None
    if not isinstance(node.value, str) or not node.value.strip():
        problems.add(node, f"{what} is not a text", "write a word, in quotes if it looks like a number")
        return None
    if len(node.value) > MAX_CHARS:
        problems.add(
            node, f"{what} has {len(node.value):,} characters, more than {MAX_CHARS:,}", "keep it shorter"
        )
        return None
    return node.value


def strings(node: Node | None, what: str, problems: Problems) -> tuple[str, ...]:
    """The texts of a list, or one text alone."""
    if node is not None and isinstance(node.value, str):
        node = Node(value=(node,), line=node.line, column=node.column)
    found = (string(item, f"an item of {what}", problems) for item in items(node, what, problems))
    return tuple(text for text in found if text is not None)


def integer(node: Node | None, what: str, problems: Problems, low: int, high: int) -> int | None:
    """A whole number from low to high; an absent one is None, anything else is a problem."""
    if node is None:
        return None
    if isinstance(node.value, bool) or not isinstance(node.value, int) or not low <= node.value <= high:
        problems.add(
            node, f"{what} is no whole number from {low} to {high}", f"write a number from {low} to {high}"
        )
        return None
    return node.value


def boolean(node: Node | None, what: str, problems: Problems) -> bool | None:
    """Yes or no; an absent one is None, anything else is a problem."""
    if node is None:
        return None
    if not isinstance(node.value, bool):
        problems.add(node, f"{what} is neither true nor false", "write true or false")
        return None
    return node.value


def number(node: Node | None, what: str, problems: Problems) -> int | float | None:
    """A number; an absent one is None, anything else is a problem."""
    if node is None:
        return None
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        problems.add(node, f"{what} is not a number", "write a number")
        return None
    if not -_LARGEST <= node.value <= _LARGEST:
        problems.add(node, f"{what} is beyond {_LARGEST:g}", "write a smaller number")
        return None
    return node.value


def seconds(node: Node | None, what: str, problems: Problems, *, none: bool = False) -> int | None:
    """A duration such as 90, 90s, 15m, 4h or 2d, in seconds; an absent one is None, anything else is a problem. `none`: it
    may be 0."""
    if node is None:
        return None
    found = None if isinstance(node.value, bool) else _DURATION.fullmatch(str(node.value))
    if not found or not (none or int(found[1])):
        problems.add(node, f"{what} is not a duration", f"write 90s, 15m, 4h or 2d{', or 0 for none' * none}")
        return None
    length = int(found[1]) * _SECONDS[found[2]]
    if length > _LONGEST:
        problems.add(node, f"{what} is longer than ten years", "mend its unit: s, m, h or d")
        return None
    return length


AN_INSTANT = "write it with its zone: 2026-01-31T09:00:00Z, or 2026-01-31T17:00:00+08:00"


def instant(text: str) -> Millis:
    """The instant that a text of RFC 3339 names.

    Raises:
        ValueError: it names none; for people, to be said behind it.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is no time") from None
    if at.tzinfo is None:
        raise ValueError("is a time without a zone")
    millis = int(at.timestamp() * 1000)
    if not 0 < millis <= LATEST:
        raise ValueError("is no time at which messages come")
    return Millis(millis)
