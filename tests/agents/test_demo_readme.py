"""README and tutorial say what is true: settings, commands, files."""

import json
import re
from pathlib import Path

import pytest
import typer.main
from pydantic import SecretStr

from frontdesk.agents.cli import build
from frontdesk.agents.settings import Settings
from tests.support.cli import frontdesk

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


def shell_lines(text: str) -> list[str]:
    return [
        line for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL) for line in block.splitlines()
    ]


def test_the_table_of_settings_is_complete_and_its_defaults_are_the_defaults():
    table = dict(re.findall(r"^\| `FRONTDESK_(\w+)` \| (.*?) \|", README, flags=re.MULTILINE))
    assert table.keys() == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        if name == "policy":
            continue
        said = table[name.upper()].strip("`")
        default = field.get_default(call_default_factory=True)
        assert not isinstance(default, SecretStr)
        shown = json.dumps(default) if isinstance(default, tuple) else str(default)
        assert said == ("none" if default in (None, {}) else shown), name


@pytest.mark.parametrize(
    "line", sorted({line for line in [*shell_lines(README), *shell_lines(TUTORIAL)] if "frontdesk " in line})
)
def test_commands_and_their_options_exist(line):
    words = line.partition("#")[0].partition("frontdesk ")[2].split()
    command = typer.main.get_command(build())
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not getattr(command, "commands", {}), f"{line}: no such command"
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options


def test_every_command_is_in_the_readme():
    def names(command, path):
        children = getattr(command, "commands", {})
        if not children:
            yield " ".join(path)
        for name, child in children.items():
            yield from names(child, [*path, name])

    for name in names(typer.main.get_command(build()), ["frontdesk"]):
        assert name in README


@pytest.mark.parametrize("text", [README, TUTORIAL], ids=["README.md", "tutorial.md"])
def test_make_targets_and_links_exist(text):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z]+)\b(?! as)", text):
        if f"`make {target}" in text or f"\nmake {target}" in text:
            assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
    folder = ROOT if text is README else ROOT / "docs"
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (folder / link).exists(), link


def test_the_decision_shown_is_the_decision_made():
    """Policy edits move lines and hashes: what the README shows moves with them."""
    section = README.partition("## What a decision looks like")[2]
    shown = json.loads(re.search(r"```json\n(.*?)```", section, flags=re.DOTALL).group(1))
    made = json.loads(frontdesk("explain", "我的快递三天没到，太让人失望了", "--json").stdout)["decision"]
    assert shown.pop("sla_due_at") < made["sla_due_at"]
    for name in ("reasons", "facts"):
        assert all(one in made[name] for one in shown.pop(name)), name
    assert shown == {name: made[name] for name in shown}
