"""docs/packs.md, followed to the letter: its blocks put into the skeleton give the output that it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from frontdesk.agents.bootstrap import read_policy
from frontdesk.agents.cases import Runner, cases_of
from frontdesk.agents.settings import BUNDLED_POLICY, Settings
from frontdesk.streams.policy_lint import lint

DOCS = Path(__file__).parents[2] / "docs" / "packs.md"
SKELETON = BUNDLED_POLICY.parent / "skeleton"


def skeleton() -> dict[str, str]:
    return {
        name: (SKELETON / name).read_text(encoding="utf-8")
        for name in ("taxonomy.yaml", "policy.yaml", "cases.yaml")
    }


def before(text: str, line: str, block: str) -> str:
    assert text.count(line) == 1
    return text.replace(line, f"{block}\n{line}")


@pytest.mark.slow
def test_the_hotel(tmp_path: Path, loaded_once: None) -> None:
    page = DOCS.read_text(encoding="utf-8")
    intent, queue, rule, cases = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    shown = page.replace("\n", " ")
    files = skeleton()

    files["taxonomy.yaml"] = before(files["taxonomy.yaml"], "  - id: complaint\n", intent)
    [unused] = lint(files)
    assert f"{unused.file}:{unused.line}:{unused.column}: {unused.severity}: {unused.what}" in shown

    files["policy.yaml"] = before(files["policy.yaml"], "  managers:\n", queue.rstrip("\n"))
    whole = files["policy.yaml"]
    files["policy.yaml"] = before(whole, "  # --- Additions: they", rule.replace("front_desk", "front_dest"))
    [typo] = lint(files)
    assert f"{typo.file}:{typo.line}:{typo.column}: {typo.severity}: {typo.what}" in shown
    files["policy.yaml"] = before(whole, "  # --- Additions: they", rule)
    assert lint(files) == ()

    files["cases.yaml"] += f"\n{cases}"
    assert failing(files, tmp_path) == ["加床 extra bed (zh)"]

    said = re.search(r"Say it otherwise: `(.*?)` and\s`(.*?)` as examples, `(.*?)` and `(.*?)` in", page)
    assert said is not None
    one, two, chinese, english = said.groups()
    text = before(files["taxonomy.yaml"], "      - Wi-Fi连不上\n", f"      - {one}\n      - {two}")
    files["taxonomy.yaml"] = text.replace("毛巾、噪音", f"毛巾、{chinese}、噪音").replace(
        "towels, noise", f"towels, {english}, noise"
    )
    assert failing(files, tmp_path) == []


def failing(files: dict[str, str], folder: Path) -> list[str]:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    _, policy = read_policy(folder)
    runner = Runner(settings=Settings(policy=folder), policy=policy)
    return [one.case.name for one in runner.run(cases_of(folder, policy)) if one.misses]
