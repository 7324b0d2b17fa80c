"""What commands that label a file share: options, and how bad lines and an LLM that lets nobody in are told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.evaluation.labelling import Outcome

_FAULTS_SHOWN = 10

TextFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="JSON lines, or CSV or TSV with a header row.")
]
TextColumn = Annotated[str, typer.Option(help="Field or column that holds the text.")]
Batch = Annotated[int, typer.Option(min=1, max=4096, help="Texts labelled at once by the local tiers.")]
Concurrency = Annotated[
    int | None,
    typer.Option(min=1, help="Calls of the LLM under way at once, instead of FRONTDESK_LLM_CONCURRENCY."),
]
Patience = Annotated[
    float, typer.Option(min=0.1, help="Seconds the LLM has for one text, all its retries included.")
]
MaxCost = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="DOLLARS",
        help="Spend at most this on the LLM in one go; what is not affordable keeps its local labels. Calls that an "
        "interruption cut off are not counted when the run goes on.",
    ),
]


def dollars(cost_usd: float, tokens: int, digits: int) -> str:
    """What calls cost, for people: that tokens were free is more often a price that nobody named."""
    if tokens and not cost_usd:
        return "no price known (FRONTDESK_LLM_PRICE_IN and _OUT)"
    return f"${cost_usd:.{digits}f}"


class Watch:
    """Looks at each outcome as it comes: tells of bad lines, the first few in full, and stops where going on only costs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bad = 0

    def see(self, outcome: Outcome) -> None:
        """Look at the next outcome.

        Raises:
            StartupError: the LLM's endpoint lets us not in; it would not for any other text.
        """
        from frontdesk.agents.evaluation.labelling import Labelled
        from frontdesk.agents.sources.entry import Fault

        if isinstance(outcome, Fault):
            self._bad += 1
            if self._bad <= _FAULTS_SHOWN:
                typer.echo(str(outcome), err=True)
            elif self._bad == _FAULTS_SHOWN + 1:
                typer.echo("further bad lines are counted without a word", err=True)
        elif isinstance(outcome, Labelled) and outcome.answer and outcome.answer.error == "denied":
            raise StartupError(
                f"{self._path}:{outcome.text.line}: the LLM's endpoint refuses us (denied): see frontdesk doctor, mend "
                "FRONTDESK_LLM_BASE_URL, _API_KEY or _MODEL, and start again; or leave the LLM out"
            )
