"""The runbooks, and the queries in them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.observability.tools import ROOT

PAGES = sorted((ROOT / "docs/runbooks").glob("*.md"))


def queries(page: Path) -> list[str]:
    """Each line of each block of PromQL."""
    blocks = re.findall(r"^```promql\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]
