"""What holds for every command: help with an example, exit codes, one line for a refusal, no work at import."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from frontdesk import __version__
from frontdesk.agents.cli import build
from tests.support.cli import frontdesk
from tests.support.embedded import free_port

HEAVY = ("faust", "openai", "numpy", "aiokafka", "rich.progress", "fastavro", "phonenumbers", "aiohttp")


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


ALL = sorted(commands(typer.main.get_command(build())))


def test_has_the_commands_that_the_manual_names() -> None:
    assert {" ".join(path) for path in ALL} >= {
        "demo",
        "doctor",
        "dlq list",
        "dlq replay",
        "dlq show",
        "evaluate",
        "explain",
        "intake resume",
        "label",
        "learn train",
        "llm off",
        "llm on",
        "llm status",
        "publish",
        "topics check",
        "topics create",
        "worker",
    }


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_ends_with_an_example(path: tuple[str, ...]) -> None:
    last = frontdesk(*path, "--help").output.strip().split("\n\n")[-1]
    assert "Example: " in " ".join(last.split())
    assert f"frontdesk {' '.join(path)}" in " ".join(last.split())


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_usage_is_written_as_people_write_it(path: tuple[str, ...]) -> None:
    usage = frontdesk(*path, "--help").output.partition("\n\n")[0]
    assert "[[" not in usage
    assert "]...]..." not in usage


@pytest.mark.parametrize("path", sorted({path[:-1] for path in ALL}), ids=" ".join)
def test_no_command_is_listed_with_half_a_sentence(path: tuple[str, ...]) -> None:
    assert "..." not in frontdesk(*path, "--help").output.partition("\nCommands:\n")[2]


def test_prints_its_version() -> None:
    assert frontdesk("--version").stdout == f"frontdesk {__version__}\n"


def test_a_refusal_is_one_line_on_stderr_and_exit_code_2() -> None:
    address = f"127.0.0.1:{free_port()}"
    result = frontdesk("topics", "check", "--broker", address, code=2)
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"frontdesk: no Kafka answers at {address}: start it, or set FRONTDESK_BROKER to its host:port"
    ]


def test_wrong_settings_are_named_by_their_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_PARTITIONS", "none")
    (line,) = frontdesk("topics", "check", code=2).stderr.splitlines()
    assert line.startswith("frontdesk: wrong settings: FRONTDESK_PARTITIONS: ")


def test_wrong_usage_is_exit_code_2() -> None:
    assert "No such option" in frontdesk("topics", "check", "--nonsense", code=2).stderr


def test_interrupted_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("frontdesk.agents.settings.load", interrupted)
    assert "Traceback" not in frontdesk("topics", "check", code=130).output


def test_help_imports_nothing_heavy() -> None:
    code = (
        f"import sys, frontdesk.agents.cli as c; c.build(); print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
