"""`frontdesk bench`: measuring a running deployment."""

from __future__ import annotations

import typer

from frontdesk.agents.cli import bench_load, common


def build() -> typer.Typer:
    """The group."""
    app = common.group("Measure a running deployment.", "frontdesk bench load --rate 50 --seconds 60")
    app.callback()(_group)
    app.command(
        "load",
        short_help="Send messages at a rate, and say how long decisions take.",
        epilog=bench_load.EXAMPLE,
    )(bench_load.command)
    return app


def _group() -> None:
    """Measure a running deployment."""
