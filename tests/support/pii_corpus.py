"""The corpus of personal data, and how much of it is found.

`tests/corpora/pii.tsv` has a message in each line, with its half (dev, test), its language and, in braces, what is personal in it and
what it is: ``我是{NAME 王芳}``. All of it is made up; what has a checksum is valid by it. The rules were written while looking at the
half dev only.

    python -m tests.support.pii_corpus          the table of docs/personal-data.md
    python -m tests.support.pii_corpus --wrong  what is missed and what is found wrongly, in the half dev
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from frontdesk.streams.redact import redact, spans
from frontdesk.streams.spans import KINDS, Span

FILE = Path(__file__).parent.parent / "corpora" / "pii.tsv"
HALVES = ("dev", "test")
LANGUAGES = ("zh", "en")
_LABEL = re.compile(r"\{([A-Z]+) ([^{}]+)\}")

Cell = tuple[str, str, str]
"""half, language, kind"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message, and the personal data in it."""

    half: str
    language: str
    text: str
    labelled: tuple[Span, ...]


@dataclass(slots=True)
class Score:
    """Counts by half, language and kind."""

    labelled: Counter[Cell] = field(default_factory=Counter)
    hidden: Counter[Cell] = field(default_factory=Counter)
    """labelled, and hidden to the last character, whatever it was taken for"""
    found: Counter[Cell] = field(default_factory=Counter)
    right: Counter[Cell] = field(default_factory=Counter)
    """found where something of that kind is labelled"""

    def recall(self, *, half: str, kind: str, language: str | None = None) -> float:
        """Share of what is labelled that is hidden whole."""
        cells = [(half, one, kind) for one in LANGUAGES if language in (None, one)]
        return sum(self.hidden[cell] for cell in cells) / sum(self.labelled[cell] for cell in cells)

    def precision(self, *, half: str, language: str) -> float:
        """Share of what is found that is labelled so."""
        cells = [(half, language, kind) for kind in KINDS]
        return sum(self.right[cell] for cell in cells) / sum(self.found[cell] for cell in cells)


def read(path: Path = FILE) -> tuple[Message, ...]:
    """All messages.

    Raises:
        ValueError: a line is not of this form; with its number.
    """
    messages = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[1:], start=2):
        columns = line.split("\t")
        if len(columns) != 3 or columns[0] not in HALVES or columns[1] not in LANGUAGES:
            raise ValueError(f"{path.name}:{number}: give half, language and text, divided by tabs")
        text, labelled = _parse(columns[2])
        if "{" in text or any(span.kind not in KINDS for span in labelled):
            raise ValueError(
                f"{path.name}:{number}: a label looks like {{NAME 王芳}}; kinds are {', '.join(KINDS)}"
            )
        messages.append(Message(half=columns[0], language=columns[1], text=text, labelled=labelled))
    return tuple(messages)


def _parse(marked: str) -> tuple[str, tuple[Span, ...]]:
    text, labelled, at = "", [], 0
    for label in _LABEL.finditer(marked):
        text += marked[at : label.start()]
        labelled.append(Span(start=len(text), end=len(text) + len(label[2]), kind=label[1]))
        text += label[2]
        at = label.end()
    return text + marked[at:], tuple(labelled)


def is_hidden(label: Span, found: Iterable[Span]) -> bool:
    """Whether no character of the label is left."""
    left = set(range(label.start, label.end))
    for span in found:
        left.difference_update(range(span.start, span.end))
    return not left


def is_right(span: Span, labelled: Iterable[Span]) -> bool:
    """Whether something of its kind is labelled where it was found."""
    return any(span.kind == one.kind and span.start < one.end and one.start < span.end for one in labelled)


def measure(messages: Iterable[Message]) -> Score:
    """Look for personal data in all of them."""
    score = Score()
    for message in messages:
        found = spans(message.text)
        for label in message.labelled:
            cell = (message.half, message.language, label.kind)
            score.labelled[cell] += 1
            score.hidden[cell] += is_hidden(label, found)
        for span in found:
            cell = (message.half, message.language, span.kind)
            score.found[cell] += 1
            score.right[cell] += is_right(span, message.labelled)
    return score


def table(score: Score) -> str:
    """Recall and precision in Markdown: hidden of labelled, and right of found."""
    heads = [
        f"{half} {language} {what}"
        for half in HALVES
        for language in LANGUAGES
        for what in ("hidden", "right")
    ]
    lines = ["| kind | " + " | ".join(heads) + " |", "|---" * (1 + len(heads)) + "|"]
    total: Counter[tuple[str, str, str]] = Counter()
    for kind in sorted(KINDS):
        row = [kind]
        for half in HALVES:
            for language in LANGUAGES:
                cell = (half, language, kind)
                counts = score.hidden[cell], score.labelled[cell], score.right[cell], score.found[cell]
                row += [f"{counts[0]}/{counts[1]}", f"{counts[2]}/{counts[3]}"]
                for name, count in zip(("hidden", "labelled", "right", "found"), counts, strict=True):
                    total[half, language, name] += count
        lines.append("| " + " | ".join(row) + " |")
    row = ["all"]
    for half in HALVES:
        for language in LANGUAGES:
            for part, whole in (("hidden", "labelled"), ("right", "found")):
                row.append(f"{total[half, language, part] / max(1, total[half, language, whole]):.1%}")
    return "\n".join((*lines, "| " + " | ".join(row) + " |"))


def _wrong(messages: Iterable[Message]) -> Iterable[str]:
    for message in messages:
        found = spans(message.text)
        for label in message.labelled:
            if not is_hidden(label, found):
                yield f"missed {label.kind} {message.text[label.start : label.end]!r}: {redact(message.text)}"
        for span in found:
            if not is_right(span, message.labelled):
                yield f"wrong {span.kind} {message.text[span.start : span.end]!r}: {message.text}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, or what is wrong."""
    parser = argparse.ArgumentParser(
        description="How much of the corpus of personal data is found.",
        epilog="Example: python -m tests.support.pii_corpus --wrong",
    )
    parser.add_argument(
        "--wrong", action="store_true", help="what is missed and wrongly found in the half dev"
    )
    options = parser.parse_args(arguments)
    messages = read()
    if options.wrong:
        print("\n".join(_wrong(one for one in messages if one.half == "dev")))
        return 0
    labels = sum(len(one.labelled) for one in messages)
    clean = sum(not one.labelled for one in messages)
    print(f"{len(messages)} messages, {labels} labelled pieces; {clean} messages without any.\n")
    print(table(measure(messages)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
