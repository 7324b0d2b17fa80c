"""The card of a dataset: what it holds, what was left out and why, and what it must not be used for. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from frontdesk.agents.learning.dataset import Account
from frontdesk.agents.learning.examples import Example
from frontdesk.agents.learning.sources import Sources

MUST_NOT = (
    "Telling who a customer is, or anything about one person: ids are pseudonyms and texts are redacted by rules, neither is anonymous.",
    "Judging representatives: the people who answered are named so that their answers can be weighed, nothing else.",
    "Decisions about a customer beside where their message goes, such as credit, prices or refusals.",
    "Measuring a model on the split `train`, or on a holdout that thresholds or prompts were chosen by.",
    "Taking local labels for the truth: where `intent_source` is local, rule or fallback it is the model's own guess.",
    "Publishing, or keeping it longer than the customers' messages may be kept.",
)
_LIGHT = 0.9
"""a weight below which the card for people tells of it"""
_COUNTED = ("language", "intent", "intent_source", "asked", "split")


def card(
    examples: Sequence[Example],
    account: Account,
    *,
    sha256: str,
    taxonomy_hash: str,
    share: float,
    sources: Sources,
    collected: Mapping[str, int],
) -> dict[str, Any]:
    """The card as a JSON object."""
    times = [one.at for one in examples if one.at]
    return {
        "version": version_of(sha256),
        "sha256": sha256,
        "examples": len(examples),
        "messages": sum(one.copies for one in examples),
        "from": _when(min(times)) if times else None,
        "to": _when(max(times)) if times else None,
        "holdout_share": share,
        "counts": {name: _counts(getattr(one, name) for one in examples) for name in _COUNTED},
        "intents_by_source": _by_source(examples),
        "people": _counts(name for one in examples for name in one.by),
        "models": _counts(one.model_version for one in examples),
        "llm_models": _counts(one.llm_model for one in examples if one.llm_model),
        "taxonomy": taxonomy_hash,
        "labelled_by_taxonomy": dict(sorted(account.taxonomies.items())),
        "collected": dict(collected),
        "removed": dict(sorted(account.removed.items())),
        "merged": account.merged,
        "cut": account.cut,
        "redacted_again": account.redacted,
        "conflicts": dict(sorted(account.conflicts.items())),
        "held_back": sources.held,
        "answers_held_back": sum(one.answers for one in sources.names.values() if one.held),
        "answers_above_the_cap": sum(one.over for one in sources.names.values()),
        "weights": {name: one.weight for name, one in sorted(sources.names.items()) if not one.held},
        "feedback_of_unknown_intents": account.strange_votes,
        "holdout_words_seen_in_train": account.seen,
        "must_not": list(MUST_NOT),
    }


def version_of(sha256: str) -> str:
    """What a version is called."""
    return sha256[:16]


def markdown(found: Mapping[str, Any]) -> str:
    """The card for people."""
    lines = [
        f"# Dataset {found['version']}",
        "",
        (
            f"{found['examples']:,} examples that stand for {found['messages']:,} messages, labelled from {found['from']} to {found['to']}; "
            f"SHA-256 `{found['sha256']}`."
        ),
        "",
        f"Taxonomy `{found['taxonomy']}`; labelled by {_listed(found['labelled_by_taxonomy'])}.",
        "",
    ]
    for name, counts in found["counts"].items():
        lines += _table(name, counts)
    lines += ["| intent | sources |", "|---|---|"]
    lines += [f"| {intent} | {_listed(counts)} |" for intent, counts in found["intents_by_source"].items()]
    lines += ["", "## Where it comes from", "", f"Collected: {_listed(found['collected'])}.", ""]
    lines += [
        f"Local models: {_listed(found['models'])}. Language models: {_listed(found['llm_models'])}.",
        "",
    ]
    lines += [f"People: {_listed(found['people'])}.", ""]
    light = {name: weight for name, weight in found["weights"].items() if weight < _LIGHT}
    if light:
        weighed = ", ".join(f"{_cell(name)} {weight:.2f}" for name, weight in light.items())
        lines += [f"Answers that weigh less, because they agree less with others: {weighed}.", ""]
    lines += ["## What was left out", ""]
    lines += [f"- Held back: {_cell(name)}: {why}" for name, why in found["held_back"].items()]
    lines += [
        (
            f"- {found['answers_held_back']:,} answers of sources that are held back; {found['answers_above_the_cap']:,} answers above "
            "the cap of their source a day."
        ),
        "",
    ]
    lines += _table("reason", found["removed"])
    lines += [
        (
            f"{found['merged']:,} near-duplicates are counted in `copies`; {found['cut']:,} texts were cut; in {found['redacted_again']:,} personal data was "
            f"found and replaced; {found['feedback_of_unknown_intents']:,} answers of people name an intent that the taxonomy does not have."
        ),
        "",
        f"Sources that differ: {_listed(found['conflicts'])}. Of the holdout {found['holdout_words_seen_in_train']:,} examples have words that train has, too.",
        "",
        "## What it must not be used for",
        "",
        *(f"- {one}" for one in found["must_not"]),
    ]
    return "\n".join(lines) + "\n"


def _by_source(examples: Iterable[Example]) -> dict[str, dict[str, int]]:
    out: dict[str, dict[str, int]] = {}
    pairs = Counter((one.intent, one.intent_source) for one in examples)
    for (intent, source), number in sorted(pairs.items()):
        out.setdefault(intent, {})[source] = number
    return out


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{_cell(name)} {number:,}" for name, number in counts.items()) or "none"


def _table(title: str, counts: Mapping[str, int]) -> list[str]:
    rows = [f"| {_cell(name)} | {number:,} |" for name, number in counts.items()]
    return [
        f"| {title} | messages |" if title == "reason" else f"| {title} | examples |",
        "|---|---|",
        *rows,
        "",
    ]


def _cell(name: str) -> str:
    return name.replace("|", "\\|").replace("\n", " ") or "(none)"


def _when(millis: int) -> str:
    try:
        return datetime.fromtimestamp(millis / 1000, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return f"{millis} ms"
