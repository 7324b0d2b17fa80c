"""A worker does not start on libraries other than those it was built on."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from frontdesk.agents.errors import StartupError
from frontdesk.agents.runtime import relied_on


def test_what_is_installed_will_do() -> None:
    relied_on.check_relied_on()


@pytest.mark.parametrize(
    ("name", "found"), [("aiokafka", "0.15.0"), ("aiokafka", "0.140"), ("faust-streaming", "0.15.30")]
)
def test_another_version_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, found: str) -> None:
    monkeypatch.setattr(
        relied_on, "version", lambda asked: found if asked == name else relied_on.VERSIONS[asked]
    )
    with pytest.raises(StartupError, match=rf"{name} {found} is installed.*pip install"):
        relied_on.check_relied_on()


def test_a_library_that_is_absent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(relied_on, "version", absent)
    with pytest.raises(StartupError, match="faust-streaming is not installed"):
        relied_on.check_relied_on()


def test_a_private_part_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relied_on, "PRIVATE_PARTS", ((dict, "_drain_messages"),))
    with pytest.raises(StartupError, match="dict has no _drain_messages"):
        relied_on.check_relied_on()
