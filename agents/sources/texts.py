"""Texts to label: JSON lines, or a table with a header row; each with its id and, where given, the labels people gave it.

Read are objects or rows with a field of text, messages as they lie on `customer.messages` among them. A table is CSV, or TSV by
its extension or a tab in its first line.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from frontdesk.agents.errors import StartupError
from frontdesk.agents.sources.entry import Fault
from frontdesk.agents.sources.formats import first_line
from frontdesk.agents.sources.tables import is_text, rows
from frontdesk.schemas.inputs import DEFAULT_TENANT
from frontdesk.schemas.topics import CUSTOMER_MESSAGES

LABELS = ("intent", "emotion", "urgency", "language")
"""fields that hold what people say; others are passed over"""
_IDS = ("message_id", "id", "utteranceId")
_ROLES = frozenset({"customer", "user", "usr", ""})
_JSON = (".jsonl", ".ndjson", ".json")
_TABS = (".tsv", ".tab")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where in a record its text and its intent stand."""

    text: str = "text"
    intent: str = "intent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text a customer wrote."""

    line: int
    """where it starts, from 1"""
    id: str | int | None = None
    text: str
    tenant_id: str = DEFAULT_TENANT
    locale: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    """labels by people, by the names in `LABELS`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """One record that is no text of a customer: nothing is to be labelled in it."""

    line: int
    id: str | int | None = None
    because: str


def read_texts(path: Path, columns: Columns) -> Iterator[Text | Passed | Fault]:
    """One for each record, in the order of the file, without holding the file. It never stops at a bad record.

    Raises:
        StartupError: the file cannot be read, or it is a table without the column of text.
    """
    first = first_line(path)
    try:
        if first.startswith("[") and path.suffix.lower() not in (*_TABS, ".csv"):
            raise StartupError(f"{path}:1: one JSON array; write one object a line: jq -c '.[]' {path.name}")
        if first.startswith("{") or path.suffix.lower() in _JSON:
            yield from _json_lines(path, columns)
        else:
            tabs = path.suffix.lower() in _TABS or (path.suffix.lower() != ".csv" and "\t" in first)
            yield from _table(path, csv.excel_tab if tabs else csv.excel, columns)
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None


def _json_lines(path: Path, columns: Columns) -> Iterator[Text | Passed | Fault]:
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            line = raw.removeprefix(b"\xef\xbb\xbf").strip()
            if line:
                yield _json_line(path, number, line, columns)


def _json_line(path: Path, number: int, line: bytes, columns: Columns) -> Text | Passed | Fault:
    def fault(problem: str, fix: str) -> Fault:
        return Fault(path=path, line=number, problem=problem, fix=fix)

    try:
        value = json.loads(line.decode())
    except UnicodeDecodeError:
        return fault("not UTF-8", "save the file as UTF-8")
    except json.JSONDecodeError as error:
        return fault(f"not JSON at column {error.colno}", "mend the line: one JSON object a line")
    except (ValueError, RecursionError):
        return fault("JSON that cannot be read", "mend the line: one JSON object a line")
    if not isinstance(value, dict):
        return fault("not an object", "mend the line: one JSON object a line")
    if isinstance(value.get("value"), dict) and "topic" in value:
        if value["topic"] != CUSTOMER_MESSAGES:
            return Passed(line=number, because="another topic")
        value = value["value"]
    if columns.text not in value:
        return fault(f"there is no field {columns.text!r}", "name the field of the text: --text-column NAME")
    return _record(path, number, value, columns)


def _table(path: Path, dialect: type[csv.Dialect], columns: Columns) -> Iterator[Text | Passed | Fault]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        table = rows(file, dialect)
        header = next(table, None)
        if header is None:
            raise StartupError(f"{path}:1: the file is empty; write a header row and one text a row")
        titles = [cell.strip() for cell in header.cells]
        if not is_text(header):
            raise StartupError(f"{path}:1: not UTF-8; save the file as UTF-8")
        if titles.count(columns.text) != 1:
            shown = ", ".join(title[:40] for title in titles[:12])
            # A spreadsheet of many a country writes semicolons and calls it CSV.
            fix = (
                "separate the columns by commas or tabs, not semicolons"
                if len(titles) == 1 and ";" in titles[0]
                else "name the column of the text: --text-column NAME"
            )
            raise StartupError(
                f"{path}:1: not one column {columns.text!r} in the header row ({shown}); {fix}"
            )
        for row in table:
            if not any(cell.strip() for cell in row.cells):
                continue
            if not is_text(row):
                yield Fault(path=path, line=row.line, problem="not UTF-8", fix="save the file as UTF-8")
            elif len(row.cells) != len(titles):
                problem = f"{len(row.cells)} cells under {len(titles)} headings"
                fix = "quote cells that hold commas, tabs, quotes or line breaks"
                yield Fault(path=path, line=row.line, problem=problem, fix=fix)
            else:
                yield _record(path, row.line, dict(zip(titles, row.cells, strict=True)), columns)


def _record(path: Path, line: int, value: Mapping[str, Any], columns: Columns) -> Text | Passed | Fault:
    text = value[columns.text]
    if text is not None and not isinstance(text, str):
        return Fault(
            path=path, line=line, problem=f"{columns.text!r} is no string", fix="quote it, or leave it out"
        )
    names = {name: columns.intent if name == "intent" else name for name in LABELS}
    given = {name: value[title] for name, title in names.items() if value.get(title) not in (None, "")}
    for name, label in given.items():
        if not isinstance(label, str):
            problem = f"{names[name]!r} is no string"
            return Fault(path=path, line=line, problem=problem, fix="write the label as a string")
    known = next((value[name] for name in _IDS if isinstance(value.get(name), str | int)), None)
    if isinstance(known, str):
        known = known.encode(
            "utf-8", "replace"
        ).decode()  # JSON may escape half a character: no file takes it
    role = value.get("role") or ""
    if not isinstance(role, str) or role.strip().lower() not in _ROLES:
        return Passed(line=line, id=known, because="not by a customer")
    return Text(
        line=line,
        id=known,
        text=text or "",
        tenant_id=_string(value, "tenant_id") or DEFAULT_TENANT,
        locale=_string(value, "locale"),
        given={name: label.strip() for name, label in given.items() if label.strip()},
    )


def _string(value: Mapping[str, Any], name: str) -> str | None:
    found = value.get(name)
    return found if isinstance(found, str) and found else None
