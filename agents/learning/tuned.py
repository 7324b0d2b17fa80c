"""The tuned models that came of an export's jobs: what each was made from, and whether it has shown that it is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.finetune_state import Job, Manifest, read_object, write_json

FILE = "tuned.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """One model. It may serve only once it is accepted."""

    model: str
    base: str
    job: str
    dataset_sha256: str
    taxonomy_hash: str
    prompt_version: str
    accepted: bool = False
    evaluated: dict[str, Any] | None = None
    """the figures of its last trial"""


def read_tuned(folder: Path) -> list[Tuned]:
    """All models of a folder, the newest last.

    Raises:
        StartupError: the file is damaged.
    """
    value = read_object(folder / FILE) or {}
    try:
        return [Tuned(**one) for one in value.get("models", ())]
    except TypeError:
        raise StartupError(f"{folder / FILE}: damaged; remove it, and follow the job again") from None


def register(folder: Path, job: Job, manifest: Manifest) -> Tuned | None:
    """Put down what a job made; None where it made nothing. The same job again changes nothing."""
    if job.status != "succeeded" or job.tuned is None or job.job is None:
        return None
    known = read_tuned(folder)
    for one in known:
        if one.model == job.tuned:
            return one
    made = Tuned(
        model=job.tuned,
        base=job.base,
        job=job.job,
        dataset_sha256=manifest.dataset_sha256,
        taxonomy_hash=manifest.taxonomy_hash,
        prompt_version=manifest.prompt_version,
    )
    _write(folder, [*known, made])
    return made


def judge(folder: Path, tuned: Tuned, figures: dict[str, Any], *, accepted: bool) -> Tuned:
    """Put down what a trial said; the last one counts."""
    judged = replace(tuned, evaluated=figures, accepted=accepted)
    _write(folder, [judged if one.model == tuned.model else one for one in read_tuned(folder)])
    return judged


def _write(folder: Path, models: Sequence[Tuned]) -> None:
    write_json(folder / FILE, {"models": [asdict(one) for one in models]})
