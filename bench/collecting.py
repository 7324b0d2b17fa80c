"""What collecting and making a dataset take: generated label records through the commands themselves.

python -m bench.collecting --rows 200000
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

INTENTS = (
    "product_enquiry",
    "after_sales",
    "complaint",
    "suggestion",
    "billing",
    "technical",
    "account",
    "other",
)


def records(count: int, seed: int) -> Iterator[dict[str, object]]:
    """Label records as on `routing.labels`: English and Chinese words at random, some the same but for a number."""
    chance = random.Random(seed)
    letters = "abcdefghijklmnoprstuvwy"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(3_000)]
    han = [chr(chance.randint(0x4E00, 0x6FFF)) for _ in range(2_000)]

    def label(value: str, source: str, confidence: float = 0.9) -> dict[str, object]:
        return {"value": value, "confidence": confidence, "source": source}

    for number in range(count):
        if chance.random() < 0.05:
            text = f"where is my order {number}"
        elif chance.random() < 0.4:
            text = "".join(chance.choices(han, k=chance.randint(8, 60)))
        else:
            text = " ".join(chance.choices(words, k=chance.randint(4, 25)))
        asked = chance.random() < 0.2
        rest = {
            "emotion": label("neutral", "rule"),
            "urgency": label("normal", "rule"),
            "language": label("en", "rule"),
        }
        yield {
            "decision_id": f"{number:032x}",
            "message_id": f"message-{number}",
            "conversation_id": f"conversation-{number // 3}",
            "customer_id": f"customer-{number // 6}",
            "text": text,
            "labels": {"intent": label(chance.choice(INTENTS), "llm" if asked else "local"), **rest},
            "local": {"intent": label(chance.choice(INTENTS), "local", 0.5), **rest},
            "asked": "unsure" if asked else "",
            "taxonomy_hash": "c2162125bb2788e7",
            "model_version": "generated",
            "labelled_at": 1_700_000_000_000 + number * 1_000,
        }


def run(*words: str) -> tuple[float, float]:
    """Seconds and MiB that a command of ours takes."""
    started = time.monotonic()
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("frontdesk")), *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"frontdesk {' '.join(words)} failed")
    return time.monotonic() - started, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "labels.jsonl"
        with file.open("w", encoding="utf-8") as out:
            out.writelines(
                json.dumps(one, ensure_ascii=False) + "\n" for one in records(given.rows, given.seed)
            )
        print("| command | rows | seconds | resident at most, MiB |\n|---|---|---|---|")
        for name, words in (
            ("learn collect --from-files", ("learn", "collect", folder, "--from-files", str(file))),
            ("learn dataset", ("learn", "dataset", folder)),
        ):
            seconds, mebibytes = run(*words)
            print(f"| `{name}` | {given.rows:,} | {seconds:.0f} | {mebibytes:.0f} |", flush=True)


if __name__ == "__main__":
    main()
