"""Whether one Avro schema can read what another wrote, by Avro's rules of schema resolution.

Stricter than Avro in one place: every branch of a writer's union must be readable, not only those that occur.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

PROMOTIONS: Mapping[str, frozenset[str]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}
"""Writer's type to the reader's types that accept it (Avro 1.11, Schema Resolution)."""

Names = Mapping[str, Mapping[str, Any]]
_NAMED = frozenset({"record", "error", "enum", "fixed"})


def incompatibilities(*, reader: Any, writer: Any) -> list[str]:
    """Why the reader cannot read what the writer wrote: one line a field, with the fix. Empty: it can."""
    return list(_Check(_names(reader), _names(writer)).compare(reader, writer, ""))


def _names(schema: Any, namespace: str = "") -> dict[str, Mapping[str, Any]]:
    """The named types that a schema defines, by full name."""
    out: dict[str, Mapping[str, Any]] = {}
    if isinstance(schema, list):
        for branch in schema:
            out |= _names(branch, namespace)
    elif isinstance(schema, Mapping):
        if schema["type"] in _NAMED:
            space = schema.get("namespace", namespace)
            out[_full(schema["name"], space)] = schema
            for field in schema.get("fields", ()):
                out |= _names(field["type"], space)
        for part in ("type", "items", "values"):
            out |= _names(schema.get(part), namespace)
    return out


def _full(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


class _Check:
    """One comparison; remembers the pairs of records under way, so that recursion ends."""

    def __init__(self, reader_names: Names, writer_names: Names) -> None:
        self._reader_names = reader_names
        self._writer_names = writer_names
        self._under_way: set[tuple[int, int]] = set()

    def compare(self, reader: Any, writer: Any, path: str) -> Iterator[str]:
        reader, writer = _resolved(reader, self._reader_names), _resolved(writer, self._writer_names)
        if isinstance(writer, list):
            for branch in writer:
                yield from self.compare(reader, branch, path)
            return
        if isinstance(reader, list):
            if not any(self._readable(branch, writer, path) for branch in reader):
                yield f"{path}: {_kind(writer)} is written, but the union has no branch for it; keep that branch"
            return
        kinds = _kind(reader), _kind(writer)
        if kinds[0] != kinds[1]:
            if kinds[0] not in PROMOTIONS.get(kinds[1], ()):
                yield f"{path or 'schema'}: {kinds[1]} is written, {kinds[0]} is read; keep the type and add a new field instead"
        elif kinds[0] == "array":
            yield from self.compare(reader["items"], writer["items"], f"{path}[]")
        elif kinds[0] == "map":
            yield from self.compare(reader["values"], writer["values"], f"{path}{{}}")
        elif kinds[0] in _NAMED:
            yield from self._named(reader, writer, path)

    def _readable(self, reader: Any, writer: Any, path: str) -> bool:
        under_way = set(self._under_way)
        found = next(self.compare(reader, writer, path), None)
        self._under_way = under_way
        return found is None

    def _named(self, reader: Mapping[str, Any], writer: Mapping[str, Any], path: str) -> Iterator[str]:
        names = [one["name"].rpartition(".")[2] for one in (reader, writer)]
        if names[0] != names[1] and names[1] not in [
            alias.rpartition(".")[2] for alias in reader.get("aliases", ())
        ]:
            yield f"{path or 'schema'}: {names[1]} is written, {names[0]} is read; keep the name"
        elif reader["type"] == "fixed":
            if reader["size"] != writer["size"]:
                yield f"{path}: fixed({writer['size']}) is written, fixed({reader['size']}) is read; keep the size"
        elif reader["type"] == "enum":
            gone = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
            if gone and "default" not in reader:
                yield f"{path}: the symbols {gone} are written but not read; keep them, or use a string"
        else:
            yield from self._fields(reader, writer, path)

    def _fields(self, reader: Mapping[str, Any], writer: Mapping[str, Any], path: str) -> Iterator[str]:
        pair = id(reader), id(writer)
        if pair in self._under_way:
            return
        self._under_way.add(pair)
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            where = f"{path}.{field['name']}" if path else field["name"]
            name = next(
                (name for name in (field["name"], *field.get("aliases", ())) if name in written), None
            )
            if name is not None:
                yield from self.compare(field["type"], written[name]["type"], where)
            elif "default" not in field:
                yield f"{where}: read, not written, and without a default; give it a default, or keep writing it"


def _resolved(schema: Any, names: Names) -> Any:
    if isinstance(schema, str):
        full = (
            schema
            if schema in names
            else next((name for name in names if name.rpartition(".")[2] == schema), None)
        )
        return names[full] if full is not None else schema
    if (
        isinstance(schema, Mapping)
        and schema["type"] not in _NAMED
        and schema["type"] not in ("array", "map")
    ):
        return _resolved(schema["type"], names)
    return schema


def _kind(schema: Any) -> str:
    return schema if isinstance(schema, str) else str(schema["type"])
