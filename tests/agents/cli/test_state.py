"""`frontdesk state`: what it says where nothing can be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import frontdesk

NOWHERE = ("--broker", "127.0.0.1:1")


@pytest.mark.parametrize(
    "arguments",
    [("export", "new"), ("rekey", "--partitions", "4"), ("rekey", "--partitions", "4", "--dry-run")],
)
def test_without_kafka_it_says_so_in_one_line(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = frontdesk("state", *arguments, *NOWHERE, code=2).stderr
    assert said.count("\n") == 1
    assert "no Kafka answers at 127.0.0.1:1" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (None, "no export, or not a whole one"),
        ("[]", "is not what"),
        ("{", "is not what"),
        ('{"application": "a", "partitions": "two", "customers": 0, "records": 0}', "is not what"),
        ('{"application": "a", "partitions": 1, "customers": 0, "records": 0, "version": 9}', "of version 9"),
        ('{"application": "a", "partitions": 1, "customers": 0, "records": 0}', "shard-0000.jsonl.gz"),
    ],
)
def test_what_is_no_export_is_refused_before_kafka_is_asked(
    manifest: str | None, said: str, tmp_path: Path
) -> None:
    if manifest is not None:
        (tmp_path / "state.json").write_text(manifest)
    assert said in frontdesk("state", "import", str(tmp_path), *NOWHERE, code=2).stderr
