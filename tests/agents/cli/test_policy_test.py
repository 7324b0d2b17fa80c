"""`frontdesk policy test`: the cases of the bundled pack, and how a case that fails is shown."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from frontdesk.agents.settings import BUNDLED_POLICY
from tests.support.cli import frontdesk, json_lines

pytestmark = pytest.mark.usefixtures("loaded_once")

WRONG = """
cases:
  - case: complaint of a VIP
    given: {labels: {intent: complaint, emotion: angry}, facts: {tier: vip}}
    expect: {queue: billing, action: keep, rule: complaint, priority: {max: 20}, sla: 2h, representative: li, alerts: [safety, vip/warning],
      not_alerts: [vip], tags: [legal], not_tags: [vip], skills: [payments]}
  - case: 退款 in order
    given: {labels: {intent: billing}, facts: {mood: -1}}
    expect: {queue: billing}
"""


@pytest.fixture
def folder(tmp_path):
    """The bundled policy with cases of its own."""

    def beside(cases, name="cases.yaml"):
        at = tmp_path / "pack"
        shutil.copytree(BUNDLED_POLICY, at, ignore=shutil.ignore_patterns("cases*"), dirs_exist_ok=True)
        file = at / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(cases, encoding="utf-8")
        return str(at)

    return beside


def one(given, expect):
    return f"cases:\n  - case: one\n    given: {given}\n    expect: {expect}\n"


@pytest.mark.slow
def test_the_bundled_cases_pass_and_make_every_rule_hold(tmp_path):
    report = tmp_path / "report.xml"
    (document,) = json_lines(frontdesk("policy", "test", "--json", "--junit", str(report)))
    assert document["cases"] >= 40
    assert (document["failed"], document["unheld_rules"]) == (0, [])
    suite = ET.parse(report).getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == (str(document["cases"]), "0")


def test_each_miss_is_a_line(folder, tmp_path):
    report = tmp_path / "report.xml"
    done = frontdesk("policy", "test", folder(WRONG), "--junit", str(report), code=1)
    first, *misses, reason, skills, total = done.stdout.splitlines()
    assert first == "FAILED complaint of a VIP  (cases.yaml:3)"
    assert misses == [
        "  action          expected keep, got route",
        "  queue           expected billing, got vip_care",
        "  rule            expected complaint, got vip-unhappy",
        "  priority        expected 0 to 20, got 90",
        "  sla             expected 2h, got 10m",
        "  representative  expected li, got nobody",
        "  alerts          expected with safety, got vip/warning",
        "  alerts          expected without vip, got vip/warning",
        "  tags            expected with legal, got vip",
        "  tags            expected without vip, got vip",
        "  skills          expected with payments, got vip",
    ]
    assert reason.startswith("  decided by vip-unhappy (policy.yaml:")
    assert skills == "  skills: vip"
    assert total == "2 cases, 1 failed"
    case = ET.parse(report).getroot().find("testsuite/testcase")
    assert case is not None
    failure = case.find("failure")
    assert failure is not None
    assert "expected billing, got vip_care" in str(failure.text)
    assert str(failure.get("message")).startswith(
        "action: expected keep, got route; queue: expected billing, got vip_care; rule: "
    )
    assert case.get("classname") == "cases.yaml"


def test_the_cases_of_the_documentation_pass(folder):
    text = (Path(__file__).parents[3] / "docs" / "policy-tools.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert example is not None
    assert "3 cases, 0 failed" in frontdesk("policy", "test", folder(example[1])).stdout


def test_only_some_may_be_run(folder):
    pack = folder(WRONG)
    assert "1 case, 0 failed" in frontdesk("policy", "test", pack, "-k", "退款").stdout
    assert "none of the 2 cases" in frontdesk("policy", "test", pack, "-k", "nothing", code=2).stderr


def test_a_text_is_labelled_and_decided_in_its_conversation(folder):
    given = """
      text: 还是不行
      at: "2026-03-01T08:00:00Z"
      profile: {tier: gold, preferred_representative: li}
      records: [{topic: customer.purchases, value: {order_id: o1, product_id: p1, amount: 20.0}}]
      turns: [{customer: APP一打开就闪退}, {representative: 请重新安装}]
      facts: {contacts_7d: 3}"""
    pack = folder(
        one(given, "{labels: {language: zh}, representative: li, skills: [vip]}"), "cases/talk.yaml"
    )
    assert "1 case, 0 failed" in frontdesk("policy", "test", pack).stdout


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("{text: hi, at: noon}", "is no time"),
        ("{text: hi, records: [{topic: nowhere, value: {}}]}", "topics are"),
        ("{text: hi, profile: {tier: 5}}", "customer.profiles"),
    ],
)
@pytest.mark.slow
def test_a_past_that_cannot_be_is_told(folder, given, says):
    assert says in frontdesk("policy", "test", folder(one(given, "{queue: billing}")), code=2).stderr


def test_what_is_wrong_with_a_file_is_told_with_its_place(folder):
    done = frontdesk("policy", "test", folder(one("{labels: {intnt: billing}}", "{queue: billing}")), code=2)
    assert "cases.yaml:3:22: no label is called 'intnt'; did you mean 'intent'" in done.stderr


def test_a_policy_without_cases_says_where_they_go(folder):
    assert "write cases.yaml" in frontdesk("policy", "test", folder("", "other.yaml"), code=2).stderr


@pytest.mark.slow
def test_opening_hours_go_by_when_a_case_comes(folder):
    at = folder(
        one('{labels: {intent: billing}, at: "2026-01-04T10:00:00Z"}', "{queue: general}")
        + "  - case: two\n    given: {labels: {intent: billing}}\n    expect: {queue: billing}\n"
    )
    file = Path(at) / "policy.yaml"
    text = file.read_text(encoding="utf-8")
    hours = "hours: {time_zone: Europe/Berlin, open: {mon-fri: 09:00-18:00}}\n    overflow: general\n"
    file.write_text(text.replace("  billing:\n", f"  billing:\n    {hours}", 1), encoding="utf-8")
    assert "2 cases, 0 failed" in frontdesk("policy", "test", at).stdout, "a Sunday and a Monday"
    asked = ("--policy", at, "--facts", "intent=billing", "--rule", "billing")
    assert "route to general" in frontdesk("policy", "explain", *asked, "--at", "2026-01-04T10:00:00Z").stdout
    assert "route to billing" in frontdesk("policy", "explain", *asked).stdout
    assert "is no time" in frontdesk("policy", "explain", *asked, "--at", "noon", code=2).stderr


def test_a_rule_that_only_says_whether_an_llm_is_asked_is_held_by_no_case(folder):
    beside = Path(folder(one("{labels: {intent: billing}}", "{queue: billing}")))
    file = beside / "policy.yaml"
    text = file.read_text(encoding="utf-8")
    quick = "rules:\n  - {id: quick, match: {intent: billing}, then: {llm: skip}}\n"
    file.write_text(text.replace("rules:\n", quick, 1), encoding="utf-8")
    (document,) = json_lines(frontdesk("policy", "test", "--json", str(beside)))
    assert document["failed"] == 0
    assert "quick" not in document["unheld_rules"]
    assert "complaint" in document["unheld_rules"]


STEPS = "steps: [{after: 2m, drop_skills: [payments]}, {after: 5m, priority: 90, queue: general}]"
CLOSED = "hours: {time_zone: Asia/Shanghai, open: {mon-fri: 09:00-18:00}}\n    overflow: general"


def with_lines(pack, after, lines):
    """The pack with more lines in its policy."""
    file = Path(pack) / "policy.yaml"
    text = file.read_text(encoding="utf-8")
    assert after in text
    file.write_text(text.replace(after, f"{after}{lines}", 1), encoding="utf-8")
    return pack


@pytest.mark.slow
def test_steps_may_be_expected(folder):
    def tested(steps, code=0):
        pack = folder(one("{labels: {intent: billing}}", f"{{queue: billing, steps: {steps}}}"))
        return frontdesk(
            "policy", "test", with_lines(pack, "  billing:\n", f"    {STEPS}\n"), code=code
        ).stdout

    assert "0 failed" in tested("[{after: 2m, skills: []}, {after: 5m, queue: general, priority: {min: 80}}]")
    assert "0 failed" in tested("[{after: 5m}]")
    shown = tested("[{after: 2m, skills: [payments], priority: 45}, {after: 3m}]", code=1)
    first = "after 2m queue billing, priority 45, skills none"
    second = "after 5m queue general, priority 90, skills none"
    assert f"  steps  expected after 2m priority 45, skills payments, got {first}" in shown
    assert f"  steps  expected after 3m, got {first}; {second}" in shown
    assert f"  steps  expected none, got {first}; {second}" in tested("[]", code=1)


def test_it_may_be_expected_whether_an_llm_is_asked(folder):
    unsure, sure = "那个东西怎么回事啊", "where is my refund"
    rules = """
  - {id: slow, match: {intent: technical}, then: {llm: wait}}
  - {id: quick, match: {channel: email}, then: {llm: skip}}
"""
    cases = "".join(
        f"  - {{case: c{number}, given: {given}, expect: {{llm: {expected}}}}}\n"
        for number, (given, expected) in enumerate(
            [
                (f"{{text: {unsure}}}", "asked"),
                (f"{{text: {sure}}}", "asked"),
                (f"{{text: {sure}, labels: {{intent: technical}}}}", "waited"),
                (f"{{text: {sure}, labels: {{intent: technical}}}}", "asked"),
                (f"{{text: {unsure}, channel: email}}", "skipped"),
                (f"{{text: {unsure}, channel: email}}", "asked"),
                ("{text: '👍', channel: email}", "skipped"),
                ("{labels: {intent: technical}}", "waited"),
                ("{labels: {intent: technical}}", "skipped"),
            ]
        )
    )
    pack = with_lines(folder(f"cases:\n{cases}"), "\nrules:", rules)
    (document,) = json_lines(frontdesk("policy", "test", pack, "--json", code=1))
    assert {result["case"]: miss["got"] for result in document["results"] for miss in result["misses"]} == {
        "c1": "not asked",
        "c5": "skipped",
        "c6": "not asked",
        "c8": "waited",
    }


def test_a_failing_case_says_that_a_closed_queue_overflowed_and_when_it_came(folder):
    """18:00 in Shanghai, where a case says nothing: the office has just closed."""
    billing = one("{labels: {intent: billing}}", "{queue: billing}")
    shown = frontdesk(
        "policy", "test", with_lines(folder(billing), "  billing:\n", f"    {CLOSED}\n"), code=1
    ).stdout.splitlines()
    closed = "billing is closed at Mon 2026-01-05 18:00 Asia/Shanghai; overflows into general"
    assert any(line.startswith("  path.hours (policy.yaml:") and line.endswith(closed) for line in shown)
    came = (
        "  the case says no `at`, so the message came on Monday 2026-01-05 at 10:00 UTC (18:00 in Shanghai)"
    )
    assert came in shown


@pytest.mark.slow
def test_explain_says_skills_steps_and_the_overflow_of_a_closed_queue(folder):
    pack = with_lines(
        folder(one("{text: hi}", "{queue: billing}")), "  billing:\n", f"    {CLOSED}\n    {STEPS}\n"
    )
    asked = ("policy", "explain", "--policy", pack, "intent=billing", "--rule", "billing", "--at")
    shown = frontdesk(*asked, "2026-01-05T09:00:00Z").stdout.splitlines()
    assert shown[1:3] == [
        "  skills: payments",
        "  steps: after 2m queue billing, priority 45, skills none; after 5m queue general, priority 90, skills none",
    ]
    assert shown[3].startswith("  path.hours (policy.yaml:")
    assert "overflow: billing is closed at Mon" in frontdesk(*asked, "2026-01-05T10:00:00Z").stdout
