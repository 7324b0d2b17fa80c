"""Writes the committed schema versions: ``python -m frontdesk.schemas.generate [--check] [--rewrite-v1]``.

A changed record class gets its next version, if that one and every committed version can read each other. Exit code
0: nothing left to do; 1: with ``--check``, files are out of date; 2: an incompatible change, refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frontdesk.schemas.avro_schema import schema_of
from frontdesk.schemas.compatibility import incompatibilities
from frontdesk.schemas.types import Record
from frontdesk.schemas.versions import FOLDER, RECORDS, Version, file_stem, versions_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the folder of versions needs."""

    files: Mapping[str, str]
    """content by file name: new, or different from what is committed"""
    problems: tuple[str, ...]
    """incompatible changes: field and fix"""


def plan(records: Sequence[type[Record]] = RECORDS, *, rewrite_v1: bool = False) -> Plan:
    """Compares the classes with their committed versions; writes nothing.

    With `rewrite_v1` a record that has no second version yet has its first one replaced, unchecked.
    """
    files: dict[str, str] = {}
    problems: list[str] = []
    for record in records:
        committed = versions_of(record)
        schema = schema_of(record, docs=True)
        number = _number(schema, committed, rewrite_v1)
        if number > len(committed):
            problems += _problems(record, schema, committed)
        if number > len(committed) or schema != committed[number - 1].schema:
            files[f"{file_stem(record)}.v{number}.avsc"] = pretty(schema)
    return Plan(files=files, problems=tuple(problems))


def pretty(schema: Mapping[str, Any]) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _number(schema: Mapping[str, Any], committed: Sequence[Version], rewrite_v1: bool) -> int:
    if not committed or (rewrite_v1 and len(committed) == 1):
        return 1
    newest = committed[-1]
    # Documentation is no part of what readers and writers agree on: it is mended in place.
    same = _undocumented(schema) == _undocumented(newest.schema)
    return newest.number if same else newest.number + 1


def _problems(record: type[Record], schema: Mapping[str, Any], committed: Sequence[Version]) -> list[str]:
    out: list[str] = []
    for version in committed:
        out += [
            f"{file_stem(record)} cannot read v{version.number}: {problem}"
            for problem in incompatibilities(reader=schema, writer=version.schema)
        ]
        out += [
            f"{file_stem(record)}.v{version.number} cannot read the new version: {problem}"
            for problem in incompatibilities(reader=version.schema, writer=schema)
        ]
    return out


def _undocumented(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_undocumented(branch) for branch in schema]
    if isinstance(schema, Mapping):
        return {
            key: part if key == "default" else _undocumented(part)
            for key, part in schema.items()
            if key != "doc"
        }
    return schema


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m frontdesk.schemas.generate", description="Writes schema versions."
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if something would be written"
    )
    parser.add_argument(
        "--rewrite-v1", action="store_true", help="before the first release: replace v1 in place"
    )
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / FOLDER, help="where to write")
    given = parser.parse_args(arguments)
    todo = plan(rewrite_v1=given.rewrite_v1)
    for problem in todo.problems:
        sys.stderr.write(f"{problem}\n")
    if todo.problems:
        return 2
    for name, text in todo.files.items():
        if not given.check:
            given.folder.mkdir(exist_ok=True)
            (given.folder / name).write_text(text, encoding="utf-8")
        sys.stderr.write(f"{'out of date' if given.check else 'wrote'}: {name}\n")
    return 1 if given.check and todo.files else 0


if __name__ == "__main__":
    sys.exit(main())
