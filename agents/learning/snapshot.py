"""Snapshots of a store: its files as they are now, under other names while they are read, since the collector replaces files and changes none.

A maker that is killed leaves its snapshot behind, and with it what was erased since. A lock tells whether anybody still reads it.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from frontdesk.agents.errors import StartupError

_PREFIX, _LOCK = ".snapshot-", ".lock"


@contextmanager
def snapshot(folder: Path, files: Iterable[Path]) -> Iterator[Path]:
    """A folder that holds these files of a store in a folder `collected`, until it ends.

    Raises:
        StartupError: it cannot be made.
    """
    try:
        with (
            tempfile.TemporaryDirectory(dir=folder, prefix=_PREFIX) as place,
            (Path(place) / _LOCK).open("w") as lock,
        ):
            fcntl.flock(lock, fcntl.LOCK_EX)
            (Path(place) / "collected").mkdir()
            for file in files:
                (Path(place) / "collected" / file.name).hardlink_to(file)
            yield Path(place)
    except OSError as error:
        raise StartupError(f"{folder}: {error.strerror or error}") from None


def drop_abandoned(folder: Path) -> None:
    """Remove snapshots that nobody reads any more."""
    for place in folder.glob(f"{_PREFIX}*"):
        # Without a lock it has just begun, and holds nothing.
        with suppress(OSError), (place / _LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(place)
