"""What redaction costs: microseconds a message, on real messages in Chinese and English.

    python -m bench.redaction [--data FOLDER] [--messages 2000] [--rounds 9]

FOLDER holds `multidogo/*_train.tsv` (English) and `crosswoz/conversations.jsonl` (Chinese); half of the messages are taken from
each, the same every time. Each round redacts all of them; told are the quickest and the median round.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from frontdesk.streams.redact import redact


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print one line for each language and one for both."""
    parser = argparse.ArgumentParser(
        description="What redaction costs a message.",
        epilog="Example: python -m bench.redaction --data ../shared/data --rounds 5",
    )
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FRONTDESK_DATA", "../shared/data")))
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    try:
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
        f"{'language':10} {'texts':>6} {'chars':>6} {'changed':>8} {'quickest':>9} {'median':>9}   (µs a message)"
    )
    for name, sample in (*chosen.items(), ("both", [text for part in chosen.values() for text in part])):
        print(_line(name, sample, options.rounds))
    return 0


def _line(name: str, texts: Sequence[str], rounds: int) -> str:
    changed = sum(redact(text) != text for text in texts)  # also warms the caches
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        for text in texts:
            redact(text)
        took.append((time.perf_counter() - began) / len(texts) * 1e6)
    chars = sum(map(len, texts)) // len(texts)
    return f"{name:10} {len(texts):6} {chars:6} {changed:8} {min(took):9.1f} {statistics.median(took):9.1f}"


def _english(folder: Path) -> list[str]:
    found = []
    for path in sorted(folder.glob("multidogo/*_train.tsv")):
        with path.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            found += [text for row in rows if (text := row["utterance"])]
    if not found:
        raise FileNotFoundError(2, "no such files", str(folder / "multidogo" / "*_train.tsv"))
    return found


def _chinese(folder: Path) -> list[str]:
    with (folder / "crosswoz" / "conversations.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


if __name__ == "__main__":
    sys.exit(main())
