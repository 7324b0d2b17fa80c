"""Drift: what the newest messages are like against those before. Looks at a dataset and says what somebody should look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from frontdesk.agents.embedding import CHUNK, Embed, Vectors, prepare
from frontdesk.agents.learning import drift_inputs as inputs
from frontdesk.agents.learning import drift_intents as intents
from frontdesk.agents.learning import drift_labels as labels
from frontdesk.agents.learning.examples import PERSON, Example
from frontdesk.streams.redact import redact

UNSURE = "unsure"
FALLBACK = "fallback"
_SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A stretch of time in the dataset."""

    start: int
    """milliseconds since the epoch, of its first message"""
    end: int
    messages: int
    unfitting: int
    """messages that no label fits: the local tiers were unsure, or the fallback intent was all that was found"""
    models: tuple[str, ...]
    """versions of the local tiers that labelled them"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All findings."""

    reference: Period
    current: Period
    new_intents: tuple[intents.NewIntent, ...]
    shifts: tuple[inputs.Shift, ...]
    calibration: labels.CalibrationDrift | None
    people_and_llm: tuple[labels.Disagreement, ...]
    llm_and_local: tuple[labels.Disagreement, ...]

    @property
    def flagged(self) -> list[str]:
        """What somebody should look at, a line each; empty where all is as it was."""
        out = [
            f"new intent? {one.customers} customers write about {', '.join(one.words[:3]) or 'something new'}"
            for one in self.new_intents
        ]
        out += [f"{one.measure} of messages has shifted" for one in self.shifts if one.flagged]
        if self.calibration is not None and self.calibration.flagged:
            out.append("local confidence says less than it did")
        for between, found in (
            ("people and LLM", self.people_and_llm),
            ("LLM and local labels", self.llm_and_local),
        ):
            out += [
                f"{between} differ more than they did{_about(one.intent)}" for one in found if one.flagged
            ]
        return out

    def plain(self) -> dict[str, Any]:
        """For JSON, which has no infinity."""
        document = asdict(self)
        for one in document["new_intents"]:
            one["growth"] = None if one["growth"] == float("inf") else one["growth"]
        return {**document, "flagged": self.flagged}


def look(
    examples: Sequence[Example], fallback: str, embed: Embed, *, window_ms: int, reference_ms: int
) -> Report | None:
    """The last `window_ms` of the examples against the `reference_ms` before. None where one of them is empty.

    `fallback` is the taxonomy's fallback intent. Embeds some thousand texts: seconds. The same examples give the same report.
    """
    if not examples:
        return None
    rng = np.random.default_rng(_SEED)
    end = max(one.at for one in examples) + 1
    begins = end - window_ms
    current = [one for one in examples if one.at >= begins]
    reference = [one for one in examples if begins - reference_ms <= one.at < begins]
    if not reference:
        return None
    unfitting = [[one for one in part if fits_nothing(one, fallback)] for part in (reference, current)]
    return Report(
        reference=_period(reference, len(unfitting[0])),
        current=_period(current, len(unfitting[1])),
        new_intents=tuple(_new_intents(unfitting, (len(reference), len(current)), embed, rng)),
        shifts=tuple(inputs.shifts(_sample(reference, embed, rng), _sample(current, embed, rng), rng)),
        calibration=labels.calibration_drift(reference, current, window_ms, rng),
        people_and_llm=tuple(labels.people_and_llm(reference, current)),
        llm_and_local=tuple(labels.llm_and_local(reference, current)),
    )


def fits_nothing(example: Example, fallback: str) -> bool:
    """Whether no label fits a message: one that a person has named is known."""
    if example.intent_source == PERSON and example.intent != fallback:
        return False
    return example.asked == UNSURE or example.intent == fallback or example.intent_source == FALLBACK


def _new_intents(
    unfitting: Sequence[Sequence[Example]], of: tuple[int, int], embed: Embed, rng: np.random.Generator
) -> list[intents.NewIntent]:
    total = sum(map(len, unfitting))
    talks = []
    for part, messages in zip(unfitting, of, strict=True):
        # Thinned before they are embedded, which is most of the work.
        kept = [part[at] for at in intents.thin(len(part), total, rng)]
        talks.append(
            intents.Talk(
                vectors=_embedded(kept, embed),
                # A dataset is redacted; where it came from elsewhere, what is shown still is.
                texts=[redact(one.text) for one in kept],
                customers=[one.customer for one in kept],
                of=messages,
            )
        )
    return intents.new_intents(talks[0], talks[1], rng)


def _sample(part: Sequence[Example], embed: Embed, rng: np.random.Generator) -> inputs.Sample:
    chosen = np.sort(rng.permutation(len(part))[: inputs.MOST_MESSAGES])
    kept = [part[at] for at in chosen]
    return inputs.Sample(
        texts=[one.text for one in kept],
        languages=[one.language for one in kept],
        customers=[one.customer for one in kept],
        vectors=_embedded(kept, embed),
    )


def _embedded(part: Sequence[Example], embed: Embed) -> Vectors:
    texts = [prepare(one.text) for one in part]
    chunks = [embed(texts[start : start + CHUNK]) for start in range(0, len(texts), CHUNK)]
    return np.concatenate(chunks) if chunks else np.empty((0, 1), np.float32)


def _period(part: Sequence[Example], unfitting: int) -> Period:
    return Period(
        start=min(one.at for one in part),
        end=max(one.at for one in part),
        messages=len(part),
        unfitting=unfitting,
        models=tuple(sorted({one.model_version for one in part})),
    )


def _about(intent: str) -> str:
    return "" if intent == "*" else f" about {intent}"
