"""`frontdesk evaluate`: how good the labels are on texts that people labelled. Needs no Kafka."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common, texts
from frontdesk.agents.cli.progress import Tell, progress
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.evaluation.report import Price, Report
    from frontdesk.agents.evaluation.tally import Tally
    from frontdesk.agents.settings import Settings
    from frontdesk.agents.sources.texts import Columns
    from frontdesk.streams.taxonomy import Taxonomy

MESSAGE_TOKENS, ANSWER_TOKENS = 50, 70
"""of a call beside the instructions, where none was made to measure: a short message and four labels with confidences"""
_MISTAKES_SHOWN = 6


def command(
    file: texts.TextFile,
    text_column: texts.TextColumn = "text",
    intent_column: Annotated[str, typer.Option(help="Field or column that holds the intent.")] = "intent",
    llm: Annotated[
        bool, typer.Option("--llm", help="Ask the LLM where the local tiers are unsure. Costs what it costs.")
    ] = False,
    batch: texts.Batch = 64,
    concurrency: texts.Concurrency = None,
    patience: texts.Patience = 60.0,
    max_cost: texts.MaxCost = None,
    price_per_call: Annotated[
        float | None,
        typer.Option(
            min=0, help="US dollars for a call of the LLM. None: by FRONTDESK_LLM_PRICE_IN and _OUT."
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="REPORT", help="Write a page with pictures to this file too.")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Measure the labels on texts with any of the fields intent, emotion, urgency and language as people gave them.

    Accuracy, macro-F1, calibration, confusion, coverage at an accuracy, calls and money saved, and what is out of scope; of all
    texts and by language. An intent that the taxonomy does not know, and `out_of_scope`, count as out of scope.

    A bad line is named with its fix and left out, and makes the exit code 1. With --html the page is one file that loads nothing.
    """
    from frontdesk.agents.evaluation.output import source_of
    from frontdesk.agents.evaluation.report import plain
    from frontdesk.agents.sources.texts import Columns

    settings = common.settings(llm_concurrency=concurrency)
    if llm and settings.llm_base_url is None:
        raise StartupError("--llm: there is no LLM; set FRONTDESK_LLM_BASE_URL")
    total = source_of(file).lines
    with progress("labelling", total, "lines labelled") as tell:
        columns = Columns(text=text_column, intent=intent_column)
        work = _evaluate(
            settings,
            file,
            columns,
            use_llm=llm,
            batch=batch,
            patience=patience,
            max_cost=max_cost,
            price_per_call=price_per_call,
            tell=tell,
        )
        report = common.run(work)
    if html is not None:
        _write(html, report)
    if as_json:
        common.print_json(plain(report))
    else:
        _show(report)
    if report.bad:
        raise typer.Exit(1)


async def _evaluate(
    settings: Settings,
    file: Path,
    columns: Columns,
    *,
    use_llm: bool,
    batch: int,
    patience: float,
    max_cost: float | None,
    price_per_call: float | None,
    tell: Tell,
) -> Report:
    from frontdesk.agents.evaluation import report
    from frontdesk.agents.evaluation.labelling import Labelled, label_all
    from frontdesk.agents.evaluation.session import open_session
    from frontdesk.agents.evaluation.tally import Tally, checked
    from frontdesk.agents.sources.entry import Fault
    from frontdesk.agents.sources.texts import read_texts

    async with open_session(settings, use_llm=use_llm, patience=patience, max_cost=max_cost) as session:
        tally = Tally(session.taxonomy)
        watch = texts.Watch(file)
        bad = passed = 0
        entries = checked(read_texts(file, columns), file, session.taxonomy)
        async with aclosing(label_all(entries, session.local, session.asking, batch=batch)) as outcomes:
            async for outcome in outcomes:
                watch.see(outcome)
                if isinstance(outcome, Labelled):
                    tally.add(outcome)
                elif isinstance(outcome, Fault):
                    bad += 1
                else:
                    passed += 1
                tell(outcome.line)
        if not tally.texts:
            raise StartupError(
                f"{file}: no text with a label by people: give it a field or column {columns.intent!r} (or name yours: "
                "--intent-column NAME), emotion, urgency or language"
            )
        return report.build(
            tally,
            session.taxonomy,
            _price(settings, session.taxonomy, tally, price_per_call),
            file=file.name,
            model=session.version,
            bad=bad,
            passed=passed,
        )


def _price(settings: Settings, taxonomy: Taxonomy, tally: Tally, per_call: float | None) -> Price:
    """What a call costs: as told, as measured just now, or as the price settings say of a call of usual size."""
    from frontdesk.agents.evaluation.report import Price
    from frontdesk.agents.llm.client import default_price
    from frontdesk.agents.llm.prompt import LabelPrompt
    from frontdesk.agents.llm.tokens import estimate

    if per_call is not None:
        return Price(per_call=per_call, basis=f"${per_call:g} a call, as told")
    if tally.cost_usd:
        per_call = tally.cost_usd / tally.asked
        return Price(per_call=per_call, basis=f"${per_call:.6f} a call, as measured")
    tokens_in = estimate(LabelPrompt(taxonomy).system) + MESSAGE_TOKENS
    per_call = default_price(settings).of(tokens_in, ANSWER_TOKENS)
    if not per_call:
        return Price(
            per_call=None, basis="no price: set FRONTDESK_LLM_PRICE_IN and _OUT, or --price-per-call"
        )
    size = f"{tokens_in:,} + {ANSWER_TOKENS} tokens of {settings.llm_model} (estimated: --llm measures)"
    return Price(per_call=per_call, basis=f"${per_call:.6f} a call, for {size}")


def _write(path: Path, report: Report) -> None:
    from frontdesk.agents.evaluation.page import page

    try:
        path.write_text(page(report), encoding="utf-8", errors="replace")
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None


def _show(report: Report) -> None:
    from rich import box
    from rich.table import Table

    from frontdesk.agents.evaluation import wording

    console = common.stdout()
    for sentence in wording.about(report):
        console.print(sentence)
    for table in wording.tables(report):
        console.print(f"\n{table.title}", style="bold")
        if table.note:
            console.print(table.note, style="dim")
        shown = Table(box=box.SIMPLE_HEAD, show_edge=False)
        for number, heading in enumerate(table.head):
            shown.add_column(heading, justify="left" if number == 0 else "right")
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
    _show_mistakes(report)


def _show_mistakes(report: Report) -> None:
    """The most frequent ones; the whole confusion is in the page and in --json."""
    from frontdesk.agents.evaluation import wording

    console = common.stdout()
    console.print()
    for name, figures in report.all.labels.items():
        wrong = wording.mistakes(figures, report.fallback_intent)
        if wrong:
            said = "; ".join(
                f"{truth} as {given} {count:,}" for truth, given, count in wrong[:_MISTAKES_SHOWN]
            )
            console.print(f"Most often taken for another {name}: {said}")
