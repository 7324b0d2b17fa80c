"""Writes the manifests that follow from code: `python -m deploy.kubernetes.generate`, or `--check` to compare only.

- base/kafka/topics.yaml: a KafkaTopic for every topic of `schemas/topics.py` and every changelog.
- base/kafka/users.yaml: a KafkaUser for every principal of `schemas/access.py`.
- base/frontdesk/consoles.yaml: for every principal whose work people do by commands, a pod to do it from.
- base/frontdesk/rules.yaml: a PrometheusRule with all of deploy/prometheus/rules.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from frontdesk.schemas.access import AUDITOR, DEAD_LETTER_READER, PUBLISHER, PURPOSES, WORKER, Grant, grants
from frontdesk.schemas.topics import TOPICS, TopicSpec, changelog_topics

APPLICATION = "frontdesk"
BASE = Path(__file__).parent / "base"
RULES = Path(__file__).parents[1] / "prometheus/rules"
PARTITIONS = 12
"""of the base; overlays say what they need"""
REPLICAS = 3
CLUSTER = {"strimzi.io/cluster": APPLICATION}
CONSOLES = (WORKER, PUBLISHER, AUDITOR, DEAD_LETTER_READER)
CONSOLE_MEMORY = "2Gi"
Manifest = dict[str, Any]


def topic(spec: TopicSpec) -> Manifest:
    """The KafkaTopic of one topic, which `frontdesk topics check` finds in order."""
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {
            "name": spec.name,
            "labels": {
                **CLUSTER,
                "frontdesk.io/keyed": str(spec.keyed).lower(),
                "frontdesk.io/kind": spec.kind,
            },
        },
        "spec": {
            "partitions": PARTITIONS if spec.keyed else 1,
            "replicas": REPLICAS,
            "config": {
                name: int(value) if value.isdigit() else value for name, value in spec.settings().items()
            },
        },
    }


def topics() -> list[Manifest]:
    """All topics, in the order of the table."""
    return [topic(spec) for spec in (*TOPICS, *changelog_topics(APPLICATION))]


def users() -> list[Manifest]:
    """All principals. Their passwords are made by Strimzi, in a secret of the same name."""
    return [
        {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaUser",
            "metadata": {
                "name": principal,
                "labels": CLUSTER,
                "annotations": {"frontdesk.io/why": why},
            },
            "spec": {
                "authentication": {"type": "scram-sha-512"},
                "authorization": {
                    "type": "simple",
                    "acls": [acl(grant) for grant in grants(principal, APPLICATION)],
                },
            },
        }
        for principal, why in PURPOSES.items()
    ]


def consoles() -> list[Manifest]:
    """A Deployment of no pods for each of these principals: scaled to one while somebody works, and back by the next apply."""
    return [_console(principal) for principal in CONSOLES]


def _console(principal: str) -> Manifest:
    labels = {"app.kubernetes.io/name": APPLICATION, "app.kubernetes.io/component": f"{principal}-console"}
    secrets = [
        {"name": principal, "items": [{"key": "password", "path": "FRONTDESK_KAFKA_SASL_PASSWORD"}]},
        {"name": f"{APPLICATION}-cluster-ca-cert", "items": [{"key": "ca.crt", "path": "kafka-ca.pem"}]},
    ]
    container = {
        "name": "console",
        "image": APPLICATION,
        "command": ["sleep", "infinity"],
        "workingDir": "/work",
        "envFrom": [{"configMapRef": {"name": f"{APPLICATION}-settings"}}],
        "env": [{"name": "FRONTDESK_KAFKA_SASL_USERNAME", "value": principal}],
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"memory": CONSOLE_MEMORY},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "secrets", "mountPath": "/run/secrets/frontdesk", "readOnly": True},
            {"name": "work", "mountPath": "/work"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # a volume of its own
        ],
    }
    pod = {
        "serviceAccountName": APPLICATION,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {
                "name": "secrets",
                "projected": {"defaultMode": 0o440, "sources": [{"secret": one} for one in secrets]},
            },
            {"name": "work", "emptyDir": {"sizeLimit": "20Gi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{principal}-console", "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def acl(grant: Grant) -> Manifest:
    """A right in the words of Strimzi's KafkaUser."""
    return {
        "resource": {
            "type": grant.resource,
            "name": grant.name,
            "patternType": "prefix" if grant.prefixed else "literal",
        },
        "operations": list(grant.operations),
    }


def rules(folder: Path = RULES) -> list[Manifest]:
    """One PrometheusRule with the groups of every file."""
    groups = [
        group
        for path in sorted(folder.glob("*.yaml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    ]
    return [
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": "frontdesk", "labels": {"app.kubernetes.io/name": "frontdesk"}},
            "spec": {"groups": groups},
        }
    ]


def generated() -> Mapping[Path, str]:
    """The text of each file."""
    return {
        BASE / "kafka/topics.yaml": _text(topics(), "schemas/topics.py"),
        BASE / "kafka/users.yaml": _text(users(), "schemas/access.py"),
        BASE / "frontdesk/consoles.yaml": _text(consoles(), "schemas/access.py"),
        BASE / "frontdesk/rules.yaml": _text(rules(), "deploy/prometheus/rules"),
    }


def _text(manifests: Iterable[Manifest], source: str) -> str:
    body = yaml.dump_all(
        manifests, Dumper=_Plain, sort_keys=False, explicit_start=True, width=120, allow_unicode=True
    )
    return f"# Made of {source} by make deploy-generate; not to be edited.\n{body}"


class _Plain(yaml.SafeDumper):
    """Repeats what is the same, instead of referring to it."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never refer."""
        return True


def stale() -> list[Path]:
    """Files that are not what they would be made as."""
    return [path for path, text in generated().items() if not path.exists() or path.read_text() != text]


def main(arguments: list[str]) -> int:
    """Write, or with `--check` name what differs: exit code 1."""
    found = stale()
    for path in found:
        if "--check" in arguments:
            print(f"{path} is not what the code says: make deploy-generate", file=sys.stderr)
        else:
            path.write_text(generated()[path], encoding="utf-8")
            print(path)
    return 1 if found and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
