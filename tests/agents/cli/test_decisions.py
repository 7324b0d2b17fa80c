"""`frontdesk decisions replay`: recorded decisions made again, equal bit for bit or told how they differ."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import asdict
from functools import cache

import fastavro
import pytest

from frontdesk.agents import bootstrap
from frontdesk.agents.bootstrap import read_pack
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.policies import publish_policy
from frontdesk.agents.replaying import Replaying
from frontdesk.agents.settings import BUNDLED_POLICY
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.topics import ROUTING_DECISIONS, ROUTING_POLICIES
from frontdesk.schemas.types import Millis
from frontdesk.schemas.writers import wire_of
from tests.support.cli import frontdesk, json_lines
from tests.support.clients import make_topic, produce
from tests.support.day_of_decisions import decisions
from tests.support.full_disk import full_disk

COUNT = 800
"""10,000 take as many seconds as a command for them is worth: see `tests.support.day_of_decisions`"""


_read_once = cache(bootstrap.read_policy)


@pytest.fixture(autouse=True)
def policies_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second for each of some forty commands, which all read the same immutable policy."""
    monkeypatch.setattr(bootstrap, "read_policy", _read_once)


@pytest.fixture(scope="module")
def decided():
    return decisions(COUNT)


@pytest.fixture
def kept(tmp_path, decided):
    """A file of some decisions, each changed by the caller."""

    def keep(change=lambda _, one: one, count=60, wrap=lambda one: one):
        path = tmp_path / "decisions.jsonl"
        plain = [change(number, asdict(one)) for number, one in enumerate(decided[1][:count])]
        path.write_text(
            "".join(json.dumps(wrap(one), ensure_ascii=False) + "\n" for one in plain), encoding="utf-8"
        )
        return path

    return keep


def replayed(*arguments, code=0):
    (document,) = json_lines(frontdesk("decisions", "replay", *map(str, arguments), "--json", code=code))
    return document


@pytest.mark.slow
def test_a_varied_day_is_replayed_bit_for_bit(decided):
    policy, made = decided
    work = Replaying(policies={policy.hash: policy})
    for number, one in enumerate(made):
        work.take(str(number), one)
    assert (work.equal, work.replayed, work.differences) == (len(made), len(made), [])
    assert {one.action for one in made} == {"route", "keep", "escalate"}
    assert {one.revision for one in made} == {1, 2}
    assert {one.provisional for one in made} == {True, False}
    assert {flag for one in made for flag in one.flags} >= {
        "core_error",
        "misplaced",
        "emoji_only",
        "no_text",
    }
    assert {one.labels.intent.source for one in made} >= {"local", "llm", "fallback"}
    assert len({reason.rule for one in made for reason in one.reasons}) > 30


@pytest.mark.slow
def test_a_file_of_json_lines(kept):
    document = replayed(kept())
    assert (document["read"], document["equal"], document["differing"]) == (60, 60, 0)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda one: {"topic": "routing.decisions", "value": one},
        lambda one: {"decision": one, "alerts": [], "labels": one["labels"]},
    ],
    ids=["envelope", "explain"],
)
@pytest.mark.slow
def test_lines_may_be_wrapped(kept, wrap):
    assert replayed(kept(wrap=wrap))["equal"] == 60


@pytest.mark.slow
def test_an_avro_file(tmp_path, decided):
    path = tmp_path / "decisions.avro"
    out = io.BytesIO()
    fastavro.writer(out, wire_of(Decision).schema, [asdict(one) for one in decided[1][:60]])
    path.write_bytes(out.getvalue())
    assert replayed(path)["equal"] == 60
    path.write_bytes(out.getvalue()[:-100])
    assert replayed(path, code=1)["bad"] == 1


@pytest.mark.slow
def test_a_parquet_file(kept, tmp_path):
    columns, again = tmp_path / "decisions.parquet", tmp_path / "again.jsonl"
    lines = kept()
    frontdesk("decisions", "export", str(columns), str(lines))
    assert replayed(columns)["equal"] == 60
    frontdesk("decisions", "export", str(again), str(columns))
    assert again.read_text(encoding="utf-8") == lines.read_text(encoding="utf-8")
    columns.write_bytes(columns.read_bytes()[:-100])
    assert "write it anew" in frontdesk("decisions", "replay", str(columns), code=2).stderr


def test_a_file_that_cannot_be_written_is_named_as_it_was_given(kept, tmp_path):
    for name, why in (("out.txt", "neither .parquet nor .jsonl"), ("none/out.jsonl", "No such file")):
        said = frontdesk("decisions", "export", str(tmp_path / name), str(kept()), code=2).stderr
        assert f"frontdesk: {tmp_path / name}: {why}" in said


@pytest.mark.parametrize("name", ["decisions.parquet", "decisions.jsonl"])
def test_a_disk_that_is_full_leaves_what_lay_there(kept, tmp_path, name):
    lines, out = kept(), tmp_path / "out" / name
    out.parent.mkdir()
    out.write_text("of yesterday")
    with full_disk(4_000):
        said = frontdesk("decisions", "export", str(out), str(lines), code=2).stderr
    assert str(out) in said
    assert "File too large; nothing was changed there" in said
    assert said.count("\n") == 1
    assert [(path.name, path.read_text()) for path in out.parent.iterdir()] == [(name, "of yesterday")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("queue", "billing_"),
        ("priority", 1),
        ("skills", ["juggling"]),
        ("sla_due_at", 5),
        ("preferred_representative", "nobody"),
        ("tags", ["odd"]),
        ("action", "hold"),
        ("provisional", True),
        ("decision_id", "0" * 32),
        ("reasons", []),
    ],
)
@pytest.mark.slow
def test_a_difference_in_any_field_is_shown_and_fails(kept, field, value):
    path = kept(lambda number, one: {**one, field: value} if number == 40 else one)
    document = replayed(path, code=1)
    assert (document["equal"], document["differing"]) == (59, 1)
    (found,) = document["differences"]
    assert found["place"].endswith(":41")
    assert field in found["fields"] or field == "provisional"
    people = frontdesk("decisions", "replay", str(path), code=1).stdout
    assert ":41: decision" in people
    assert "59 of 60 decisions made again are equal" in people


@pytest.mark.slow
def test_other_policies_are_told_and_left_out_unless_any_will_do(kept, tmp_path):
    path = kept(lambda number, one: {**one, "policy_hash": "0123456789abcdef"} if number < 20 else one)
    document = replayed(path)
    assert (document["equal"], document["other_policy"]) == (40, {"0123456789abcdef": 20})
    assert (
        "20 decisions of policy 0123456789abcdef: left out"
        in frontdesk("decisions", "replay", str(path)).stdout
    )
    assert replayed(path, "--any-policy")["equal"] == 60


@pytest.mark.slow
def test_another_policy_decides_otherwise_and_says_so(kept, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for file in BUNDLED_POLICY.iterdir():
        text = file.read_text(encoding="utf-8").replace("[wants-person]", "[wants-human]")
        (other / file.name).write_text(text, encoding="utf-8")
    path = kept(count=200)
    none = replayed(path, "--policy", other, code=1)
    assert (none["replayed"], sum(none["other_policy"].values())) == (0, 200), (
        "none was made again: no success"
    )
    document = replayed(path, "--policy", other, "--any-policy", code=1)
    assert 0 < document["differing"] < 200
    assert {name for one in document["differences"] for name in one["fields"]} == {"tags"}
    both = replayed(path, "--policy", other, "--policy", BUNDLED_POLICY)
    assert both["equal"] == 200


def test_a_bad_line_is_named_and_fails(kept):
    path = kept(count=3)
    with path.open("a", encoding="utf-8") as lines:
        lines.write('{"decision_id": 7}\n')
    done = frontdesk("decisions", "replay", str(path), code=1)
    assert "decisions.jsonl:4:" in done.stderr
    assert "1 bad" in done.stdout


def test_what_is_read_can_be_kept(kept, tmp_path):
    path, again = kept(), tmp_path / "again.jsonl"
    replayed(path, "--save", again)
    assert replayed(again)["equal"] == 60


@pytest.mark.parametrize(
    "arguments", [(), ("x.jsonl", "--from-kafka"), ("none.jsonl",), ("x.jsonl", "--last", "9")]
)
def test_it_must_be_told_what_to_read(arguments):
    frontdesk("decisions", "replay", *arguments, code=2)


@pytest.mark.slow
def test_decisions_are_read_from_kafka_and_made_again_by_the_policies_published_there(
    any_broker, decided, tmp_path
):
    broker, (policy, made) = any_broker, decided
    made = made[:90]
    saved = tmp_path / "saved.jsonl"

    async def prepare():
        await make_topic(broker, ROUTING_DECISIONS, partitions=3)
        await make_topic(broker, ROUTING_POLICIES, partitions=1)
        await produce(broker, ROUTING_DECISIONS, [(b"c", Codec().encode(one)) for one in made])
        await publish_policy(Cluster(broker), policy.hash, read_pack(BUNDLED_POLICY), now=Millis(1))

    asyncio.run(prepare())
    other = tmp_path / "other"
    other.mkdir()
    for name, text in read_pack(BUNDLED_POLICY).items():
        (other / name).write_text(text.replace("sla: 5m", "sla: 6m"), encoding="utf-8")
    asked = ("--from-kafka", "--broker", broker, "--policy", other, "--save", saved)
    document = replayed(*asked)
    assert (document["read"], document["equal"]) == (90, 90)
    assert len(document["policies"]) == 2
    assert replayed(saved)["equal"] == 90
    assert 0 < replayed("--from-kafka", "--broker", broker, "--last", 9)["read"] <= 90
    asyncio.run(produce(broker, ROUTING_DECISIONS, [(b"c", b"{broken")]))
    assert replayed(*asked, code=1)["bad"] == 1
