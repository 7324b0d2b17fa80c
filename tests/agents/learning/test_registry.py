"""The registry: what is put in comes out whole, or is refused with its place and what helps."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.registry import Registered, Registry, Unreachable, Unusable, fetch
from frontdesk.agents.local import model
from frontdesk.agents.local.model import load_model
from frontdesk.streams.policy import load_pack
from tests.support.core import POLICY, TAXONOMY
from tests.support.models import constant

PACK = load_pack({"taxonomy.yaml": TAXONOMY, "policy.yaml": POLICY})[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    constant(PACK, tmp_path / "made", "billing")
    (tmp_path / "made" / "card.json").write_text("{}")
    return tmp_path / "made"


@pytest.mark.parametrize("where", ["folder", "file://", "memory://"])
def test_what_is_put_in_comes_out(folder: Path, tmp_path: Path, where: str) -> None:
    url = {"folder": str(tmp_path / "models"), "file://": f"file://{tmp_path}/models"}.get(
        where, f"memory://{tmp_path.name}"
    )
    registry = Registry(url)
    put = registry.put(folder)
    assert put.uri == f"{url}/{put.version}"
    assert registry.put(folder) == put, "once more it is there already"
    got = fetch(put.uri, put.sha256, tmp_path / "got")
    assert load_model(got).version == put.version
    assert load_model(got).taxonomy_hash == put.taxonomy_hash == PACK.hash
    assert fsspec.open(f"{put.uri}/card.json", "r").open().read() == "{}"


def test_a_folder_is_named_so_that_it_is_found_from_anywhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Registry("models").put(folder).uri.startswith(f"{tmp_path}/models/")


def test_what_was_broken_off_is_completed(folder: Path, tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "models"))
    put = registry.put(folder)
    (Path(put.uri) / "model.json").unlink()
    (Path(put.uri) / "model.npz").write_bytes(b"half of it")
    with pytest.raises(Unusable, match=r"has no model.json: register the model anew"):
        fetch(put.uri, put.sha256, tmp_path / "got")
    assert registry.put(folder) == put
    fetch(put.uri, put.sha256, tmp_path / "got")


def test_a_version_is_never_overwritten(folder: Path, tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "models"))
    put = registry.put(folder)
    (Path(put.uri) / "model.json").write_text("{}")
    with pytest.raises(Unusable, match="holds another model"):
        registry.put(folder)


def _manifest(put: Registered) -> None:
    (Path(put.uri) / "model.json").write_text("{}")


def _arrays(put: Registered) -> None:
    path = Path(put.uri) / "model.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def _no_arrays(put: Registered) -> None:
    (Path(put.uri) / "model.npz").unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_manifest, "model.json is not what was announced"),
        (_arrays, "model.npz is not what model.json names"),
        (_no_arrays, "has no model.npz"),
    ],
)
def test_damage_is_told_with_its_place(
    folder: Path, tmp_path: Path, damage: Callable[[Registered], None], said: str
) -> None:
    put = Registry(str(tmp_path / "models")).put(folder)
    damage(put)
    with pytest.raises(Unusable, match=said):
        fetch(put.uri, put.sha256, tmp_path / "got")


def test_a_manifest_of_nonsense_is_refused_even_where_it_was_announced(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("no json")
    (tmp_path / "model.npz").write_bytes(b"")
    digest = hashlib.sha256(b"no json").hexdigest()
    with pytest.raises(Unusable, match=r"is not what model.json names"):
        fetch(str(tmp_path), digest, tmp_path / "got")


def test_a_url_that_nothing_is_known_of_is_refused() -> None:
    with pytest.raises(StartupError, match="is no registry"):
        Registry("nonsense://models")
    with pytest.raises(Unusable, match="is no registry"):
        fetch("nonsense://models/1", "0", Path("never"))


def test_a_registry_that_does_not_answer_may_later_and_shows_no_password(
    tmp_path: Path,
) -> None:
    class Away(fsspec.AbstractFileSystem):
        protocol = "away"

        def info(self, path: str, **_: object) -> dict[str, object]:
            raise TimeoutError("nobody there")

        def cat_file(self, path: str, *_: object, **__: object) -> bytes:
            raise TimeoutError("nobody there")

    fsspec.register_implementation("away", Away, clobber=True)
    with pytest.raises(Unreachable, match="away://store/models/1: TimeoutError: nobody there"):
        fetch("away://user:secret@store/models/1", "0", tmp_path)


@pytest.mark.parametrize("damage", [_arrays, _no_arrays])
def test_what_was_damaged_since_is_mended_by_registering_it_anew(
    folder: Path, tmp_path: Path, damage: Callable[[Registered], None]
) -> None:
    registry = Registry(str(tmp_path / "models"))
    put = registry.put(folder)
    damage(put)
    assert registry.put(folder) == put
    fetch(put.uri, put.sha256, tmp_path / "got")


def test_a_url_with_a_password_is_refused_since_it_would_be_announced() -> None:
    with pytest.raises(StartupError, match="ftp://host/models: a registry's address is published") as raised:
        Registry("ftp://user:secret@host/models")
    assert "secret" not in str(raised.value)


def test_arrays_that_would_fill_the_memory_are_refused_before_they_are_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "LARGEST", 1_000)
    with pytest.raises(StartupError, match=r"model.npz has [\d,]+ bytes, more than any model"):
        load_model(folder)


def test_arrays_that_are_half_a_zip_are_refused(folder: Path, tmp_path: Path) -> None:
    bad = shutil.copytree(folder, tmp_path / "bad")
    arrays = (bad / "model.npz").read_bytes()[:2_000]
    (bad / "model.npz").write_bytes(arrays)
    manifest = json.loads((bad / "model.json").read_text())
    (bad / "model.json").write_text(json.dumps(manifest | {"sha256": hashlib.sha256(arrays).hexdigest()}))
    with pytest.raises(StartupError, match="holds no model"):
        load_model(bad)


def test_where_a_registry_is_named_no_other_address_is_called(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put = Registry("models").put(folder)
    fetch(put.uri, put.sha256, tmp_path / "got", registry="models/")
    elsewhere = Registry("elsewhere").put(folder).uri
    chained = f"{tmp_path}/models/simplecache::file://{put.uri}"
    for uri in (elsewhere, "away://store/1", f"{tmp_path}/models/..", f"{put.uri}/x", chained):
        with pytest.raises(Unusable, match=r"is not in the registry models \(FRONTDESK_MODELS\): register"):
            fetch(uri, put.sha256, tmp_path / "never", registry="models")
    assert not (tmp_path / "never").exists()
