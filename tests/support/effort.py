"""How hard tests look: CI tries all the examples of a property that it names, tests at a desk a third of them."""

from __future__ import annotations

import os

CI = os.environ.get("CI") == "true"


def examples(count: int) -> int:
    """For `max_examples` of properties that take seconds."""
    return count if CI else max(10, count // 3)
