"""Which file of examples a path means."""

from __future__ import annotations

from pathlib import Path

from frontdesk.agents.errors import StartupError

EXAMPLES, VERSIONS = "examples.parquet", "versions"


def examples_file(path: Path) -> Path:
    """The file itself, that of a version's folder, or that of the newest version in a folder of labels.

    Raises:
        StartupError: there is none.
    """
    if path.is_file():
        return path
    if (path / EXAMPLES).is_file():
        return path / EXAMPLES
    made = [*(path / VERSIONS).glob(f"*/{EXAMPLES}")]
    if made:
        return max(made, key=lambda one: (one.stat().st_mtime_ns, one.parent.name))
    raise StartupError(f"{path}: there is no {EXAMPLES}; make one with: frontdesk learn dataset {path}")
