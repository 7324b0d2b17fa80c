"""Examples: written and read back the same, and files that are none refused."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.examples import Example, hashed, read_examples, write_examples

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_OF = {
    "at": st.integers(0, 2**50),
    "copies": st.integers(1, 1000),
    "weight": st.floats(0, 10),
    "local_confidence": st.floats(0, 1),
    "by": st.lists(TEXT, max_size=3).map(tuple),
}
EXAMPLES = st.builds(Example, **{one.name: _OF.get(one.name, TEXT) for one in fields(Example)})


@given(rows=st.lists(EXAMPLES, max_size=5))
def test_what_is_written_is_read_back_the_same(
    rows: list[Example], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("examples") / "deep" / "examples.parquet"
    write_examples(path, rows)
    assert read_examples(path) == rows
    assert [one.name for one in path.parent.iterdir()] == [path.name], "nothing else is left"


def test_columns_that_came_later_are_empty_in_older_files(tmp_path: Path) -> None:
    path = tmp_path / "old.parquet"
    plain = {"decision_id": ["d"], "message_id": ["m"], "text": ["hi"], "intent": ["other"], "unknown": [7]}
    parquet.write_table(pa.table(plain), path)
    assert read_examples(path) == [Example(decision_id="d", message_id="m", text="hi", intent="other")]


@pytest.mark.parametrize("content", [b"", b"{}", b"PAR1 and then nothing"])
def test_what_is_no_parquet_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "examples.parquet"
    path.write_bytes(content)
    with pytest.raises(StartupError, match=r"examples\.parquet: cannot be read"):
        read_examples(path)


def test_another_table_is_refused_by_the_column_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    parquet.write_table(pa.table({"decision_id": ["d"], "message_id": ["m"], "text": ["hi"]}), path)
    with pytest.raises(StartupError, match="no column intent"):
        read_examples(path)
    with pytest.raises(StartupError, match=r"none\.parquet: No such file"):
        read_examples(tmp_path / "none.parquet")


def test_a_pseudonym_keeps_tenants_apart() -> None:
    assert hashed("default", "u-1") == hashed("default", "u-1")
    assert len({hashed("default", "u-1"), hashed("acme", "u-1"), hashed("default", "u-2")}) == 3
    assert len(hashed("acme", "u/1")) == 16
