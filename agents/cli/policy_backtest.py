"""`frontdesk policy backtest`: what another policy would have decided about messages that were decided already."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.cli.progress import progress
from frontdesk.agents.clock import now
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.backtest.counting import Counted
    from frontdesk.agents.backtest.report import Report
    from frontdesk.agents.backtest.run import Job
    from frontdesk.agents.settings import Settings
    from frontdesk.streams.capacity import Capacity

_MB = 1_000_000


def command(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Folder of the new policy.")],
    decisions: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="DECISIONS",
            help="Files of recorded decisions: JSON lines, or Parquet. Without one: the topic routing.decisions.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="OLD", help="Folder of the old policy. Without it: FRONTDESK_POLICY."),
    ] = None,
    capacity: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="People and their messages an hour, by queue: see docs/backtest.md."
        ),
    ] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="JSON lines of routing.labels, for the redacted words of examples; `routing.labels`: the topic itself.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="AGO|TIME", help="Decided not before: 12h, 7d, or an ISO time."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, max=256, help="Processes. Without it: one for each core."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="REPORT", help="Write a page with pictures to this file too.")
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write all figures to this file; `-`: stdout."),
    ] = None,
    broker: common.Broker = None,
) -> None:
    """Decide recorded decisions again by two policies, and say what changes.

    Messages that move from queue to queue, with examples; priorities, SLAs, skills, tags, representatives; alerts gained and lost; the load
    of each queue by the hour against its capacity, and the messages that would miss their SLA. Each decision is made again from the labels
    and facts it recorded, so nothing is labelled and no LLM is asked.

    An unreadable record is named and left out, and makes the exit code 1. With --html the page is one file that loads nothing.
    """
    settings = common.settings(broker=broker)
    for path in (html, json_file):
        if path not in (None, Path("-")) and not path.parent.is_dir():
            raise StartupError(f"{path}: there is no folder {path.parent}; nothing was decided")
    report = _report(
        settings,
        new,
        against or settings.policy,
        decisions or [],
        capacity=capacity,
        labels=labels or [],
        since=since,
        jobs=jobs,
    )
    if html is not None:
        from frontdesk.agents.backtest.report_html import page

        _write(html, page(report))
    if json_file is not None:
        from frontdesk.agents.backtest.report import plain

        document = json.dumps(plain(report), ensure_ascii=False)
        if json_file == Path("-"):
            typer.echo(document)
        else:
            _write(json_file, document + "\n")
    if json_file != Path("-"):
        from frontdesk.agents.backtest.report_terminal import show

        show(report, common.stdout())
    if report.read.bad:
        raise typer.Exit(1)


def _report(
    settings: Settings,
    new: Path,
    old: Path,
    files: list[Path],
    *,
    capacity: Path | None,
    labels: list[Path],
    since: str | None,
    jobs: int | None,
) -> Report:
    from frontdesk.agents.backtest.report import build
    from frontdesk.agents.backtest.run import Job
    from frontdesk.agents.bootstrap import read_pack, read_policy
    from frontdesk.agents.cli.since import parse_since
    from frontdesk.schemas.topics import ROUTING_DECISIONS

    policies = read_policy(old)[1], read_policy(new)[1]
    job = Job(
        old=read_pack(old),
        new=read_pack(new),
        since=None if since is None else parse_since(since, now_ms=now()),
        jobs=jobs,
    )
    known = {name for policy in policies for name in policy.queues}
    staff = None if capacity is None else (capacity.name, _capacity(capacity, known))
    counted = _count(settings, job, files)
    for *_, told in counted.faults:
        typer.echo(f"frontdesk: {told}", err=True)
    if counted.bad > len(counted.faults):
        typer.echo(f"frontdesk: and {counted.bad - len(counted.faults):,} more unreadable records", err=True)
    if not counted.tally.messages:
        raise StartupError("there is no decision to decide again; see: frontdesk policy backtest --help")
    return build(
        counted,
        (str(old), policies[0]),
        (str(new), policies[1]),
        sources=[str(path) for path in files] or [ROUTING_DECISIONS],
        capacity=staff,
        texts=_texts(settings, labels, {one.decision_id for one in counted.tally.shown()}),
    )


def _count(settings: Settings, job: Job, files: list[Path]) -> Counted:
    from frontdesk.agents.backtest.chunks import size_of
    from frontdesk.agents.backtest.run import count_files, count_topic

    if not files:
        with progress("deciding again", None, "decisions decided again") as tell:
            return common.run(count_topic(job, settings, tell))
    total = -(-sum(map(size_of, files)) // _MB)
    with progress("deciding again, MB", total, "MB of decisions decided again") as tell:
        return count_files(job, files, lambda size: tell(size // _MB))


def _texts(settings: Settings, sources: list[Path], wanted: set[str]) -> dict[str, str]:
    from frontdesk.agents.backtest.texts import texts_in_file, texts_in_topic
    from frontdesk.schemas.topics import ROUTING_LABELS

    found: dict[str, str] = {}
    for path in sources:
        if str(path) == ROUTING_LABELS and not path.exists():
            found.update(common.run(texts_in_topic(settings, wanted)))
        else:
            found.update(texts_in_file(path, wanted))
    return found


def _capacity(path: Path, queues: Collection[str]) -> Capacity:
    from frontdesk.streams.capacity import load_capacity
    from frontdesk.streams.policy import PolicyError

    try:
        return load_capacity(path.read_text(encoding="utf-8"), path.name, queues)
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"{path}: cannot be read ({type(error).__name__})") from None
    except PolicyError as error:
        raise StartupError(f"invalid capacity in {path}:\n{error}") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None
