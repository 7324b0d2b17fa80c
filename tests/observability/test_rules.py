"""Prometheus' rules and Alertmanager's routes: valid, each alert tried, and nothing named that is not exposed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from deploy.observability.__main__ import main
from deploy.observability.files import alerts
from frontdesk.agents.metrics.catalogue import FAMILIES
from tests.observability.tools import ROOT, names, run

RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yaml"))
TESTS = sorted(Path(__file__).parent.glob("*.test.yaml"))
ALERTMANAGER = "deploy/alertmanager/alertmanager.yaml"
GROUPS = [group for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
RECORDED = {rule["record"] for group in GROUPS for rule in group["rules"] if "record" in rule}
ALERTS = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]
EXPOSED = {family.name for family in FAMILIES}


def test_what_is_committed_is_what_would_be_written() -> None:
    assert main(["--check"]) == 0


def test_a_stale_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path)]) == 0
    rules = tmp_path / "deploy/prometheus/rules/serving.yaml"
    rules.write_text(rules.read_text(encoding="utf-8").replace("> 60", "> 61"), encoding="utf-8")
    capsys.readouterr()
    assert main(["--check", "--root", str(tmp_path)]) == 1
    assert (
        capsys.readouterr().err == "out of date: deploy/prometheus/rules/serving.yaml; run: make dashboards\n"
    )


def test_where_runbooks_are_read_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path), "--runbooks", "https://wiki.example/pages"]) == 0
    rules = tmp_path / "deploy/prometheus/rules"
    tests = tmp_path / "tests/observability"
    pages = f"runbook_url: https://wiki.example/pages/{alerts()[0].name}.md\n"
    assert pages in (rules / "objectives.yaml").read_text(encoding="utf-8")
    assert pages in "".join(path.read_text(encoding="utf-8") for path in tests.glob("*.yaml"))
    before = {path: path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.yaml")}
    assert main(["--check", "--root", str(tmp_path)]) == 0, "nobody has to say it again"
    (rules / "serving.yaml").write_text("", encoding="utf-8")
    assert main(["--root", str(tmp_path)]) == 0
    assert before == {path: path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.yaml")}
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["--root", str(tmp_path), "--runbooks", "docs/runbooks"])
    assert "give one such as https://" in capsys.readouterr().err


def test_prometheus_takes_its_configuration_and_rules() -> None:
    code, said = run(
        "promtool", "check", "config", "--lint=all", "--lint-fatal", "deploy/prometheus/prometheus.yaml"
    )
    assert code == 0, said
    assert said.count("rules found") == len(RULES), said


@pytest.fixture
def routes(tmp_path: Path) -> str:
    """Alertmanager's configuration. The address of a webhook may be in a file since Alertmanager 0.26; Debian 12 has the tool of 0.25."""
    text = (ROOT / ALERTMANAGER).read_text(encoding="utf-8")
    secret = "url_file: /run/secrets/frontdesk/watchdog_url"
    assert text.count(secret) == 1
    (tmp_path / "alertmanager.yaml").write_text(
        text.replace(secret, "url: http://127.0.0.1/"), encoding="utf-8"
    )
    return str(tmp_path / "alertmanager.yaml")


def test_alertmanager_takes_its_configuration(routes: str) -> None:
    code, said = run("amtool", "check-config", routes)
    assert code == 0, said


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
@pytest.mark.slow
def test_alerts_fire_and_are_silent(path: Path) -> None:
    code, said = run("promtool", "test", "rules", str(path))
    assert code == 0, said


@pytest.mark.slow
def test_a_case_that_is_wrong_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "tests/observability").mkdir(parents=True)
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    text = (ROOT / "tests/observability/records.test.yaml").read_text(encoding="utf-8")
    broken = tmp_path / "tests/observability/records.test.yaml"
    broken.write_text(text.replace("0+540x60", "0+600x60"), encoding="utf-8")
    code, said = run("promtool", "test", "rules", str(broken))
    assert code == 1
    assert "frontdesk:slo_bad:ratio_rate5m" in said


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    tried = Counter(
        (test["alertname"], bool(test["exp_alerts"]))
        for path in TESTS
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
        for test in case.get("alert_rule_test", ())
    )
    assert {rule["alert"] for rule in ALERTS} == {alert.name for alert in alerts()}
    for rule in ALERTS:
        assert tried[rule["alert"], True], f"{rule['alert']} never fires"
    always = {rule["alert"] for rule in ALERTS if not tried[rule["alert"], False]}
    assert always == {"FrontdeskWatchdog"}, "others are silent in some case"


def test_alerts_say_what_a_called_person_needs() -> None:
    for rule in ALERTS:
        name = rule["alert"]
        assert name.startswith("Frontdesk")
        assert rule["labels"]["severity"] in ("page", "ticket") or name == "FrontdeskWatchdog", name
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}, name
        assert rule["annotations"]["runbook_url"].endswith(f"/{name}.md"), name


def test_rules_read_only_what_is_exposed_or_recorded() -> None:
    for group in GROUPS:
        for rule in group["rules"]:
            assert names(rule["expr"]) <= EXPOSED | RECORDED, rule


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"severity": "page", "alertname": "FrontdeskWorkerAbsent"}, "on-call"),
        ({"severity": "ticket", "alertname": "FrontdeskDriftFound"}, "tickets"),
        ({"severity": "none", "alertname": "FrontdeskWatchdog"}, "watchdog"),
        ({"alertname": "Unknown"}, "tickets"),
    ],
)
def test_severities_have_their_receivers(labels: dict[str, str], receivers: str, routes: str) -> None:
    given = [f"{name}={value}" for name, value in labels.items()]
    code, said = run(
        "amtool",
        "config",
        "routes",
        "test",
        f"--config.file={routes}",
        f"--verify.receivers={receivers}",
        *given,
    )
    assert code == 0, said


def test_alerts_that_silence_or_are_silenced_exist() -> None:
    rules = yaml.safe_load((ROOT / ALERTMANAGER).read_text(encoding="utf-8"))["inhibit_rules"]
    known = {rule["alert"] for rule in ALERTS}
    pages = {rule["alert"] for rule in ALERTS if rule["labels"]["severity"] == "page"}
    for rule in rules:
        sources, targets = (_alerts(rule[side]) for side in ("source_matchers", "target_matchers"))
        assert sources <= known
        assert targets <= known
        if targets & pages:
            assert sources <= pages, "a ticket would silence a page"


def _alerts(matchers: list[str]) -> set[str]:
    """The names that matchers list."""
    text = next((matcher for matcher in matchers if matcher.startswith("alertname")), "")
    listed = text.partition('"')[2].rstrip('"')
    if "(" not in listed:
        return {listed} if listed else set()
    head, _, rest = listed.partition("(")
    return {f"{head}{name}" for name in rest.rstrip(")").split("|")}


def test_no_secret_is_in_a_configuration() -> None:
    receivers = yaml.safe_load((ROOT / ALERTMANAGER).read_text(encoding="utf-8"))["receivers"]
    for receiver in receivers:
        for kind, settings in receiver.items():
            if kind == "name":
                continue
            for setting in settings:
                secrets = [key for key in setting if "key" in key or "url" in key]
                assert secrets, kind
                assert all(key.endswith("_file") for key in secrets), secrets
