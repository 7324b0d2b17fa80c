"""What must hold of the manifests beyond their schemas: faults of a rendered overlay, each in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from frontdesk.agents.metrics.catalogue import FAMILIES
from frontdesk.agents.settings import unknown_variables
from frontdesk.schemas.topics import TOPICS, changelog_topics

Manifest = dict[str, Any]
MADE_ELSEWHERE = {"frontdesk-cluster-ca-cert", "frontdesk-llm"}
"""secrets that no KafkaUser makes: by Strimzi for the cluster, and by hand"""
OF_TARGETS = {"job", "instance", "namespace", "pod", "container", "endpoint"}
"""labels that Prometheus' operator gives what a PodMonitor selects"""


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    """Those of a kind."""
    return [one for one in manifests if one["kind"] == kind]


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """The one with this kind and name."""
    (found,) = (one for one in of_kind(manifests, kind) if one["metadata"]["name"] == name)
    return found


def with_pods(manifests: list[Manifest]) -> list[Manifest]:
    """Those that start pods."""
    return [*of_kind(manifests, "StatefulSet"), *of_kind(manifests, "Deployment")]


def faults(manifests: list[Manifest]) -> list[str]:
    """All that is wrong."""
    return [
        *_pods(manifests),
        *_references(manifests),
        *_network(manifests),
        *_scaling(manifests),
        *_scrapes(manifests),
        *_kafka(manifests),
        *topic_faults(manifests),
    ]


def _pods(manifests: list[Manifest]) -> Iterator[str]:
    for owner in with_pods(manifests):
        name, pod = owner["metadata"]["name"], owner["spec"]["template"]["spec"]
        context = pod.get("securityContext", {})
        if not context.get("runAsNonRoot") or not context.get("runAsUser"):
            yield f"{name}: may run as root"
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name}: no seccomp profile"
        if pod.get("automountServiceAccountToken") is not False or pod.get("enableServiceLinks") is not False:
            yield f"{name}: is given a token, or variables, that it does not need"
        for container in pod["containers"]:
            yield from _container(name, container)
            if owner["kind"] == "StatefulSet":
                yield from _served(name, container)
        if owner["kind"] == "Deployment" and owner["spec"]["replicas"] != 0:
            yield f"{name}: a console that is always there is a door that is always open"


def _container(name: str, container: Manifest) -> Iterator[str]:
    own = container.get("securityContext", {})
    if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities", {}).get("drop") != ["ALL"]:
        yield f"{name}: has privileges"
    if own.get("readOnlyRootFilesystem") is not True:
        yield f"{name}: root may be written to"
    if not re.search(r":\d+\.\d+\.\d+$|@sha256:", container["image"]):
        yield f"{name}: {container['image']} is not pinned"
    resources = container.get("resources", {})
    if {"cpu", "memory"} - resources.get("requests", {}).keys() or "memory" not in resources.get(
        "limits", {}
    ):
        yield f"{name}: no resources"
    variables = {one["name"]: one for one in container.get("env", ())}
    for unknown in unknown_variables(variables):
        yield f"{name}: no setting {unknown}"
    for variable in variables:
        if re.search(r"PASSWORD|SECRET|API_KEY", variable) and not variable.endswith("FILE"):
            yield f"{name}: {variable} is a secret in the environment"


def _served(name: str, container: Manifest) -> Iterator[str]:
    for probe, path in (("startupProbe", "/live"), ("livenessProbe", "/live"), ("readinessProbe", "/ready")):
        asked = container.get(probe, {}).get("httpGet", {})
        ports = {port["name"] for port in container["ports"]}
        if asked.get("path") != path or asked.get("port") not in ports:
            yield f"{name}: {probe} does not ask {path} at a port of its own"
    variables = {one["name"]: one for one in container.get("env", ())}
    for variable, one in variables.items():
        if variable.endswith("HTTP_PORT") and int(one["value"]) != container["ports"][0]["containerPort"]:
            yield f"{name}: listens on {one['value']}, and is asked elsewhere"
    if _field(variables, "FRONTDESK_HTTP_HOST") != "status.podIP":
        yield f"{name}: does not listen on the pod's address, where probes and scrapes come"
    if container["args"] == ["worker"] and _field(variables, "FRONTDESK_INSTANCE_ID") != "metadata.name":
        yield f"{name}: no static membership by the pod's name"


def _field(variables: Manifest, name: str) -> str | None:
    found: str | None = variables.get(name, {}).get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
    return found


def _references(manifests: list[Manifest]) -> Iterator[str]:
    """Names that lead nowhere."""
    there = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    secrets = {one["metadata"]["name"] for one in of_kind(manifests, "KafkaUser")} | MADE_ELSEWHERE
    for owner in with_pods(manifests):
        name, pod = owner["metadata"]["name"], owner["spec"]["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        volumes |= {claim["metadata"]["name"] for claim in owner["spec"].get("volumeClaimTemplates", ())}
        for container in pod["containers"]:
            for mount in container["volumeMounts"]:
                if mount["name"] not in volumes:
                    yield f"{name}: no volume {mount['name']}"
            for source in container["envFrom"]:
                if ("ConfigMap", source["configMapRef"]["name"]) not in there:
                    yield f"{name}: no ConfigMap {source['configMapRef']['name']}"
        for volume in pod["volumes"]:
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim and ("PersistentVolumeClaim", claim) not in there:
                yield f"{name}: no claim {claim}"
            for source in volume.get("projected", {}).get("sources", ()):
                if source["secret"]["name"] not in secrets:
                    yield f"{name}: nobody makes the secret {source['secret']['name']}"
        if ("ServiceAccount", pod["serviceAccountName"]) not in there:
            yield f"{name}: no ServiceAccount {pod['serviceAccountName']}"
        if owner["kind"] == "StatefulSet" and ("Service", owner["spec"]["serviceName"]) not in there:
            yield f"{name}: no Service {owner['spec']['serviceName']}"
    for authentication in of_kind(manifests, "TriggerAuthentication"):
        for target in authentication["spec"]["secretTargetRef"]:
            if target["name"] not in secrets:
                yield f"{authentication['metadata']['name']}: nobody makes the secret {target['name']}"
    if of_kind(manifests, "Secret"):
        yield "a Secret lies among the manifests"
    for settings in of_kind(manifests, "ConfigMap"):
        for unknown in unknown_variables(settings["data"]):
            yield f"{settings['metadata']['name']}: no setting {unknown}"


def _selects(selector: Manifest, labels: Manifest) -> bool:
    return selector.get("matchLabels", {}).items() <= labels.items()


def _network(manifests: list[Manifest]) -> Iterator[str]:
    policies = of_kind(manifests, "NetworkPolicy")
    for owner in with_pods(manifests):
        name, template = owner["metadata"]["name"], owner["spec"]["template"]
        labels = template["metadata"]["labels"]
        own = [one["spec"] for one in policies if _selects(one["spec"]["podSelector"], labels)]
        denied = {
            kind
            for spec in own
            if not spec.get("ingress") and not spec.get("egress")
            for kind in spec["policyTypes"]
        }
        if denied != {"Ingress", "Egress"}:
            yield f"{name}: what no policy names is allowed"
        into = {port["port"] for spec in own for rule in spec.get("ingress", ()) for port in rule["ports"]}
        out = {port["port"] for spec in own for rule in spec.get("egress", ()) for port in rule["ports"]}
        if any(not rule.get("from") for spec in own for rule in spec.get("ingress", ())):
            yield f"{name}: anybody may come in"
        if any(not rule.get("to") for spec in own for rule in spec.get("egress", ())):
            yield f"{name}: may go anywhere"
        ports = template["spec"]["containers"][0].get("ports")
        if ports and ports[0]["containerPort"] not in into:
            yield f"{name}: Prometheus is not let in"
        if not {53, 9093} <= out:
            yield f"{name}: DNS or Kafka is out of reach"
    for budget in of_kind(manifests, "PodDisruptionBudget"):
        sets = of_kind(manifests, "StatefulSet")
        if not any(
            _selects(budget["spec"]["selector"], one["spec"]["template"]["metadata"]["labels"])
            for one in sets
        ):
            yield f"{budget['metadata']['name']}: protects nothing"


def _scaling(manifests: list[Manifest]) -> Iterator[str]:
    (settings,) = (one for one in of_kind(manifests, "ConfigMap") if "FRONTDESK_PARTITIONS" in one["data"])
    partitions = int(settings["data"]["FRONTDESK_PARTITIONS"])
    for scaled in of_kind(manifests, "ScaledObject"):
        spec = scaled["spec"]
        if spec["maxReplicaCount"] > partitions:
            yield f"{spec['maxReplicaCount']} workers for {partitions} partitions"
        if not 2 <= spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"]:
            yield "the numbers of workers are out of order"
        target = (spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"])
        owners = {(one["kind"], one["metadata"]["name"]): one for one in of_kind(manifests, "StatefulSet")}
        if target not in owners:
            yield f"there is no {target[1]} to scale"
        elif "replicas" in owners[target]["spec"]:
            yield f"{target[1]} has a number of its own, which every apply would go back to"
        for trigger in spec["triggers"]:
            if trigger["metadata"]["consumerGroup"] != settings["data"]["FRONTDESK_APPLICATION"]:
                yield f"{trigger['metadata']['consumerGroup']} is not the workers' group"
            if trigger["metadata"].get("allowIdleConsumers") != "false":
                yield "more workers than partitions are allowed"


def _scrapes(manifests: list[Manifest]) -> Iterator[str]:
    jobs = set()
    for monitor in of_kind(manifests, "PodMonitor"):
        spec = monitor["spec"]
        for owner in of_kind(manifests, "StatefulSet"):
            template = owner["spec"]["template"]
            if not _selects(spec["selector"], template["metadata"]["labels"]):
                continue
            ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
            for endpoint in spec["podMetricsEndpoints"]:
                if endpoint["port"] not in ports:
                    yield f"{monitor['metadata']['name']}: no port {endpoint['port']}"
                jobs |= {
                    rule["replacement"]
                    for rule in endpoint["relabelings"]
                    if rule.get("targetLabel") == "job"
                }
                kept = OF_TARGETS - {
                    rule["regex"] for rule in endpoint["relabelings"] if rule.get("action") == "labeldrop"
                }
                # Prometheus would rename ours to exported_...
                for taken in sorted({label.name for family in FAMILIES for label in family.labels} & kept):
                    yield f"{monitor['metadata']['name']}: metrics have a label {taken}, and so has the target"
    if jobs != {"frontdesk-worker", "frontdesk-learner"}:
        yield f"scraped as {sorted(jobs)}"


def _kafka(manifests: list[Manifest]) -> Iterator[str]:
    pools = of_kind(manifests, "KafkaNodePool")
    brokers = sum(pool["spec"]["replicas"] for pool in pools if "broker" in pool["spec"]["roles"])
    controllers = sum(pool["spec"]["replicas"] for pool in pools if "controller" in pool["spec"]["roles"])
    if controllers % 2 == 0:
        yield f"{controllers} controllers: an even number tolerates no more failures than one less"
    for kafka in of_kind(manifests, "Kafka"):
        config = kafka["spec"]["kafka"]["config"]
        replicas = [value for name, value in config.items() if name.endswith("replication.factor")]
        if max(replicas) > brokers:
            yield f"{max(replicas)} copies on {brokers} brokers"
        for isr, factor in (
            ("min.insync.replicas", "default.replication.factor"),
            ("transaction.state.log.min.isr", "transaction.state.log.replication.factor"),
        ):
            if config[isr] >= config[factor] > 1 or config[isr] > config[factor]:
                yield f"{isr}: no broker may be away"
            if config[factor] > 2 and config[isr] < 2:
                yield f"{isr}: a record on one disk counts as written"
        for topic in of_kind(manifests, "KafkaTopic"):
            if topic["spec"]["replicas"] != config["default.replication.factor"]:
                yield f"{topic['metadata']['name']} has {topic['spec']['replicas']} copies"
    clusters = {kafka["metadata"]["name"] for kafka in of_kind(manifests, "Kafka")}
    for kind in ("KafkaTopic", "KafkaUser", "KafkaNodePool"):
        for one in of_kind(manifests, kind):
            if one["metadata"]["labels"]["strimzi.io/cluster"] not in clusters:
                yield f"{one['metadata']['name']} belongs to no cluster here"


def topic_faults(manifests: list[Manifest]) -> list[str]:
    """Where the KafkaTopics and the table of topics differ, in both directions."""
    (settings,) = (one for one in of_kind(manifests, "ConfigMap") if "FRONTDESK_PARTITIONS" in one["data"])
    partitions = int(settings["data"]["FRONTDESK_PARTITIONS"])
    application = settings["data"]["FRONTDESK_APPLICATION"]
    found = {
        one["spec"].get("topicName", one["metadata"]["name"]): one["spec"]
        for one in of_kind(manifests, "KafkaTopic")
    }
    wanted = {spec.name: spec for spec in (*TOPICS, *changelog_topics(application))}
    out = [f"no KafkaTopic {name}" for name in wanted.keys() - found.keys()]
    out += [f"KafkaTopic {name} is in no table" for name in found.keys() - wanted.keys()]
    for name in sorted(wanted.keys() & found.keys()):
        count = partitions if wanted[name].keyed else 1
        if found[name]["partitions"] != count:
            out.append(f"{name} has {found[name]['partitions']} partitions, not {count}")
        given = {key: str(value) for key, value in found[name]["config"].items()}
        if given != wanted[name].settings():
            out.append(f"{name} has {given}, not {wanted[name].settings()}")
    return out
