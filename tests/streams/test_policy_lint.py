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
@pytest.mark.slow
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


BASE = """
queues:
  front: {skills: [en], sla: 1h}
  back: {skills: [orders], sla: 1h}
defaults: {queue: front, priority: 30}
"""
BOTH = """
rules:
  - {id: back, match: {intent: complaint}, then: {queue: back}}
"""


def said(policy: str) -> list[tuple[int, int, str, str]]:
    """Line, column, what and fix of each finding that is not about intents; lines count from the policy's first."""
    return [
        (one.line, one.column, one.what, one.fix)
        for one in lint({"taxonomy.yaml": SLIM, "policy.yaml": policy.lstrip("\n")})
        if one.file == "policy.yaml"
    ]


def steps_of(steps: str, **more: str) -> list[str]:
    rule = (
        f"  - {{id: back, match: {{intent: complaint}}, then: {{queue: back, priority: 50, steps: {steps}}}}}"
    )
    rules = [rule, *(f"  - {{id: {name}, then: {{{then}}}}}" for name, then in more.items())]
    return [what for *_, what, _ in said(BASE + "rules:\n" + "\n".join(rules) + "\n")]


@pytest.mark.parametrize(
    "steps",
    [
        "[{after: 1m, priority: 50}]",
        "[{after: 1m, queue: back}]",
        "[{after: 1m, priority: 90}, {after: 2m, priority: 80}]",
        "[{after: 1m, priority: 100}, {after: 2m, priority_add: 5}]",
        "[{after: 1m, skills: []}, {after: 2m, skills: []}]",
        "[{after: 1m, skills: [orders, zh]}, {after: 2m, skills: [zh, orders]}]",
        "[{after: 1m, queue: front}, {after: 2m, queue: front}]",
    ],
)
def test_a_step_that_changes_nothing_is_told(steps: str) -> None:
    last = "2m" if "2m" in steps else "1m"
    assert steps_of(steps) == [
        f"the step after {last} changes nothing: queue, skills and priority are so already"
    ]


@pytest.mark.parametrize(
    ("steps", "more"),
    [
        ("[{after: 1m, priority: 51}]", {}),
        ("[{after: 1m, priority: 50}]", {"down": "priority_add: -5"}),
        ("[{after: 1m, skills: [orders]}]", {}),
        ("[{after: 1m, drop_skills: [orders]}]", {}),
        ("[{after: 1m, drop_skills: [zh]}]", {"zh": "skills: [zh]"}),
        ("[{after: 1m, queue: front}, {after: 2m, drop_skills: [en]}]", {}),
        ("[{after: 1m, queue: front}, {after: 2m, queue: back}]", {}),
    ],
)
def test_a_step_that_may_change_something_is_not(steps: str, more: dict[str, str]) -> None:
    assert steps_of(steps, **more) == []


def test_where_a_queue_overflows_a_step_to_it_may_change_something() -> None:
    policy = BASE.replace(
        "back: {", "back: {hours: {time_zone: UTC, open: {mon: 09:00-10:00}}, overflow: front, "
    )
    steps = "rules:\n  - {id: back, match: {intent: complaint}, then: {queue: back, steps: [{after: 1m, queue: back}]}}\n"
    assert said(policy + steps) == []


def test_a_skill_that_is_dropped_and_nobody_asks_for_is_told_with_the_nearest() -> None:
    queue = BASE.replace(
        "skills: [orders], sla: 1h", "skills: [orders], sla: 1h, steps: [{after: 1m, drop_skills: [order]}]"
    )
    assert said(queue + BOTH) == [
        (3, 71, "nothing asks for the skill 'order' that the step after 1m drops", "did you mean 'orders'?")
    ]
    whole = BASE.replace("priority: 30}", "priority: 30, steps: [{after: 1m, drop_skills: [zh]}]}")
    assert [what for *_, what, _ in said(whole + BOTH)] == [
        "nothing asks for the skill 'zh' that the step after 1m drops"
    ]


def test_steps_of_what_somebody_keeps_are_told() -> None:
    rule = "rules:\n  - {id: mine, match: {assigned: true}, then: {action: keep, steps: [{after: 1m, priority: 90}]}}\n  - {id: b, match: {intent: complaint}, then: {queue: back}}\n"
    [(line, _, what, _)] = said(BASE + rule)
    assert (line, what) == (
        6,
        "rule 'mine' keeps the conversation with whoever has it, which no step changes",
    )


def test_hours_that_no_queue_keeps_are_told() -> None:
    hours = "hours:\n  office: {time_zone: UTC, open: {mon: 09:00-10:00}}\n  night: {time_zone: UTC, open: {mon: 20:00-24:00}}\n"
    policy = hours + BASE.replace("back: {", "back: {hours: office, ")
    [(line, column, what, fix)] = said(policy + BOTH)
    assert (line, column) == (3, 3)
    assert what == "no queue keeps the hours 'night': neither they nor their holidays count for anything"
    assert fix == "write `hours: night` in a queue, or remove them"


@pytest.mark.parametrize(
    ("when", "place", "what", "fix"),
    [
        ("turn = 2", (6, 77), "'=' is written '=='", "turn == 2"),
        ("turn > 2 and not assigned", (6, 81), "'and' is written '&&'", "turn > 2 && !assigned"),
        ("assigned or intent = 'a = b'", (6, 81), "'or' is written '||'", "assigned || intent == 'a = b'"),
        ("tier not in ['vip']", (6, 72), "'not in' is written '!(... in ...)'", "!(tier in ['vip'])"),
        ("assigned == True", (6, 84), "'True' is written 'true'", "assigned == true"),
    ],
)  # fmt: skip
def test_signs_of_other_languages_are_told_with_what_is_meant(
    when: str, place: tuple[int, int], what: str, fix: str
) -> None:
    rule = f'rules:\n  - {{id: back, match: {{intent: complaint}}, then: {{queue: back}}, when: "{when}"}}\n'
    assert said(BASE + rule) == [(*place, f"{what} in conditions", f"write {fix}")]


def test_a_slip_in_a_folded_condition_is_told_where_it_stands() -> None:
    rule = "rules:\n  - id: back\n    then: {queue: back}\n    when: >-\n      turn > 2\n      || (assigned and\n        escalated)\n"
    [(line, column, what, fix)] = said(BASE + rule)
    assert (line, column, what) == (10, 20, "'and' is written '&&' in conditions")
    assert fix == "write turn > 2 || (assigned && escalated)"


def test_what_would_not_compile_either_way_is_told_as_it_is() -> None:
    rule = "rules:\n  - {id: back, then: {queue: back}, when: 'turn = often and so'}\n"
    [(_, _, what, fix)] = said(BASE + rule)
    assert "is written" not in what
    assert fix
