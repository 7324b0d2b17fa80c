"""`frontdesk worker`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from frontdesk.agents.cli import common


def command(
    broker: common.Broker = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="YAML file instead of FRONTDESK_CONFIG; variables win over what it says."
        ),
    ] = None,
) -> None:
    """Decide customer messages until stopped: SIGTERM or Ctrl-C finishes the steps under way.

    Everything else is set by FRONTDESK_* variables or the file. /metrics, /live and /ready answer on FRONTDESK_HTTP_HOST
    (127.0.0.1) and FRONTDESK_HTTP_PORT (9108). Exit codes: 0 stopped, 2 refused to start, 70 could not go on (start it again).
    """
    from frontdesk.agents import logs, service
    from frontdesk.agents.settings import load

    settings = load(broker=broker, config=config)
    logs.configure(settings)
    code = asyncio.run(service.run(settings))
    sys.stderr.flush()
    if code == service.EXIT_FAILED:
        # Faust's consumer thread may hang in what just failed; it must not keep a broken process alive.
        os._exit(code)
    raise typer.Exit(code)
