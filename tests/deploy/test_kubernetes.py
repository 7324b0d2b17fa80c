"""The overlays: valid by every validator, sound by our own rules, and each of both refuses a planted fault."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.kubernetes import generate
from frontdesk.agents.settings import Settings
from frontdesk.schemas import topics as t
from tests.deploy.rules import faults, named, of_kind

pytest.importorskip("kubernetes_validate", reason="make deploy-check installs the validators (extra deploy)")
pytest.importorskip("cloudcoil", reason="make deploy-check installs the validators (extra deploy)")
from tests.deploy.manifests import OVERLAYS, ROOT, NoKustomize, problems, render  # after what it needs

Manifest = dict[str, Any]


def rendered(overlay: str) -> list[Manifest]:
    try:
        return render(ROOT / "overlays" / overlay)
    except NoKustomize:
        pytest.skip("no kustomize and no kubectl: make deploy-check builds one with Go")


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> list[Manifest]:
    return rendered(request.param)


@pytest.fixture(scope="module")
def production() -> list[Manifest]:
    return rendered("production")


class TestSound:
    @pytest.mark.slow
    def test_every_resource_is_valid(self, overlay: list[Manifest]) -> None:
        assert [problem for one in overlay for problem in problems(one)] == []

    def test_nothing_is_wrong_beyond_that(self, overlay: list[Manifest]) -> None:
        assert faults(overlay) == []

    @pytest.mark.slow
    def test_everything_lies_in_one_namespace(self, overlay: list[Manifest]) -> None:
        spaces = {one["metadata"].get("namespace") for one in overlay if one["kind"] != "Namespace"}
        assert spaces == {"frontdesk"}

    def test_what_is_generated_is_committed(self) -> None:
        assert generate.stale() == []

    def test_a_kafka_of_ones_own_needs_no_strimzi(self) -> None:
        try:
            kinds = {one["kind"] for one in render(ROOT / "base/frontdesk")}
        except NoKustomize:
            pytest.skip("no kustomize and no kubectl: make deploy-check builds one with Go")
        assert "StatefulSet" in kinds
        assert not any(kind.startswith("Kafka") for kind in kinds)

    @pytest.mark.slow
    def test_only_production_reaches_a_language_model(self) -> None:
        for name, reaches in (("small", False), ("production", True)):
            policies = [one["metadata"]["name"] for one in of_kind(rendered(name), "NetworkPolicy")]
            assert ("frontdesk-llm" in policies) is reaches

    def test_alerts_become_a_rule_of_the_operator(self, tmp_path: Path) -> None:
        group = {"name": "g", "rules": [{"alert": "FrontdeskDown", "expr": "up == 0"}]}
        (tmp_path / "a.yaml").write_text(yaml.safe_dump({"groups": [group]}))
        (rule,) = generate.rules(tmp_path)
        assert problems(rule) == []
        assert rule["spec"]["groups"] == [group]
        del rule["spec"]["groups"][0]["name"]
        assert problems(rule) != []


def principals(manifests: list[Manifest], operation: str, topic: str) -> set[str]:
    """Who may do this to a topic."""
    return {
        user["metadata"]["name"]
        for user in of_kind(manifests, "KafkaUser")
        for acl in user["spec"]["authorization"]["acls"]
        if acl["resource"]["type"] == "topic"
        and (
            topic.startswith(acl["resource"]["name"])
            if acl["resource"].get("patternType") == "prefix"
            else topic == acl["resource"]["name"]
        )
        and operation in acl["operations"]
    }


class TestAccess:
    @pytest.mark.parametrize(
        ("operation", "topic", "who"),
        [
            ("Write", t.ROUTING_POLICIES, {"frontdesk-publisher"}),
            ("Write", t.ROUTING_MODELS, {"frontdesk-publisher", "frontdesk-learner"}),
            ("Write", t.PRODUCT_CATALOG, {"frontdesk-publisher"}),
            ("Write", t.CUSTOMER_MESSAGES, {"platform-producer"}),
            ("Write", t.CONVERSATION_EVENTS, {"platform-producer"}),
            ("Write", t.CUSTOMER_PROFILES, {"platform-producer"}),
            ("Write", t.CUSTOMER_PURCHASES, {"platform-producer"}),
            ("Write", t.ROUTING_FEEDBACK, {"platform-producer"}),
            ("Write", t.CUSTOMER_TRANSFERS, {"frontdesk-worker"}),
            ("Write", t.ROUTING_DECISIONS, {"frontdesk-worker"}),
            ("Write", t.ROUTING_DEAD_LETTERS, {"frontdesk-worker"}),
            ("Read", t.ROUTING_DEAD_LETTERS, {"dead-letter-reader", "frontdesk-auditor"}),
            ("Read", t.ROUTING_DECISIONS, {"routing-consumer", "frontdesk-learner", "frontdesk-auditor"}),
            ("Read", t.ESCALATION_ALERTS, {"routing-consumer"}),
            ("Read", t.SERVICE_SUGGESTIONS, {"routing-consumer"}),
            ("Read", t.CUSTOMER_MESSAGES, {"frontdesk-worker", "frontdesk-auditor"}),
            ("Read", t.changelog_topic("frontdesk", t.CUSTOMERS_TABLE), {"frontdesk-worker"}),
            ("Write", t.changelog_topic("frontdesk", t.CUSTOMERS_TABLE), {"frontdesk-worker"}),
        ],
    )
    @pytest.mark.slow
    def test_who_may(self, production: list[Manifest], operation: str, topic: str, who: set[str]) -> None:
        assert principals(production, operation, topic) == who

    def test_every_topic_is_named_and_none_that_is_not_there(self, production: list[Manifest]) -> None:
        there = {one["metadata"]["name"] for one in of_kind(production, "KafkaTopic")}
        named_ones = {
            acl["resource"]["name"]
            for user in of_kind(production, "KafkaUser")
            for acl in user["spec"]["authorization"]["acls"]
            if acl["resource"]["type"] == "topic"
        }
        assert named_ones == there

    def test_a_worker_has_the_transactional_ids_of_its_shards_and_not_the_learners(
        self, production: list[Manifest]
    ) -> None:
        ids = [
            acl["resource"]
            for acl in named(production, "KafkaUser", "frontdesk-worker")["spec"]["authorization"]["acls"]
            if acl["resource"]["type"] == "transactionalId"
        ]
        assert all(one["patternType"] == "prefix" for one in ids)

        def may(name: str) -> bool:
            return any(name.startswith(one["name"]) for one in ids)

        assert all(may(f"frontdesk-{shard}") for shard in range(500))
        assert not may("frontdesk.learner"), "which it could push aside"

    def test_pods_come_to_kafka_as_who_they_are(
        self, overlay: list[Manifest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """The settings of a pod, its files among them, are settings that a worker takes."""
        consoles = [(f"{name}-console", name) for name in generate.CONSOLES]
        for owner, name in (("frontdesk-worker",) * 2, ("frontdesk-learner",) * 2, *consoles):
            kind = "Deployment" if owner.endswith("-console") else "StatefulSet"
            pod = named(overlay, kind, owner)["spec"]["template"]["spec"]
            for variable, value in _settings(overlay).items():
                monkeypatch.setenv(variable, value)
            for one in pod["containers"][0]["env"]:
                monkeypatch.setenv(one["name"], one.get("value", "10.0.0.1"))
            files = [
                (source["secret"]["name"], item["path"])
                for volume in pod["volumes"]
                for source in volume.get("projected", {}).get("sources", ())
                for item in source["secret"]["items"]
            ]
            folder = tmp_path / owner
            folder.mkdir()
            for _, path in files:
                (folder / path).write_text("secret\n")
            monkeypatch.setenv("FRONTDESK_SECRETS", str(folder))
            monkeypatch.setenv("FRONTDESK_KAFKA_CA", str(folder / "kafka-ca.pem"))
            settings = Settings()
            assert (settings.kafka_security_protocol, settings.kafka_sasl_username) == ("SASL_SSL", name)
            assert settings.kafka_sasl_password is not None
            assert (name, "FRONTDESK_KAFKA_SASL_PASSWORD") in files
            assert (settings.llm_api_key is not None) == any(
                path == "FRONTDESK_LLM_API_KEY" for _, path in files
            )


_WORKER = ("StatefulSet", "frontdesk-worker")
Plant = Callable[[Manifest], object]


def _container(one: Manifest) -> Manifest:
    found: Manifest = one["spec"]["template"]["spec"]["containers"][0]
    return found


@pytest.mark.parametrize(
    ("kind", "name", "plant", "said"),
    [
        (*_WORKER, lambda one: one["spec"].update(replica=3), "replica"),
        (*_WORKER, lambda one: one["spec"].pop("selector"), "selector"),
        (*_WORKER, lambda one: one["spec"].update(replicas="three"), "replicas"),
        (*_WORKER, lambda one: _container(one)["securityContext"].update(readOnlyRoot=True), "readOnlyRoot"),
        (*_WORKER, lambda one: _container(one).pop("name"), "name"),
        (
            "PodDisruptionBudget",
            "frontdesk-worker",
            lambda one: one["spec"].update(maxUnavailble=1),
            "maxUnavailble",
        ),
        ("NetworkPolicy", "frontdesk-dns", lambda one: one["spec"].pop("podSelector"), "podSelector"),
        (
            "NetworkPolicy",
            "frontdesk-dns",
            lambda one: one["spec"].update(policyTypes="Egress"),
            "policyTypes",
        ),
        (
            "PersistentVolumeClaim",
            "frontdesk-models",
            lambda one: one["spec"].update(accessModes="x"),
            "accessModes",
        ),
        ("ScaledObject", "frontdesk-worker", lambda one: one["spec"].update(maxReplicas=3), "maxReplicas"),
        ("ScaledObject", "frontdesk-worker", lambda one: one["spec"].pop("triggers"), "triggers"),
        (
            "ScaledObject",
            "frontdesk-worker",
            lambda one: one["spec"].update(minReplicaCount="two"),
            "minReplicaCount",
        ),
        (
            "TriggerAuthentication",
            "frontdesk-autoscaler",
            lambda one: one["spec"].update(secretRef=[]) or one["spec"]["secretTargetRef"][0].pop("key"),
            "key",
        ),
        (
            "PodMonitor",
            "frontdesk-worker",
            lambda one: one["spec"].update(endpoints=[{"port": "http"}]),
            "endpoints",
        ),
        ("PodMonitor", "frontdesk-worker", lambda one: one["spec"].pop("selector"), "selector"),
        ("Kafka", "frontdesk", lambda one: one["spec"].update(zookeeper={"replicas": 3}), "zookeeper"),
        ("Kafka", "frontdesk", lambda one: one.update(apiVersion="kafka.strimzi.io/v1beta2"), "apiVersion"),
        ("Kafka", "frontdesk", lambda one: one["spec"]["kafka"]["listeners"][0].update(tls=False), "tls"),
        ("KafkaNodePool", "broker", lambda one: one["spec"].update(roles=["brokers"]), "brokers"),
        ("KafkaTopic", "customer.messages", lambda one: one["spec"].update(partitions=0), "minimum"),
        (
            "KafkaTopic",
            "customer.messages",
            lambda one: one["spec"]["config"].update({"retention": 1}),
            "retention",
        ),
        (
            "KafkaTopic",
            "customer.messages",
            lambda one: one["metadata"].update(name="Customer_Messages"),
            "name",
        ),
        (
            "KafkaUser",
            "routing-consumer",
            lambda one: one["spec"]["authorization"]["acls"][0].update(operation="Read"),
            "operation",
        ),
        ("KafkaUser", "routing-consumer", lambda one: one["spec"].pop("authorization"), "authorization"),
    ],
)
@pytest.mark.slow
def test_a_validator_refuses_a_planted_fault(
    production: list[Manifest], kind: str, name: str, plant: Plant, said: str
) -> None:
    broken = copy.deepcopy(named(production, kind, name))
    plant(broken)
    assert any(said in one for one in problems(broken))


def test_what_no_validator_knows_is_refused(production: list[Manifest]) -> None:
    stranger = {"apiVersion": "example.org/v1", "kind": "Queue", "metadata": {"name": "q"}}
    assert any("no validator" in one for one in problems(stranger))
    stranger = {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaBridge", "metadata": {"name": "q"}}
    assert any("no schema" in one for one in problems(stranger))


def _settings(manifests: list[Manifest]) -> Manifest:
    (found,) = (one for one in of_kind(manifests, "ConfigMap") if "FRONTDESK_PARTITIONS" in one["data"])
    data: Manifest = found["data"]
    return data


def _worker(manifests: list[Manifest]) -> Manifest:
    return named(manifests, *_WORKER)


def _console(manifests: list[Manifest]) -> Manifest:
    return named(manifests, "Deployment", "frontdesk-publisher-console")


def _env(manifests: list[Manifest], name: str) -> Manifest:
    (found,) = (one for one in _container(_worker(manifests))["env"] if one["name"] == name)
    plain: Manifest = found
    return plain


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (lambda all_: _worker(all_)["spec"]["template"]["spec"]["securityContext"].pop("runAsUser"), "root"),
        (lambda all_: _container(_worker(all_))["securityContext"].pop("capabilities"), "privileges"),
        (lambda all_: _container(_worker(all_)).update(image="frontdesk:latest"), "pinned"),
        (lambda all_: _container(_worker(all_))["resources"].pop("limits"), "resources"),
        (lambda all_: _container(_worker(all_))["livenessProbe"]["httpGet"].update(path="/ready"), "/live"),
        (lambda all_: _env(all_, "FRONTDESK_HTTP_HOST").update(name="FRONTDESK_HOST"), "no setting"),
        (lambda all_: _env(all_, "FRONTDESK_HTTP_HOST").update(valueFrom={}), "pod's address"),
        (lambda all_: _env(all_, "FRONTDESK_INSTANCE_ID").update(valueFrom={}), "static membership"),
        (lambda all_: _env(all_, "FRONTDESK_HTTP_PORT").update(value="9109"), "asked elsewhere"),
        (lambda all_: _settings(all_).update(FRONTDESK_PARTITION="9"), "no setting FRONTDESK_PARTITION "),
        (lambda all_: _settings(all_).update(FRONTDESK_PARTITIONS="95"), "96 workers for 95 partitions"),
        (lambda all_: _settings(all_).update(FRONTDESK_APPLICATION="desk"), "not the workers' group"),
        (lambda all_: _worker(all_)["spec"].update(replicas=6), "every apply"),
        (lambda all_: all_.remove(named(all_, "NetworkPolicy", "frontdesk-default-deny")), "no policy names"),
        (lambda all_: all_.remove(named(all_, "NetworkPolicy", "frontdesk-scrape")), "Prometheus"),
        (
            lambda all_: named(all_, "NetworkPolicy", "frontdesk-kafka")["spec"]["egress"][0].pop("to"),
            "anywhere",
        ),
        (
            lambda all_: named(all_, "NetworkPolicy", "frontdesk-scrape")["spec"]["ingress"][0].pop("from"),
            "anybody",
        ),
        (lambda all_: all_.remove(named(all_, "KafkaUser", "frontdesk-worker")), "nobody makes the secret"),
        (lambda all_: all_.remove(named(all_, "PersistentVolumeClaim", "frontdesk-models")), "no claim"),
        (
            lambda all_: named(all_, "PodDisruptionBudget", "frontdesk-worker")["spec"].update(
                selector={"matchLabels": {"app": "x"}}
            ),
            "protects nothing",
        ),
        (
            lambda all_: named(all_, "PodMonitor", "frontdesk-worker")["spec"]["podMetricsEndpoints"][
                0
            ].update(port="metrics"),
            "no port",
        ),
        (
            lambda all_: named(all_, "PodMonitor", "frontdesk-worker")["spec"]["podMetricsEndpoints"][0][
                "relabelings"
            ].pop(0),
            "a label endpoint",
        ),
        (lambda all_: named(all_, "KafkaNodePool", "controller")["spec"].update(replicas=2), "even number"),
        (
            lambda all_: named(all_, "KafkaNodePool", "broker")["spec"].update(replicas=2),
            "copies on 2 brokers",
        ),
        (
            lambda all_: named(all_, "Kafka", "frontdesk")["spec"]["kafka"]["config"].update(
                {"min.insync.replicas": 3}
            ),
            "may be away",
        ),
        (
            lambda all_: all_.remove(named(all_, "KafkaTopic", "frontdesk.timers-changelog")),
            "no KafkaTopic frontdesk.timers",
        ),
        (
            lambda all_: named(all_, "KafkaTopic", "frontdesk.timers-changelog")["metadata"].update(
                name="timers"
            ),
            "in no table",
        ),
        (lambda all_: named(all_, "KafkaTopic", "routing.policies")["spec"].update(partitions=96), "not 1"),
        (
            lambda all_: named(all_, "KafkaTopic", "customer.profiles")["spec"]["config"].update(
                {"cleanup.policy": "delete"}
            ),
            "customer.profiles has",
        ),
        (
            lambda all_: named(all_, "KafkaTopic", "routing.decisions")["spec"]["config"].update(
                {"retention.ms": 1}
            ),
            "routing.decisions has",
        ),
        (lambda all_: _console(all_)["spec"].update(replicas=1), "a door"),
        (
            lambda all_: _container(_console(all_))["securityContext"].pop("capabilities"),
            "console: has privileges",
        ),
        (
            lambda all_: all_.remove(named(all_, "KafkaUser", "frontdesk-auditor")),
            "the secret frontdesk-auditor",
        ),
        (lambda all_: all_.append({"kind": "Secret", "metadata": {"name": "s"}}), "a Secret"),
    ],
)
def test_a_planted_fault_that_is_valid_is_found(
    production: list[Manifest], plant: Callable[[list[Manifest]], object], said: str
) -> None:
    broken = copy.deepcopy(production)
    plant(broken)
    assert any(said in one for one in faults(broken))


def test_kustomize_refuses_an_overlay_that_names_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [nothing.yaml]\n")
    try:
        with pytest.raises(ValueError, match=r"nothing\.yaml"):
            render(tmp_path)
    except NoKustomize:
        pytest.skip("no kustomize and no kubectl: make deploy-check builds one with Go")
