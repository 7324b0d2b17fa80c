"""A small made-up corpus in MultiDoGO's form: the whole job can be tried where the real one is not at hand. Its figures mean nothing."""

from __future__ import annotations

import random
from pathlib import Path

SAYINGS = {
    "orderproduct": ("i want to order {}", "can i book {} for tomorrow", "please order {} for me"),
    "cancelservice": ("cancel my {} please", "i would like to cancel {}", "stop {} now"),
    "viewbills": ("why is the bill for {} so high", "show me my bill for {}", "i was charged twice for {}"),
    "reportbroken": ("{} is broken again", "my {} does not work", "there is something wrong with {}"),
    "openinggreeting": ("hello", "hi there", "good morning"),
}
THINGS = ("the kettle", "a blue lamp", "my router", "two tickets", "the red shoes", "internet", "a phone")
SPLITS = {"train": 500, "dev": 200, "test": 300}
"""conversations, of two turns each"""
HEAD = "conversationId\tturnNumber\tutteranceId\tutterance\tslot-labels\tintent"


def write_sample(folder: Path) -> None:
    """Write FOLDER/multidogo/sample_*.tsv, the same every time."""
    drawn = random.Random(1)
    (folder / "multidogo").mkdir(parents=True, exist_ok=True)
    for split, count in SPLITS.items():
        lines = [HEAD]
        for talk in range(count):
            for turn in (0, 2):
                intent = drawn.choice(tuple(SAYINGS))
                text = drawn.choice(SAYINGS[intent]).format(drawn.choice(THINGS))
                lines.append(f"{split}-{talk}\t{turn}\t{split}-{talk}-{turn}\t{text}\tO\t{intent}")
        (folder / "multidogo" / f"sample_{split}.tsv").write_text("\n".join(lines) + "\n")
