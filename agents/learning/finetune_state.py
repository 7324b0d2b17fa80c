"""What is known of an export and of the job that was made of it: two small files beside the lines that are sent."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from frontdesk.agents.errors import StartupError

TRAIN, VALIDATION = "train.jsonl", "validation.jsonl"
MANIFEST, JOB = "export.json", "job.json"
T = TypeVar("T", "Manifest", "Job")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an export was made from, and what is in it."""

    dataset: str
    """the file of examples"""
    dataset_sha256: str
    taxonomy_hash: str
    prompt_version: str
    trusted: str
    train_sha256: str
    validation_sha256: str
    rows: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    intents: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How far a job has got. Everything that was made at the endpoint is written down before the next thing is made."""

    base: str
    base_url: str
    train_sha256: str
    validation_sha256: str
    train_file: str | None = None
    """ids at the endpoint"""
    validation_file: str | None = None
    job: str | None = None
    status: str = ""
    """as the endpoint says: queued, running, succeeded, failed, cancelled, ..."""
    tuned: str | None = None
    """the model that came of it"""
    trained_tokens: int | None = None
    error: str | None = None
    last_event: str | None = None
    """id of the newest that was shown"""
    abandoned: tuple[str, ...] = ()
    """earlier jobs of this export, of which nothing came"""

    @property
    def ended(self) -> bool:
        """Whether nothing more will become of it."""
        return self.status in ("succeeded", "failed", "cancelled")


def read_manifest(folder: Path) -> Manifest:
    """What an export is.

    Raises:
        StartupError: there is none.
    """
    found = _read(folder / MANIFEST, Manifest)
    if found is None:
        raise StartupError(
            f"{folder}: no export; make one with: frontdesk learn finetune export DATASET {folder}"
        )
    return found


def read_job(folder: Path) -> Job | None:
    """The job of an export; None where none was started.

    Raises:
        StartupError: its file is damaged.
    """
    return _read(folder / JOB, Job)


def write(folder: Path, what: Manifest | Job) -> None:
    """Keep it: the old one stays until the new one is whole.

    Raises:
        StartupError: the folder cannot be written to.
    """
    path = folder / (JOB if isinstance(what, Job) else MANIFEST)
    write_json(path, asdict(what))


def write_json(path: Path, value: object) -> None:
    """Put a JSON file in place at once.

    Raises:
        StartupError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None where there is no file.

    Raises:
        StartupError: it is damaged, or cannot be read.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise StartupError(f"{path}: damaged; remove it, and do again what wrote it")
    return value


def _read(path: Path, kind: type[T]) -> T | None:
    value = read_object(path)
    if value is None:
        return None
    known = {one.name for one in fields(kind)}
    given = {
        name: tuple(one) if isinstance(one, list) else one for name, one in value.items() if name in known
    }
    try:
        found = kind(**given)  # type: ignore[arg-type]  # as it was written
    except TypeError:
        raise StartupError(f"{path}: damaged; remove it, and do again what wrote it") from None
    return found
