"""What was found out of one text, as one JSON object; and the account of many. The text itself is never in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from frontdesk.agents.evaluation.labelling import Labelled, Outcome
from frontdesk.agents.sources.entry import Fault
from frontdesk.agents.sources.texts import Passed
from frontdesk.streams.batch import Answer
from frontdesk.streams.ports import Said

NOBODY = "none"
"""stands for the tier that settled a text where none was sure"""


def document(outcome: Outcome) -> dict[str, object]:
    """One line of labels: always with `line` and `id`; `problem` and `fix` of a bad line, `passed` of one with nothing to label."""
    match outcome:
        case Fault():
            return {"line": outcome.line, "id": None, "problem": outcome.problem, "fix": outcome.fix}
        case Passed():
            return {"line": outcome.line, "id": outcome.id, "passed": outcome.because}
        case Labelled():
            return {
                "line": outcome.text.line,
                "id": outcome.text.id,
                "labels": asdict(outcome.labels),
                "out_of_scope": outcome.out_of_scope,
                "settled_by": outcome.settled_by,
                "tiers": tiers(outcome.said, timed=False),
                "llm": llm(outcome.answer),
            }


def tiers(said: Sequence[Said], *, timed: bool = True) -> list[dict[str, object]]:
    """What each local tier said, and whether that is enough; without the time it took it is the same every time."""
    documents = [{**asdict(one), "sure": one.confidence >= one.threshold} for one in said]
    if not timed:
        for one in documents:
            del one["milliseconds"]
    return documents


def llm(answer: Answer | None) -> dict[str, object] | None:
    """What the LLM's answer cost, or the error that came instead; None where it was not asked."""
    if answer is None:
        return None
    usage = answer.usage
    return {
        "error": answer.error,
        "model": usage.model if usage else None,
        "prompt_version": answer.prompt_version,
        "tokens_in": usage.tokens_in if usage else 0,
        "tokens_out": usage.tokens_out if usage else 0,
        "cost_usd": usage.cost_usd if usage else 0.0,
    }


@dataclass(slots=True)
class Account:
    """What became of all lines so far, from their documents."""

    lines: int = 0
    labelled: int = 0
    bad: int = 0
    passed: int = 0
    settled: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0

    def add(self, line: Mapping[str, Any]) -> None:
        """Count one document."""
        self.lines += 1
        if "problem" in line:
            self.bad += 1
        elif "passed" in line:
            self.passed += 1
        else:
            self.labelled += 1
            self.settled[line["settled_by"] or NOBODY] += 1
        asked = line.get("llm")
        if asked:
            self.asked += 1
            self.tokens_in += asked["tokens_in"]
            self.tokens_out += asked["tokens_out"]
            self.cost_usd += asked["cost_usd"]
            if asked["error"]:
                self.errors[asked["error"]] += 1
