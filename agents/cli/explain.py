"""`frontdesk explain`: what would become of one message, and why. Needs no Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common, policy_explain
from frontdesk.agents.cli.as_of import AsOf
from frontdesk.agents.cli.tiers import Heard
from frontdesk.agents.errors import StartupError
from frontdesk.schemas.inputs import (
    DEFAULT_TENANT,
    ConversationEvent,
    CustomerMessage,
    CustomerProfile,
    Purchase,
)
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PROFILES
from frontdesk.schemas.types import Millis, Record

if TYPE_CHECKING:
    from rich.console import Console

    from frontdesk.agents.settings import Settings
    from frontdesk.agents.sources.entry import Entry
    from frontdesk.agents.trial import Outcome
    from frontdesk.schemas.outputs import Decision, Suggestion
    from frontdesk.streams.policy_examine import Examined

_BETWEEN_MS = 60_000
"""between two records of the history that say no time"""


def command(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the customer writes.")],
    history: Annotated[
        Path | None,
        typer.Option(
            help='JSON lines of what came before: {"topic": ..., "value": {...}}, or messages as they are. '
            "What says no time lies a minute behind the line before."
        ),
    ] = None,
    tier: Annotated[str | None, typer.Option(help="The customer's tier.")] = None,
    locale: Annotated[str | None, typer.Option(help="The customer's locale, for example zh-CN.")] = None,
    channel: Annotated[str, typer.Option(help="Where the customer writes.")] = "chat",
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="When the message comes, with its zone: 2026-01-31T09:00:00Z. Opening hours go by it. Without it: now.",
        ),
    ] = None,
    no_llm: Annotated[
        bool, typer.Option("--no-llm", help="Local labels only, even if an LLM is configured.")
    ] = False,
    rules: Annotated[
        bool,
        typer.Option("--rules", help="Show every rule, true or false, and why, as `policy explain` does."),
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Decide one message as a worker would, and show labels, route, every reason, what each tier said and cost, alerts and suggestions.

    With --history the message continues the last conversation in it.
    """
    settings = common.settings()
    entries = _history(history) if history is not None else []
    message, records = _scene(entries, text=text, tier=tier, locale=locale, channel=channel)
    heard = Heard()
    clock = AsOf(common.instant(at))
    past, outcome = common.run(_explain(settings, message, records, heard, clock, use_llm=not no_llm))
    for entry, before in zip(entries, past, strict=False):
        _doubt(entry, before)
    if not outcome.decisions:
        problems = "; ".join(f"{letter.reason}: {letter.detail}" for letter in outcome.dead_letters)
        typer.echo(
            f"frontdesk: no decision: {problems or 'the message repeats one of the history'}", err=True
        )
        raise typer.Exit(1)
    examined = _rules(settings, outcome.decisions[-1]) if rules else None
    if as_json:
        document = _document(outcome, heard)
        if examined is not None:
            document["rules"] = [asdict(one) for one in examined]
        common.print_json(document)
        return
    _show(common.stdout(), outcome, heard)
    if examined is not None:
        common.stdout().print("\nRules", style="bold")
        policy_explain.show_rules(common.stdout(), examined)


def _rules(settings: Settings, decision: Decision) -> list[Examined]:
    """Every rule on what a decision was made from."""
    from frontdesk.agents.bootstrap import read_pack, read_policy
    from frontdesk.streams.decide import recorded_facts

    _, policy = read_policy(settings.policy)
    return policy_explain.rules_on(
        policy, read_pack(settings.policy), decision.labels, recorded_facts(decision)
    )


def _history(path: Path) -> list[Entry]:
    from frontdesk.agents.sources.entry import Entry
    from frontdesk.agents.sources.jsonl import read_jsonl

    entries = []
    try:
        for entry in read_jsonl(path, CUSTOMER_MESSAGES):
            if not isinstance(entry, Entry):
                # Its fix may speak of options that only `publish` has.
                raise StartupError(f"{entry.path}:{entry.line}: {entry.problem}; mend the line")
            entries.append(entry)
    except OSError as error:
        raise StartupError(
            f"{path}: {error.strerror or error}; --history names a file of JSON lines, as `frontdesk publish` sends them"
        ) from None
    return entries


def _doubt(entry: Entry, outcome: Outcome) -> None:
    """Say on stderr what of a line of the history does not count, or counts for less than it says."""
    from frontdesk.streams.history import DOUBTFUL

    where = f"frontdesk: {entry.path}:{entry.line}"
    for name in sorted(DOUBTFUL & outcome.counts.keys()):
        typer.echo(f"{where}: {name}; docs/history.md says what becomes of it", err=True)
    for letter in outcome.dead_letters:
        typer.echo(f"{where}: {letter.reason}: {letter.detail}; it counts for nothing", err=True)


def _scene(
    entries: Sequence[Entry], *, text: str, tier: str | None, locale: str | None, channel: str
) -> tuple[CustomerMessage, list[tuple[str, Record]]]:
    """The message, as the next of the last conversation or of the last customer, and the records before it."""
    records = [(entry.topic, entry.record) for entry in entries]
    before = [record for _, record in records if isinstance(record, CustomerMessage)]
    known: list[CustomerMessage | CustomerProfile | Purchase] = [*before] or [
        record for _, record in records if isinstance(record, CustomerProfile | Purchase)
    ]
    customer_id, tenant_id = (
        (known[-1].customer_id, known[-1].tenant_id) if known else ("explain", DEFAULT_TENANT)
    )
    became = {
        (record.tenant_id, record.customer_id): record.into
        for _, record in records
        if isinstance(record, ConversationEvent) and record.kind == "merged" and record.into
    }
    customer_id = became.get((tenant_id, customer_id), customer_id)
    used = {record.message_id for record in before}
    message = CustomerMessage(
        message_id=next(name for number in range(len(used) + 1) if (name := f"explain-{number}") not in used),
        conversation_id=before[-1].conversation_id if before else "explain",
        customer_id=customer_id,
        tenant_id=tenant_id,
        channel=channel,
        text=text,
        locale=locale or (before[-1].locale if before else None),
    )
    if tier is not None:
        profiles = [
            record
            for _, record in records
            if isinstance(record, CustomerProfile)
            and (record.tenant_id, record.customer_id) == (tenant_id, customer_id)
        ]
        profile = profiles[-1] if profiles else CustomerProfile(customer_id=customer_id, tenant_id=tenant_id)
        records.append((CUSTOMER_PROFILES, replace(profile, tier=tier)))
    return message, records


async def _explain(
    settings: Settings,
    message: CustomerMessage,
    records: Sequence[tuple[str, Record]],
    heard: Heard,
    clock: AsOf,
    *,
    use_llm: bool,
) -> tuple[list[Outcome], Outcome]:
    """What became of each record before the message, and of the message."""
    from frontdesk.agents.bootstrap import build_pipeline
    from frontdesk.agents.llm.client import connect
    from frontdesk.agents.trial import Trial

    pipeline = build_pipeline(settings)
    trial = Trial(pipeline)
    at, comes = Millis(0), clock.first()
    past = []
    for number, (topic, record) in enumerate(records):
        spaced = comes - (len(records) - number) * _BETWEEN_MS
        given = next((value for name in ("sent_at", "at") if (value := getattr(record, name, 0))), spaced)
        at = Millis(max(at, min(given, comes)))
        past.append(trial.remember(topic, record, at))
    heard.local(pipeline.labeller, (message.text or "")[: pipeline.limits.max_text_chars])
    llm = connect(settings, pipeline.taxonomy) if use_llm else None
    if llm is None:
        return past, await trial.decide(message, None, clock.now)
    try:
        return past, await trial.decide(message, heard.timed(clock.asking(llm.label)), clock.now)
    finally:
        await llm.close()


def _document(outcome: Outcome, heard: Heard) -> dict[str, object]:
    decision = outcome.decisions[-1]
    return {
        "decision": asdict(decision),
        "labels": asdict(decision.labels),
        "tiers": heard.document(),
        "alerts": [asdict(alert) for alert in outcome.alerts],
        "suggestions": [asdict(suggestion) for suggestion in outcome.suggestions],
        "llm": heard.llm_documents(outcome.answers),
    }


def _show(console: Console, outcome: Outcome, heard: Heard) -> None:
    from frontdesk.streams.policy_rules import duration

    decision = outcome.decisions[-1]
    head = f"{decision.action} to {decision.queue}, priority {decision.priority}"
    if decision.sla_due_at is not None:
        within = duration((decision.sla_due_at - decision.received_at) // 1000)
        head += f", answer within {within} ({_time(decision.sla_due_at)})"
    console.print(head, style="bold")
    if decision.preferred_representative:
        console.print(f"  for {decision.preferred_representative}")
    for name, values in (("skills", decision.skills), ("tags", decision.tags), ("flags", decision.flags)):
        if values:
            console.print(f"  {name}: {', '.join(values)}")
    for step in decision.steps:
        asks = f", skills {', '.join(step.skills)}" if step.skills else ""
        console.print(f"  from {_time(step.at)}: {step.queue}, priority {step.priority}{asks}")
    _show_labels(console, outcome)
    heard.show(console, outcome.answers)
    console.print("\nWhy", style="bold")
    for reason in decision.reasons:
        console.print(f"  {reason.effect:9} {reason.rule}  ({reason.source})\n            {reason.because}")
    for alert in outcome.alerts:
        console.print(
            f"\nAlert  {alert.severity} {alert.kind} to {alert.to}, by rule {alert.rule}", style="bold red"
        )
        for evidence in alert.evidence:
            console.print(f"  {evidence}")
    for suggestion in outcome.suggestions:
        _show_suggestion(console, suggestion)
    _show_facts(console, decision)
    prompt = f", prompt {decision.prompt_version}" if decision.prompt_version else ""
    console.print(f"\npolicy {decision.policy_hash}, model {decision.model_version}{prompt}", style="dim")


def _show_labels(console: Console, outcome: Outcome) -> None:
    labels = outcome.decisions[-1].labels
    console.print("\nLabels", style="bold")
    for name in ("intent", "emotion", "urgency", "language"):
        label = getattr(labels, name)
        console.print(f"  {name:9} {label.value:16} {label.confidence:.2f}  {label.source}")


def _show_suggestion(console: Console, suggestion: Suggestion) -> None:
    console.print(f"\nSuggestion  ({suggestion.language}, {suggestion.tone})", style="bold")
    if suggestion.reply:
        console.print(
            f"  {'answered automatically' if suggestion.automatic else 'answer'}: {suggestion.reply}"
        )
    if suggestion.clarifying_question:
        console.print(f"  ask: {suggestion.clarifying_question}")
    for item in suggestion.recommendations:
        console.print(f"  mention: {item.name} ({item.product_id}): {item.because}")


def _show_facts(console: Console, decision: Decision) -> None:
    from frontdesk.streams.facts import FACTS

    console.print("\nFacts", style="bold")
    usual = 0
    for fact in decision.facts:
        spec = FACTS.get(fact.name)
        if spec is not None and fact.value == spec.default:
            usual += 1
            continue
        console.print(f"  {fact.name} = {fact.value}" + (f"  ({spec.meaning})" if spec else ""))
    console.print(f"  {usual} more are at their default (--json shows all)", style="dim")


def _time(at: Millis) -> str:
    return datetime.fromtimestamp(at / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
