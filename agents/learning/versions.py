"""Versions of a dataset: `FOLDER/versions/<hash>` with examples.parquet, card.json and card.md."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from frontdesk.agents.learning.card import markdown
from frontdesk.agents.learning.examples import Example, write_examples
from frontdesk.agents.learning.tables import replacing

VERSIONS, EXAMPLES, CARD = "versions", "examples.parquet", "card.json"


def save(folder: Path, examples: Sequence[Example], card: Mapping[str, Any]) -> Path:
    """Write a version, the card last: where a card and examples lie the version is whole.

    Raises:
        StartupError: it cannot be written.
    """
    version = folder / VERSIONS / str(card["version"])
    write_examples(version / EXAMPLES, examples)
    texts = {
        version / "card.md": markdown(card),
        version / CARD: json.dumps(card, ensure_ascii=False, indent=1) + "\n",
    }
    for path, text in texts.items():
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")
    return version
