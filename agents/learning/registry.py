"""The registry of models: a folder, or a URL that fsspec knows (`file://`, `s3://`, ...). One folder a version, never changed.

::

    <url>/<version>/model.npz, card.json, model.json

`model.json` is written last: a folder without it is no model yet. Its digest is the model's name; it names the digest of the arrays. So
whoever knows the digest of `model.json` knows whether all of it is what was announced.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from frontdesk.agents.errors import StartupError
from frontdesk.agents.local.model import ARRAYS, MANIFEST, load_model

CARD = "card.json"
"""for people and the learner; a model may have none"""
LARGEST = 1024**3
"""bytes of one file; no model is so large, and a registry may hold anything"""


class Unusable(ValueError):
    """A model that no worker can use, with the reason and what helps. It stays so until something else is put there."""


class Unreachable(Exception):
    """The registry does not answer now. It may later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A model in a registry, with what an announcement says of it."""

    version: str
    uri: str
    """its folder"""
    sha256: str
    """of its manifest"""
    taxonomy_hash: str


class Registry:
    """Where models lie. Every call blocks."""

    def __init__(self, url: str) -> None:
        """
        Raises:
            StartupError: no file system of this name is known, what it needs is not installed, or the URL has a password.
        """
        if ":" in url.partition("://")[2].partition("/")[0].rpartition("@")[0]:
            raise StartupError(
                f"{_plain(url)}: a registry's address is published to all workers: name it without the password, and give that "
                "to each as its file system wants it"
            )
        self._url = _address(url)
        _file_system(self._url)

    def put(self, folder: Path) -> Registered:
        """Copy a model into the registry, under its version. What lies there whole is left alone, what does not is completed.

        Raises:
            StartupError: the folder holds no model.
            Unusable: something else lies under its version.
            Unreachable: it cannot be written.
        """
        model = load_model(folder)
        manifest = (folder / MANIFEST).read_bytes()
        uri = f"{self._url}/{model.version}"
        found = Registered(
            version=model.version,
            uri=uri,
            sha256=hashlib.sha256(manifest).hexdigest(),
            taxonomy_hash=model.taxonomy_hash,
        )
        files, root = _file_system(uri)
        with _reaching(uri):
            if files.exists(f"{root}/{MANIFEST}"):
                if files.cat_file(f"{root}/{MANIFEST}") != manifest:
                    raise Unusable(
                        f"{_plain(uri)} holds another model: name another registry, or remove that folder"
                    )
                if _holds(files, f"{root}/{ARRAYS}", str(_named(manifest))):
                    return found
            files.makedirs(root, exist_ok=True)
            for name in (ARRAYS, CARD, MANIFEST):
                if (folder / name).exists():
                    files.put_file(str(folder / name), f"{root}/{name}")
        return found


def fetch(uri: str, sha256: str, to: Path, *, registry: str | None = None) -> Path:
    """Copy a model out of a registry into an empty folder, and return that. It blocks.

    Where `registry` is named nothing else is asked: who may announce a model cannot make a worker call any address there is.

    Raises:
        Unusable: it is not there, or is not what was announced: nobody knows what else it may be. Or it is not in `registry`.
        Unreachable: the registry does not answer.
    """
    place, _, version = uri.rpartition("/")
    if registry is not None and (place != _address(registry) or not version.isalnum()):
        raise Unusable(
            f"{_plain(uri)} is not in the registry {_plain(registry)} (FRONTDESK_MODELS): register the model there"
        )
    try:
        files, root = _file_system(uri)
    except StartupError as error:
        raise Unusable(str(error)) from None
    to.mkdir(parents=True, exist_ok=True)
    with _reaching(uri):
        manifest = _read(files, f"{root}/{MANIFEST}", uri)
        if hashlib.sha256(manifest).hexdigest() != sha256:
            raise Unusable(f"{_plain(uri)}/{MANIFEST} is not what was announced: register the model anew")
        arrays = _read(files, f"{root}/{ARRAYS}", uri)
    if hashlib.sha256(arrays).hexdigest() != _named(manifest):
        raise Unusable(f"{_plain(uri)}/{ARRAYS} is not what {MANIFEST} names: register the model anew")
    (to / MANIFEST).write_bytes(manifest)
    (to / ARRAYS).write_bytes(arrays)
    return to


def _read(files: Any, path: str, uri: str) -> bytes:
    try:
        size = files.size(path)
        if size is not None and size > LARGEST:
            raise Unusable(f"{_plain(uri)}: {path.rpartition('/')[2]} has {size} bytes, more than any model")
        data: bytes = files.cat_file(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise Unusable(f"{_plain(uri)} has no {path.rpartition('/')[2]}: register the model anew") from None
    return data


def _address(url: str) -> str:
    """One way to write it. A folder is found from wherever a worker was started."""
    return (url if "://" in url else str(Path(url).absolute())).rstrip("/")


def _holds(files: Any, path: str, sha256: str) -> bool:
    """Whether a file is there and whole."""
    try:
        with files.open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False


def _named(manifest: bytes) -> str | None:
    try:
        told = json.loads(manifest)
        return str(told["sha256"])
    except (ValueError, KeyError, TypeError):
        return None


def _file_system(url: str) -> tuple[Any, str]:
    """
    Raises:
        StartupError: none is known for it.
    """
    try:
        files, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        raise StartupError(
            f"a registry at {_plain(url)} needs a package that is not installed: {error}"
        ) from None
    except (ValueError, TypeError, OSError) as error:
        raise StartupError(
            f"{_plain(url)} is no registry ({error}): name a folder, or a URL such as s3://bucket/models"
        ) from None
    return files, str(path).rstrip("/")


@contextmanager
def _reaching(uri: str) -> Iterator[None]:
    """What a file system raises, as one error: its clients have errors of their own, of any class."""
    try:
        yield
    except Unusable:
        raise
    except Exception as error:
        raise Unreachable(f"{_plain(uri)}: {type(error).__name__}: {str(error)[:300]}") from error


def _plain(url: str) -> str:
    """A URL without what may be a password."""
    scheme, apart, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{apart}{host.rpartition('@')[2]}{slash}{path}" if apart else url
