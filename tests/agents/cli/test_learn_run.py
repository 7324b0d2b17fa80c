"""`frontdesk learn run`, where it refuses to start. In processes of their own: it sets up logging."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from frontdesk.agents.learning.store import open_store


def refused(folder: Path, *options: str, **settings: object) -> str:
    """What it says when it ends with exit code 2."""
    command = [str(Path(sys.executable).with_name("frontdesk")), "learn", "run", str(folder), *options]
    given = {f"FRONTDESK_{name.upper()}": str(value) for name, value in settings.items()}
    done = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    return done.stderr


@pytest.mark.slow
def test_refuses_without_a_registry(tmp_path: Path) -> None:
    assert "FRONTDESK_MODELS" in refused(tmp_path)


@pytest.mark.slow
def test_refuses_a_broker_without_transactions(tmp_path: Path) -> None:
    assert "transactions" in refused(tmp_path, models=tmp_path / "registry", guarantee="at_least_once")


@pytest.mark.slow
def test_refuses_a_folder_that_another_one_has(tmp_path: Path) -> None:
    with open_store(tmp_path):
        assert "another" in refused(tmp_path, models=tmp_path / "registry")


@pytest.mark.slow
def test_refuses_without_kafka_and_leaves_the_folder_to_the_next(tmp_path: Path) -> None:
    told = refused(
        tmp_path / "new", "--broker", "127.0.0.1:1", models=tmp_path / "registry", learn_http_port=0
    )
    assert "127.0.0.1:1" in told
    with open_store(tmp_path / "new"):
        pass
