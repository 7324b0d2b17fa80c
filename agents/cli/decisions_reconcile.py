"""`frontdesk decisions reconcile`: every message of a stretch of time, and what became of it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.cli.progress import progress
from frontdesk.agents.cli.since import stretch
from frontdesk.agents.clock import now
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.cli.progress import Tell
    from frontdesk.agents.reconciling import Place, Reconciling
    from frontdesk.agents.settings import Settings
    from frontdesk.schemas.inputs import CustomerMessage
    from frontdesk.schemas.outputs import Decision
    from frontdesk.schemas.types import Millis

_SHOWN = 20
_TOLD = 10
_PRIVATE = 0o600


def command(
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="AGO|TIME", help="Published not before: 3h, 2d, or an ISO time (UTC)."
        ),
    ] = "1h",
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="AGO|TIME", help="Published before it. Without it: all that there is."
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the messages that are missing to this file, as JSON lines that `frontdesk publish` takes.",
        ),
    ] = None,
    broker: common.Broker = None,
    as_json: common.Json = False,
) -> None:
    """Look for what became of every message in Kafka: decided, context, told again, a dead letter, waiting, not taken up yet, or missing.

    Exact while workers run; nothing is changed. A message told again whose decision is older than the topic keeps shows as missing, and so
    does one told again on another cluster after `state import`. "decided elsewhere" is one whose only decision bears another customer's id:
    told again after a merge, or lost where several customers have the same ids. Exit code 1: messages are missing, decisions were
    published twice, or a record is unreadable.
    """
    from frontdesk.schemas.types import Millis

    begin, end = stretch(since, until)
    settings = common.settings(broker=broker)
    faults = _Faults()
    with progress("reading", None, "records read") as tell:
        account, missing = common.run(_account(settings, begin or Millis(0), end, faults, tell))
    if account.elsewhere:
        typer.echo(
            f"frontdesk: {common.counted(account.elsewhere, 'message')} decided under another customer's id alone: fine after a `merged` event; "
            "where conversations and messages of several customers have the same ids, look whether they were lost",
            err=True,
        )
    if account.not_taken_up and not account.positions:
        typer.echo(
            f"frontdesk: no worker of {settings.application} has taken up anything yet; FRONTDESK_APPLICATION must be the workers'",
            err=True,
        )
    if as_json:
        common.print_json(_document(account, missing, faults.count))
    else:
        _show(account, missing)
    if save is not None:
        unsaved = _save(save, missing)
        typer.echo(
            f"{common.counted(len(missing) - unsaved, 'message')} written to {save}"
            + (
                f"; {unsaved:,} that no schema reads, or that the broker has deleted meanwhile, were not"
                if unsaved
                else ""
            ),
            err=True,
        )
    if missing or account.doubled or faults.count:
        raise typer.Exit(1)


class _Missing:
    """A message that has become nothing: where it lies, and what it is if it can be read."""

    def __init__(self, place: Place, published: int | None, message: CustomerMessage | None) -> None:
        self.place = f"{place[0]}/{place[1]}"
        self.published = (
            None
            if published is None
            else datetime.fromtimestamp(published / 1000, UTC).isoformat(timespec="seconds")
        )
        """None: the broker has deleted it since"""
        self.message = message

    def plain(self) -> dict[str, Any]:
        """For JSON; not what the customer said."""
        return {"place": self.place, "published": self.published, **_ids(self.message)}


_IDS = ("tenant_id", "customer_id", "conversation_id", "message_id")


def _ids(one: CustomerMessage | Decision | None) -> dict[str, str]:
    return {} if one is None else {name: getattr(one, name) for name in _IDS}


def _names(one: CustomerMessage | Decision) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in _ids(one).items())


class _Faults:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, what: str) -> None:
        self.count += 1
        if self.count <= _TOLD:
            typer.echo(f"frontdesk: {what}", err=True)
        elif self.count == _TOLD + 1:
            typer.echo("frontdesk: further unreadable records are counted without a word", err=True)


async def _account(
    settings: Settings, since: Millis, until: Millis | None, faults: _Faults, tell: Tell
) -> tuple[Reconciling, list[_Missing]]:
    from frontdesk.agents.kafka.reconciling import read_messages, reconcile
    from frontdesk.agents.registry import connect
    from frontdesk.schemas.codec import Codec, DecodeError
    from frontdesk.schemas.inputs import CustomerMessage
    from frontdesk.schemas.types import Millis

    async with connect(settings) as registry:
        try:
            account = await reconcile(
                settings,
                since=since,
                until=until,
                now=Millis(now()),
                registry=registry,
                tell=tell,
                fault=faults,
            )
        except DecodeError as error:
            raise StartupError(
                f"the state of {settings.application} cannot be read: {error}; use the version that the workers have"
            ) from None
        codec = Codec(schema_ids=registry)
        missing = {place: _Missing(place, None, None) for place in account.missing()}
        if missing:
            async for record in read_messages(settings, list(missing), registry):
                try:
                    message = codec.decode(CustomerMessage, record.value)
                except DecodeError:
                    message = None
                place = (record.partition, record.offset)
                missing[place] = _Missing(place, record.timestamp, message)
    return account, list(missing.values())


def _save(path: Path, missing: Sequence[_Missing]) -> int:
    """How many could not be written as JSON. What customers said is for its owner's eyes alone."""
    readable = [one.message for one in missing if one.message is not None]
    try:
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "w", encoding="utf-8"
        ) as out:
            os.fchmod(out.fileno(), _PRIVATE)
            out.writelines(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in readable)
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None
    return len(missing) - len(readable)


def _document(account: Reconciling, missing: Sequence[_Missing], unreadable: int) -> dict[str, object]:
    return {
        "messages": account.read,
        **_counts(account),
        "missing": len(missing),
        "doubled": account.doubled,
        "unreadable": unreadable,
        "which": [one.plain() for one in missing],
        "twice": [{**_ids(one), "revision": one.revision} for one in account.twice],
    }


def _counts(account: Reconciling) -> dict[str, int]:
    return {
        "decided": account.decided,
        "duplicates": account.duplicates,
        "decided_elsewhere": account.elsewhere,
        "context": account.context,
        "dead_letters": account.dead,
        "waiting": account.still_waiting,
        "not_taken_up": account.not_taken_up,
    }


def _show(account: Reconciling, missing: Sequence[_Missing]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("messages", f"{account.read:,}")
    for name, count in {**_counts(account), "missing": len(missing)}.items():
        table.add_row(f"  {name.replace('_', ' ')}", f"{count:,}")
    common.stdout().print(table)
    if account.doubled:
        typer.echo(
            f"{common.counted(account.doubled, 'decision')} published more than once under one id: a message that came to"
            " several partitions is decided in each, flagged `misplaced` in all but its customer's; any other is a bug"
        )
    for twice in account.twice:
        typer.echo(f"published again: {_names(twice)}, revision {twice.revision}")
    if account.doubled > len(account.twice):
        typer.echo(f"and {account.doubled - len(account.twice):,} more")
    for one in missing[:_SHOWN]:
        if one.published is None:
            typer.echo(f"missing: customer.messages {one.place}: the broker has deleted it meanwhile")
            continue
        names = "no schema reads it" if one.message is None else _names(one.message)
        typer.echo(f"missing: customer.messages {one.place} of {one.published}: {names}")
    if len(missing) > _SHOWN:
        typer.echo(f"and {len(missing) - _SHOWN:,} more (--json names all)")
