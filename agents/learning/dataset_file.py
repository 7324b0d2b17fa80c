"""Which file of examples a path means."""

from __future__ import annotations

import shlex
from pathlib import Path

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.card import version_of
from frontdesk.agents.learning.versions import EXAMPLES, VERSIONS
from frontdesk.agents.local.model import load_model


def examples_file(path: Path) -> Path:
    """The file itself, that of a version's folder, or that of the version written last in a folder of labels.

    Raises:
        StartupError: there is none.
    """
    if path.is_file():
        return path
    if (path / EXAMPLES).is_file():
        return path / EXAMPLES
    made = [*(path / VERSIONS).glob(f"*/{EXAMPLES}")]
    if not made:
        raise StartupError(
            f"{path}: there is no dataset; make one with: frontdesk learn dataset {shlex.quote(str(path))}"
        )
    return max(made, key=lambda one: (one.stat().st_mtime_ns, one.parent.name))


def taught_by(model: Path, file: Path, sha256: str) -> Path | None:
    """The file that holds what a model was taught: `file`, whose rows have this digest, or that of another version beside it. None: nobody knows.

    Raises:
        StartupError: the model cannot be read.
    """
    taught = load_model(model).learned_from.get("dataset")
    if not isinstance(taught, str):
        return None
    other = file.parent.parent / version_of(taught) / EXAMPLES
    return file if taught == sha256 else other if other.is_file() else None
