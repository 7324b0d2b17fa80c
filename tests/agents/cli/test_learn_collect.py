"""`frontdesk learn collect` from files: JSON lines, Avro, Parquet, and lines that are nothing of the kind."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path

import fastavro
import pyarrow as pa
import pytest
from pyarrow import parquet

from frontdesk.agents.learning.rows import Erased, Given, Labelled, given, labelled
from frontdesk.agents.learning.store import rows
from frontdesk.schemas.outputs import LabelRecord
from frontdesk.schemas.types import Millis
from frontdesk.schemas.writers import wire_of
from tests.support.cli import frontdesk, json_lines
from tests.support.learning import labels, record, said

RECORDS = [
    record(0),
    record(1, "complaint", "llm", local=labels("billing"), llm_model="large", asked="unsure"),
    record(2, "billing", "cache", text="多付了钱\n怎么办"),
]
FEEDBACK = [said(RECORDS[0], "complaint"), said(RECORDS[1], None, urgency="high")]


def collected(folder: Path, *files: Path, code: int = 0) -> dict[str, object]:
    options = [word for file in files for word in ("--from-files", str(file))]
    (told,) = json_lines(frontdesk("learn", "collect", str(folder), *options, "--json", code=code))
    assert isinstance(told, dict)
    return told


def lines(path: Path, *values: object) -> Path:
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in values), encoding="utf-8")
    return path


@pytest.fixture(params=["jsonl", "envelopes", "avro", "parquet"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    plain = [asdict(one) for one in RECORDS]
    path = tmp_path / f"labels.{request.param}"
    if request.param == "jsonl":
        return lines(path, *plain)
    if request.param == "envelopes":
        return lines(path, *({"topic": "routing.labels", "value": one} for one in plain))
    if request.param == "avro":
        out = io.BytesIO()
        fastavro.writer(out, wire_of(LabelRecord).schema, plain)
        path.write_bytes(out.getvalue())
        return path
    nested = [
        one
        | {
            name: None if one[name] is None else json.dumps(one[name])
            for name in ("labels", "local", "candidate")
        }
        for one in plain
    ]
    parquet.write_table(pa.Table.from_pylist(nested), path)
    return path


@pytest.mark.slow
def test_a_file_is_taken_in_once(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "learning"
    assert collected(folder, file)["rows"]["routing.labels"] == 3  # type: ignore[index]
    assert collected(folder, file)["rows"]["routing.labels"] == 0  # type: ignore[index]
    assert list(rows(folder, Labelled)) == [labelled(one, number) for number, one in enumerate(RECORDS)]


def test_what_the_local_tiers_said_is_kept_beside_the_answer(tmp_path: Path) -> None:
    first, second, third = (labelled(one, 0) for one in RECORDS)
    assert (first.local_intent, first.llm_intent) == ("billing", "")
    assert (second.local_intent, second.llm_intent) == ("billing", "complaint")
    assert (third.local_intent, third.llm_intent) == ("", "billing"), "an old record does not tell"


def test_one_file_may_mix_kinds_and_an_erasure_takes_away(tmp_path: Path) -> None:
    erasure = {"topic": "customer.profiles", "key": "customer-1", "value": None}
    path = lines(tmp_path / "all.jsonl", *map(asdict, (*RECORDS, *FEEDBACK)), erasure)
    told = collected(tmp_path / "learning", path)
    assert told["rows"] == {
        "routing.labels": 3,
        "routing.feedback": 2,
        "customer.profiles": 1,
        "customer.transfers": 0,
    }
    assert [one.offset for one in rows(tmp_path / "learning", Labelled)] == [0, 2]
    assert list(rows(tmp_path / "learning", Given)) == [given(FEEDBACK[0], 3, Millis(0))]
    assert len(list(rows(tmp_path / "learning", Erased))) == 1


def test_bad_lines_are_named_and_the_others_taken_in(tmp_path: Path) -> None:
    path = lines(tmp_path / "bad.jsonl", asdict(RECORDS[0]))
    with path.open("ab") as out:
        out.write(b'\n{"text": 1}\n{broken\n\xff\xfe\n[1]\n{"labels": 3, "text": "x"}\n')
        out.write(json.dumps(asdict(RECORDS[1])).encode())
    folder = tmp_path / "learning"
    done = frontdesk("learn", "collect", str(folder), "--from-files", str(path), code=1)
    for line in (3, 4, 5, 6, 7):
        assert f"bad.jsonl:{line}: " in done.stderr
    assert "5 unreadable" in done.stderr
    assert len(list(rows(folder, Labelled))) == 2


def test_a_file_that_breaks_off_is_taken_in_as_far_as_it_goes(tmp_path: Path) -> None:
    out = io.BytesIO()
    fastavro.writer(out, wire_of(LabelRecord).schema, map(asdict, RECORDS), sync_interval=1)
    path = tmp_path / "half.avro"
    path.write_bytes(out.getvalue()[:-100])
    assert collected(tmp_path / "learning", path, code=1)["unreadable"] == 1
    assert len(list(rows(tmp_path / "learning", Labelled))) == 2


def test_refusals_name_the_fix(tmp_path: Path) -> None:
    nothing = frontdesk("learn", "collect", str(tmp_path), "--from-files", str(tmp_path / "none"), code=2)
    assert "none: No such file" in nothing.stderr
    both = frontdesk("learn", "collect", str(tmp_path), "--follow", "--from-files", str(tmp_path), code=2)
    assert "leave one of them out" in both.stderr
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert "name a folder" in frontdesk("learn", "collect", str(tmp_path / "file"), code=2).stderr
