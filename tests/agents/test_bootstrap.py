"""What is read of a policy folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from frontdesk.agents import service
from frontdesk.agents.bootstrap import read_pack, read_policy
from frontdesk.agents.errors import StartupError
from frontdesk.agents.settings import load
from tests.support.core import POLICY, TAXONOMY
from tests.support.embedded import free_port


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "taxonomy.yaml").write_text(TAXONOMY, encoding="utf-8")
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "policy.d").mkdir()
    return tmp_path


def test_files_beside_the_policy_belong_to_it(folder: Path) -> None:
    rule = "rules: [{{id: {0}, then: {{tags: [{0}]}}}}]"
    for name in ("20-b.yaml", "10-a.yml", "notes.txt"):
        (folder / "policy.d" / name).write_text(rule.format(name[3:4]), encoding="utf-8")
    assert [*read_pack(folder)] == ["taxonomy.yaml", "policy.yaml", "policy.d/10-a.yml", "policy.d/20-b.yaml"]
    _, policy = read_policy(folder)
    assert [rule.source for rule in policy.rules][-2:] == ["policy.d/10-a.yml:1", "policy.d/20-b.yaml:1"]


def test_a_problem_names_the_folder_and_the_file_in_it(folder: Path) -> None:
    (folder / "policy.d" / "a.yaml").write_text("rules: 5", encoding="utf-8")
    with pytest.raises(StartupError) as caught:
        read_policy(folder)
    assert f"invalid policy in {folder}:\npolicy.d/a.yaml:1:8: rules is not a list" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"\xff", "cannot read"), (b"a: 1\n" * 500_000, "more than 500,000 characters")],
)
def test_what_is_no_text_or_far_too_large_is_refused(folder: Path, content: bytes, problem: str) -> None:
    (folder / "policy.d" / "a.yaml").write_bytes(content)
    with pytest.raises(StartupError, match=problem):
        read_policy(folder)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"policy": Path("/nowhere")}, r"FRONTDESK_POLICY: cannot read .*taxonomy\.yaml"),
        ({"model": Path("/nowhere")}, "FRONTDESK_MODEL: .*nowhere"),
        ({"catalog": Path("/nowhere")}, "FRONTDESK_CATALOG: .*nowhere"),
        (
            {"llm_base_url": "http://127.0.0.1:9/v1", "llm_model": "mine", "llm_budget": 1},
            "FRONTDESK_LLM_BUDGET",
        ),
    ],
    ids=["policy", "model", "catalogue", "price"],
)
def test_a_worker_names_what_is_wrong_with_its_own_though_no_broker_answers(
    setting: dict[str, Any], said: str
) -> None:
    settings = load(broker=f"127.0.0.1:{free_port()}", **setting)
    with pytest.raises(StartupError, match=said):
        asyncio.run(service.run(settings))
