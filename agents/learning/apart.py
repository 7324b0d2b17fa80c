"""Work of the learner in processes of their own: it goes on meanwhile, can end them at any time, and has its memory back after."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any


class Failed(Exception):
    """The process did not say what it was to say; why is in the message, and on stderr."""


async def apart(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a module of ours, run as a program that ends with this task, has said: a JSON object.

    Raises:
        Failed: it ended otherwise.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    try:
        told, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise Failed(f"it ended with {process.returncode}; what it said is on stderr")
    try:
        found = json.loads(told)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Failed("it said something else than what became of it")
    return found
