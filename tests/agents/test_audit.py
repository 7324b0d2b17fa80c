"""The audit trail: a line that is not wholly on disk was not written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from frontdesk.agents import audit
from frontdesk.agents.errors import StartupError
from frontdesk.agents.settings import load
from tests.support.full_disk import full_disk


def test_a_disk_that_takes_half_a_line_is_full(tmp_path: Path) -> None:
    """The system then says how much it took, and raises nothing."""
    trail = tmp_path / "audit.jsonl"
    settings = load(audit_file=trail)
    audit.record(settings, "dead_letters_read", count=1)
    with (
        full_disk(trail.stat().st_size + 20),
        pytest.raises(StartupError, match="FRONTDESK_AUDIT_FILE: cannot write"),
    ):
        audit.record(settings, "dead_letters_read", count=2)
    audit.record(settings, "dead_letters_read", count=3)
    assert [json.loads(line)["count"] for line in trail.read_text().splitlines()] == [1, 3]


def test_bytes_of_a_command_line_that_are_no_text_are_written_down_too(tmp_path: Path) -> None:
    trail = tmp_path / "audit.jsonl"
    audit.record(load(audit_file=trail), "dead_letters_read", reason="\udcff", topic="客服")
    entry = json.loads(trail.read_text())
    assert (entry["reason"], entry["topic"]) == ("\udcff", "客服")
