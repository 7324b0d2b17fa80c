"""A file of labels that is gone on with."""

from __future__ import annotations

import json

import pytest

from frontdesk.agents.errors import StartupError
from frontdesk.agents.evaluation.output import LabelFile, source_of

MADE_FROM = {"input": "abc", "LLM": None}
LLM = {"error": None, "model": "m", "prompt_version": "p", "tokens_in": 10, "tokens_out": 2, "cost_usd": 0.5}


def line(number: int, **more: object) -> dict[str, object]:
    return {"line": number, "id": None, "settled_by": "embedding", "llm": None, **more}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.jsonl"


def begun(out, *numbers: int) -> None:
    file = LabelFile(out, MADE_FROM)
    for number in numbers:
        file.write(line(number, llm=LLM))
    file.close()


def test_it_goes_on_after_the_last_line_and_counts_what_was_before(out):
    begun(out, 1, 3)
    file = LabelFile(out, MADE_FROM)
    assert (file.done, file.account.labelled, file.account.cost_usd) == (3, 2, 1.0)
    file.write(line(4))
    file.finish()
    file.close()
    assert [json.loads(raw)["line"] for raw in out.read_text().splitlines()] == [1, 3, 4]
    assert [path.name for path in out.parent.iterdir()] == ["out.jsonl"], (
        "a finished file has nothing beside it"
    )


@pytest.mark.parametrize(
    "torn", [b'{"line": 4, "id"', b'{"line": 4, "id"\n', b"\0\0\0\0\n", b'{"line": 2}\n', b"{"]
)
def test_a_torn_last_line_is_dropped(out, torn):
    begun(out, 1, 3)
    whole = out.read_bytes()
    out.write_bytes(whole + torn)
    file = LabelFile(out, MADE_FROM)
    assert file.done == 3
    file.close()
    assert out.read_bytes() == whole


def test_damage_before_the_end_is_not_thrown_away_but_named(out):
    begun(out, 1, 3, 4)
    lines = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(lines[0] + b"garbage\n" + lines[2])
    before = out.read_bytes()
    with pytest.raises(StartupError, match=r"out\.jsonl:2: damaged"):
        LabelFile(out, MADE_FROM)
    assert out.read_bytes() == before


def test_another_input_or_model_does_not_go_on_with_it(out):
    begun(out, 1)
    with pytest.raises(StartupError, match="begun with another input, LLM"):
        LabelFile(out, {"input": "abd", "LLM": "m"})


def test_a_mark_without_a_file_is_begun_anew(out):
    out.with_name("out.jsonl.unfinished").write_text("")
    file = LabelFile(out, MADE_FROM)
    file.write(line(1))
    file.close()
    assert LabelFile(out, MADE_FROM).done == 1


def test_a_finished_file_or_any_other_is_never_written_to(out):
    out.write_text("mine")
    with pytest.raises(StartupError, match="name another --out"):
        LabelFile(out, MADE_FROM)
    assert out.read_text() == "mine"
    assert [path.name for path in out.parent.iterdir()] == ["out.jsonl"]


def test_two_do_not_write_one_file(out):
    first = LabelFile(out, MADE_FROM)
    with pytest.raises(StartupError, match="another process"):
        LabelFile(out, MADE_FROM)
    first.close()
    LabelFile(out, MADE_FROM).close()


def test_a_folder_that_is_missing_is_one_line(tmp_path):
    with pytest.raises(StartupError, match="No such file"):
        LabelFile(tmp_path / "none" / "out.jsonl", MADE_FROM)


@pytest.mark.parametrize(("content", "lines"), [(b"", 0), (b"a\n", 1), (b"a\nb", 2)])
def test_a_source_has_a_digest_and_lines(tmp_path, content, lines):
    path = tmp_path / "in"
    path.write_bytes(content)
    found = source_of(path)
    assert found.lines == lines
    path.write_bytes(content + b"x")
    assert source_of(path).sha256 != found.sha256
