"""Modelling: from the rows of a dataset to a model in a folder, with its card. The same rows and seed give the same model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from frontdesk.agents.embedding import Embed, Vectors
from frontdesk.agents.learning import held_out, model_card
from frontdesk.agents.learning.dataset import digest
from frontdesk.agents.learning.examples import Example
from frontdesk.agents.learning.held_out import Heard, hear, right, share, taught_words, unseen
from frontdesk.agents.learning.teaching import Lesson, lesson, told
from frontdesk.agents.local.cascade import Cascade
from frontdesk.agents.local.fitting import Progress
from frontdesk.agents.local.model import LocalModel
from frontdesk.agents.local.thresholds import NEVER, Aim
from frontdesk.agents.local.training import Examples, TooLittle, train
from frontdesk.streams.taxonomy import Taxonomy

PARTS = (8, 4, 2)
"""of the examples: 1/8, 1/4, 1/2 for the learning curve, which ends with the model itself"""
MOST_ASKED = 2_000
"""held-out messages that each point of the curve is judged by"""
_REMEMBERED = 50_000
"""vectors kept while a model is made: 100 MB"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to train."""

    aim: Aim
    seed: int = 0
    searches: int = 0
    """see `training.train`"""
    curve: bool = True
    teacher: Mapping[str, Any] | None = None
    """for the card: where the teacher's accuracy comes from"""


def modelled(
    rows: Sequence[Example],
    folder: Path,
    taxonomy: Taxonomy,
    embed: Embed,
    plan: Plan,
    progress: Progress = lambda what: None,
) -> tuple[LocalModel, dict[str, Any]]:
    """Train on the split `train`, judge on the holdout, and write model and card to the folder.

    Raises:
        TooLittle: fewer than two intents have enough examples.
        OSError: the folder cannot be written to.
    """
    found = lesson(rows, taxonomy)
    if not found.rows:
        raise TooLittle("neither a person nor an LLM said what any message of train is")
    embed = remembering(embed)
    model = train(
        found.examples,
        taxonomy_hash=taxonomy.hash,
        embed=embed,
        aim=plan.aim,
        seed=plan.seed,
        searches=plan.searches,
        progress=progress,
    )
    sha256 = digest(rows)
    model = replace(model, learned_from={**model.learned_from, "dataset": sha256}).saved(folder)
    judged, seen = _judged(rows, taxonomy)
    progress(f"asking about {len(judged)} held-out messages")
    heard = hear(Cascade(taxonomy, model, embed), [row.text for row in judged])
    points = list(_curve(found, taxonomy, embed, plan.seed, judged, heard, progress)) if plan.curve else []
    card = model_card.common(model, plan.aim, seed=plan.seed, searches=plan.searches)
    card |= model_card.of_lesson(found, sha256=sha256, teacher=plan.teacher)
    card["holdout"] = model_card.holdout(
        judged, heard, _uncalibrated(model, taxonomy, embed, judged), taught=seen
    )
    card["learning_curve"] = points
    card["bad_at"] = model_card.bad_at(judged, heard, model)
    model_card.save(folder, card)
    return model, card


def remembering(embed: Embed, most: int = _REMEMBERED) -> Embed:
    """An embedder that looks at no text twice, while there are not too many."""
    known: dict[str, Any] = {}

    def remembered(texts: list[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        fresh = dict(zip(new, embed(new), strict=True)) if new else {}
        out = np.stack([fresh[text] if text in fresh else known[text] for text in texts])
        if len(known) + len(fresh) <= most:
            known.update(fresh)
        return out

    return remembered


def _judged(rows: Sequence[Example], taxonomy: Taxonomy) -> tuple[list[Example], int]:
    """Held-out messages that somebody labelled, and how many were left out since their words were taught."""
    intents = frozenset(taxonomy.intent_ids())
    labelled = [row for row in rows if told(row.intent_source) and row.intent in intents]
    return unseen(labelled, taught_words(labelled))


def _uncalibrated(model: LocalModel, taxonomy: Taxonomy, embed: Embed, judged: Sequence[Example]) -> Heard:
    """What it would say without temperatures: both tiers always, as the linear models score."""
    tiers = model.labels["intent"]
    plain = replace(
        tiers,
        ngrams=replace(tiers.ngrams, temperature=1.0, threshold=NEVER),
        embedding=None if tiers.embedding is None else replace(tiers.embedding, temperature=1.0),
        temperature=1.0,
    )
    bare = replace(model, labels={"intent": plain})
    return hear(Cascade(taxonomy, bare, embed), [row.text for row in judged])


def _curve(
    found: Lesson,
    taxonomy: Taxonomy,
    embed: Embed,
    seed: int,
    judged: Sequence[Example],
    heard: Heard,
    progress: Progress,
) -> Iterator[dict[str, Any]]:
    """Points of the learning curve: each learns from half as much as the next, without a search."""
    if not judged:
        return
    draw = np.random.default_rng(seed)
    asked = sorted(draw.permutation(len(judged))[:MOST_ASKED].tolist())
    of = [judged[at] for at in asked]
    order = draw.permutation(len(found.rows)).tolist()
    for part in PARTS:
        places = sorted(order[: len(order) // part])
        progress(f"learning curve: {len(places)} examples")
        point: dict[str, Any] = {"examples": len(places)}
        try:
            model = train(
                _some(found.examples, places),
                taxonomy_hash=taxonomy.hash,
                embed=embed,
                seed=seed,
            )
        except TooLittle:
            yield point | {"accuracy": None}
            continue
        hits = right(of, hear(Cascade(taxonomy, model, embed), [row.text for row in of]))
        yield point | {"accuracy": model_card.plain(share(int(hits.sum()), len(hits)))}
    hits = right(of, heard.at(asked))
    yield {
        "examples": len(order),
        "accuracy": model_card.plain(held_out.share(int(hits.sum()), len(hits))),
    }


def _some(examples: Examples, places: Sequence[int]) -> Examples:
    """Intents of some of the examples."""

    def of(given: Sequence[Any] | None) -> list[Any] | None:
        return None if given is None else [given[at] for at in places]

    return Examples(
        texts=[examples.texts[at] for at in places],
        labels={"intent": [examples.labels["intent"][at] for at in places]},
        groups=of(examples.groups),
        weights=of(examples.weights),
        represents=of(examples.represents),
        certain=of(examples.certain),
    )
