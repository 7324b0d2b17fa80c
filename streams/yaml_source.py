"""YAML with positions: a small tree of plain values, each of which knows its line and column.

Only what a policy needs is read: mappings with string keys, lists and plain scalars. Anchors, aliases, custom tags,
duplicate keys, deep nesting and large files are refused, so that no file can make loading expensive.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode

MAX_CHARS = 1_000_000
MAX_DEPTH = 16

Plain = bool | int | float | str | None
_SCALAR_TAGS = ("str", "int", "float", "bool", "null")
_COLLECTION_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


class PolicyError(Exception):
    """A policy or taxonomy cannot be used; whoever loads it keeps the one before or refuses to start.

    `problems` holds one line for each thing that is wrong, `file:line:column: what; fix`; the text of the error shows
    the offending source line below each.
    """

    def __init__(self, problems: tuple[str, ...], shown: tuple[str, ...] = ()) -> None:
        self.problems = problems
        self.shown = lines = shown if len(shown) == len(problems) else ("",) * len(problems)
        super().__init__(
            "\n".join(
                f"{what}\n    | {line}" if line else what for what, line in zip(problems, lines, strict=True)
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One value and where it stands; lines and columns count from 1."""

    value: Plain | tuple[Node, ...] | Mapping[str, Node]
    line: int
    column: int
    key: tuple[int, int] = (0, 0)
    """line and column of the key it is the value of; (0, 0) for none"""
    style: str = ""
    """of a scalar: '' plain, ' or " quoted, | or > block"""

    def plain(self) -> object:
        """The value without positions: dicts, lists and scalars."""
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        if isinstance(self.value, Mapping):
            return {name: node.plain() for name, node in self.value.items()}
        return self.value


@dataclass(slots=True, kw_only=True)
class Problems:
    """Collects all that is wrong with one file, so that its author mends it in one go."""

    source: str
    lines: tuple[str, ...]
    found: list[tuple[int, int, str]] = field(default_factory=list)

    def add(self, at: Node | tuple[int, int], what: str, fix: str) -> None:
        """Record one problem at a node or at a (line, column)."""
        line, column = (at.line, at.column) if isinstance(at, Node) else at
        self.found.append((line, column, f"{what}; {fix}"))

    def raise_if_any(self) -> None:
        """Raise `PolicyError` with everything found, in the order of the file."""
        if not self.found:
            return
        found = sorted(set(self.found))
        raise PolicyError(
            tuple(f"{self.source}:{line}:{column}: {text}" for line, column, text in found),
            tuple(
                self.lines[line - 1].rstrip() if 0 < line <= len(self.lines) else "" for line, _, _ in found
            ),
        )


def read(text: str, source: str) -> tuple[Node, Problems]:
    """The root mapping of a YAML text, and the list to which its reader adds what is wrong.

    Raises:
        PolicyError: the text is no YAML mapping, or uses what is refused (see the module).
    """
    problems = Problems(source=source, lines=tuple(text[:MAX_CHARS].splitlines()))
    if len(text) > MAX_CHARS:
        problems.add((1, 1), f"{len(text):,} characters", f"keep it below {MAX_CHARS:,}")
        problems.raise_if_any()
    try:
        _refuse_expensive(text, problems)
        problems.raise_if_any()
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problems.add(
            at, f"not YAML: {error.problem or error.context}", "mend the syntax at or before this place"
        )
    except (YAMLError, ValueError) as error:
        problems.add(
            (1, 1),
            f"not YAML: {str(error).splitlines()[0]}",
            "save it as UTF-8 text without control characters",
        )
    problems.raise_if_any()
    if not isinstance(root, MappingNode):
        problems.add((1, 1), "the file is not a mapping", "write `name: value` lines at the top level")
        problems.raise_if_any()
    return _node(root, (0, 0), problems), problems


def digest(content: object) -> str:
    """The first 16 hex digits of the SHA-256 of a value's canonical JSON."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def suggest(word: str, known: Iterable[str], otherwise: str) -> str:
    """`did you mean x?` where a known word is close, else a list of what is known, introduced by `otherwise`."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"{otherwise} {', '.join(names)}"


def _refuse_expensive(text: str, problems: Problems) -> None:
    """Walk the events, which needs no recursion, before anything recursive sees the text."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        at = (event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                problems.add(at, f"nested deeper than {MAX_DEPTH}", "flatten it")
                return
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
            problems.add(at, "anchors and aliases are not read", "write the value out")
            return


def _node(node: YamlNode, key: tuple[int, int], problems: Problems) -> Node:
    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    value: Plain | tuple[Node, ...] | Mapping[str, Node] = None
    if not isinstance(node, ScalarNode) and str(node.tag) not in _COLLECTION_TAGS:
        problems.add((line, column), "tags are not read", "write a plain mapping or list")
    elif isinstance(node, MappingNode):
        value = _mapping(node, problems)
    elif isinstance(node, SequenceNode):
        value = tuple(_node(item, (0, 0), problems) for item in node.value)
    elif isinstance(node, ScalarNode):
        value = _scalar(node, (line, column), problems)
    style = getattr(node, "style", None)
    return Node(
        value=value,
        line=line,
        column=column,
        key=key,
        style=style if isinstance(node, ScalarNode) and style else "",
    )


def _mapping(node: MappingNode, problems: Problems) -> dict[str, Node]:
    out: dict[str, Node] = {}
    for name, item in node.value:
        at = (name.start_mark.line + 1, name.start_mark.column + 1)
        if not isinstance(name, ScalarNode):
            problems.add(at, "a key is not a plain word", "use a word as the key")
        elif name.value in out:
            problems.add(at, f"{name.value!r} is given twice", "remove one of them")
        else:
            out[name.value] = _node(item, at, problems)
    return out


def _scalar(node: ScalarNode, at: tuple[int, int], problems: Problems) -> Plain:
    tag = str(node.tag).removeprefix("tag:yaml.org,2002:")
    text = str(node.value)
    if tag not in _SCALAR_TAGS:
        problems.add(at, f"{tag!r} values are not read", "put quotes around it")
        return text
    try:
        match tag:
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text.replace("_", ""), 0)
            case "float":
                return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
            case _:
                return text
    except ValueError:
        return text
