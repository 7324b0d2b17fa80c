"""Which file of examples a path means."""

from __future__ import annotations

from pathlib import Path

from frontdesk.agents.learning.versions import EXAMPLES, latest


def examples_file(path: Path) -> Path:
    """The file itself, that of a version's folder, or that of the version made last in a folder of labels.

    Raises:
        StartupError: there is none.
    """
    if path.is_file():
        return path
    return (path if (path / EXAMPLES).is_file() else latest(path)) / EXAMPLES
