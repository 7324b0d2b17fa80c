"""What redaction costs, in CPU microseconds a message, and what it hides of what others have labelled, on real messages.

    python -m bench.redaction [--data FOLDER] [--messages 2000] [--rounds 9]
    python -m bench.redaction --labelled

FOLDER holds `multidogo/*_train.tsv` (English) and `crosswoz/conversations.jsonl` (Chinese); half of the messages are taken from
each, the same every time. Each round redacts all of them; told are the quickest and the median round.

With --labelled: the names, addresses and telephone numbers that MultiDoGO's test split labels. Its text has no capitals, no punctuation and no @,
and many of its messages are answers that are nothing but a name.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from frontdesk.streams.redact import redact, spans

SLOTS = {
    "name": "NAME",
    "address": "ADDRESS",
    "phonenumber": "PHONE",
    "phone_number": "PHONE",
}
"""MultiDoGO's labels, and what we call them"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print one line for each language and one for both."""
    parser = argparse.ArgumentParser(
        description="What redaction costs a message.",
        epilog="Example: python -m bench.redaction --data ../shared/data --rounds 5",
    )
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FRONTDESK_DATA", "../shared/data")))
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--labelled", action="store_true", help="what is hidden of MultiDoGO's labelled slots"
    )
    options = parser.parse_args(arguments)
    try:
        if options.labelled:
            print(_labelled(options.data))
            return 0
        texts = {"English": _english(options.data), "Chinese": _chinese(options.data)}
    except OSError as error:
        print(
            f"{error.filename}: {error.strerror}; pass --data, or set FRONTDESK_DATA",
            file=sys.stderr,
        )
        return 2
    chosen = {
        name: random.Random(1).sample(found, options.messages // len(texts)) for name, found in texts.items()
    }
    print(
        f"{'language':10} {'texts':>6} {'chars':>6} {'changed':>8} {'quickest':>9} {'median':>9}   (CPU µs a message)"
    )
    for name, sample in (*chosen.items(), ("both", [text for part in chosen.values() for text in part])):
        print(_line(name, sample, options.rounds))
    return 0


def _line(name: str, texts: Sequence[str], rounds: int) -> str:
    changed = sum(redact(text) != text for text in texts)  # also warms the caches
    took = []
    for _ in range(rounds):
        began = time.process_time()
        for text in texts:
            redact(text)
        took.append((time.process_time() - began) / len(texts) * 1e6)
    chars = sum(map(len, texts)) // len(texts)
    return f"{name:10} {len(texts):6} {chars:6} {changed:8} {min(took):9.1f} {statistics.median(took):9.1f}"


def _labelled(folder: Path) -> str:
    counts: Counter[tuple[str, bool, bool]] = Counter()
    for row in _rows(folder, "test"):
        text, slots = row["utterance"] or "", (row["slot-labels"] or "").split()
        words = list(re.finditer(r"\S+", text))
        if len(words) != len(slots):
            continue
        left = set(range(len(text))).difference(*(range(one.start, one.end) for one in spans(text)))
        for slot, run in groupby(range(len(slots)), key=slots.__getitem__):
            which = list(run)
            if slot in SLOTS:
                hidden = left.isdisjoint(at for word in which for at in range(*words[word].span()))
                counts[SLOTS[slot], len(which) == len(slots), hidden] += 1
    lines = [
        "| labelled | within a sentence: hidden | nothing else in the message: hidden |",
        "|---|---|---|",
    ]
    for kind in dict.fromkeys(SLOTS.values()):
        cells = [
            f"{counts[kind, alone, True]}/{counts[kind, alone, True] + counts[kind, alone, False]}"
            for alone in (False, True)
        ]
        lines.append(f"| {kind} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def _rows(folder: Path, split: str) -> Iterator[dict[str, str]]:
    paths = sorted(folder.glob(f"multidogo/*_{split}.tsv"))
    if not paths:
        raise FileNotFoundError(2, "no such files", str(folder / "multidogo" / f"*_{split}.tsv"))
    for path in paths:
        with path.open(encoding="utf-8", newline="") as lines:
            yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def _english(folder: Path) -> list[str]:
    return [text for row in _rows(folder, "train") if (text := row["utterance"])]


def _chinese(folder: Path) -> list[str]:
    with (folder / "crosswoz" / "conversations.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


if __name__ == "__main__":
    sys.exit(main())
