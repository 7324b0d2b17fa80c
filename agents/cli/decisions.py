"""`frontdesk decisions`: recorded decisions made again from their own records, written to a file, or held against the messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from frontdesk.agents.cli import common, decisions_export, decisions_reconcile
from frontdesk.agents.cli.progress import Tell, progress
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.cluster import Cluster

if TYPE_CHECKING:
    from frontdesk.agents.replaying import Differs, Replaying
    from frontdesk.agents.settings import Settings
    from frontdesk.schemas.outputs import Decision
    from frontdesk.streams.policy import Policy

_SHOWN = 10
_TOLD = 10


def build() -> typer.Typer:
    """The group."""
    app = common.group(
        "Make recorded decisions again, write them to a file, or look for messages without one.",
        "frontdesk decisions replay decisions.jsonl",
    )
    app.command(
        "replay",
        short_help="Make recorded decisions again, and compare.",
        epilog="Example: frontdesk decisions replay decisions.jsonl --policy my-policy",
    )(replay)
    app.command(
        "export",
        short_help="Write recorded decisions to a file of JSON lines or Parquet.",
        epilog="Example: frontdesk decisions export decisions.parquet --since 30d",
    )(decisions_export.command)
    app.command(
        "reconcile",
        short_help="Look for what became of every message.",
        epilog="Example: frontdesk decisions reconcile --since 3h --save missing.jsonl",
    )(decisions_reconcile.command)
    return app


def replay(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="JSON lines, Parquet or Avro files of decisions, as routing.decisions holds them.",
        ),
    ] = None,
    from_kafka: Annotated[
        bool,
        typer.Option("--from-kafka", help="Read routing.decisions, and the policies that were published."),
    ] = False,
    last: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="With --from-kafka: about so many of the newest only."),
    ] = None,
    policy: Annotated[
        list[Path] | None,
        typer.Option(
            "--policy",
            metavar="FOLDER",
            help="Folder of the policy, several times for several. Without it: FRONTDESK_POLICY.",
        ),
    ] = None,
    any_policy: Annotated[
        bool,
        typer.Option(
            "--any-policy", help="Make those of other policies again too, by the (first) one that is given."
        ),
    ] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep what was read in this file, as JSON lines.")
    ] = None,
    broker: common.Broker = None,
    as_json: common.Json = False,
) -> None:
    """Make recorded decisions again from the labels and facts that each of them holds, and compare them bit for bit.

    A decision is made again by the policy whose hash it names; those of other policies are counted and left out. Exit code 1: one came
    out otherwise, a record is no decision, or none could be made again.
    """
    from frontdesk.agents.replaying import Replaying

    if bool(files) is from_kafka:
        raise StartupError("name files of decisions, or --from-kafka; see: frontdesk decisions replay --help")
    if last is not None and not from_kafka:
        raise StartupError("--last says how many of the newest in Kafka: add --from-kafka, or leave it out")
    settings = common.settings(broker=broker)
    given = _policies(policy or [settings.policy])
    work = Replaying(policies={one.hash: one for one in given}, any_policy=given[0] if any_policy else None)
    with _saving(save) as out:
        if from_kafka:
            with progress("replaying", None, "decisions replayed") as tell:
                common.run(_from_kafka(settings, work, last, out, tell))
        for file in files or ():
            _from_file(file, work, out)
    if as_json:
        common.print_json(_document(work))
    else:
        _show(work)
    if not work.fine:
        raise typer.Exit(1)


def _policies(folders: list[Path]) -> list[Policy]:
    from frontdesk.agents.bootstrap import read_policy

    return [read_policy(folder)[1] for folder in folders]


@contextmanager
def _saving(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    try:
        with path.open("w", encoding="utf-8") as out:
            yield out
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None


def _from_file(path: Path, work: Replaying, out: TextIO | None) -> None:
    from frontdesk.agents.sources.decisions import count_lines, read_decisions
    from frontdesk.agents.sources.entry import Fault

    try:
        with progress(f"replaying {path.name}", count_lines(path), "decisions replayed") as tell:
            for found in read_decisions(path):
                if isinstance(found, Fault):
                    _bad(work, str(found))
                    continue
                number, decision = found
                _take(work, f"{path}:{number}", decision, out)
                tell(number)
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None


async def _from_kafka(
    settings: Settings, work: Replaying, last: int | None, out: TextIO | None, tell: Tell
) -> None:
    from frontdesk.agents.kafka.decisions import read_published_decisions
    from frontdesk.agents.kafka.reading import from_last
    from frontdesk.agents.registry import connect

    work.policies = {**await _published(settings.cluster), **work.policies}
    start = None if last is None else from_last(last)
    async with connect(settings) as registry:
        async for batch in read_published_decisions(settings.cluster, start=start, registry=registry):
            for place, found in batch:
                if isinstance(found, str):
                    _bad(work, f"routing.decisions {place}: {found}")
                else:
                    _take(work, f"routing.decisions {place}", found, out)
            tell(work.read)


async def _published(cluster: Cluster) -> dict[str, Policy]:
    """The policies that were published, by hash; what does not load here is passed over: its decisions are told as of another policy."""
    from frontdesk.agents.kafka.policies import files_of, read_published
    from frontdesk.streams.policy import PolicyError, load_pack

    loaded: dict[str, Policy] = {}
    for body in (await read_published(cluster)).bodies.values():
        try:
            policy = load_pack(files_of(body))[1]
        except (PolicyError, ValueError):
            continue
        loaded[policy.hash] = policy
    return loaded


def _take(work: Replaying, place: str, decision: Decision, out: TextIO | None) -> None:
    if out is not None:
        out.write(json.dumps(asdict(decision), ensure_ascii=False) + "\n")
    work.take(place, decision)


def _bad(work: Replaying, what: str) -> None:
    work.bad += 1
    if work.bad <= _TOLD:
        typer.echo(f"frontdesk: {what}", err=True)
    elif work.bad == _TOLD + 1:
        typer.echo("frontdesk: further bad records are counted without a word", err=True)


def _document(work: Replaying) -> dict[str, object]:
    return {
        "read": work.read,
        "replayed": work.replayed,
        "equal": work.equal,
        "differing": work.differing,
        "other_policy": dict(work.other_policy),
        "bad": work.bad,
        "policies": list(work.policies),
        "differences": [asdict(one) for one in work.differences],
    }


def _show(work: Replaying) -> None:
    for one in work.differences[:_SHOWN]:
        typer.echo(_lines(one))
    if work.differing > _SHOWN:
        typer.echo(f"and {common.counted(work.differing - _SHOWN, 'difference')} more (--json shows some)")
    for digest, count in work.other_policy.most_common():
        what = "made again by another" if work.any_policy is not None else "left out"
        typer.echo(
            f"{common.counted(count, 'decision')} of policy {digest}: {what}; name its folder with --policy"
        )
    share = f" ({100 * work.equal / work.replayed:.6g} %)" if work.replayed else ""
    typer.echo(
        f"{work.equal:,} of {common.counted(work.replayed, 'decision')} made again are equal bit for bit{share}; "
        f"{work.read - work.replayed:,} left out, {work.bad:,} bad"
    )


def _lines(one: Differs) -> str:
    fields = "".join(f"\n  {name}: {_change(before, after)}" for name, (before, after) in one.fields.items())
    return f"{one.place}: decision {one.decision_id} differs{fields}"


def _change(before: object, after: object) -> str:
    if isinstance(before, tuple) and isinstance(after, tuple):
        gone = [str(_plain(one)) for one in before if one not in after]
        new = [str(_plain(one)) for one in after if one not in before]
        if gone or new:
            return "; ".join([*(f"no more {one}" for one in gone), *(f"now {one}" for one in new)])
    return f"{before!r} is now {after!r}"


def _plain(one: object) -> object:
    from frontdesk.schemas.outputs import Reason

    return f"{one.rule} ({one.source}) {one.effect}: {one.because}" if isinstance(one, Reason) else one
