"""YAML with positions: a small tree of plain values, each of which knows its line and column.

Only what a policy needs is read: mappings with string keys, lists and plain scalars. Anchors, aliases, custom tags,
duplicate keys, deep nesting, very many values and large files are refused, so that no file can make loading expensive.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode

MAX_CHARS = 500_000
MAX_DEPTH = 16
MAX_NODES = 30_000
"""keys and values; a rule has some twenty"""
MAX_ITEMS = 1_000
"""of a list"""

Plain = bool | int | float | str | None
_SCALAR_TAGS = ("str", "int", "float", "bool", "null", "timestamp")
_COLLECTION_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


class PolicyError(Exception):
    """A policy or taxonomy cannot be used; whoever loads it keeps the one before or refuses to start.

    `problems` holds one line for each thing that is wrong, `file:line:column: what; fix`; the text of the error shows
    the offending source line below each, as `shown` holds them.
    """

    def __init__(self, problems: tuple[str, ...], shown: tuple[str, ...] = ()) -> None:
        self.problems = problems
        self.shown = lines = shown if len(shown) == len(problems) else ("",) * len(problems)
        super().__init__(
            "\n".join(
                f"{what}\n    | {line}" if line else what for what, line in zip(problems, lines, strict=True)
            )
        )

    @classmethod
    def all_of(cls, errors: Iterable[PolicyError]) -> PolicyError:
        """One error with the problems of several files."""
        known = tuple(errors)
        return cls(
            tuple(what for error in known for what in error.problems),
            tuple(line for error in known for line in error.shown),
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
        problems.add((1, 1), f"the file has more than {MAX_CHARS:,} characters", "divide it")
        problems.raise_if_any()
    parser = YAML(typ="safe", pure=True)
    parser.Composer = _Guarded
    try:
        root = parser.compose(text)
    except _Refused as error:
        problems.add(error.at, error.what, error.fix)
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


def within(node: Node, lines: Sequence[str], offset: int) -> tuple[int, int]:
    """Line and column of a character of a scalar's text, however its lines are folded. `lines` are those of the file."""
    ahead = sum(not letter.isspace() for letter in str(node.value)[:offset])
    line, column = node.line, node.column
    if node.style in ("|", ">"):
        line, column = line + 1, 1
    elif node.style:
        column += 1
    for number in range(line, len(lines) + 1):
        for at, letter in enumerate(lines[number - 1], 1):
            if (number == line and at < column) or letter.isspace():
                continue
            if ahead == 0:
                return number, at
            ahead -= 1
    return node.key if node.key[0] else (node.line, node.column)


def digest(content: object) -> str:
    """The first 16 hex digits of the SHA-256 of a value's canonical JSON."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def suggest(word: str, known: Iterable[str], otherwise: str) -> str:
    """`did you mean x?` where a known word is close, else a list of what is known, introduced by `otherwise`."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"{otherwise} {', '.join(names)}"


class _Refused(Exception):
    """What is not read, however well-formed."""

    def __init__(self, at: tuple[int, int], what: str, fix: str) -> None:
        self.at, self.what, self.fix = at, what, fix
        super().__init__(what)


class _Guarded(Composer):
    """Refuses what could become expensive before it does: it looks at each event before its node is made."""

    _depth = 0
    _nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """One node, by way of the library."""
        event = self.parser.peek_event()
        at = (event.start_mark.line + 1, event.start_mark.column + 1)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _Refused(at, f"more than {MAX_NODES:,} values", "divide the file")
        if isinstance(index, int) and index >= MAX_ITEMS:
            raise _Refused(at, f"a list of more than {MAX_ITEMS:,} items", "divide it")
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
            raise _Refused(at, "anchors and aliases are not read", "write the value out")
        if not isinstance(event, CollectionStartEvent):
            return super().compose_node(parent, index)
        if self._depth >= MAX_DEPTH:
            raise _Refused(at, f"nested deeper than {MAX_DEPTH}", "flatten it")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


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
        elif not _writable(name.value):
            problems.add(at, _NO_TEXT, "remove it")
        elif name.value in out:
            problems.add(at, f"{name.value!r} is given twice", "remove one of them")
        else:
            out[name.value] = _node(item, at, problems)
    return out


_NO_TEXT = "half a character, a lone surrogate, is no text"


def _writable(text: str) -> bool:
    """Whether a text can be written as UTF-8: reasons and tags of decisions are."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _scalar(node: ScalarNode, at: tuple[int, int], problems: Problems) -> Plain:
    tag = str(node.tag).removeprefix("tag:yaml.org,2002:")
    text = str(node.value)
    if not _writable(text):
        problems.add(at, _NO_TEXT, "remove it")
        return ""
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
                return text  # a date, too: whoever wants one reads it
    except ValueError:
        return text
