"""Small policies at random, and messages for them, over names whose conditions can exclude or imply one another."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from frontdesk.schemas.outputs import Label, Labels
from frontdesk.streams.policy import Policy, load_pack
from tests.support.core import TAXONOMY

HEAD = """
queues: {managers: {}, billing: {}, general: {}}
defaults: {queue: general}
customers: {tiers: [gold, silver]}
"""
INTENTS = ("complaint", "billing", "product_enquiry", "other")
EMOTIONS = ("satisfied", "neutral", "anxious", "dissatisfied", "angry")

_TESTS = st.sampled_from(
    (
        "intent == 'complaint'", "intent != 'billing'", "intent in ['billing', 'other']", "'other' == intent",
        "emotion == 'angry'", "emotion in ['angry', 'dissatisfied']", "mood < 0.0", "mood >= 0.0", "-0.5 > mood", "mood != 0.5",
        "turn > 1", "turn <= 3", "turn == 2", "escalated", "escalated == false", "assigned != true",
        "tier == 'gold'", "tier != ''", "queue_before == 'billing'", "queue_before != ''",
        "10 / failures > 3", "failures >= 1", "size(tier) > 2", "intent == intent_before", "true", "tags == 'press'",
    )
)  # fmt: skip
CONDITIONS = st.recursive(
    _TESTS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " && ".join(parts) + ")"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " || ".join(parts) + ")"),
        inner.map(lambda part: f"!({part})"),
    ),
    max_leaves=5,
)
_MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "intent": st.lists(st.sampled_from(INTENTS), min_size=1, max_size=4),
        "emotion": st.lists(st.sampled_from(EMOTIONS), min_size=1, max_size=3),
        "mood": st.sampled_from(({"min": 0.0}, {"max": 0.0}, {"min": -0.5, "max": 0.5}, {"min": 0.5, "max": -0.5})),
        "turn": st.sampled_from((1, [1, 2], {"min": 2}, {"max": 1}, {"max": 0})),
        "escalated": st.booleans(),
        "tier": st.sampled_from(("gold", ["gold", "silver"])),
        "tags": st.sampled_from(("press", ["press", "staff"])),
        "queue_before": st.sampled_from(("billing", ["billing", "managers"])),
    },
)  # fmt: skip
_THENS = st.sampled_from(
    ({"queue": "managers"}, {"queue": {"from": "queue_before"}}, {"action": "keep"}, {"tags": ["seen"]})
)
RULES = st.lists(
    st.fixed_dictionaries({"then": _THENS}, optional={"match": _MATCHES, "when": CONDITIONS}),
    min_size=1,
    max_size=6,
)
_FACTS = st.fixed_dictionaries(
    {
        "mood": st.one_of(st.sampled_from((-1.0, -0.5, 0.0, 0.5, 1.0, math.nan)), st.floats(-1, 1)),
        "turn": st.integers(1, 5),
        "failures": st.integers(0, 4),
        "escalated": st.booleans(),
        "assigned": st.booleans(),
        "tier": st.sampled_from(("", "gold", "silver")),
        "tags": st.sampled_from(("", "press", "press staff", "staff", "other")),
        "queue_before": st.sampled_from(("", "billing", "managers", "gone")),
        "intent_before": st.sampled_from(("", *INTENTS)),
    }
)
_LABELS = st.builds(
    lambda intent, emotion: Labels(
        intent=Label(value=intent, confidence=1.0, source="local"),
        emotion=Label(value=emotion, confidence=1.0, source="local"),
        urgency=Label(value="normal", confidence=1.0, source="local"),
        language=Label(value="en", confidence=1.0, source="local"),
    ),
    st.sampled_from((*INTENTS, "unknown")),
    st.sampled_from((*EMOTIONS, "unknown")),
)
MESSAGES = st.tuples(_LABELS, _FACTS)


def load(rules: Sequence[dict[str, Any]]) -> Policy:
    """A policy of these rules, named r0, r1 and so on."""
    return load_pack(pack(rules))[1]


def pack(rules: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Its files."""
    named = [{"id": f"r{number}", **rule} for number, rule in enumerate(rules)]
    text = HEAD + "rules:\n" + "".join(f"  - {json.dumps(rule)}\n" for rule in named)
    return {"taxonomy.yaml": TAXONOMY, "policy.yaml": text}
