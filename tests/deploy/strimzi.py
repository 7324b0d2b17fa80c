"""Those parts of Strimzi's `v1` resources that deploy/ uses, as JSON Schemas that refuse everything else.

Written after Strimzi's API reference, for no package carries it. Kept narrow on purpose: a field that is new here is looked up
there and added. Topic and broker settings are checked by name, which Strimzi itself leaves to Kafka.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


def _object(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _one_of(*values: str) -> Schema:
    return {"enum": list(values)}


def _list(items: Schema, **rules: Any) -> Schema:
    return {"type": "array", "items": items, **rules}


_NAMED = {"type": "object", "additionalProperties": {"type": "string"}}
_POSITIVE = {"type": "integer", "minimum": 1}
_LABELS = _object({"matchLabels": _NAMED})
_METADATA = _object(
    {"name": {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"}},
    {"namespace": {"type": "string"}, "labels": _NAMED, "annotations": _NAMED},
)
_OF_CLUSTER = {
    **_METADATA,
    "required": ["name", "labels"],
    "properties": {**_METADATA["properties"], "labels": {**_NAMED, "required": ["strimzi.io/cluster"]}},
}
_QUANTITY = {"type": "string", "pattern": r"^[0-9]+(m|Mi|Gi|Ti)?$"}
_RESOURCES = {"type": "object", "additionalProperties": _QUANTITY}

_TOPIC = _object(
    {
        "partitions": _POSITIVE,
        "replicas": {"type": "integer", "minimum": 1, "maximum": 32767},
        "config": _object(
            {"cleanup.policy": _one_of("delete", "compact")},
            {
                "retention.ms": {"type": "integer", "minimum": -1},
                "retention.bytes": {"type": "integer", "minimum": -1},
                "max.message.bytes": _POSITIVE,
            },
        ),
    },
    {"topicName": {"type": "string"}},
)

_ACL = _object(
    {
        "resource": _object(
            {
                "type": _one_of("topic", "group", "transactionalId"),
                "name": {"type": "string", "minLength": 1},
            },
            {"patternType": _one_of("literal", "prefix")},
        ),
        "operations": _list(
            _one_of("Read", "Write", "Describe", "DescribeConfigs"), minItems=1, uniqueItems=True
        ),
    }
)
_USER = _object(
    {
        "authentication": _object({"type": _one_of("scram-sha-512", "tls")}),
        "authorization": _object({"type": _one_of("simple"), "acls": _list(_ACL, minItems=1)}),
    }
)

_PEER = {
    "type": "object",
    "minProperties": 1,
    "properties": {"podSelector": _LABELS, "namespaceSelector": _LABELS},
    "additionalProperties": False,
}
_LISTENER = _object(
    {
        "name": {"type": "string", "pattern": "^[a-z0-9]{1,11}$"},
        "port": {"type": "integer", "minimum": 9092},
        "type": _one_of("internal"),
        "tls": {"const": True},
        "authentication": _object({"type": _one_of("scram-sha-512", "tls")}),
    },
    {"networkPolicyPeers": _list(_PEER, minItems=1)},
)
_KAFKA = _object(
    {
        "kafka": _object(
            {
                "listeners": _list(_LISTENER, minItems=1),
                "authorization": _object({"type": _one_of("simple")}),
                "config": _object(
                    {
                        "auto.create.topics.enable": {"const": False},
                        "unclean.leader.election.enable": {"const": False},
                        "default.replication.factor": _POSITIVE,
                        "min.insync.replicas": _POSITIVE,
                        "offsets.topic.replication.factor": _POSITIVE,
                        "transaction.state.log.replication.factor": _POSITIVE,
                        "transaction.state.log.min.isr": _POSITIVE,
                    }
                ),
            },
            {"rack": _object({"topologyKey": {"type": "string"}})},
        ),
        "entityOperator": _object({"topicOperator": _object({}), "userOperator": _object({})}),
    }
)

_VOLUME = _object(
    {
        "id": {"type": "integer", "minimum": 0},
        "type": _one_of("persistent-claim"),
        "size": _QUANTITY,
        "deleteClaim": {"const": False},
    },
    {"kraftMetadata": _one_of("shared"), "class": {"type": "string"}},
)
_NODE_POOL = _object(
    {
        "replicas": _POSITIVE,
        "roles": _list(_one_of("controller", "broker"), minItems=1, uniqueItems=True),
        "storage": _object({"type": _one_of("jbod"), "volumes": _list(_VOLUME, minItems=1)}),
        "resources": _object({"requests": _RESOURCES, "limits": _RESOURCES}),
    }
)


def _resource(kind: str, spec: Schema, metadata: Schema) -> Schema:
    return _object(
        {
            "apiVersion": {"const": "kafka.strimzi.io/v1"},
            "kind": {"const": kind},
            "metadata": metadata,
            "spec": spec,
        }
    )


SCHEMAS: Mapping[str, Schema] = {
    "Kafka": _resource("Kafka", _KAFKA, _METADATA),
    "KafkaNodePool": _resource("KafkaNodePool", _NODE_POOL, _OF_CLUSTER),
    "KafkaTopic": _resource("KafkaTopic", _TOPIC, _OF_CLUSTER),
    "KafkaUser": _resource("KafkaUser", _USER, _OF_CLUSTER),
}
