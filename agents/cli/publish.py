"""`frontdesk publish`: files into a topic, as a platform would send them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.cli.progress import Tell, progress
from frontdesk.agents.errors import StartupError
from frontdesk.agents.sources.entry import READABLE_TOPICS, Entry, Fault
from frontdesk.agents.sources.formats import Format
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from frontdesk.schemas.types import Millis

if TYPE_CHECKING:
    from frontdesk.agents.settings import Settings
    from frontdesk.agents.sources.publishing import Tally

_FAULTS_SHOWN = 10


class OnError(StrEnum):
    """What to do about a line that is no record."""

    STOP = "stop"
    SKIP = "skip"


def command(
    files: Annotated[list[Path], typer.Argument(help="Files to publish, in this order.")],
    topic: Annotated[str, typer.Option(help="Where to.")] = CUSTOMER_MESSAGES,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="Records a second. Without it: as fast as they are taken.")
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Without it: told by extension and first line.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take at most this many lines.")] = None,
    on_error: Annotated[
        OnError, typer.Option(help="At a bad line: stop before anything is sent, or skip and count it.")
    ] = OnError.STOP,
    start_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Move the records' times so that the first is this (RFC 3339), or `now`."
        ),
    ] = None,
    broker: common.Broker = None,
    as_json: common.Json = False,
) -> None:
    """Publish files into a topic: JSON lines, CSV, MultiDoGO or CrossWOZ.

    Each record gets its customer's key, the partition that Kafka's murmur2 gives, and CloudEvents headers. The order read
    is the order sent. All lines are checked before the first is sent, and every acknowledgement is awaited.
    """
    from frontdesk.agents.sources.publishing import Tally, read

    if topic not in READABLE_TOPICS:
        raise StartupError(f"nothing is published into {topic!r}: use one of {', '.join(READABLE_TOPICS)}")
    for file in files:
        if file.exists() and not (file.is_file() or file.is_dir()):
            raise StartupError(
                f"{file}: a pipe can be read but once, and all lines are checked first: name a file"
            )
    settings = common.settings(broker=broker)
    first_time = _time(start_at)
    topics, skipped = _check(read(files, topic, form, limit), on_error)
    tally = Tally()
    started = time.monotonic()
    with progress("publishing", topics.total(), "records sent") as tell:
        entries = (entry for entry in read(files, topic, form, limit) if isinstance(entry, Entry))
        acknowledged, failure = common.run(
            _publish(settings, set(topics), entries, tally, rate=rate, start_at=first_time, tell=tell)
        )
    seconds = time.monotonic() - started
    if as_json:
        common.print_json(
            {
                "records": topics.total(),
                "acknowledged": acknowledged,
                "failed": topics.total() - acknowledged,
                "skipped": skipped,
                "topics": dict(tally.topics),
                "seconds": round(seconds, 3),
                "error": failure,
            }
        )
    else:
        speed = f"{acknowledged / max(seconds, 0.001):,.0f}/s"
        typer.echo(
            f"{acknowledged} of {topics.total()} records acknowledged in {seconds:.1f} s ({speed}), {skipped} skipped"
        )
    if failure is not None:
        typer.echo(f"frontdesk: sending stopped: {failure}", err=True)
        raise typer.Exit(1)


def _check(entries: Iterator[Entry | Fault], on_error: OnError) -> tuple[Counter[str], int]:
    """How many records go to which topic, and how many lines are no records.

    Raises:
        StartupError: a bad line, unless those are skipped; a file that cannot be read; or nothing to send.
    """
    topics: Counter[str] = Counter()
    skipped = 0
    for entry in entries:
        if isinstance(entry, Entry):
            topics[entry.topic] += 1
            continue
        if on_error is OnError.STOP:
            raise StartupError(f"{entry} (nothing was sent)")
        skipped += 1
        if skipped <= _FAULTS_SHOWN:
            typer.echo(f"skipped {entry.path}:{entry.line}: {entry.problem}", err=True)
        elif skipped == _FAULTS_SHOWN + 1:
            typer.echo("further bad lines are skipped and counted without a word", err=True)
    if not topics:
        raise StartupError(f"there is nothing to publish ({skipped} lines skipped)")
    return topics, skipped


async def _publish(
    settings: Settings,
    topics: set[str],
    entries: Iterator[Entry],
    tally: Tally,
    *,
    rate: float | None,
    start_at: Millis | None,
    tell: Tell,
) -> tuple[int, str | None]:
    from frontdesk.agents.registry import connect
    from frontdesk.agents.sources.publishing import publish
    from frontdesk.agents.sources.sender import SendFailed, sender
    from frontdesk.schemas.codec import Codec

    async with (
        connect(settings, register=sorted(topics)) as registry,
        sender(settings.cluster, topics, source="/frontdesk/publish", codec=Codec(schema_ids=registry)) as to,
    ):
        failure = None
        try:
            await publish(entries, to, tally=tally, rate=rate, start_at=start_at, progress=tell)
        except SendFailed as error:
            failure = str(error)
            await to.settle()
        return to.acknowledged, failure


def _time(text: str | None) -> Millis | None:
    if text is None:
        return None
    try:
        at = datetime.now(tz=UTC) if text == "now" else datetime.fromisoformat(text)
    except ValueError:
        raise StartupError(
            f"--start-at {text!r} is no time: write it like 2026-01-31T09:00:00Z, or now"
        ) from None
    return Millis(int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000))
