"""The folder of an export: written from a dataset, and looked over before it is sent."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import ExitStack
from pathlib import Path

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning import finetune_state as state
from frontdesk.agents.learning.dataset_file import examples_file
from frontdesk.agents.learning.examples import read_examples
from frontdesk.agents.learning.finetune_check import faults_in
from frontdesk.agents.learning.finetune_export import Tally, Trusted, lines
from frontdesk.agents.llm.prompt import LabelPrompt
from frontdesk.streams.taxonomy import Taxonomy


def written(
    dataset: Path, folder: Path, taxonomy: Taxonomy, *, trusted: Trusted, context_tokens: int
) -> state.Manifest:
    """Write both files and the manifest.

    Raises:
        StartupError: no dataset, the folder cannot be written to, or a job was begun from what lies there.
    """
    path = examples_file(dataset)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / state.JOB).exists():
            raise StartupError(f"{folder}: a job was begun from this export; name another folder")
        tally, digests = _files(path, folder, taxonomy, trusted, context_tokens)
    except OSError as error:
        raise StartupError(
            f"{folder}: {error.strerror or error}; name a folder that can be written to"
        ) from None
    manifest = state.Manifest(
        dataset=str(path.resolve()),
        dataset_sha256=_sha256(path),
        taxonomy_hash=taxonomy.hash,
        prompt_version=LabelPrompt(taxonomy, context_tokens=context_tokens).version,
        trusted=trusted,
        train_sha256=digests[state.TRAIN],
        validation_sha256=digests[state.VALIDATION],
        rows=dict(tally.rows),
        tokens=dict(tally.tokens),
        intents=dict(tally.intents.most_common()),
        left_out=dict(tally.left_out.most_common()),
    )
    state.write(folder, manifest)
    return manifest


def checked(folder: Path, taxonomy: Taxonomy) -> state.Manifest:
    """The manifest of an export that can be sent.

    Raises:
        StartupError: the export is for another taxonomy, its files are not those that were written, or something is wrong in them.
    """
    manifest = state.read_manifest(folder)
    if manifest.taxonomy_hash != taxonomy.hash:
        raise StartupError(f"{folder}: exported for another taxonomy than FRONTDESK_POLICY's; export anew")
    for name, least in ((state.TRAIN, None), (state.VALIDATION, 1)):
        expected = manifest.train_sha256 if name == state.TRAIN else manifest.validation_sha256
        try:
            if _sha256(folder / name) != expected:
                raise StartupError(f"{folder / name}: changed since the export; export anew")
            if least is not None and not manifest.rows.get("validation"):
                continue
            found = (
                faults_in(folder / name, taxonomy)
                if least is None
                else faults_in(folder / name, taxonomy, least=least)
            )
            for fault in found:
                raise StartupError(str(fault))
        except OSError as error:
            raise StartupError(f"{folder / name}: {error.strerror or error}; export anew") from None
    return manifest


def taught(folder: Path) -> frozenset[str]:
    """What the training file asks: its users' turns.

    Raises:
        StartupError: the file cannot be read.
    """
    path = folder / state.TRAIN
    try:
        with path.open(encoding="utf-8") as file:
            return frozenset(json.loads(line)["messages"][1]["content"] for line in file)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise StartupError(f"{path}: cannot be read ({type(error).__name__}); export anew") from None


def _files(
    path: Path, folder: Path, taxonomy: Taxonomy, trusted: Trusted, context_tokens: int
) -> tuple[Tally, dict[str, str]]:
    """Both files, put in place when they are whole; line after line, so that no dataset is too large."""
    tally = Tally()
    names = {"train": state.TRAIN, "validation": state.VALIDATION}
    digests = {name: hashlib.sha256() for name in names.values()}
    with ExitStack() as stack:
        files = {name: stack.enter_context(_partial(folder / name).open("wb")) for name in names.values()}
        for split, line in lines(
            read_examples(path), taxonomy, tally, trusted=trusted, context_tokens=context_tokens
        ):
            data = line.encode("utf-8", "replace") + b"\n"
            files[names[split]].write(data)
            digests[names[split]].update(data)
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())
    for name in files:
        _partial(folder / name).replace(folder / name)
    return tally, {name: digest.hexdigest() for name, digest in digests.items()}


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
