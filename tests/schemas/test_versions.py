"""The committed schemas are those of the classes, and every version can read every other."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Any

import avro.schema
import pytest

from frontdesk.schemas import generate, versions
from frontdesk.schemas.avro_schema import schema_of
from frontdesk.schemas.compatibility import incompatibilities
from frontdesk.schemas.inputs import CustomerMessage, Feedback
from frontdesk.schemas.outputs import Decision, Label, Labels
from frontdesk.schemas.shapes import ShapeError
from frontdesk.schemas.state import Waiting
from frontdesk.schemas.types import Millis, Record, Scalar
from frontdesk.schemas.versions import RECORDS, Version, current_fingerprint, file_stem, versions_of

EVERY_RECORD = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)


def test_generated_equals_committed() -> None:
    todo = generate.plan()
    assert not todo.problems
    assert not todo.files, "run: python -m frontdesk.schemas.generate"


def test_no_file_belongs_to_no_record() -> None:
    folder = Path(generate.__file__).parent / versions.FOLDER
    known = {
        f"{file_stem(record)}.v{version.number}.avsc" for record in RECORDS for version in versions_of(record)
    }
    assert {file.name for file in folder.iterdir()} == known


@EVERY_RECORD
def test_every_version_reads_every_other(record: type[Record]) -> None:
    committed = versions_of(record)
    assert [version.number for version in committed] == list(range(1, len(committed) + 1))
    for reader, writer in product(committed, committed):
        assert incompatibilities(reader=reader.schema, writer=writer.schema) == []
        avro.schema.parse(json.dumps(reader.schema))


def test_avro_is_not_installed_beside_avro_python3() -> None:
    """They share the folder `avro`; whichever is installed last breaks the other."""
    installed = {
        (distribution.metadata["Name"] or "").lower().replace("_", "-")
        for distribution in metadata.distributions()
    }
    assert "avro-python3" in installed
    assert "avro" not in installed


# Deriving ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner(Record):
    """Within."""

    n: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Record):
    """The first line.

    Not the second.
    """

    text: str
    """what it
    is"""
    at: Millis
    score: float = 0.5
    raw: bytes | None = None
    tags: tuple[str, ...] = ("a",)
    counts: Mapping[str, int] = field(default_factory=lambda: {"a": 1})
    maybe: str | None = "x"
    value: Scalar = 5
    inner: Inner = field(default_factory=Inner)
    more: tuple[Inner, ...] = (Inner(n=4),)
    last: Inner | None = None


def test_a_schema_is_derived_by_the_table_of_types() -> None:
    inner = {
        "type": "record",
        "name": "Inner",
        "namespace": "frontdesk",
        "doc": "Within.",
        "fields": [{"name": "n", "type": "long", "default": 3}],
    }
    assert schema_of(Sample, docs=True) == {
        "type": "record",
        "name": "Sample",
        "namespace": "frontdesk",
        "doc": "The first line.",
        "fields": [
            {"name": "text", "doc": "what it is", "type": "string"},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "score", "type": "double", "default": 0.5},
            {"name": "raw", "type": ["null", "bytes"], "default": None},
            {"name": "tags", "type": {"type": "array", "items": "string"}, "default": ["a"]},
            {"name": "counts", "type": {"type": "map", "values": "long"}, "default": {"a": 1}},
            {"name": "maybe", "type": ["string", "null"], "default": "x"},
            {"name": "value", "type": ["long", "null", "boolean", "double", "string"], "default": 5},
            {"name": "inner", "type": inner, "default": {"n": 3}},
            {"name": "more", "type": {"type": "array", "items": "frontdesk.Inner"}, "default": [{"n": 4}]},
            {"name": "last", "type": ["null", "frontdesk.Inner"], "default": None},
        ],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredOptional(Record):
    """Wrong."""

    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultBytes(Record):
    """Wrong."""

    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListField(Record):
    """Wrong."""

    items: list[str]


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (RequiredOptional, "RequiredOptional.text: an optional field needs a default"),
        (DefaultBytes, "DefaultBytes.raw: readers of older records would get text"),
        (ListField, "ListField.items: list.* is not in the table of types"),
    ],
)
def test_a_class_without_a_schema_is_refused(record: type[Record], says: str) -> None:
    with pytest.raises(ShapeError, match=says):
        schema_of(record)


# Compatibility -------------------------------------------------------------------------------------------------

Change = Callable[[dict[str, Any]], Any]


def field_of(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in schema["fields"] if one["name"] == name)


def remove(name: str) -> Change:
    return lambda schema: schema["fields"].remove(field_of(schema, name))


def add(**one: Any) -> Change:
    return lambda schema: schema["fields"].append(one)


def retype(name: str, to: Any) -> Change:
    return lambda schema: field_of(schema, name).update(type=to)


BREAKING: list[tuple[Change, str]] = [
    (remove("customer_id"), "customer_id: read, not written, and without a default"),
    (add(name="new", type="string"), "new: read, not written, and without a default"),
    (retype("by", "long"), "by: long is written, string is read"),
    (retype("by", ["null", "string"]), "by: null is written, string is read"),
    (retype("queue", "string"), "queue: null is written, string is read"),
    (retype("queue", ["null", "long"]), "queue: long is written, but the union has no branch for it"),
    (
        retype("queue", ["null", "string", "boolean"]),
        "queue: boolean is written, but the union has no branch for it",
    ),
    (retype("at", "double"), "at: double is written, long is read"),
    (retype("at", "int"), "at: long is written, int is read"),
    (retype("by", {"type": "array", "items": "string"}), "by: array is written, string is read"),
    (retype("by", {"type": "enum", "name": "By", "symbols": ["a"]}), "by: enum is written, string is read"),
    (
        lambda schema: schema.update(name="Correction"),
        "schema: Correction is written, Feedback is read; keep the name",
    ),
    (lambda schema: field_of(schema, "by").update(name="author"), "author: read, not written"),
]


@pytest.mark.parametrize(("change", "says"), BREAKING)
def test_an_incompatible_change_is_caught_and_named(change: Change, says: str) -> None:
    old = schema_of(Feedback)
    new = copy.deepcopy(old)
    change(new)
    problems = incompatibilities(reader=new, writer=old) + incompatibilities(reader=old, writer=new)
    assert any(problem.startswith(says) for problem in problems), problems


@pytest.mark.parametrize(
    "change",
    [
        add(name="new", type=["null", "string"], default=None),
        remove("queue"),
        lambda schema: schema["fields"].reverse(),
        retype("by", "bytes"),  # Avro promotes strings and bytes to each other
        lambda schema: field_of(schema, "by").update(default="someone"),
    ],
    ids=["add with default", "remove with default", "reorder", "promote", "new default"],
)
def test_a_compatible_change_is_let_through(change: Change) -> None:
    old = schema_of(Feedback)
    new = copy.deepcopy(old)
    change(new)
    assert incompatibilities(reader=new, writer=old) + incompatibilities(reader=old, writer=new) == []


def test_nested_fields_are_named_by_their_way() -> None:
    old = schema_of(CustomerMessage)
    new = copy.deepcopy(old)
    field_of(new, "attachments")["type"]["items"]["fields"].append({"name": "size", "type": "long"})
    field_of(new, "attributes")["type"]["values"] = "long"
    problems = incompatibilities(reader=new, writer=old)
    assert [problem.partition(":")[0] for problem in problems] == ["attachments[].size", "attributes{}"]


def test_a_record_named_again_is_compared_as_it_was_defined() -> None:
    old = schema_of(Labels)
    new = copy.deepcopy(old)
    field_of(new, "urgency")["type"] = "string"
    assert incompatibilities(reader=old, writer=schema_of(Labels)) == []
    assert incompatibilities(reader=old, writer=new) == [
        "urgency: string is written, record is read; keep the type and add a new field instead"
    ]


def test_recursion_ends() -> None:
    node = {
        "type": "record",
        "name": "Node",
        "fields": [{"name": "next", "type": ["null", "Node"], "default": None}],
    }
    assert incompatibilities(reader=node, writer=copy.deepcopy(node)) == []


def test_fixed_and_enums_of_others_are_compared() -> None:
    fixed = {"type": "fixed", "name": "F", "size": 2}
    enum = {"type": "enum", "name": "E", "symbols": ["a"]}
    assert incompatibilities(reader=fixed, writer={**fixed, "size": 3}) != []
    assert incompatibilities(reader=enum, writer={**enum, "symbols": ["a", "b"]}) != []
    assert incompatibilities(reader={**enum, "default": "a"}, writer={**enum, "symbols": ["a", "b"]}) == []


# Generating ----------------------------------------------------------------------------------------------------


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says which versions are committed, instead of the folder."""

    def commit(*schemas: Mapping[str, Any]) -> None:
        found = tuple(Version(number=number, schema=schema) for number, schema in enumerate(schemas, 1))
        monkeypatch.setattr(generate, "versions_of", lambda record: found)

    return commit


def older(name: str) -> dict[str, Any]:
    """Label's schema as it would have been without a field."""
    schema = schema_of(Label, docs=True)
    remove(name)(schema)
    return schema


def test_a_new_record_gets_its_first_version(committed: Callable[..., None]) -> None:
    committed()
    assert list(generate.plan([Label]).files) == ["label.v1.avsc"]


def test_a_compatible_change_gets_the_next_version(committed: Callable[..., None]) -> None:
    current = schema_of(Label, docs=True)
    before = copy.deepcopy(current)
    before["fields"].append({"name": "gone", "type": "string", "default": ""})
    committed(before)
    todo = generate.plan([Label])
    assert todo.problems == ()
    assert {name: json.loads(text) for name, text in todo.files.items()} == {"label.v2.avsc": current}


def test_an_incompatible_change_is_refused_against_every_version(committed: Callable[..., None]) -> None:
    committed(older("source"), schema_of(Label, docs=True), older("value"))
    problems = generate.plan([Label]).problems
    assert problems == (
        "label cannot read v1: source: read, not written, and without a default; give it a default, or keep writing it",
        "label cannot read v3: value: read, not written, and without a default; give it a default, or keep writing it",
    )


def test_a_first_version_may_be_rewritten_before_the_release(committed: Callable[..., None]) -> None:
    committed(older("source"))
    todo = generate.plan([Label], rewrite_v1=True)
    assert (list(todo.files), todo.problems) == (["label.v1.avsc"], ())
    committed(older("source"), older("source"))
    assert generate.plan([Label], rewrite_v1=True).problems


def test_documentation_is_mended_in_place(committed: Callable[..., None]) -> None:
    committed({**schema_of(Label, docs=True), "doc": "Old words."})
    assert list(generate.plan([Label]).files) == ["label.v1.avsc"]


def test_the_command_says_what_it_found(
    committed: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main(["--check", "--folder", str(tmp_path)]) == 0
    committed()
    assert generate.main(["--check", "--folder", str(tmp_path)]) == 1
    assert list(tmp_path.iterdir()) == []
    assert generate.main(["--folder", str(tmp_path)]) == 0
    assert (tmp_path / "decision.v1.avsc").read_text("utf-8") == generate.pretty(
        versions_of(Decision)[-1].schema
    )
    committed({"type": "record", "name": "Other", "namespace": "frontdesk", "fields": []})
    assert generate.main(["--check"]) == 2
    assert "customer_message cannot read v1: schema: Other is written" in capsys.readouterr().err


def test_the_first_fingerprints_may_be_taken_by_several_threads() -> None:
    """The avro package fills its checksum's table at first use, in sight of other threads: it has to be full before there are any."""
    script = """
import avro.schemanormalization as avro
from frontdesk.schemas.state import Waiting
from frontdesk.schemas.versions import current_fingerprint

def too_late():
    raise AssertionError("the table was not there")

avro._PopulateFpTable = too_late
print(current_fingerprint(Waiting).hex())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() == current_fingerprint(Waiting).hex()
