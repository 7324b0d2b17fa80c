"""`frontdesk policy lint`: what it prints, and its exit codes."""

from __future__ import annotations

import shutil

import pytest

from frontdesk.agents.settings import BUNDLED_POLICY
from tests.support.cli import frontdesk, json_lines


@pytest.fixture
def folder(tmp_path):
    """The bundled pack with one text changed."""

    def changed(old: str, new: str) -> str:
        at = tmp_path / "pack"
        shutil.copytree(BUNDLED_POLICY, at)
        file = at / "policy.yaml"
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1
        file.write_text(text.replace(old, new), encoding="utf-8")
        return str(at)

    return changed


def test_the_bundled_pack_is_clean():
    done = frontdesk("policy", "lint", "--strict")
    assert done.stdout == ""
    assert "0 errors, 0 warnings" in done.stderr


def test_a_mistake_is_shown_where_it_stands_with_a_suggestion(folder):
    done = frontdesk("policy", "lint", folder("cue_legal: true}", "cue_leagl: true}"), code=1)
    place, line, fix = done.stdout.splitlines()
    assert place == "policy.yaml:93:13: error: no fact or label is called 'cue_leagl'"
    assert line == "    |     match: {cue_leagl: true}"
    assert fix == "    fix: did you mean 'cue_legal'?"


def test_machines_get_one_object(folder):
    (document,) = json_lines(
        frontdesk("policy", "lint", folder("cue_legal: true}", "cue_leagl: true}"), "--json", code=1)
    )
    assert (document["errors"], document["warnings"]) == (1, 0)
    (finding,) = document["findings"]
    assert (finding["line"], finding["column"], finding["severity"]) == (93, 13, "error")


def test_a_folder_without_a_policy_is_refused(tmp_path):
    done = frontdesk("policy", "lint", str(tmp_path), code=2)
    assert "taxonomy.yaml" in done.stderr
