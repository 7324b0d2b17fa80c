"""A file of labels that can be gone on with: finished lines stay, the rest is done when the same is started again.

Beside an unfinished file lies ``FILE.unfinished``, which says what its lines were made from: the input by its SHA-256, the
models, the taxonomy. Only the same may go on with it. A finished file has nothing beside it, and is never written to.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from frontdesk.agents.errors import StartupError
from frontdesk.agents.evaluation.documents import Account

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a file holds, in short."""

    sha256: str
    lines: int
    """line breaks in it, and one more where it does not end with one"""


def source_of(path: Path) -> Source:
    """Reads the file once.

    Raises:
        StartupError: it cannot be read.
    """
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                lines += block.count(b"\n")
                last = block[-1:]
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None
    return Source(sha256=digest.hexdigest(), lines=lines + (last != b"\n"))


class LabelSink(Protocol):
    """Where documents go, in the order of the input."""

    account: Account
    """of everything written, in earlier runs too"""
    done: int
    """line of the input with which the last document deals; 0 before the first"""

    def write(self, line: Mapping[str, object]) -> None:
        """Take the next document."""

    def finish(self) -> None:
        """That was the last."""

    def close(self) -> None:
        """Let go, finished or not."""


class LabelStream:
    """Shows each document at once. Nothing that was interrupted can be gone on with."""

    def __init__(self, show: Callable[[Mapping[str, object]], None]) -> None:
        self.account = Account()
        self.done = 0
        self._show = show

    def write(self, line: Mapping[str, object]) -> None:
        """As a sink does."""
        self.account.add(line)
        self._show(line)

    def finish(self) -> None:
        """As a sink does: nothing."""

    def close(self) -> None:
        """As a sink does: nothing."""


class LabelFile:
    """An output under way. Lines are appended in the order of the input; `account` counts those of earlier runs too."""

    def __init__(self, path: Path, made_from: Mapping[str, Any]) -> None:
        """Begin, or go on after the last whole line; a torn one is cut off.

        Raises:
            StartupError: the file is finished, is another's, is being written, or was made from something else.
        """
        self.account = Account()
        self.done = 0
        self._path = path
        self._mark = path.with_name(f"{path.name}.unfinished")
        try:
            self._file = self._open(made_from)
        except OSError as error:
            raise StartupError(f"{path}: {error.strerror or error}") from None

    def write(self, line: Mapping[str, object]) -> None:
        """Append one document; it is with the operating system when this returns."""
        self.account.add(line)
        self._file.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        self._file.flush()

    def finish(self) -> None:
        """All lines are there."""
        os.fsync(self._file.fileno())
        self._mark.unlink()

    def close(self) -> None:
        """Let go of the file, finished or not."""
        self._file.close()

    def _open(self, made_from: Mapping[str, Any]) -> IO[bytes]:
        if not self._path.exists():
            # The mark first: a file of labels without it is finished.
            mark = json.dumps(made_from, ensure_ascii=False)
            self._mark.write_text(mark, encoding="utf-8", errors="replace")
        elif not self._mark.exists():
            raise StartupError(
                f"{self._path}: exists, and is not an unfinished file of labels; name another --out"
            )
        file = self._path.open("ab+")
        try:
            self._lock(file)
            self._compare(made_from)
            self._read(file)
        except BaseException:
            file.close()
            raise
        return file

    def _lock(self, file: IO[bytes]) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartupError(
                f"{self._path}: another process writes it; wait for it or name another --out"
            ) from None

    def _compare(self, made_from: Mapping[str, Any]) -> None:
        try:
            before = json.loads(self._mark.read_text(encoding="utf-8"))
        except ValueError:
            before = {}
        if not isinstance(before, dict):
            before = {}
        others = [name for name in made_from if before.get(name) != made_from[name]]
        if others:
            raise StartupError(
                f"{self._path}: was begun with another {', '.join(others)}; name another --out, or remove it and "
                f"{self._mark.name}"
            )

    def _read(self, file: IO[bytes]) -> None:
        file.seek(0)
        whole = 0
        torn: int | None = None
        for number, raw in enumerate(file, start=1):
            if torn is not None:
                raise StartupError(f"{self._path}:{torn}: damaged; name another --out, or mend the line")
            line = _whole_line(raw, self.done)
            if line is None:
                torn = number
                continue
            self.account.add(line)
            self.done = line["line"]
            whole += len(raw)
        file.truncate(whole)
        file.seek(0, os.SEEK_END)


def _whole_line(raw: bytes, after: int) -> dict[str, Any] | None:
    if not raw.endswith(b"\n"):
        return None
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    number = line.get("line") if isinstance(line, dict) else None
    return line if isinstance(number, int) and number > after else None
