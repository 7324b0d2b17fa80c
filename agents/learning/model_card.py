"""The card of a model: what it was made of, what was chosen, how good it is on later messages, and where it is bad. Never a customer's text. Pure but for `save`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from frontdesk.agents.learning.card import version_of
from frontdesk.agents.learning.examples import PERSON, Example
from frontdesk.agents.learning.held_out import (
    WORST,
    Heard,
    Share,
    by,
    classes,
    error,
    mistakes,
    right,
    share,
)
from frontdesk.agents.learning.model_card_text import markdown
from frontdesk.agents.learning.tables import replacing
from frontdesk.agents.learning.teaching import Lesson
from frontdesk.agents.local.model import LocalModel
from frontdesk.agents.local.thresholds import NEVER, Aim

CARD, TEXT = "card.json", "card.md"
MUST_NOT = (
    "Deciding anything about a person but where their message goes: no credit, prices, refusals, bans or staffing.",
    "Telling who a customer is, how they are, or anything that lasts: it labels one message.",
    "Judging representatives.",
    "Other taxonomies, other trades or other languages than those that it was taught and judged on.",
    "Messages that nobody checks at all: where it is sure a share is audited, and people answer `frontdesk review`.",
    "Being trained on what it says itself.",
)
LEAST_TOLD = 10
"""held-out messages of an intent or a language from which on anything is said of it in words"""
_MOST_BAD = 5


def common(model: LocalModel, aim: Aim, *, seed: int, searches: int) -> dict[str, Any]:
    """What the card of every model holds."""
    return {
        "model": model.version,
        "taxonomy": model.taxonomy_hash,
        "learned_from": model.learned_from.get("texts"),
        "aim": {"asked_for": aim.accuracy, "aimed_at": round(aim.goal, 4), "teacher": round(aim.teacher, 4)},
        "seed": seed,
        "searches": searches,
        "labels": {name: _label(model, name) for name in model.labels},
        "not_learned": {
            name: told["left_out"]
            for name in model.labels
            if "left_out" in (told := model.learned_from[name])
        },
        "must_not": list(MUST_NOT),
    }


def of_lesson(found: Lesson, *, sha256: str, teacher: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the card of a model holds that was made from a dataset."""
    rows = found.rows
    return {
        "dataset": {"version": version_of(sha256), "sha256": sha256},
        "teacher": dict(teacher or {}),
        "examples": {
            name: _counts(getattr(row, name) for row in rows)
            for name in ("intent_source", "language", "intent", "asked")
        },
        "traffic": len(found.examples.traffic),
        "audit_share": None if found.audit_share is None else round(found.audit_share, 4),
        "left_out": dict(sorted(found.left_out.items())),
    }


def holdout(rows: Sequence[Example], heard: Heard, uncalibrated: Heard, *, taught: int) -> dict[str, Any]:
    """How good it is on the messages that came later."""
    hits = right(rows, heard)
    people = [at for at, row in enumerate(rows) if row.intent_source == PERSON]
    sure = heard.sure
    return {
        "messages": len(rows),
        "left_out_since_taught": taught,
        "by_source": _plain(by(rows, hits, lambda row: row.intent_source)),
        "by_asked": _plain(by(rows, hits, lambda row: row.asked)),
        "accuracy": plain(share(int(hits.sum()), len(hits))),
        "accuracy_on_people": plain(share(int(hits[people].sum()), len(people))),
        "settled": plain(share(int(sure.sum()), len(sure))),
        "accuracy_of_settled": plain(share(int(hits[sure].sum()), int(sure.sum()))),
        "calibration_error": {
            "before": error(uncalibrated, right(rows, uncalibrated)),
            "after": error(heard, hits),
        },
        "languages": _plain(by(rows, hits, lambda row: row.language)),
        "intents": {
            name: {what: plain(one) for what, one in found.items()}
            for name, found in classes(rows, heard).items()
        },
        "worst_pairs": [
            {"intent": truth, "taken_for": said, "messages": count}
            for (truth, said), count in mistakes(rows, heard).most_common(WORST)
        ],
    }


def bad_at(rows: Sequence[Example], heard: Heard, model: LocalModel) -> list[str]:
    """In plain words: the intents with the lowest recall, the languages, and what it never says."""
    hits = right(rows, heard)
    all_of = share(int(hits.sum()), len(hits)).share or 0.0
    pairs = mistakes(rows, heard)
    said = []
    for name, found in _lowest(by(rows, hits, lambda row: row.intent), all_of):
        others = [(taken, count) for (truth, taken), count in pairs.most_common() if truth == name][:3]
        taken_for = ", ".join(f"{taken} ({count})" for taken, count in others)
        said.append(f"Intent {name}: {_few(found)}; it is taken for {taken_for}.")
    for name, found in _lowest(by(rows, hits, lambda row: row.language), all_of):
        said.append(f"Messages in {name or 'no known language'}: {_few(found)}, of all {all_of:.0%}.")
    for label in model.labels:
        for value, count in model.learned_from[label].get("left_out", {}).items():
            said.append(f"It never says {label} {value}: {count} examples were too few to learn from.")
    rare = sorted(
        name for name, found in by(rows, hits, lambda row: row.intent).items() if found.of < LEAST_TOLD
    )
    if rare:
        said.append(
            f"Nobody knows how it does on {', '.join(rare)}: fewer than {LEAST_TOLD} held-out messages each."
        )
    return said


def plain(one: Share) -> dict[str, Any]:
    """For machines."""
    return asdict(one)


def save(folder: Path, card: Mapping[str, Any]) -> None:
    """Write card.json and card.md beside a model.

    Raises:
        StartupError: they cannot be written.
    """
    texts = {CARD: json.dumps(card, ensure_ascii=False, indent=1) + "\n", TEXT: markdown(card)}
    for name, text in texts.items():
        with replacing(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")


def _label(model: LocalModel, name: str) -> dict[str, Any]:
    """What was chosen for a label, and how good it is on examples that it had not seen."""
    told, tiers = model.learned_from[name], model.labels[name]
    found: dict[str, Any] = {
        key: told[key] for key in ("classes", "examples", "doubted", "c", "penalty", "mix") if key in told
    }
    for tier, head in (("ngrams", tiers.ngrams), ("embedding", tiers.embedding)):
        if head is not None and tier in told:
            figures = {key: value for key, value in told[tier].items() if key != "threshold"}
            found[tier] = {"threshold": None if head.threshold >= NEVER else head.threshold} | figures
    together = told.get("together") or told["ngrams"]
    return found | {
        "expected_settled": together["settles"],
        "agrees_where_settled": together["agrees_where_settled"],
    }


def _lowest(found: Mapping[str, Share], all_of: float) -> list[tuple[str, Share]]:
    """Those that are worse than all together, the worst first."""
    worse = [
        (one.share, name, one)
        for name, one in found.items()
        if one.share is not None and one.of >= LEAST_TOLD and one.share < all_of
    ]
    return [(name, one) for _, name, one in sorted(worse, key=lambda each: each[:2])[:_MOST_BAD]]


def _few(found: Share) -> str:
    return f"{found.share:.0%} of {found.of:,} were right (95 %: {found.low:.0%} to {found.high:.0%})"


def _plain(found: Mapping[str, Share]) -> dict[str, dict[str, Any]]:
    return {name: plain(one) for name, one in found.items()}


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
