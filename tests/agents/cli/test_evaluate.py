"""`frontdesk evaluate`: the project's own labelled messages, and files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import frontdesk
from tests.support.llm_server import LlmServer
from tests.support.llm_thread import running

pytestmark = pytest.mark.usefixtures("loaded_once")

OWN = Path(__file__).parent.parent / "intent_messages.tsv"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "messages.tsv"
    lines = OWN.read_text(encoding="utf-8").splitlines()[::2]
    path.write_text(
        "\n".join(["intent\tlanguage\ttext", *lines, "weather\ten\twill it rain in May"]), encoding="utf-8"
    )
    return path


@pytest.mark.slow
def test_json_html_and_exit_code(own, tmp_path):
    page = tmp_path / "report.html"
    done = frontdesk("evaluate", str(own), "--json", "--html", str(page), "--price-per-call", "0.01")
    report = json.loads(done.stdout)
    every = report["all"]
    assert every["texts"] == 121
    assert every["labels"]["intent"]["texts"] == 120
    assert 0.8 < every["labels"]["intent"]["accuracy"] < 1
    assert report["outside"] == {"weather": 1}
    assert [one["language"] for one in report["languages"]] == ["en", "zh"]
    assert sum(one["calls_saved"] for one in report["languages"]) == every["calls_saved"] > 60
    assert every["money_saved"] == pytest.approx(every["calls_saved"] * 0.01)
    assert "Confusion: intent" in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_people_see_tables(own):
    shown = frontdesk("evaluate", str(own)).stdout
    for word in (
        "Labels",
        "macro-F1",
        "Coverage",
        "at 95%",
        "Settled by",
        "embedding",
        "AUROC",
        "estimated: --llm measures",
    ):
        assert word in shown


@pytest.mark.slow
def test_with_the_llm_as_the_last_tier(own, monkeypatch):
    truth = {}
    for line in own.read_text(encoding="utf-8").splitlines()[1:]:
        intent, language, text = line.split("\t")
        known = intent if intent != "weather" else "other"
        truth[text] = {"intent": known, "emotion": "neutral", "urgency": "normal", "language": language}
    with running(LlmServer(answer=truth.__getitem__)) as server:
        monkeypatch.setenv("FRONTDESK_LLM_BASE_URL", server.url)
        monkeypatch.setenv("FRONTDESK_LLM_PRICE_IN", "1")
        monkeypatch.setenv("FRONTDESK_LLM_PRICE_OUT", "4")
        report = json.loads(frontdesk("evaluate", str(own), "--llm", "--json").stdout)
        alone = json.loads(frontdesk("evaluate", str(own), "--json").stdout)
    every = report["all"]
    assert report["asked"] == len(server.requests) == every["texts"] - every["calls_saved"]
    assert every["tiers"]["llm"]["accuracy"] == 1.0
    assert every["labels"]["intent"]["local_accuracy"] == alone["all"]["labels"]["intent"]["accuracy"]
    assert every["labels"]["intent"]["accuracy"] > every["labels"]["intent"]["local_accuracy"]
    assert report["price"]["per_call"] == pytest.approx(report["cost_usd"] / report["asked"])
    assert "as measured" in report["price"]["basis"]
    assert "estimated" in alone["price"]["basis"]
    assert alone["price"]["per_call"] == pytest.approx(report["price"]["per_call"], rel=0.5)


def test_bad_lines_are_named_left_out_and_make_the_exit_code(tmp_path):
    file = tmp_path / "in.jsonl"
    lines = [
        {"text": "Where is my parcel?", "category": "after_sales"},
        {"text": "hello"},
        {"text": "hello", "urgency": "soon"},
    ]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n[]\n", encoding="utf-8")
    done = frontdesk("evaluate", str(file), "--json", "--intent-column", "category", code=1)
    report = json.loads(done.stdout)
    assert (report["all"]["texts"], report["passed"], report["bad"]) == (1, 1, 2)
    assert (
        f"{file}:3: the taxonomy has no such urgency; write one of low, normal, high, critical" in done.stderr
    )
    assert f"{file}:4: not an object" in done.stderr


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        ("text,label\nhello,other\n", (), "--intent-column"),
        ("words,intent\nhello,other\n", (), "--text-column"),
        ("text,intent\nhello,other\n", ("--llm",), "FRONTDESK_LLM_BASE_URL"),
        (
            "text,intent\nhello,other\n",
            ("--html", "/nowhere/report.html"),
            "/nowhere/report.html: No such file",
        ),
    ],
)
@pytest.mark.slow
def test_wrong_use_is_one_line(tmp_path, content, arguments, says):
    file = tmp_path / "in.csv"
    file.write_text(content, encoding="utf-8")
    (line,) = frontdesk("evaluate", str(file), *arguments, code=2).stderr.splitlines()
    assert line.startswith("frontdesk: ")
    assert says in line
