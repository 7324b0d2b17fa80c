"""Which file of examples a path means."""

from __future__ import annotations

from pathlib import Path

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.examples import MADE_BY
from frontdesk.agents.learning.versions import EXAMPLES


def examples_file(path: Path) -> Path:
    """The file itself, that of a version's folder, or that of the version written last in a folder of labels.

    Raises:
        StartupError: there is none.
    """
    if path.is_file():
        return path
    if (path / EXAMPLES).is_file():
        return path / EXAMPLES
    made = [*(path / "versions").glob(f"*/{EXAMPLES}")]
    if not made:
        raise StartupError(f"{path}: there is no dataset; make one with: {MADE_BY}")
    return max(made, key=lambda one: (one.stat().st_mtime_ns, one.parent.name))
