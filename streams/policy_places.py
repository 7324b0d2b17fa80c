"""Where the pieces of a pack stand in its files: for what is said about a policy after it has been read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from frontdesk.streams.yaml_source import Node, read, within


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One value of a file."""

    file: str
    node: Node
    lines: tuple[str, ...]
    """of the file"""

    def key(self) -> tuple[int, int]:
        """Line and column of the key the value belongs to, or of the value where it has none."""
        return self.node.key if self.node.key[0] else (self.node.line, self.node.column)

    def get(self, *names: str) -> Place | None:
        """What lies under the names, one below the other."""
        node = self.node
        for name in names:
            if not isinstance(node.value, Mapping) or name not in node.value:
                return None
            node = node.value[name]
        return self._of(node)

    def items(self) -> tuple[Place, ...]:
        """The items of a list; a value that is none stands for a list of one."""
        nodes = self.node.value if isinstance(self.node.value, tuple) else (self.node,)
        return tuple(self._of(node) for node in nodes)

    def fields(self) -> Mapping[str, Place]:
        """The fields of a mapping; none where it is none."""
        given = self.node.value if isinstance(self.node.value, Mapping) else {}
        return {name: self._of(node) for name, node in given.items()}

    def under(self, names: frozenset[str]) -> Iterator[Place]:
        """Every value that stands under one of the keys, however deep."""
        for name, place in self.fields().items():
            if name in names:
                yield place
            yield from place.under(names)
        if isinstance(self.node.value, tuple):
            for place in self.items():
                yield from place.under(names)

    def within(self, offset: int) -> tuple[int, int]:
        """Line and column of a character of a text, however its lines are folded."""
        return within(self.node, self.lines, offset)

    def _of(self, node: Node) -> Place:
        return Place(file=self.file, node=node, lines=self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The files of a pack that has loaded."""

    roots: tuple[Place, ...]

    def section(self, *names: str) -> Iterator[Place]:
        """What each file has under the names."""
        for root in self.roots:
            found = root.get(*names)
            if found is not None:
                yield found

    def listed(self, *names: str) -> Iterator[Place]:
        """The items of the lists under the names, of all files."""
        for found in self.section(*names):
            yield from found.items()

    def named(self, *names: str) -> Mapping[str, Place]:
        """The fields of the mappings under the names, of all files."""
        return {name: place for found in self.section(*names) for name, place in found.fields().items()}

    def rules(self) -> Mapping[str, Place]:
        """Each rule by its id."""
        return {
            str(place.node.value["id"].value): place
            for place in self.listed("rules")
            if isinstance(place.node.value, Mapping)
        }


def places_of(files: Mapping[str, str]) -> Places:
    """The places of a pack, given as the texts of its files by name.

    Raises:
        PolicyError: a file cannot be read; none that `load_pack` has read.
    """
    return Places(
        roots=tuple(
            Place(file=name, node=read(text, name)[0], lines=tuple(text.splitlines()))
            for name, text in files.items()
        )
    )
