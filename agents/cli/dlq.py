"""`frontdesk dlq list|show|replay`: what could not be used, why, and sending it again."""

from __future__ import annotations

import heapq
import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.cli.since import parse_since
from frontdesk.agents.clock import now
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.kafka.dead_letters import Filter, Found
    from frontdesk.agents.settings import Settings

_PREVIEW = 60
_LOOK_AT = 4096
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")

Reason = Annotated[str | None, typer.Option("--reason", help="Only this reason, for example malformed.")]
Topic = Annotated[str | None, typer.Option("--topic", help="Only records of this topic.")]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="AGO|TIME", help="Not older than: 30m, 2h, 7d, or an ISO time."),
]


def build() -> typer.Typer:
    """The group."""
    app = common.group(
        "Dead letters: records that could not be used, byte for byte, with the reason.",
        "frontdesk dlq list --since 2h",
    )
    app.command("list", epilog="Example: frontdesk dlq list --reason malformed --since 2h")(list_letters)
    app.command("show", epilog="Example: frontdesk dlq show 2/117 --raw > value.bin")(show)
    app.command(
        "replay",
        short_help="Send the original records again.",
        epilog="Example: frontdesk dlq replay --reason unknown_schema --dry-run",
    )(replay)
    return app


def list_letters(
    broker: common.Broker = None,
    reason: Reason = None,
    topic: Topic = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    as_json: common.Json = False,
) -> None:
    """List dead letters, oldest first. Previews are redacted.

    Who reads them is written to FRONTDESK_AUDIT_FILE, else to stderr, before anything is shown.
    """
    settings = common.settings(broker=broker)
    wanted = _filter(reason, topic, since)
    letters, total, unreadable = common.run(_newest(settings, wanted, limit))
    _audit(settings, "list", count=len(letters), **_asked(reason, topic, since))
    if as_json:
        for found in letters:
            common.print_json(_summary(found))
    elif letters:
        _print_table(letters)
    shown = "" if total == len(letters) else f", the newest {len(letters)} shown (--limit)"
    strange = f"; {unreadable} records there are no dead letters" if unreadable else ""
    typer.echo(f"{total} dead letters{shown}{strange}", err=True)


def show(
    letter_id: Annotated[
        str, typer.Argument(metavar="ID", help="partition/offset, as `dlq list` prints it.")
    ],
    broker: common.Broker = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the original value to stdout, byte for byte.")
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Show one dead letter whole. Its value is redacted unless --raw asks for the bytes. That it was read is written down, as for `list`."""
    settings = common.settings(broker=broker)
    (found,) = common.run(_find(settings, [letter_id]))
    _audit(settings, "show", count=1, ids=[found.id], raw=raw)
    if raw:
        sys.stdout.buffer.write(found.letter.value or b"")
        sys.stdout.buffer.flush()
        return
    whole = {**_summary(found), "headers": _headers(found), "value": readable(found.letter.value)}
    del whole["preview"]
    if as_json:
        common.print_json(whole)
        return
    for name, value in whole.items():
        text = "(null)" if value is None else value
        typer.echo(f"{name:12} {text}" if name != "value" else f"\n{text}")


def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="partition/offset of each.")] = None,
    broker: common.Broker = None,
    reason: Reason = None,
    topic: Topic = None,
    since: Since = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before sending.")] = False,
    as_json: common.Json = False,
) -> None:
    """Send the original bytes, keys and headers to their topics again, with a header frontdesk-replay-of.

    With a filter or --all, the failed replay of a letter that is itself sent is left out: it holds the same bytes.
    """
    settings = common.settings(broker=broker)
    filtered = everything or any(value is not None for value in (reason, topic, since))
    if bool(ids) == filtered:
        raise StartupError("say which dead letters: ids, or --reason, --topic, --since, or --all")
    wanted = _filter(reason, topic, since)
    chosen = common.run(choose(settings, ids, wanted))
    count = len(chosen)
    asked = {"ids": sorted(chosen)} if ids else _asked(reason, topic, since)
    _audit(settings, "replay", count=count, dry_run=dry_run, **asked)
    if not dry_run and not yes and count and sys.stdin.isatty():
        typer.confirm(f"Send {count} records to their topics again?", abort=True, err=True)
    sent, failures = (0, []) if dry_run else common.run(send_again(settings, ids, wanted, chosen))
    if as_json:
        common.print_json({"matched": count, "sent": sent, "failures": failures, "dry_run": dry_run})
    for failure in failures:
        typer.echo(f"not sent: {failure}", err=True)
    typer.echo(f"{count} would be sent" if dry_run else f"{sent} of {count} sent", err=True)
    if failures:
        raise typer.Exit(1)


def _audit(settings: Settings, command: str, *, count: int, **what: object) -> None:
    """Before anything is shown or sent: `count` dead letters were read."""
    from frontdesk.agents.audit import record

    record(settings, "dead_letters_read", command=f"dlq {command}", count=count, **what)


def _asked(reason: str | None, topic: str | None, since: str | None) -> dict[str, object]:
    """Those of the filters that were given."""
    given = {"reason": reason, "topic": topic, "since": since}
    return {name: value for name, value in given.items() if value is not None}


async def _newest(settings: Settings, wanted: Filter, limit: int) -> tuple[list[Found], int, int]:
    strange: list[str] = []
    kept: list[tuple[int, int, int, Found]] = []
    total = 0
    async for batch in _read(settings, wanted, strange.append):
        total += len(batch)
        for found in batch:
            row = (found.letter.failed_at, found.partition, found.offset, found)
            if len(kept) < limit:
                heapq.heappush(kept, row)
            else:
                heapq.heappushpop(kept, row)
    return [found for *_, found in sorted(kept, key=lambda row: row[:3])], total, len(strange)


async def _find(settings: Settings, ids: list[str]) -> list[Found]:
    from frontdesk.agents.kafka.dead_letters import find
    from frontdesk.agents.registry import connect

    async with connect(settings) as registry:
        return await find(settings.cluster, ids, registry=registry)


async def _read(
    settings: Settings, wanted: Filter, unreadable: Callable[[str], None] = lambda _: None
) -> AsyncIterator[Sequence[Found]]:
    from frontdesk.agents.kafka.dead_letters import read_dead_letters
    from frontdesk.agents.registry import connect

    async with connect(settings) as registry:
        async for batch in read_dead_letters(
            settings.cluster, wanted, unreadable=unreadable, registry=registry
        ):
            yield batch


async def choose(settings: Settings, ids: list[str] | None, wanted: Filter) -> frozenset[str]:
    """The ids of what is to be sent, all of them before anything is: what fails again meanwhile must not be sent once more.

    Raises:
        StartupError: no broker, or no such letter.
    """
    if ids:
        return frozenset(found.id for found in await _find(settings, list(dict.fromkeys(ids))))
    origins: dict[str, str | None] = {}
    async for batch in _read(settings, wanted):
        origins.update((found.id, found.replay_of) for found in batch)
    # Looked up when all are known: a failed replay may lie in a partition that is read before that of its origin.
    return frozenset(name for name, origin in origins.items() if origin not in origins)


async def send_again(
    settings: Settings, ids: list[str] | None, wanted: Filter, chosen: frozenset[str]
) -> tuple[int, list[str]]:
    """Send the chosen letters, oldest of a partition first; how many were sent, and what was not, as "id: why"."""
    from rich.progress import Progress

    from frontdesk.agents.kafka.dead_letters import Replayer

    sent, failures = 0, []
    console = common.stderr()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("replaying", total=len(chosen))
        async with Replayer(settings.cluster) as replayer:

            async def send(batch: Sequence[Found]) -> None:
                nonlocal sent
                failed = await replayer.send(batch)
                failures.extend(failed)
                sent += len(batch) - len(failed)
                progress.advance(task, len(batch))

            if ids:
                await send(await _find(settings, list(dict.fromkeys(ids))))
            else:
                async for batch in _read(settings, wanted):
                    await send([found for found in batch if found.id in chosen])
    return sent, failures


def _filter(reason: str | None, topic: str | None, since: str | None) -> Filter:
    from frontdesk.agents.kafka.dead_letters import Filter

    at = None if since is None else parse_since(since, now_ms=now())
    return Filter(reason=reason, topic=topic, since=at)


def readable(data: bytes | None, *, cut: int | None = None) -> str | None:
    """Bytes as text that is safe to show: personal data replaced, nothing a terminal would obey. None for null.

    JSON's \\u escapes are resolved first: a name that is written in them is a name all the same.
    """
    from frontdesk.streams.redact import redact

    if data is None:
        return None
    text = redact(_ESCAPES.sub(_resolved, data.decode("utf-8", "replace")))
    safe = "".join(char if char.isprintable() or (char in "\n\t" and cut is None) else "·" for char in text)
    return safe if cut is None or len(safe) <= cut else safe[: cut - 1] + "…"


def _resolved(escapes: re.Match[str]) -> str:
    text = json.loads(f'"{escapes[0]}"')
    return str(text)


def _headers(found: Found) -> dict[str, str | None]:
    return {header.name: readable(header.value) for header in found.letter.headers}


def _summary(found: Found) -> dict[str, object]:
    letter = found.letter
    value = None if letter.value is None else letter.value[:_LOOK_AT]
    return {
        "id": found.id,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "reason": letter.reason,
        "error_class": letter.error_class,
        "detail": readable(letter.detail.encode("utf-8", "replace")),
        "failed_at": _when(letter.failed_at),
        "replay_of": found.replay_of,
        "key": readable(letter.key),
        "bytes": None if letter.value is None else len(letter.value),
        "preview": readable(value, cut=_PREVIEW),
    }


def _when(millis: int) -> str:
    try:
        return datetime.fromtimestamp(millis / 1000, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return f"{millis} ms"


def _print_table(letters: list[Found]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("ID", "FROM", "REASON", "ERROR", "WHEN", "VALUE"):
        table.add_column(
            heading, overflow="fold" if heading == "ID" else "ellipsis", no_wrap=heading != "VALUE"
        )
    for found in letters:
        row, letter = _summary(found), found.letter
        preview = "(null)" if row["preview"] is None else str(row["preview"])
        origin = f"{letter.topic} {letter.partition}/{letter.offset}"
        table.add_row(found.id, origin, letter.reason, letter.error_class, str(row["failed_at"]), preview)
    common.stdout().print(table)
