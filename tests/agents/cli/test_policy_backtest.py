"""`frontdesk policy backtest`: files of decisions, decided again by another policy, in a report for everybody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from frontdesk.agents.backtest.chunks import chunks_of
from frontdesk.agents.backtest.counting import Counting
from frontdesk.agents.backtest.parquet import ParquetWriter
from frontdesk.agents.backtest.pool import Pool
from frontdesk.agents.backtest.run import Job, count_files
from frontdesk.agents.bootstrap import read_pack, read_policy
from frontdesk.agents.errors import StartupError
from frontdesk.schemas.outputs import Decision, LabelRecord
from frontdesk.streams.policy import Policy, load_pack
from tests.support.cli import frontdesk
from tests.support.core import POLICY, TAXONOMY
from tests.support.month_of_decisions import BEGAN, decision, many

MOVED = POLICY.replace(
    "match: {intent: billing}, then: {queue: billing}", "match: {intent: billing}, then: {queue: general}"
)
OLD = load_pack({"taxonomy.yaml": TAXONOMY, "policy.yaml": POLICY})[1]


def pack(folder: Path, policy: str) -> Path:
    folder.mkdir()
    (folder / "taxonomy.yaml").write_text(TAXONOMY, encoding="utf-8")
    (folder / "policy.yaml").write_text(policy, encoding="utf-8")
    return folder


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return pack(tmp_path / "old", POLICY)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return pack(tmp_path / "new", MOVED)


def jsonl(path: Path, records: Iterable[Decision | LabelRecord]) -> Path:
    path.write_text("".join(json.dumps(asdict(one)) + "\n" for one in records), encoding="utf-8")
    return path


def document(*arguments: str, code: int = 0) -> Any:
    return json.loads(frontdesk("policy", "backtest", *arguments, "--json", "-", code=code).stdout)


def three() -> list[Decision]:
    return [
        decision(OLD, 1, intent="billing"),
        decision(OLD, 2, intent="complaint", at=BEGAN + 3_600_000),
        decision(OLD, 3),
    ]


def test_what_people_see(old, new, tmp_path):
    file = jsonl(tmp_path / "d.jsonl", three())
    shown = frontdesk("policy", "backtest", str(new), str(file), "--against", str(old)).stdout
    for words in ("3 messages from", "33.3 %", "billing", "general", "SLA", "30m → 1h", "Alerts", "Examples"):
        assert words in shown
    assert OLD.hash in shown


def test_how_far_the_records_are_the_old_policys_own_is_always_said(old, new, tmp_path):
    def said(*made: Decision) -> str:
        file = jsonl(tmp_path / "d.jsonl", made)
        shown = frontdesk("policy", "backtest", str(new), str(file), "--against", str(old)).stdout
        return " ".join(shown.split())

    one, two, three_ = three()
    by_old = "The old policy decided 3 of the messages when they came in"
    assert f"{by_old}; it sends none of its own elsewhere today." in said(one, two, three_)
    assert f"{by_old}; it sends 1 of its own elsewhere today" in said(one, two, replace(three_, queue="x"))
    others = [replace(each, policy_hash="0" * 16) for each in (one, two)]
    assert "decided 1 of the messages when they came in, another one 2, which" in said(*others, three_)
    assert "decided 0 of the messages when they came in: both" in said(*others)


def test_every_figure_of_a_small_case(old, new, tmp_path):
    file = jsonl(tmp_path / "d.jsonl", three())
    capacity = tmp_path / "capacity.yaml"
    capacity.write_text("queues: {general: {people: 1, messages_per_hour: 1}}", encoding="utf-8")
    labelled = replace_text(three()[0], "my bill\nis [NUMBER] wrong")
    words = jsonl(tmp_path / "l.jsonl", [labelled])
    report = document(
        str(new), str(file), "--against", str(old), "--capacity", str(capacity), "--labels", str(words)
    )
    assert report["read"]["messages"] == report["read"]["by_old"] == 3
    assert (report["changed"], report["moved"]) == (1, 1)
    assert report["moves"] == [
        {
            "old_action": "route",
            "old_queue": "billing",
            "new_action": "route",
            "new_queue": "general",
            "messages": 1,
            "rules": [{"old_rule": "billing", "new_rule": "billing", "messages": 1}],
        }
    ]
    queues = {one["queue"]: one for one in report["queues"]}
    assert (queues["general"]["came"], queues["billing"]["left"]) == (1, 1)
    # Two an hour where one can be taken: whoever comes last in that hour waits for another one, as long as the SLA allows.
    assert queues["general"]["new"] == {
        "messages": 2,
        "peak": 2,
        "peak_hour": "2026-09-01T00:00:00Z",
        "hours_over": 1,
        "longest_wait": 3600.0,
        "at_risk": 0,
    }
    assert queues["general"]["old"]["longest_wait"] == 0.0
    assert queues["billing"]["new"]["at_risk"] is None
    assert report["alerts"] == [
        {"kind": "complaint", "severity": "warning", "to": "managers", "gained": 0, "lost": 0, "kept": 1}
    ]
    texts = {one["decision_id"]: one["text"] for one in report["examples"]}
    assert texts == {three()[0].decision_id: "my bill is [NUMBER] wrong"}


def replace_text(one: Decision, text: str) -> LabelRecord:
    return LabelRecord(
        decision_id=one.decision_id,
        message_id=one.message_id,
        conversation_id=one.conversation_id,
        customer_id=one.customer_id,
        text=text,
        labels=one.labels,
        taxonomy_hash="t",
        model_version="m",
    )


def test_the_document_keeps_its_fields(old, new, tmp_path):
    """Who reads it by machine relies on these: removing or renaming one needs a new `version`."""
    file = jsonl(tmp_path / "d.jsonl", three())
    report = document(str(new), str(file), "--against", str(old))
    assert report["version"] == 1
    assert {name: sorted(value) if isinstance(value, dict) else type(value).__name__ for name, value in report.items()} == {
        "version": "int",
        "old": ["hash", "name"],
        "new": ["hash", "name"],
        "read": [
            "bad", "by_old", "fallback", "first", "last", "messages", "not_as_recorded", "outside", "records", "sources",
            "superseded", "undated",
        ],
        "changed": "int",
        "moved": "int",
        "aspects": ["alerts", "automatic", "priority", "representative", "route", "skills", "sla", "steps", "tags"],
        "same_route": ["alerts", "automatic", "priority", "representative", "skills", "sla", "steps", "tags"],
        "moves": "list",
        "priorities": ["lowered", "raised"],
        "slas": "list",
        "words": "list",
        "alerts": "list",
        "capacity": "NoneType",
        "at_risk": "NoneType",
        "queues": "list",
        "examples": "list",
    }  # fmt: skip
    assert sorted(report["queues"][0]) == [
        "came",
        "hours",
        "left",
        "lowered",
        "new",
        "old",
        "queue",
        "raised",
    ]
    assert sorted(report["queues"][0]["hours"][0]) == [
        "capacity", "hour", "new", "new_wait", "old", "old_wait", "time",
    ]  # fmt: skip
    assert sorted(report["examples"][0]) == [
        "conversation_id", "decided_at", "decision_id", "kind", "labels", "new", "old", "reasons", "text",
    ]  # fmt: skip


def test_a_bad_line_is_named_and_left_out(old, new, tmp_path):
    file = jsonl(tmp_path / "d.jsonl", three())
    file.write_text("\n{}\n" + file.read_text(encoding="utf-8") + "not json\n", encoding="utf-8")
    done = frontdesk("policy", "backtest", str(new), str(file), "--against", str(old), code=1)
    assert f"{file}:2: decision_id: missing; give one whole decision" in done.stderr
    assert f"{file}:6: " in done.stderr
    assert "2 records unreadable: left out." in done.stdout


def test_lines_as_other_commands_write_them(old, new, tmp_path):
    first, second, third = (asdict(one) for one in three())
    lines = [{"topic": "routing.decisions", "value": first}, {"decision": second, "suggestion": {}}, third]
    file = tmp_path / "d.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")  # no line end at the end
    assert document(str(new), str(file), "--against", str(old))["moved"] == 1


def test_since(old, new, tmp_path):
    file = jsonl(tmp_path / "d.jsonl", three())
    report = document(str(new), str(file), "--against", str(old), "--since", "2026-09-01T00:30")
    assert (report["read"]["messages"], report["read"]["outside"]) == (1, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{new}", "{tmp}/missing.jsonl"], "missing.jsonl: No such file"),
        (["{tmp}/none", "{tmp}/d.jsonl"], "cannot read"),
        (["{new}", "{tmp}/empty.jsonl"], "there is no decision to decide again"),
        (["{new}", "{tmp}/d.jsonl", "--capacity", "{tmp}/bad.yaml"], "bad.yaml:1:1: "),
        (
            ["{new}", "{tmp}/d.jsonl", "--capacity", "{tmp}/misspelt.yaml"],
            "misspelt.yaml:1:10: no queue is called 'biling'; did you mean 'billing'?",
        ),
        (["{new}", "{tmp}/d.jsonl", "--since", "yesterday"], "--since 'yesterday'"),
    ],
)
def test_what_is_refused(old, new, tmp_path, arguments, said):
    jsonl(tmp_path / "d.jsonl", three())
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "bad.yaml").write_text("queue: {}", encoding="utf-8")
    (tmp_path / "misspelt.yaml").write_text(
        "queues: {biling: {people: 1, messages_per_hour: 1}}", encoding="utf-8"
    )
    filled = [one.format(new=new, tmp=tmp_path) for one in arguments]
    done = frontdesk("policy", "backtest", *filled, "--against", str(old), code=2)
    assert said in done.stderr


@pytest.mark.slow
def test_a_month_in_any_chunks_processes_and_formats_is_the_same(old, new, tmp_path):
    month = list(many(OLD, 200, provisional=0.2))
    file = jsonl(tmp_path / "d.jsonl", month)
    columns = tmp_path / "d.parquet"
    writer = ParquetWriter(columns, rows=75)
    writer.write(month)
    writer.close()
    job = Job(old=read_pack(old), new=read_pack(new), jobs=1)
    whole = count_files(job, [file])
    assert (whole.records, whole.bad) == (len(month), 0)
    assert whole.tally.superseded > 10
    assert whole.tally.aspects["route"] > 25
    small = replace(job, chunk_bytes=20_000)
    assert len(list(chunks_of(file, 0, size=20_000))) > 15
    assert len(list(chunks_of(columns, 0))) > 2
    assert count_files(small, [file]).tally == whole.tally
    assert count_files(replace(small, jobs=2), [file]).tally == whole.tally
    assert count_files(job, [columns]).tally == whole.tally


def test_records_of_a_topic_count_as_files_do(old, new):
    from frontdesk.agents.backtest.chunks import Values
    from frontdesk.schemas.codec import Codec

    codec = Codec()
    values = [codec.encode(one) for one in three()] + [None, b"\x00\x00\x00\x00\x07x"]
    chunk = Values(
        source=0, topic="routing.decisions", places=[(1, at) for at in range(5)], values=values, schemas={}
    )
    with Pool(1, read_pack(old), read_pack(new), None) as pool:
        pool.put(chunk)
        counted = pool.finish()
    assert (counted.tally.messages, counted.bad) == (3, 2)
    assert (
        counted.tally
        == Counting(read_pack(old), read_pack(new))
        .count(replace(chunk, values=values[:3], places=chunk.places[:3]))
        .tally
    )
    assert [told.split(":")[0] for *_, told in counted.faults] == [
        "routing.decisions 1/3",
        "routing.decisions 1/4",
    ]


class Tags(HTMLParser):
    """The tags and the attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(attrs)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


HOSTILE = '"><img src=x onerror=alert(1)>&amp;</script>'


def hostile_policy() -> str:
    """A policy whose queue has a name that is markup."""
    name = json.dumps(HOSTILE)
    return POLICY.replace("queues:\n", f"queues:\n  {name}: {{}}\n").replace(
        "match: {intent: billing}, then: {queue: billing}", f"match: {{intent: billing}}, then: {{queue: {name}, tags: [{name}]}}"
    )  # fmt: skip


def test_the_page_is_one_file_and_says_hostile_names_as_they_are(old, tmp_path):
    new = pack(tmp_path / "hostile", hostile_policy())
    made = decision(OLD, 1, intent="billing")
    file = jsonl(tmp_path / "d.jsonl", [made])
    words = jsonl(tmp_path / "l.jsonl", [replace_text(made, f"{HOSTILE} \x1b[2J \u202e")])
    page = tmp_path / "report.html"
    arguments = [str(new), str(file), "--against", str(old), "--labels", str(words), "--html", str(page)]
    shown = frontdesk("policy", "backtest", *arguments).stdout
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown
    html = page.read_text(encoding="utf-8")
    assert "\x1b" not in html
    tags = Tags()
    tags.feed(html)
    assert tags.tags.isdisjoint({"img", "script", "link", "iframe", "object"})
    assert not {name for name, _ in tags.attributes} & {"src", "onerror", "onclick"}
    assert all(value.startswith("#") for name, value in tags.attributes if name == "href" and value)
    assert HOSTILE in "".join(tags.words)
    assert "svg" in tags.tags
    assert ("tabindex", "0") in tags.attributes  # tables that scroll can be scrolled by keyboard
    assert "prefers-color-scheme: dark" in html


def test_parquet_without_pyarrow_names_the_extra(old, new, tmp_path, monkeypatch):
    columns = tmp_path / "d.parquet"
    columns.write_bytes(b"PAR1")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    done = frontdesk("policy", "backtest", str(new), str(columns), "--against", str(old), code=2)
    assert "pip install 'frontdesk[backtest]'" in done.stderr


def test_a_parquet_file_that_is_none(old, new, tmp_path):
    columns = tmp_path / "d.parquet"
    columns.write_bytes(b"PAR1 and then nothing of the kind")
    done = frontdesk("policy", "backtest", str(new), str(columns), "--against", str(old), code=2)
    assert "no Parquet file" in done.stderr


@pytest.mark.slow
def test_the_bundled_policy_against_itself_changes_nothing(tmp_path):
    from frontdesk.agents.settings import load

    bundled: Policy = read_policy(load().policy)[1]
    file = jsonl(tmp_path / "d.jsonl", many(bundled, 100))
    report = document(str(load().policy), str(file))
    assert (report["changed"], report["read"]["not_as_recorded"]) == (0, 0)
    assert report["read"]["by_old"] == report["read"]["messages"] == 100


@pytest.mark.parametrize(
    "odd", [2**63, 2**64, float("inf"), float("nan"), {"a": 1}, [1], "\ud800", "\u4f60", None, True, -1.5]
)
def test_a_fact_is_read_as_the_codec_reads_it(odd):
    from frontdesk.agents.backtest.reading import read_object
    from frontdesk.schemas.codec import Codec, DecodeError
    from frontdesk.streams.decide import recorded_facts

    value = asdict(decision(OLD, 1, intent="billing"))
    value["facts"] = [
        {"name": "tier", "value": odd},
        {"name": "mood", "value": odd},
        {"name": "turn", "value": 7},
    ]
    data = json.dumps(value).encode()
    try:
        whole = Codec().decode(Decision, data)
    except DecodeError as error:
        with pytest.raises(DecodeError, match=error.detail.replace("[", r"\[")):
            read_object(data)
        return
    read, facts = read_object(data)
    assert facts == recorded_facts(whole)
    assert replace(read, facts=(), reasons=()) == replace(whole, facts=(), reasons=())


@pytest.mark.slow
def test_decisions_are_exported_whole(old, new, tmp_path):
    file = jsonl(tmp_path / "d.jsonl", [*three(), *many(OLD, 50)])
    file.write_text(file.read_text(encoding="utf-8") + "{}\n", encoding="utf-8")
    columns, lines = tmp_path / "d.parquet", tmp_path / "again.jsonl"
    done = frontdesk("decisions", "export", str(columns), str(file), code=1)
    assert f"{file}:{len(file.read_text(encoding='utf-8').splitlines())}: " in done.stderr
    frontdesk("decisions", "export", str(lines), str(file), code=1)
    assert (
        lines.read_text(encoding="utf-8").splitlines() == file.read_text(encoding="utf-8").splitlines()[:-1]
    )
    by_lines, by_columns = (
        document(str(new), str(source), "--against", str(old)) for source in (lines, columns)
    )
    assert by_lines["changed"] > 0
    del by_lines["read"]["sources"], by_columns["read"]["sources"]
    assert by_lines == by_columns


def test_an_export_never_writes_over_what_it_reads(tmp_path):
    file = jsonl(tmp_path / "d.jsonl", three())
    done = frontdesk("decisions", "export", str(tmp_path / "." / "d.jsonl"), str(file), code=2)
    assert "is among the files that are read" in done.stderr
    assert len(file.read_text(encoding="utf-8").splitlines()) == 3
    assert (
        "name the file" in frontdesk("decisions", "export", str(tmp_path / "d.csv"), str(file), code=2).stderr
    )


def test_a_report_that_could_not_be_written_is_told_before_the_work(old, new, tmp_path):
    file = jsonl(tmp_path / "d.jsonl", three())
    told = frontdesk(
        "policy",
        "backtest",
        str(new),
        str(file),
        "--against",
        str(old),
        "--html",
        str(tmp_path / "no" / "r.html"),
        code=2,
    )
    assert "nothing was decided" in told.stderr


def test_an_export_that_fails_leaves_what_was_there(tmp_path):
    out = tmp_path / "kept.jsonl"
    out.write_text("what was there\n", encoding="utf-8")
    frontdesk("decisions", "export", str(out), str(tmp_path / "nosuch.jsonl"), code=2)
    assert out.read_text(encoding="utf-8") == "what was there\n"
    assert [path.name for path in tmp_path.iterdir()] == ["kept.jsonl"]


def test_parquet_as_other_tools_write_it(old, new, tmp_path):
    """Structs and lists instead of JSON, times as timestamps, and a column that no decision has."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = []
    for one in three():
        row = {
            **asdict(one),
            "decided_at": datetime.fromtimestamp(one.decided_at / 1000, UTC),
            "team": "blue",
        }
        row["facts"] = [
            {"name": fact.name, "value": str(fact.value)} for fact in one.facts
        ]  # a column has one type
        rows.append(row)
    columns = tmp_path / "d.parquet"
    parquet.write_table(pa.Table.from_pylist(rows), columns)
    report = document(str(new), str(columns), "--against", str(old))
    assert (report["read"]["messages"], report["moved"]) == (3, 1)
    assert report["read"]["last"] == "2026-09-01T01:00:00Z"


def test_a_process_that_ends_is_told_in_one_line(old, new, tmp_path):
    file = jsonl(tmp_path / "d.jsonl", three())
    with Pool(2, read_pack(old), read_pack(new), None) as pool:
        (chunk,) = chunks_of(file, 0)
        pool.put(chunk)
        pool.finish()
        for process in list(pool._pool._processes.values()):
            process.kill()
        with pytest.raises(StartupError, match="try --jobs 1"):  # noqa: PT012  # either may be the first to notice
            for _ in range(20):
                pool.put(chunk)
            pool.finish()


def test_the_capacity_of_hours_in_which_nothing_comes_is_drawn(old, new, tmp_path):
    """Nobody is there at one o'clock, and on the second day no message shows it."""
    made = [decision(OLD, hour, intent="other", at=BEGAN + hour * 3_600_000) for hour in (12, 13, 36)]
    made.append(decision(OLD, 60, intent="billing", at=BEGAN + 60 * 3_600_000))
    capacity, page = tmp_path / "capacity.yaml", tmp_path / "r.html"
    capacity.write_text('queues: {general: {people: {"12-13": 1}, messages_per_hour: 1}}', encoding="utf-8")
    file = jsonl(tmp_path / "d.jsonl", made)
    given = ("--against", str(old), "--capacity", str(capacity), "--html", str(page))
    frontdesk("policy", "backtest", str(new), str(file), *given)
    (line,) = re.findall(r'<polyline class="room" points="([^"]*)"', page.read_text(encoding="utf-8"))
    heights = [float(point.partition(",")[2]) for point in line.split()]
    assert heights == [8.0, 128.0, 8.0, 128.0, 8.0], "all of it at noon, nothing an hour later"


def test_notes_are_as_wide_as_the_page_and_the_legend_is_there_once(old, new, tmp_path):
    page = tmp_path / "r.html"
    file = jsonl(tmp_path / "d.jsonl", three())
    frontdesk("policy", "backtest", str(new), str(file), "--against", str(old), "--html", str(page))
    html = page.read_text(encoding="utf-8")
    assert html.count("Messages an hour:") == 1
    assert "capacity</span>" not in html, "none was given"
    tags = Tags()
    tags.feed(html)
    described = {value for name, value in tags.attributes if name == "aria-describedby"}
    assert described
    assert described <= {value for name, value in tags.attributes if name == "id"}
    assert "caption" not in tags.tags
