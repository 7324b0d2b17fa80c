"""`frontdesk label`: a line out for every line in, whatever happens in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import frontdesk, json_lines
from tests.support.llm_server import LlmServer
from tests.support.llm_thread import running

pytestmark = pytest.mark.usefixtures("loaded_once")

SURE = "我的快递三天没更新了，到哪里了"
UNSURE = "it is about the thing from last week, number {}"


@pytest.fixture
def llm(monkeypatch: pytest.MonkeyPatch) -> Iterator[LlmServer]:
    with running(LlmServer()) as server:
        monkeypatch.setenv("FRONTDESK_LLM_BASE_URL", server.url)
        monkeypatch.setenv("FRONTDESK_LLM_MODEL", "stand-in")
        monkeypatch.setenv("FRONTDESK_LLM_PRICE_IN", "2")
        monkeypatch.setenv("FRONTDESK_LLM_PRICE_OUT", "8")
        yield server


def write(path: Path, *lines: object) -> Path:
    said = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("\n".join(said) + "\n", encoding="utf-8")
    return path


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_out_for_every_line_in_with_what_each_tier_said(tmp_path):
    file = write(
        tmp_path / "in.jsonl",
        {"message_id": "m1", "conversation_id": "c", "customer_id": "u", "text": SURE},
        "{broken",
        {"id": 3, "role": "bot", "text": "How can I help?"},
        {"id": 4, "text": UNSURE.format(1)},
    )
    done = frontdesk("label", str(file), code=1)
    first, bad, bot, last = json_lines(done)
    assert first["id"] == "m1"
    assert first["labels"]["intent"]["value"] == "after_sales"
    assert first["labels"].keys() == {"intent", "emotion", "urgency", "language"}
    assert (first["settled_by"], first["llm"]) == ("embedding", None)
    (tier, *_) = first["tiers"]
    assert tier["confidence"] >= tier["threshold"]
    assert (last["id"], last["settled_by"]) == (4, None)
    assert (bad["line"], bot) == (2, {"line": 3, "id": 3, "passed": "not by a customer"})
    assert f"{file}:2: not JSON at column 2; mend the line" in done.stderr
    assert "4 lines: 2 labelled, 1 bad, 1 with nothing to label" in done.stderr
    assert SURE not in done.stdout, "the text is not repeated"


def test_what_is_unsure_is_asked_redacted_and_its_cost_told(tmp_path, llm):
    file, out = tmp_path / "in.csv", tmp_path / "out.jsonl"
    write(file, "id,words", f"a,{SURE}", 'b,"it is about the refund thing, write to ann@example.com"')
    done = frontdesk("label", str(file), "--text-column", "words", "--out", str(out), "--json")
    first, second = read(out)
    assert (first["id"], first["llm"]) == ("a", None)
    assert (second["labels"]["intent"]["source"], second["settled_by"]) == ("llm", "llm")
    (request,) = llm.requests
    assert "ann@example.com" not in llm.sent
    assert "[EMAIL]" in request.message
    asked = second["llm"]
    assert (asked["error"], asked["model"]) == (None, "stand-in")
    assert asked["cost_usd"] == pytest.approx((asked["tokens_in"] * 2 + asked["tokens_out"] * 8) / 1e6)
    account = json.loads(done.stdout)
    assert (account["lines"], account["settled"]) == (2, {"embedding": 1, "llm": 1})
    assert account["llm"]["asked"] == 1
    assert account["llm"]["cost_usd"] == pytest.approx(asked["cost_usd"])
    frontdesk("label", str(file), "--text-column", "words", "--no-llm")
    assert len(llm.requests) == 1


def test_where_the_llm_fails_the_local_labels_stand_with_the_error_word(tmp_path, llm):
    llm.script = ("refusal",)
    done = frontdesk("label", str(write(tmp_path / "in.jsonl", {"text": UNSURE.format(1)})))
    (line,) = json_lines(done)
    assert (line["llm"]["error"], line["settled_by"], line["labels"]["intent"]["source"]) == (
        "refused",
        None,
        "local",
    )
    assert "no answer: refused 1" in done.stderr


@pytest.mark.slow
def test_money_is_bounded_over_all_runs(tmp_path, llm, monkeypatch):
    file, out = write(tmp_path / "in.jsonl", {"text": UNSURE.format(1)}), tmp_path / "out.jsonl"
    frontdesk("label", str(file), "--out", str(out), "--max-cost", "0")
    (line,) = read(out)
    assert (line["llm"]["error"], line["settled_by"], llm.requests) == ("over_budget", None, [])
    monkeypatch.delenv("FRONTDESK_LLM_PRICE_IN")
    monkeypatch.delenv("FRONTDESK_LLM_PRICE_OUT")
    refused = frontdesk("label", str(file), "--max-cost", "1", code=2)
    assert "FRONTDESK_LLM_PRICE_IN" in refused.stderr, "nobody knows what the stand-in costs"


def test_an_llm_that_lets_us_not_in_stops_it_and_the_rest_is_done_later(tmp_path, llm):
    llm.failures = {"401": 1.0}
    file, out = (
        write(tmp_path / "in.jsonl", {"text": SURE}, {"text": UNSURE.format(1)}),
        tmp_path / "out.jsonl",
    )
    done = frontdesk("label", str(file), "--out", str(out), code=2)
    assert f"{file}:2: the LLM's endpoint refuses us (denied)" in done.stderr
    assert [line["line"] for line in read(out)] == [1]
    llm.failures = {}
    frontdesk("label", str(file), "--out", str(out))
    assert [line["settled_by"] for line in read(out)] == ["embedding", "llm"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
@pytest.mark.slow
def test_started_again_it_goes_on_where_it_was(tmp_path, llm, how):
    texts = [{"id": f"t{number}", "text": UNSURE.format(number)} for number in range(40)]
    file = write(tmp_path / "in.jsonl", *texts[:5], "{broken", *texts[5:])
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    arguments = [str(file), "--batch", "8", "--concurrency", "2"]
    frontdesk("label", *arguments, "--out", str(whole), code=1)

    llm.latency = 0.5  # long enough to be cut off in the middle, however busy the machine is
    process = subprocess.Popen(
        [sys.executable, "-m", "frontdesk", "label", *arguments, "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "200"},
        # Whoever runs the tests in the background has it ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not out.exists() or out.read_bytes().count(b"\n") < 10:
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.01)
    process.send_signal(how)
    llm.latency = 0.0
    _, said = process.communicate()
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert "the same command goes on from there" in said
        assert "Traceback" not in said
    before = read(out)
    assert 10 <= len(before) < 41
    with out.open("ab") as torn:
        torn.write(b'{"line": 40, "id": "t3')

    llm.requests.clear()
    llm.latency = 0.0
    done = frontdesk("label", *arguments, "--out", str(out), "--json", code=1)
    assert read(out) == read(whole)
    known = {text["id"]: text["text"] for text in texts}
    finished = {known[line["id"]] for line in before if line["id"]}
    assert not finished & {request.message for request in llm.requests}, "nothing is paid for twice"
    account = json.loads(done.stdout)
    assert (account["lines"], account["labelled"], account["bad"]) == (41, 40, 1)


@pytest.mark.slow
def test_a_finished_file_and_a_changed_input_are_refused(tmp_path):
    file, out = write(tmp_path / "in.jsonl", {"text": SURE}), tmp_path / "out.jsonl"
    frontdesk("label", str(file), "--out", str(out))
    (line,) = frontdesk("label", str(file), "--out", str(out), code=2).stderr.splitlines()
    assert line == f"frontdesk: {out}: exists, and is not an unfinished file of labels; name another --out"
    assert frontdesk("label", str(file), "--out", str(file), code=2).stdout == ""
    assert read(file) == [{"text": SURE}]


def test_a_missing_file_is_one_line(tmp_path):
    (line,) = frontdesk("label", str(tmp_path / "none.csv"), code=2).stderr.splitlines()
    assert line == f"frontdesk: {tmp_path / 'none.csv'}: No such file or directory"
