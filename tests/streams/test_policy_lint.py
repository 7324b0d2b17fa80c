"""Lint: mistakes people make, put into the retail pack one by one; and nothing said of what is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from frontdesk.agents.bootstrap import read_pack
from frontdesk.agents.settings import BUNDLED_POLICY
from frontdesk.streams.policy_lint import lint

CORPUS = Path(__file__).parents[1] / "corpora" / "policy_mistakes"
MISTAKES = YAML(typ="safe").load((CORPUS / "mistakes.yaml").read_text(encoding="utf-8"))
PACK = read_pack(CORPUS)
"""the bundled pack as it once was: the mistakes say where in its text they go"""
SLIM = "".join(
    line
    for line in PACK["taxonomy.yaml"].splitlines(keepends=True)
    if "examples:" not in line and not line.startswith("      - ")
)
"""the taxonomy without its examples: most of the time goes into reading them"""


def seeded(mistake: dict) -> tuple[dict[str, str], str, int]:
    """The pack with the mistake in it, the file, and the line that should be named."""
    file = mistake.get("file", "policy.yaml")
    assert PACK[file].count(mistake["old"]) == 1, "a mistake must say where it goes"
    text = PACK[file].replace(mistake["old"], mistake["new"])
    lines = [
        number for number, line in enumerate(text.splitlines(), 1) if line.strip().startswith(mistake["line"])
    ]
    where = mistake["new"] and text.count("\n", 0, text.index(mistake["new"])) + 1
    line = lines[-1] if mistake.get("last") else min(lines, key=lambda one: (one < (where or 0), one))
    return {"taxonomy.yaml": SLIM, "policy.yaml": PACK["policy.yaml"], file: text}, file, line


def caught(mistake: dict) -> bool:
    pack, file, line = seeded(mistake)
    return any(
        (one.file, one.line) == (file, line) and mistake["says"] in f"{one.what}; {one.fix}"
        for one in lint(pack)
    )


def test_the_bundled_pack_has_no_findings() -> None:
    assert lint(read_pack(BUNDLED_POLICY)) == ()
    assert lint(PACK) == ()


@pytest.mark.parametrize(
    "mistake", [one for one in MISTAKES if "missed" not in one], ids=lambda one: one["name"]
)
def test_a_mistake_is_found_at_its_line(mistake: dict) -> None:
    assert caught(mistake), lint(seeded(mistake)[0])


@pytest.mark.parametrize("mistake", [one for one in MISTAKES if "missed" in one], ids=lambda one: one["name"])
def test_what_is_said_to_be_missed_is(mistake: dict) -> None:
    assert lint(seeded(mistake)[0]) == ()


def test_of_forty_mistakes_at_least_38_are_found() -> None:
    found = sum("missed" not in one for one in MISTAKES)
    assert len(MISTAKES) >= 40
    assert found / len(MISTAKES) >= 38 / 40


def test_a_queue_counts_as_used_wherever_it_is_named() -> None:
    """Lint knows no list of the places: what a queue or a step may name comes and goes with the language."""
    spare = "  spare: {name: {en: Spare}, sla: 1h}\n  safety:\n"
    pack = {"taxonomy.yaml": SLIM, "policy.yaml": PACK["policy.yaml"].replace("  safety:\n", spare, 1)}
    assert [one.what for one in lint(pack)] == ["no rule sends anything to the queue 'spare'"]
    default = pack["policy.yaml"].replace(
        "  queue: general\n  priority: 30", "  queue: spare\n  priority: 30"
    )
    assert lint({**pack, "policy.yaml": default}) == ()
