"""Settings refuse what they cannot mean, naming the variable or the place in the file, and what would do."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontdesk.agents.errors import StartupError
from frontdesk.agents.settings import load, unknown_variables


@pytest.fixture
def said(tmp_path: Path):
    def refusal(text: str) -> str:
        path = tmp_path / "frontdesk.yaml"
        path.write_text(text)
        with pytest.raises(StartupError) as caught:
            load(config=path)
        assert "\n" not in str(caught.value)
        return str(caught.value).replace(str(path), "FILE")

    return refusal


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "frontdesk.yaml"
    path.write_text("partitions: 8\nreplication: 3\n")
    monkeypatch.setenv("FRONTDESK_PARTITIONS", "6")
    monkeypatch.setenv("FRONTDESK_CONFIG", str(path))
    settings = load()
    assert (settings.partitions, settings.replication) == (6, 3)


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "frontdesk.yaml"
    path.write_text("# nothing yet\n")
    assert load(config=path).partitions == load().partitions


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"FRONTDESK_CONFIG: cannot read .*none\.yaml: No such file"):
        load(config=tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("broker: [a\n", "FRONTDESK_CONFIG: FILE:2:1: not YAML; mend the syntax at or before it"),
        ("hello\n", "FRONTDESK_CONFIG: FILE: give one setting a line, such as broker: kafka:9092"),
        (
            "brokr: kafka:9092\n",
            "wrong settings: brokr in FRONTDESK_CONFIG: there is no such setting; did you mean broker?",
        ),
        ("broker: kafka\n", "wrong settings: FRONTDESK_BROKER: 'kafka' is not host:port"),
        (
            "session_timeout: 6\nheartbeat_interval: 5\n",
            (
                "wrong settings: FRONTDESK_HEARTBEAT_INTERVAL: 5 is too long: give at most half of "
                "FRONTDESK_SESSION_TIMEOUT, which is 6"
            ),
        ),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(said, text: str, refusal: str) -> None:
    assert said(text) == refusal


def test_a_misspelt_variable_is_named_and_others_are_left_alone() -> None:
    given = ["FRONTDESK_BROKRE", "FRONTDESK_SERVICE_HOST", "FRONTDESK_BROKER", "FRONTDESK_DATA", "PATH"]
    misspelt, foreign = unknown_variables(given)
    assert misspelt == "FRONTDESK_BROKRE (did you mean FRONTDESK_BROKER?)"
    assert foreign.startswith("FRONTDESK_SERVICE_HOST")


@pytest.mark.parametrize("name", ["state_dir", "catalog"])
def test_an_empty_path_is_none_and_not_the_folder_we_happen_to_be_in(monkeypatch, name):
    monkeypatch.setenv(f"FRONTDESK_{name.upper()}", "")
    assert getattr(load(), name) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LLM_BUDGET", "inf"),
        ("LLM_TENANT_BUDGET", "inf"),
        ("LLM_TENANT_BUDGETS", '{"acme": -1}'),
        ("LLM_TENANT_BUDGETS", '{"acme": NaN}'),
    ],
)
def test_a_budget_that_is_no_amount_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"FRONTDESK_{name}", value)
    with pytest.raises(StartupError, match=f"FRONTDESK_{name}"):
        load()


def test_replies_are_worded_only_where_there_is_an_llm() -> None:
    with pytest.raises(
        StartupError, match=r"FRONTDESK_LLM_REPLIES: there is no LLM .* FRONTDESK_LLM_BASE_URL"
    ):
        load(llm_replies=True)
    assert load(llm_replies=True, llm_base_url="http://127.0.0.1:1/v1").llm_replies
