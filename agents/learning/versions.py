"""Versions of a dataset: `FOLDER/versions/<hash>` with examples.parquet, card.json and card.md; `FOLDER/versions/latest` names the last made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.card import markdown
from frontdesk.agents.learning.examples import MADE_BY, Example, write_examples
from frontdesk.agents.learning.tables import replacing

EXAMPLES, CARD = "examples.parquet", "card.json"


def save(folder: Path, examples: Sequence[Example], card: Mapping[str, Any]) -> Path:
    """Write a version, the card last: where a card and examples lie the version is whole.

    Raises:
        StartupError: it cannot be written.
    """
    version = folder / "versions" / str(card["version"])
    write_examples(version / EXAMPLES, examples)
    texts = {
        version / "card.md": markdown(card),
        version / CARD: json.dumps(card, ensure_ascii=False, indent=1) + "\n",
        folder / "versions" / "latest": version.name + "\n",
    }
    for path, text in texts.items():
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")
    return version


def latest(folder: Path) -> Path:
    """The folder of the version that was made last.

    Raises:
        StartupError: there is none, or erased customers were among its examples.
    """
    try:
        name = (folder / "versions" / "latest").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise StartupError(f"{folder}: there is no dataset; make one with: {MADE_BY}") from None
    version = folder / "versions" / name
    if not (version / EXAMPLES).is_file():
        raise StartupError(
            f"{version}: its examples are gone, since customers among them were erased; make a new version with: {MADE_BY}"
        )
    return version
