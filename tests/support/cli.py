"""Running commands in tests as a user would, without a process of their own."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner, Result

from frontdesk.agents.cli import build


def frontdesk(*arguments: str, code: int | None = 0) -> Result:
    """Run a command; fails the test unless it ends with the exit code `code`; None: whichever it is."""
    result = CliRunner().invoke(build(), list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert code is None or result.exit_code == code, result.output
    return result


def json_lines(result: Result) -> list[Any]:
    """Each line of stdout as JSON."""
    return [json.loads(line) for line in result.stdout.splitlines()]
