from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RULES = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+)::(test_\w+)`", RULES)))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_every_test_named_in_the_rules_exists(file: str, test: str) -> None:
    assert re.search(rf"^ *(async )?def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.M)


def test_every_rule_names_a_test() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\|(.*)\|$", RULES, re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 13))
    assert [number for number, shown in rows if "::test_" not in shown and "*Properties*" not in shown] == []
