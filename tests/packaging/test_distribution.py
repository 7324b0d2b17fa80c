"""The comparison that `make check` makes of a built wheel with the committed files."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.packaging.distribution import contents, differences, expected


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the layout of ours: top-level folders and links to them."""
    for name, text in {
        "schemas/types.py": "A = 1\n",
        "agents/cli/worker.py": "",
        "deploy/policies/retail/policy.yaml": "rules: []\n",
        "deploy/compose.yaml": "",
        "src/frontdesk/py.typed": "",
        "tests/test_it.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "src/frontdesk/schemas").symlink_to("../../schemas")
    (tmp_path / "streams").mkdir()
    (tmp_path / "streams/draft.py").write_text("")
    for command in (["init", "-q"], ["add", "--all", ":!streams"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_expects_the_committed_files_of_the_packages_and_no_others(repository: Path) -> None:
    assert expected(repository) == {
        "frontdesk/schemas/types.py": b"A = 1\n",
        "frontdesk/agents/cli/worker.py": b"",
        "frontdesk/policies/retail/policy.yaml": b"rules: []\n",
        "frontdesk/py.typed": b"",
    }


def test_names_what_is_missing_too_many_or_changed() -> None:
    wanted = {"a.py": b"1", "b.py": b"2", "c.py": b"3"}
    assert differences({"b.py": b"2", "c.py": b"other", "tests/t.py": b""}, wanted) == [
        "not in the wheel: a.py",
        "in the wheel, but not committed: tests/t.py",
        "other bytes than committed: c.py",
    ]
    assert differences(wanted, wanted) == []


def test_leaves_out_a_wheels_metadata(tmp_path: Path) -> None:
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("frontdesk/__init__.py", "x")
        archive.writestr("frontdesk-1.dist-info/METADATA", "")
    assert contents(wheel) == {"frontdesk/__init__.py": b"x"}


def test_this_repository_has_files_in_every_package() -> None:
    folders = {Path(name).parts[1] for name in expected() if len(Path(name).parts) > 2}
    assert {"schemas", "streams", "agents"} <= folders
