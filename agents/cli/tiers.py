"""What every tier says of one message, for people and for machines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from frontdesk.agents.cli.texts import dollars

if TYPE_CHECKING:
    from rich.console import Console

    from frontdesk.agents.trial import AskLlm
    from frontdesk.streams.batch import Answer
    from frontdesk.streams.effects import Ask
    from frontdesk.streams.ports import IntentLabeller, Said


@dataclass(slots=True)
class Heard:
    """What the tiers said, and how long it took them."""

    said: Sequence[Said] = ()
    milliseconds: float = 0.0
    """of all local tiers together"""
    calls: list[float] = field(default_factory=list)
    """seconds of each call of the LLM, in order"""

    def local(self, labeller: IntentLabeller, text: str) -> None:
        """Ask every local tier, those too that a worker would not reach."""
        from frontdesk.streams.admit import has_words

        if not has_words(text):
            return
        started = time.perf_counter()
        (self.said,) = labeller.explain([text])
        self.milliseconds = (time.perf_counter() - started) * 1000

    def timed(self, ask_llm: AskLlm) -> AskLlm:
        """The same LLM, with a clock on its calls."""

        async def timed(ask: Ask) -> Answer:
            started = time.perf_counter()
            answer = await ask_llm(ask)
            self.calls.append(time.perf_counter() - started)
            return answer

        return timed

    def document(self) -> list[dict[str, object]]:
        """For JSON."""
        from frontdesk.agents.evaluation.documents import tiers

        return tiers(self.said)

    def llm_documents(self, answers: Sequence[Answer]) -> list[dict[str, object]]:
        """What the LLM answered, at what cost, for JSON."""
        from dataclasses import asdict

        return [
            {
                "error": answer.error,
                "labels": asdict(answer.labels) if answer.labels else None,
                "prompt_version": answer.prompt_version,
                "usage": asdict(answer.usage) if answer.usage else None,
                "seconds": round(seconds, 3),
            }
            for answer, seconds in zip(answers, self.calls, strict=True)
        ]

    def show(self, console: Console, answers: Sequence[Answer]) -> None:
        """For people: a line for each answer."""
        if not self.said and not answers:
            return
        console.print(f"\nTiers  ({self.milliseconds:.1f} ms)", style="bold")
        for one in self.said:
            mark = "sure" if one.confidence >= one.threshold else "unsure"
            took = f"{one.milliseconds:7.2f} ms" if one.milliseconds else ""
            line = f"  {one.label:12} {one.tier:10} {one.value:16} {one.confidence:.2f}, sure from {one.threshold:.2f}: {mark:6} {took}"
            console.print(line.rstrip())
        for answer, seconds in zip(answers, self.calls, strict=True):
            _show_answer(console, answer, seconds)


def _show_answer(console: Console, answer: Answer, seconds: float) -> None:
    if answer.labels is not None:
        for name in ("intent", "emotion", "urgency", "language"):
            label = getattr(answer.labels, name)
            console.print(f"  {name:12} {label.source:10} {label.value:16} {label.confidence:.2f}")
    usage = answer.usage
    cost = (
        f"{usage.model}, {usage.tokens_in:,} + {usage.tokens_out:,} tokens, "
        f"{dollars(usage.cost_usd, usage.tokens_in, 6)}"
        if usage
        else "no usage told"
    )
    failed = f" and gave no labels ({answer.error})" if answer.error is not None else ""
    console.print(
        f"  the LLM was asked{failed}: {cost}, {seconds:.2f} s", style="yellow" if failed else "dim"
    )
