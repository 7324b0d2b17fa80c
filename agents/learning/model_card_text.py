"""The card of a model, for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def markdown(card: Mapping[str, Any]) -> str:
    """The card in Markdown."""
    lines = [f"# Model {card['model']}", "", _made_from(card), "", *_chosen(card)]
    if "examples" in card:
        lines += _examples(card)
    if card.get("holdout") is not None:
        lines += _holdout(card["holdout"])
    lines += _curve(card.get("learning_curve") or [])
    lines += [
        "## What it is bad at",
        "",
        *(f"- {one}" for one in card.get("bad_at") or ["Not known: nothing was held out."]),
        "",
    ]
    lines += ["## What it must not be used for", "", *(f"- {one}" for one in card["must_not"])]
    return "\n".join(lines) + "\n"


def _made_from(card: Mapping[str, Any]) -> str:
    of = (
        f"dataset {card['dataset']['version']} (SHA-256 `{card['dataset']['sha256']}`)"
        if "dataset" in card
        else f"a file (SHA-256 `{card['file']['sha256']}`)"
    )
    return f"Taught by {card['learned_from']:,} examples of {of}, for taxonomy `{card['taxonomy']}`; seed {card['seed']}."


def _chosen(card: Mapping[str, Any]) -> list[str]:
    aim, teacher = card["aim"], card.get("teacher") or {}
    checked = f", of {teacher['checked']:,} that people checked" if "checked" in teacher else ""
    lines = [
        "## What was chosen",
        "",
        (
            f"Aimed at: {aim['aimed_at']:.1%} right of all messages, with a teacher who is right in {aim['teacher']:.1%}{checked}. "
            f"Penalties: at most {card['searches']} tries each."
        ),
        "",
        "| label | classes | examples | doubted | penalties | share of embedding | sure from | settles | of those agree |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, one in card["labels"].items():
        sure = ", ".join(
            "never" if one[tier]["threshold"] is None else f"{one[tier]['threshold']:.2f}"
            for tier in ("ngrams", "embedding")
            if tier in one
        )
        penalties = ", ".join(f"{one[key]:g}" for key in ("c", "penalty") if key in one)
        lines.append(
            f"| {name} | {one['classes']} | {one['examples']:,} | {one.get('doubted', 0):,} | {penalties} | {one.get('mix', 0):.2f} | {sure} | "
            f"{one['expected_settled']:.1%} | {one['agrees_where_settled']:.1%} |"
        )
    return [*lines, ""]


def _examples(card: Mapping[str, Any]) -> list[str]:
    lines = ["## What it was taught", ""]
    for name, counts in card["examples"].items():
        lines += [f"By {name.replace('_', ' ')}: {_listed(counts)}.", ""]
    share = (
        "no message was audited"
        if card["audit_share"] is None
        else f"{card['audit_share']:.1%} of the settled messages were audited"
    )
    return [
        *lines,
        f"Left out: {_listed(card['left_out'])}. Thresholds were set with {card['traffic']:,} messages besides that nobody was asked about; {share}.",
        "",
    ]


def _holdout(found: Mapping[str, Any]) -> list[str]:
    error = found["calibration_error"]
    lines = [
        "## How good it is on later messages",
        "",
        f"Of {found['messages']:,} held-out messages that people or an LLM labelled {_share(found['accuracy'])} are right; of those of people {_share(found['accuracy_on_people'])}.",
        (
            f"It settles {_share(found['settled'])}; of these {_share(found['accuracy_of_settled'])} are right. Messages that were asked about are harder "
            f"than others. {found['left_out_since_taught']:,} more were left out, since the same words were taught."
        ),
        f"Expected calibration error: {_number(error['before'])} before temperatures, {_number(error['after'])} after.",
        "",
    ]
    for title, key in (("asked", "by_asked"), ("source", "by_source"), ("language", "languages")):
        lines += [f"| {title} | messages | right |", "|---|---|---|"]
        lines += [
            f"| {name or '(none)'} | {one['of']:,} | {_share(one)} |" for name, one in found[key].items()
        ]
        lines.append("")
    lines += ["| intent | messages | recall | precision |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {one['recall']['of']:,} | {_share(one['recall'])} | {_share(one['precision'])} |"
        for name, one in found["intents"].items()
    ]
    lines += ["", "| intent | taken for | messages |", "|---|---|---|"]
    lines += [
        f"| {one['intent']} | {one['taken_for']} | {one['messages']:,} |" for one in found["worst_pairs"]
    ]
    return [*lines, ""]


def _curve(points: list[Mapping[str, Any]]) -> list[str]:
    if not points:
        return []
    lines = ["## Would more examples help?", "", "| examples | right of held-out messages |", "|---|---|"]
    for one in points:
        right = "too few to learn from" if one["accuracy"] is None else _share(one["accuracy"])
        lines.append(f"| {one['examples']:,} | {right} |")
    return [*lines, ""]


def _share(one: Mapping[str, Any]) -> str:
    if one["share"] is None:
        return "none"
    return f"{one['share']:.1%} ({one['low']:.1%} to {one['high']:.1%})"


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name or '(none)'} {number:,}" for name, number in counts.items()) or "nothing"
