"""The report of six texts, worked out by hand; and its page."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from frontdesk.agents.evaluation.labelling import LocalTiers
from frontdesk.agents.evaluation.page import page
from frontdesk.agents.evaluation.report import Price, Report, build, plain
from frontdesk.agents.evaluation.tally import Tally, checked
from frontdesk.agents.evaluation.wording import mistakes
from frontdesk.agents.sources.entry import Fault
from frontdesk.agents.sources.texts import Passed, Text
from frontdesk.streams.limits import Limits
from frontdesk.streams.taxonomy import load_taxonomy
from tests.support import core

TAXONOMY = load_taxonomy(core.TAXONOMY, "taxonomy.yaml")

# text, intent by people, language by people. The labeller finds intents by their names and is sure (0.90) unless it says unsure (0.40).
TEXTS = (
    ("billing", "billing", "en-GB"),
    ("billing", "complaint", "en"),
    ("this is billing but unsure", "billing", None),
    ("hello to you all here", "weather", None),
    ("complaint 你好你好", "complaint", None),
    ("unsure 你好你好", "out_of_scope", "zh"),
)


def report_of(texts, price: float | None = 0.5) -> Report:
    given = [
        {name: value for name, value in (("intent", intent), ("language", language)) if value}
        for _, intent, language in texts
    ]
    tally = Tally(TAXONOMY)
    local = LocalTiers(core.KeywordLabeller(), TAXONOMY, Limits())
    entries = [
        Text(line=line, text=text, given=labels)
        for line, ((text, *_), labels) in enumerate(zip(texts, given, strict=True), start=1)
    ]
    for one in local.label(entries):
        tally.add(one)
    return build(
        tally, TAXONOMY, Price(per_call=price, basis="told"), file="f", model="keywords", bad=0, passed=0
    )


@pytest.fixture(scope="module")
def report() -> Report:
    return report_of(TEXTS)


def test_intents_are_measured_on_what_the_taxonomy_speaks_of(report):
    intent = report.all.labels["intent"]
    assert (intent.texts, intent.accuracy, intent.local_accuracy) == (4, 0.75, 0.75)
    assert intent.macro_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert intent.calibration_error == pytest.approx(0.75 * (0.9 - 2 / 3) + 0.25 * 0.6)
    assert 0.0 < intent.accuracy_interval.low < 0.75 < intent.accuracy_interval.high == 1.0


def test_the_confusion_has_what_is_out_of_scope_in_a_row_of_its_own(report):
    intent = report.all.labels["intent"]
    assert intent.labels == ("complaint", "billing", "other", "out_of_scope")
    assert intent.confusion == ((1, 1, 0, 0), (0, 2, 0, 0), (0, 0, 0, 0), (0, 0, 2, 0))
    assert mistakes(intent, report.fallback_intent) == [("complaint", "billing", 1)]
    assert report.outside == {"weather": 1, "out_of_scope": 1}


def test_risk_and_coverage_count_the_fallback_as_right_for_what_is_out_of_scope(report):
    points = [(point.threshold, point.coverage, point.accuracy) for point in report.all.risk_coverage]
    assert points == [(0.9, pytest.approx(4 / 6), 0.75), (0.4, 1.0, pytest.approx(5 / 6))]
    assert [(target.accuracy, target.coverage, target.threshold) for target in report.all.coverage_at] == [
        (0.95, 0.0, None),
        (0.97, 0.0, None),
        (0.99, 0.0, None),
    ]
    settled = report.all.settled_locally
    assert (settled.texts, settled.share, settled.accuracy) == (4, pytest.approx(4 / 6), 0.75)
    assert {name: (share.texts, share.accuracy) for name, share in report.all.tiers.items()} == {
        "keywords": (4, 0.75),
        "none": (2, 1.0),
    }


def test_calls_and_money_saved(report):
    assert (report.all.calls_saved, report.all.money_saved) == (4, 2.0)
    assert report_of(TEXTS, price=None).all.money_saved is None


def test_out_of_scope_is_told_by_confidence_where_the_tiers_have_no_score(report):
    found = report.all.out_of_scope
    assert (found.texts, found.auroc, found.harmless) == (2, 0.625, 1.0)
    assert "confidence" in found.by


def test_each_language_has_its_own_figures(report):
    english, chinese = report.languages
    assert (english.language, english.texts, chinese.language, chinese.texts) == ("en", 4, "zh", 2)
    assert english.labels["intent"].accuracy == pytest.approx(2 / 3)
    assert english.labels["intent"].macro_f1 == pytest.approx((4 / 5 + 0) / 2)
    assert chinese.labels["intent"].accuracy == 1.0
    assert (english.calls_saved, chinese.calls_saved) == (3, 1)
    assert (english.money_saved, chinese.money_saved) == (1.5, 0.5)
    assert english.out_of_scope.auroc == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert chinese.out_of_scope.auroc == 1.0
    language = report.all.labels["language"]
    assert (language.texts, language.accuracy) == (3, 1.0)


def test_the_same_texts_give_the_same_report(report):
    assert plain(report_of(TEXTS)) == plain(report)


def test_json_has_null_where_nothing_can_be_said(report):
    english = report_of(TEXTS[:1])
    assert math.isnan(english.all.out_of_scope.auroc)
    document = json.loads(json.dumps(plain(english), allow_nan=False))
    assert document["all"]["out_of_scope"]["auroc"] is None


def test_texts_without_labels_are_passed_over_and_impossible_ones_named():
    entries = [
        Text(line=1, text="a", given={"intent": "x"}),
        Text(line=2, text="b"),
        Text(line=3, text="c", given={"emotion": "hangry"}),
    ]
    first, passed, fault = checked(entries, Path("f.csv"), TAXONOMY)
    assert first is entries[0]
    assert isinstance(passed, Passed)
    assert isinstance(fault, Fault)
    assert str(fault) == (
        "f.csv:3: the taxonomy has no such emotion; write one of satisfied, neutral, anxious, dissatisfied, angry"
    )


class Reader(HTMLParser):
    """Every tag, every attribute and all text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, "tags are nested"

    def handle_data(self, data):
        self.text += data


EVIL = "<script>alert('1')</script>\"><img src=http://evil.example/x onerror=alert(1)>"


@pytest.fixture(scope="module")
def read() -> Reader:
    # Names of intents and files come from outside: a report must be no way in.
    evil = report_of([*TEXTS, ("something strange", EVIL, "</svg><script>"), ("x y z", "other", EVIL)])
    html = page(replace(evil, file=EVIL))
    assert html.startswith("<!doctype html>")
    return Reader(html)


class TestPage:
    def test_it_runs_nothing_and_loads_nothing(self, read):
        assert read.open == []
        assert not {"script", "link", "img", "iframe", "object", "image", "use", "a", "base"} & set(read.tags)
        for name, value in read.attributes:
            assert not name.startswith("on")
            assert name not in ("src", "href", "xlink:href", "action", "data", "style")
            assert "//" not in (value or "")
        assert "url(" not in read.text
        assert "@import" not in read.text

    def test_a_browser_is_told_so_too(self, read):
        assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in read.attributes

    def test_what_came_from_outside_is_text(self, read):
        assert EVIL in read.text

    def test_it_has_the_pictures_and_the_figures(self, read):
        pictures = [value for name, value in read.attributes if name == "aria-label"]
        assert [picture.partition(":")[0] for picture in pictures] == [
            "Risk and coverage",
            "Calibration",
            "Confusion",
            "Confusion",
        ]
        for said in (
            "macro-F1",
            "calls saved",
            "at the thresholds in use",
            "AUROC",
            "prefers-color-scheme: dark",
        ):
            assert said in read.text

    def test_numbers_in_pictures_are_finite(self, read):
        assert not [
            value for _, value in read.attributes if value and ("nan" in value.split() or "inf" in value)
        ]

    def test_of_many_labels_those_most_mistaken_are_drawn_and_the_rest_as_one(self):
        from frontdesk.agents.evaluation.pictures import MOST_LABELS, REST, confusion
        from frontdesk.agents.evaluation.report import Figures

        some = report_of(TEXTS).all.labels["intent"]
        count = MOST_LABELS + 10
        table = tuple(
            tuple(int(row == at) * (row + 1) + int((row, at) == (0, 33)) for at in range(count))
            for row in range(count)
        )
        many: Figures = replace(some, labels=tuple(f"label {at}" for at in range(count)), confusion=table)
        words = [element.text or "" for element in confusion(many).iter("text")]
        assert words.count(REST) == 2
        assert "label 33" in words, "of equally good ones the more frequent"
        assert "label 1" not in words
        assert "label 0" in words, "it is rare, and mistaken"
        assert str(sum(range(2, 13)) + 0) in words, "the rest is summed up"
