"""Files of texts to label: what is read, with which line, id and labels, and what a bad line is told."""

from __future__ import annotations

import json

import pytest

from frontdesk.agents.errors import StartupError
from frontdesk.agents.sources.entry import Fault
from frontdesk.agents.sources.texts import Columns, Passed, Text, read_texts


@pytest.fixture
def read(tmp_path):
    def _read(name: str, content: str | bytes, columns: Columns | None = None) -> list[Text | Passed | Fault]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return list(read_texts(path, columns or Columns()))

    return _read


def test_json_lines_keep_ids_lines_and_labels(read):
    lines = [
        {"id": 7, "text": "hello", "intent": "other", "language": "en"},
        {
            "message_id": "m1",
            "conversation_id": "c",
            "customer_id": "u",
            "role": "customer",
            "text": "你好",
            "locale": "zh-CN",
        },
        {"topic": "customer.messages", "value": {"message_id": "m2", "tenant_id": "t", "text": None}},
    ]
    found = read("in.jsonl", "\n".join([json.dumps(lines[0]), "", *map(json.dumps, lines[1:])]))
    assert found == [
        Text(line=1, id=7, text="hello", given={"intent": "other", "language": "en"}),
        Text(line=3, id="m1", text="你好", locale="zh-CN"),
        Text(line=4, id="m2", text="", tenant_id="t"),
    ]


def test_what_no_customer_wrote_is_passed_over(read):
    bot, profile = (
        {"message_id": "m", "role": "bot", "text": "hi"},
        {"topic": "customer.profiles", "value": {"customer_id": "u"}},
    )
    assert read("in.jsonl", f"{json.dumps(bot)}\n{json.dumps(profile)}\n") == [
        Passed(line=1, id="m", because="not by a customer"),
        Passed(line=2, because="another topic"),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"text": "a"', "not JSON at column"),
        (b'{"words": "my card 4111"}', "--text-column"),
        (b'{"text": 4111}', "no string"),
        (b'{"text": "a", "intent": 3}', "'intent' is no string"),
        (b'{"text": "\xff"}', "UTF-8"),
        (b'["4111"]', "not an object"),
        (b"[" * 100_000, "cannot be read"),
    ],
)
def test_a_bad_line_is_told_its_place_and_fix_without_its_words(read, tmp_path, line, says):
    first, fault, last = read("in.jsonl", b'{"text": "a"}\n' + line + b'\n{"text": "b"}\n')
    assert isinstance(fault, Fault)
    assert str(fault).startswith(f"{tmp_path / 'in.jsonl'}:2: ")
    assert says in str(fault)
    assert "4111" not in str(fault)
    assert (first.text, last.text) == ("a", "b")


@pytest.mark.parametrize(
    ("name", "comma"), [("in.csv", ","), ("in.tsv", "\t"), ("in", "\t"), ("in.txt", ",")]
)
def test_tables_have_a_header_and_rows_that_may_span_lines(read, name, comma):
    rows = [
        ("id", "words", "category"),
        ("a", '"two\nlines"', "billing"),
        ("b", "x", ""),
        ("c", "too", "many", "cells"),
    ]
    content = "".join(comma.join(row) + "\n" for row in rows)
    first, second, fault = read(name, content, Columns(text="words", intent="category"))
    assert first == Text(line=2, id="a", text="two\nlines", given={"intent": "billing"})
    assert second == Text(line=4, id="b", text="x")
    assert isinstance(fault, Fault)
    assert (fault.line, fault.problem) == (5, "4 cells under 3 headings")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("in.csv", "id,words\n1,a\n", "in.csv:1: not one column 'text' in the header row (id, words)"),
        ("in.csv", "text,text\n1,a\n", "--text-column"),
        ("in.csv", "id;text\n1;a\n", "not semicolons"),
        ("in.csv", "", "the file is empty"),
        ("in.json", '[{"text": "a"}]', "one object a line"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_fix(read, name, content, says):
    with pytest.raises(StartupError) as refused:
        read(name, content)
    assert says in str(refused.value)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(StartupError, match="No such file"):
        list(read_texts(tmp_path / "none.csv", Columns()))


def test_an_id_that_no_file_takes_is_made_one_that_it_does(read):
    (text,) = read("in.jsonl", '{"id": "a\\ud800", "text": "x"}')
    assert text.id == "a?"
