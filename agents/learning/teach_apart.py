"""A dataset and a model of it, in a process of its own: the learner goes on meanwhile, and can end it at any time.

    python -m frontdesk.agents.learning.teach_apart FOLDER

Writes one JSON object to stdout: the model's folder and version, the dataset's version, who is held back; or why there is none.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from frontdesk.agents.bootstrap import read_catalog, read_policy
from frontdesk.agents.embedding import load_embedder
from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.examples import read_examples
from frontdesk.agents.learning.making import made
from frontdesk.agents.learning.teaching import teacher_accuracy
from frontdesk.agents.learning.versions import EXAMPLES
from frontdesk.agents.settings import Settings, load
from frontdesk.streams.mentions import Mentions

MODELS = "models"


def taught(folder: Path, settings: Settings) -> dict[str, Any]:
    """Make both. A model of the same rows is the same model.

    Raises:
        StartupError: something is missing or damaged.
    """
    try:
        from frontdesk.agents.learning.modelling import Plan, modelled
        from frontdesk.agents.local.thresholds import Aim
        from frontdesk.agents.local.training import TooLittle
    except ImportError:
        raise StartupError("frontdesk learn run needs scikit-learn: pip install 'frontdesk[learn]'") from None
    taxonomy, _ = read_policy(settings.policy)
    catalog = read_catalog(settings.catalog)
    version, card = made(folder, taxonomy, mentions=Mentions(catalog.values()) if catalog else None)
    told: dict[str, Any] = {
        "dataset": card["version"],
        "examples": card["examples"],
        "held": card["held_back"],
    }
    rows = read_examples(version / EXAMPLES)
    place = folder / MODELS / str(card["version"])
    teacher = teacher_accuracy(row for row in rows if row.split == "train").accuracy
    try:
        model, _ = modelled(
            rows, place, taxonomy, load_embedder(), Plan(aim=Aim(teacher=teacher), curve=False)
        )
    except TooLittle as error:
        return told | {"too_little": str(error)}
    return told | {"model": model.version, "folder": str(place)}


if __name__ == "__main__":
    try:
        print(json.dumps(taught(Path(sys.argv[1]), load())))
    except StartupError as error:
        sys.exit(f"frontdesk: {error}")
