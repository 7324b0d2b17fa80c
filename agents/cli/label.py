"""`frontdesk label`: the labels of every text in a file. Needs no Kafka."""

from __future__ import annotations

import json
import time
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common, texts
from frontdesk.agents.cli.progress import Tell, progress

if TYPE_CHECKING:
    from frontdesk.agents.evaluation.documents import Account
    from frontdesk.agents.evaluation.output import LabelSink, Source
    from frontdesk.agents.evaluation.session import Session
    from frontdesk.agents.settings import Settings


def command(
    file: texts.TextFile,
    out: Annotated[
        Path | None,
        typer.Option(help="Where to: JSON lines. Started again, it goes on where it was. None: stdout."),
    ] = None,
    text_column: texts.TextColumn = "text",
    no_llm: Annotated[
        bool, typer.Option("--no-llm", help="Local labels only, even if an LLM is configured.")
    ] = False,
    batch: texts.Batch = 64,
    concurrency: texts.Concurrency = None,
    patience: texts.Patience = 60.0,
    max_cost: texts.MaxCost = None,
    as_json: common.Json = False,
) -> None:
    """Label every text of a file: intent, emotion, urgency and language, and what each tier said.

    One line out for every line in, in order: its number, its id and the labels, never the text. What the local tiers are unsure
    of goes to the LLM, if one is configured, redacted. Each text stands alone: no history, no conversation before it.

    With --out an interrupted run is gone on with by the same command. A bad line is named with its fix, has its line in the output, and
    makes the exit code 1. With --json the account at the end is JSON; without --out it goes to stderr.
    """
    from frontdesk.agents.evaluation.output import source_of

    settings = common.settings(llm_concurrency=concurrency)
    run = _Run(file=file, out=out, source=source_of(file), text_column=text_column)
    started = time.monotonic()
    try:
        with progress("labelling", run.source.lines, "lines labelled") as tell:
            work = run.label(
                settings, use_llm=not no_llm, batch=batch, patience=patience, max_cost=max_cost, tell=tell
            )
            account = common.run(work)
    except KeyboardInterrupt:
        if out is not None:
            said = f"interrupted after line {run.done} of {run.source.lines}: the same command goes on from there"
            typer.echo(said, err=True)
        raise typer.Exit(130) from None
    seconds = time.monotonic() - started
    if as_json:
        said = json.dumps(_document(account, seconds), ensure_ascii=False)
    else:
        said = _sentence(account, seconds)
    typer.echo(said, err=out is None)
    if account.bad:
        raise typer.Exit(1)


@dataclass(slots=True, kw_only=True)
class _Run:
    """One pass over the file."""

    file: Path
    out: Path | None
    source: Source
    text_column: str
    done: int = 0
    """the last line that is written"""

    async def label(
        self,
        settings: Settings,
        *,
        use_llm: bool,
        batch: int,
        patience: float,
        max_cost: float | None,
        tell: Tell,
    ) -> Account:
        from frontdesk.agents.evaluation.documents import document
        from frontdesk.agents.evaluation.labelling import label_all
        from frontdesk.agents.evaluation.session import open_session
        from frontdesk.agents.sources.texts import Columns, read_texts

        async with open_session(settings, use_llm=use_llm, patience=patience, max_cost=max_cost) as session:
            model = settings.llm_model if session.asking is not None else None
            sink = self._sink(session, model)
            try:
                before = self.done = sink.done
                if session.asking is not None and session.asking.purse is not None:
                    session.asking.purse.spent += sink.account.cost_usd  # by the runs before this one
                entries = read_texts(self.file, Columns(text=self.text_column))
                ahead = (entry for entry in entries if entry.line > before)
                watch = texts.Watch(self.file)
                async with aclosing(label_all(ahead, session.local, session.asking, batch=batch)) as outcomes:
                    async for outcome in outcomes:
                        watch.see(outcome)
                        sink.write(document(outcome))
                        self.done = outcome.line
                        tell(self.done)
                sink.finish()
            finally:
                sink.close()
            return sink.account

    def _sink(self, session: Session, llm: str | None) -> LabelSink:
        from frontdesk.agents.evaluation.output import LabelFile, LabelStream

        if self.out is None:
            return LabelStream(common.print_json)
        made_from = {
            "input": self.source.sha256,
            "text column": self.text_column,
            "local model": session.version,
            "taxonomy": session.taxonomy.hash,
            "LLM": llm,
        }
        return LabelFile(self.out, made_from)


def _document(account: Account, seconds: float) -> dict[str, object]:
    return {
        "lines": account.lines,
        "labelled": account.labelled,
        "bad": account.bad,
        "passed": account.passed,
        "settled": dict(account.settled),
        "llm": {
            "asked": account.asked,
            "errors": dict(account.errors),
            "tokens_in": account.tokens_in,
            "tokens_out": account.tokens_out,
            "cost_usd": account.cost_usd,
        },
        "seconds": round(seconds, 3),
    }


def _sentence(account: Account, seconds: float) -> str:
    settled = ", ".join(f"{name} {count:,}" for name, count in account.settled.most_common())
    said = (
        f"{account.lines:,} lines: {account.labelled:,} labelled, {account.bad:,} bad, {account.passed:,} with nothing to label; "
        f"{seconds:.1f} s\nsettled by: {settled or 'nobody'}"
    )
    if account.asked:
        errors = ", ".join(f"{word} {count:,}" for word, count in account.errors.most_common())
        said += (
            f"\nthe LLM was asked {account.asked:,} times ({'no answer: ' + errors if errors else 'all answered'}): "
            f"{account.tokens_in:,} + {account.tokens_out:,} tokens, {texts.dollars(account.cost_usd, account.tokens_in, 4)}"
        )
    return said
