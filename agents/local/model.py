"""A trained model of the local tiers: plain arrays and a manifest in a folder. Loading it runs no code of its own."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from frontdesk.agents.errors import StartupError

Floats: TypeAlias = NDArray[np.float32]

MANIFEST, ARRAYS = "model.json", "model.npz"
FORMAT = 2
LEARNED = ("intent", "emotion", "urgency")
"""the labels that a model may know"""
LARGEST = 1024**3
"""bytes of arrays in memory; no model is so large"""
DIGITS = 4
"""of a confidence: the last bits depend on which texts share a matrix product"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One label by one tier: a linear model, and from which confidence on it is believed."""

    classes: tuple[str, ...]
    weights: Floats
    """features by classes"""
    bias: Floats
    temperature: float
    """what the scores are divided by, so that confidences are as often right as they say"""
    threshold: float

    def logits(self, features: Any) -> Floats:
        """Texts by classes, calibrated: their softmax are probabilities."""
        scores: Floats = (np.asarray(features @ self.weights) + self.bias) / np.float32(self.temperature)
        return scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiers:
    """One label by both tiers, the second of which also hears the first."""

    ngrams: Head
    embedding: Head | None = None
    """its threshold is for both together"""
    mix: float = 0.5
    """weight of the embedding's logits where both are heard; the n-grams have the rest"""
    temperature: float = 1.0
    """of the mixture"""


def mixed(first: Floats, second: Floats, share: float) -> Floats:
    """The logits of two heads together; `share` is the weight of the second."""
    both: Floats = first * np.float32(1 - share) + second * np.float32(share)
    return both


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """What was learned of one taxonomy."""

    taxonomy_hash: str
    idf: Floats
    """of the n-grams: see `ngrams.Ngrams`"""
    labels: Mapping[str, Tiers]
    """intent, and emotion and urgency where there was enough to learn from"""
    waves: Floats | None = None
    """what lifts embeddings for the second tier: see `waves.waves`"""
    learned_from: Mapping[str, Any] = field(default_factory=dict)
    """for people: how many examples, how good out of fold"""
    version: str = ""
    """names it: set by `saved`"""

    def saved(self, folder: Path) -> LocalModel:
        """Write it to a folder, and return it with its version.

        Raises:
            OSError: it cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Floats] = {"idf": self.idf}
        if self.waves is not None:
            arrays["waves"] = self.waves
        told: dict[str, Any] = {}
        for name, tiers in self.labels.items():
            told[name] = {"mix": tiers.mix, "temperature": tiers.temperature, "heads": {}}
            for tier, head in _heads(tiers).items():
                arrays[f"{name}.{tier}.weights"], arrays[f"{name}.{tier}.bias"] = head.weights, head.bias
                plain = {"classes": head.classes, "temperature": head.temperature}
                told[name]["heads"][tier] = plain | {"threshold": head.threshold}
        with (folder / ARRAYS).open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        digest = _digest(folder / ARRAYS)
        manifest = {
            "format": FORMAT,
            "taxonomy_hash": self.taxonomy_hash,
            "sha256": digest,
            "learned_from": dict(self.learned_from),
            "labels": told,
        }
        text = json.dumps(manifest, indent=1, ensure_ascii=False)
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        return load_model(folder)


def load_model(folder: Path) -> LocalModel:
    """Read what `LocalModel.saved` wrote.

    Raises:
        StartupError: it is not there, was changed since, or is of another form.
    """
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        manifest = json.loads(text)
        if manifest["format"] != FORMAT:
            raise StartupError(
                f"FRONTDESK_MODEL: {folder / MANIFEST} has format {manifest['format']}, this version reads {FORMAT}"
            )
        if manifest["sha256"] != _digest(folder / ARRAYS):
            raise StartupError(
                f"FRONTDESK_MODEL: {folder / ARRAYS} is not what {MANIFEST} names: copy the whole folder anew"
            )
        _check_size(folder / ARRAYS)
        with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
            labels = {name: _tiers(name, told, arrays) for name, told in manifest["labels"].items()}
            _check(labels, lifted="waves" in arrays.files)
            return LocalModel(
                taxonomy_hash=manifest["taxonomy_hash"],
                idf=arrays["idf"],
                waves=arrays["waves"] if "waves" in arrays.files else None,
                labels=labels,
                learned_from=manifest["learned_from"],
                version=hashlib.sha256(text.encode()).hexdigest()[:12],
            )
    except OSError as error:
        raise StartupError(
            f"FRONTDESK_MODEL: cannot read {error.filename or folder} ({error.strerror}): name a folder with {MANIFEST} and {ARRAYS}"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise StartupError(
            f"FRONTDESK_MODEL: {folder} holds no model ({type(error).__name__}: {error})"
        ) from None


def _check(labels: Mapping[str, Tiers], *, lifted: bool) -> None:
    """Raise `ValueError` where a manifest and its arrays do not go together: else every message would find out."""
    if "intent" not in labels:
        raise ValueError("it knows no intents")
    for name, tiers in labels.items():
        for tier, head in _heads(tiers).items():
            classes = len(head.classes)
            if head.weights.ndim != 2 or head.weights.shape[1] != classes or head.bias.shape != (classes,):
                raise ValueError(f"{name}, {tier}: {classes} classes, but weights {head.weights.shape}")
        if tiers.embedding is not None and not lifted:
            raise ValueError(f"{name}: nothing lifts embeddings for its second tier")
        if tiers.embedding is not None and tiers.embedding.classes != tiers.ngrams.classes:
            raise ValueError(f"{name}: its tiers have other classes")


def _check_size(arrays: Path) -> None:
    """
    Raises:
        StartupError: unpacked they would fill the memory; a small file may hold very much of nothing.
    """
    with zipfile.ZipFile(arrays) as file:
        size = sum(one.file_size for one in file.infolist())
    if size > LARGEST:
        raise StartupError(f"FRONTDESK_MODEL: {arrays} has {size:,} bytes, more than any model")


def _tiers(name: str, told: Mapping[str, Any], arrays: Mapping[str, Floats]) -> Tiers:
    heads = {
        tier: Head(
            classes=tuple(plain["classes"]),
            weights=np.ascontiguousarray(arrays[f"{name}.{tier}.weights"]),
            bias=arrays[f"{name}.{tier}.bias"],
            temperature=float(plain["temperature"]),
            threshold=float(plain["threshold"]),
        )
        for tier, plain in told["heads"].items()
    }
    return Tiers(
        ngrams=heads["ngrams"],
        embedding=heads.get("embedding"),
        mix=float(told["mix"]),
        temperature=float(told["temperature"]),
    )


def _heads(tiers: Tiers) -> dict[str, Head]:
    return {"ngrams": tiers.ngrams} | ({} if tiers.embedding is None else {"embedding": tiers.embedding})


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
