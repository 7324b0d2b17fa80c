"""Each alert has a page for whoever is called, and what the pages name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from deploy.observability.files import alerts
from frontdesk.agents.cli import build
from frontdesk.agents.settings import Settings
from tests.observability.runbooks import PAGES, queries
from tests.observability.test_rules import EXPOSED, RECORDED
from tests.observability.tools import ROOT, names

CLI = typer.main.get_command(build())
SECTIONS = ["What it means", "Impact", "Look at", "Do", "It ends"]
PROSE = [*PAGES, ROOT / "docs/slo.md"]
_COMMAND = re.compile(r"\bfrontdesk ((?:[a-z-]+ ?)+)")


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    assert [page.stem for page in PAGES] == sorted(alert.name for alert in alerts())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_it_is_what_to_do_and_when_it_ends(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.stem}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert all(part.strip() for part in re.split(r"^#.*$", text, flags=re.MULTILINE)[1:] if part.strip("\n"))
    assert queries(page), "what to look at needs a query"


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.stem)
def test_a_page_names_only_what_there_is(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for query in queries(page):
        assert names(query) <= EXPOSED | RECORDED, query
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (page.parent / link).exists(), link
    known = {f"FRONTDESK_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bFRONTDESK_[A-Z_]+\b", text)) <= known
    for code in re.findall(r"`([^`\n]+)`|^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for words in _COMMAND.findall("\n".join(code)):
            assert _is_command(words.split()), f"frontdesk {words}"


def _is_command(words: list[str]) -> bool:
    """Whether the words begin with a command that can be run."""
    here = CLI
    for word in words:
        if not isinstance(here, TyperGroup):
            return True
        if word not in here.commands:
            return False
        here = here.commands[word]
    return not isinstance(here, TyperGroup) or here.invoke_without_command


def test_a_command_that_is_none_would_be_seen() -> None:
    assert _is_command(["dlq", "list"])
    assert not _is_command(["dlq", "lists"])
    assert not _is_command(["dlq"])


def test_the_page_of_objectives_lists_every_alert() -> None:
    text = (ROOT / "docs/slo.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\(runbooks/\1\.md\) \| (\w+) \| (.*) \|$", text, re.MULTILINE)
    assert rows == [(alert.name, alert.severity, alert.summary) for alert in alerts()]
