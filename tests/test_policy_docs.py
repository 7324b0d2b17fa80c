"""docs/policy.md: its examples load, and its table has every key that a policy may have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from frontdesk.schemas.types import Millis
from frontdesk.streams import policy_file, policy_hours, policy_replies, policy_then
from frontdesk.streams.policy import Policy, load_pack
from tests.streams.test_policy import labels

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
TAXONOMY = (ROOT / "deploy" / "policies" / "retail" / "taxonomy.yaml").read_text(encoding="utf-8")
BASE = "queues: {general: {}}\ndefaults: {queue: general}\n"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def load(example: str) -> Policy:
    whole = "\ndefaults:" in example
    files = {"policy.yaml": example} if whole else {"policy.yaml": BASE, "policy.d/example.yaml": example}
    return load_pack({"taxonomy.yaml": TAXONOMY, **files})[1]


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_loads_and_decides(number: int) -> None:
    policy = load(EXAMPLES[number])
    assert policy.rules
    assert policy.decide(labels("other"), {}).queue in policy.queues


def test_the_first_example_does_what_the_page_says() -> None:
    policy = load(EXAMPLES[0])
    assert len(EXAMPLES) == 6
    saturday_night = Millis(1_795_906_800_000)  # 2026-11-28 23:00 UTC
    assert policy.decide(labels("billing"), {}, at=saturday_night).queue == "night"
    gold = policy.decide(labels("billing"), {"tier": "gold", "open_orders": 2}, at=saturday_night)
    assert [step.priority for step in gold.steps] == [70, 90]
    assert not policy.decide(labels("billing"), {}).automatic


@pytest.mark.parametrize(
    "keys",
    [
        policy_file._KEYS,  # the lists by which files are checked
        policy_file._QUEUE_KEYS,
        policy_file._DEFAULT_KEYS,
        policy_file._CUSTOMER_KEYS,
        policy_file._RULE_KEYS,
        policy_then._THEN_KEYS,
        policy_then._ALERT_KEYS,
        policy_then._STEP_KEYS,
        policy_hours._KEYS,
        policy_replies._AUTOMATIC_KEYS,
    ],
)
def test_the_table_has_every_key(keys: tuple[str, ...]) -> None:
    table = TEXT[TEXT.index("## All keys") : TEXT.index("## `match`")]
    assert [key for key in keys if f"`{key}`" not in table] == []
