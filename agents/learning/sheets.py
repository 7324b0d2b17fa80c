"""Reviews in spreadsheets: what to look at as CSV, and the answers read back and checked.

A cell that a spreadsheet would take for a formula gets an apostrophe before it, as does one that begins with an apostrophe; reading takes
it away again, so every text comes back as it was (OWASP, CSV Injection).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.clean import cleaned
from frontdesk.agents.learning.tables import replacing
from frontdesk.agents.learning.worth import Item
from frontdesk.agents.sources.entry import Fault
from frontdesk.agents.sources.tables import Row, is_text, rows
from frontdesk.streams.yaml_source import suggest

ANSWERS = ("intent", "emotion", "urgency")
"""labels that people may fill in, in columns `answer_intent`, ..."""
COLUMNS = (
    "decision_id", "answer_intent", "text", "why", "intent", "source", "local", "llm", "candidate", "people", "language",
    "answer_emotion", "answer_urgency",
)  # fmt: skip
_DANGEROUS = "=+-@\t\r\n＝＋－＠'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A row that somebody has filled in."""

    line: int
    decision_id: str
    said: Mapping[str, str]
    """by label"""


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] and cell[0] in _DANGEROUS else cell


def unguarded(cell: str) -> str:
    """What `guarded` was given."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] and cell[1] in _DANGEROUS else cell


def write_sheet(path: Path, items: Iterable[Item]) -> int:
    """Write what is to be looked at; the number of rows.

    Raises:
        StartupError: it cannot be written.
    """
    count = 0
    with replacing(path) as partial, partial.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        for item in items:
            count += 1
            cells = _cells(item)
            out.writerow([guarded(cells.get(name, "")) for name in COLUMNS])
    return count


def _cells(item: Item) -> dict[str, str]:
    row = item.joined.row
    return {
        "decision_id": row.decision_id,
        "text": cleaned(row.text).text,
        "why": item.because,
        "intent": row.intent,
        "source": row.intent_source,
        "local": row.local_intent,
        "llm": row.llm_intent,
        "candidate": row.candidate,
        "people": "; ".join(f"{vote.by}: {vote.intent}" for vote in item.joined.votes if vote.intent),
        "language": row.language,
    }


def read_sheet(path: Path, values: Mapping[str, Sequence[str]]) -> Iterator[Filled | Fault]:
    """The rows that were filled in, and those that are wrong. `values` are those of the taxonomy, by label.

    Raises:
        StartupError: the file cannot be read, or has no column of ids or answers.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            first = file.readline()
            file.seek(0)
            table = rows(file, _Semicolons if first.count(";") > first.count(",") else csv.excel)
            titles = _titles(path, next(table, None))
            seen: dict[str, int] = {}
            for row in table:
                found = _filled(path, row, titles, values, seen)
                if found is not None:
                    yield found
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None


class _Semicolons(csv.excel):
    """As spreadsheets of many a country write it."""

    delimiter = ";"


def _titles(path: Path, header: Row | None) -> list[str]:
    titles = [] if header is None else [cell.strip() for cell in header.cells]
    if "decision_id" not in titles or "answer_intent" not in titles:
        raise StartupError(
            f"{path}:1: the header row lacks decision_id or answer_intent; keep that of: frontdesk review export"
        )
    return titles


def _filled(
    path: Path, row: Row, titles: Sequence[str], values: Mapping[str, Sequence[str]], seen: dict[str, int]
) -> Filled | Fault | None:
    def fault(problem: str, fix: str) -> Fault:
        return Fault(path=path, line=row.line, problem=problem, fix=fix)

    if not any(cell.strip() for cell in row.cells):
        return None
    if not is_text(row):
        return fault("not UTF-8", "save the file as CSV UTF-8")
    if len(row.cells) != len(titles):
        return fault(f"{len(row.cells)} cells under {len(titles)} headings", "quote cells that hold commas")
    cells = dict(zip(titles, (unguarded(cell.strip()) for cell in row.cells), strict=True))
    said = {label: cells.get(f"answer_{label}", "") for label in ANSWERS}
    if not any(said.values()):
        return None
    for label, value in said.items():
        if value and value not in values[label]:
            return fault(
                f"{label} {value[:40]!r} is not in the taxonomy",
                suggest(value, values[label], "write one of"),
            )
    name = cells["decision_id"]
    if not name:
        return fault("decision_id is empty", "keep the column as it was exported")
    if name in seen:
        return fault(f"the decision of line {seen[name]} once more", "keep one of the two")
    seen[name] = row.line
    return Filled(line=row.line, decision_id=name, said=said)
