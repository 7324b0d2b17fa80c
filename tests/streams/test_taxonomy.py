"""Taxonomies: what is read, and what is refused."""

from __future__ import annotations

import pytest

from frontdesk.streams.taxonomy import PolicyError, load_taxonomy

GOOD = """\
fallback_intent: other
languages: [zh, en]
intents:
  - id: buy
    name: {en: Buy, zh: 购买}
    description: {en: wants to buy}
    examples: [How much?, 多少钱]
  - {id: other, name: {en: Other}, description: {en: the rest}}
"""


def test_a_taxonomy_is_read_with_defaults_for_what_it_leaves_out() -> None:
    found = load_taxonomy(GOOD, "taxonomy.yaml")
    assert found.intent_ids() == ("buy", "other")
    assert found.intents[0].name == {"en": "Buy", "zh": "购买"}
    assert found.intents[0].examples == ("How much?", "多少钱")
    assert found.intents[1].examples == ()
    assert found.languages == ("zh", "en")
    assert found.fallback_intent == "other"
    assert "dissatisfied" in found.emotions
    assert found.urgencies == ("low", "normal", "high", "critical")


def test_the_hash_is_of_the_content_not_of_the_layout() -> None:
    one = load_taxonomy(GOOD, "a.yaml")
    assert one.hash == load_taxonomy("# note\n" + GOOD.replace("[zh, en]", "[ zh,  en ]"), "b.yaml").hash
    assert one.hash != load_taxonomy(GOOD.replace("多少钱", "几块"), "a.yaml").hash
    assert len(one.hash) == 16


@pytest.mark.parametrize(
    ("change", "to", "problem"),
    [
        ("id: buy", "id: other", "taxonomy.yaml:8:10: intent 'other' is given twice"),
        (
            "fallback_intent: other",
            "fallback_intent: misc",
            "taxonomy.yaml:1:18: fallback intent 'misc' is not among the intents",
        ),
        (
            "examples:",
            "exampels:",
            "taxonomy.yaml:7:5: an intent has no key 'exampels'; did you mean 'examples'?",
        ),
        ("{en: Buy, zh: 购买}", "Buy", "taxonomy.yaml:5:11: name is not given by language"),
        ("[How much?, 多少钱]", "[3, x]", "taxonomy.yaml:7:16: an item of examples is not a text"),
        ("languages:", "emotions: [happy]\nlanguages:", "taxonomy.yaml:2:11: emotions lack"),
        ("intents:", "urgencies: [low, high]\nintents:", "urgencies lack normal, critical"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(change: str, to: str, problem: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_taxonomy(GOOD.replace(change, to, 1), "taxonomy.yaml")
    assert any(problem in found for found in caught.value.problems), caught.value.problems
