"""What a learner remembers beside what the topic of models and the folder's store say: `FOLDER/learner.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.tables import replacing

_FILE = "learner.json"


@dataclass(slots=True, kw_only=True)
class State:
    """Of one learner."""

    answers: int = 0
    """that were there when the last model was taught"""
    taught_at: int = 0
    """when that began; milliseconds"""
    dataset: str = ""
    examples: int = 0
    waiting: str = ""
    """the newest model that was not tried yet"""
    failed: int = 0
    """models in a row that were dropped or rolled back: the next one takes twice as many answers for each"""
    held: dict[str, str] = field(default_factory=dict)
    """whose answers are held back, and why"""
    watched: str = ""
    """the model in force that `epoch` is about"""
    epoch: int = 1
    epoch_since: int = 0


def read_state(folder: Path) -> State:
    """
    Raises:
        StartupError: the file cannot be read.
    """
    path = folder / _FILE
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        known = {one.name for one in fields(State)}
        return State(**{name: value for name, value in told.items() if name in known})
    except FileNotFoundError:
        return State()
    except (OSError, ValueError, TypeError, AttributeError):
        raise StartupError(
            f"{path}: cannot be read; remove it: the next model is taught anew, nothing else is lost"
        ) from None


def write_state(folder: Path, state: State) -> None:
    """
    Raises:
        StartupError: it cannot be written.
    """
    with replacing(folder / _FILE) as partial:
        partial.write_text(json.dumps(asdict(state), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
