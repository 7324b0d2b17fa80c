"""What the brokers let us do, asked before the work begins: a right that is missing would else be met in the middle of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    BrokerResponseError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.protocol.admin import DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from frontdesk.schemas.access import Grant, Operation, Resource

NOT_ALLOWED = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
"""A right is missing. Asking again does not help: somebody has to grant it."""

_BITS: dict[Operation, int] = {"Read": 3, "Write": 4, "Describe": 8, "DescribeConfigs": 10}
"""of Kafka's AclOperation, in a field of bits"""
GROUP, TRANSACTION = 0, 1
"""types of coordinators"""
_TRIES, _PAUSE = 20, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A right that we do not have."""

    resource: Resource
    name: str
    operations: tuple[Operation, ...]
    prefixed: bool = False

    def __str__(self) -> str:
        return f"{' and '.join(self.operations)} on {self.resource} {self.name}{'*' if self.prefixed else ''}"

    def command(self, principal: str) -> str:
        """What grants it, in Kafka's own words."""
        kind = {"topic": "--topic", "group": "--group", "transactionalId": "--transactional-id"}[
            self.resource
        ]
        operations = " ".join(f"--operation {operation}" for operation in self.operations)
        pattern = " --resource-pattern-type prefixed" if self.prefixed else ""
        return f"kafka-acls.sh --add --allow-principal '{principal}' {operations} {kind} {self.name}{pattern}"


class _MetadataResponse(Response):  # type: ignore[misc]  # aiokafka is untyped
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(
                ("node_id", Int32),
                ("host", String("utf-8")),
                ("port", Int32),
                ("rack", String("utf-8")),
            ),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataStruct(RequestStruct):  # type: ignore[misc]  # likewise
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _Metadata(Request[_MetadataStruct]):  # type: ignore[misc]  # likewise
    """Version 8, the first that tells rights; aiokafka knows up to 5. Kafka has it since 2.3. It creates no topic."""

    API_KEY = 3

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        return request_struct_class(self._topics, False, False, True)


class _GroupsStruct(RequestStruct):  # type: ignore[misc]  # likewise
    API_KEY = 15
    API_VERSION = 3
    RESPONSE_TYPE = DescribeGroupsResponse_v3
    SCHEMA = Schema(("groups", Array(String("utf-8"))), ("include_authorized_operations", Boolean))


class _Groups(Request[_GroupsStruct]):  # type: ignore[misc]  # likewise
    """aiokafka's own takes the answer for one of version 2, and loses the rights."""

    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[_GroupsStruct]) -> _GroupsStruct:
        return request_struct_class([self._group], True)


async def hidden(client: AIOKafkaAdminClient, topics: Sequence[str]) -> list[str]:
    """Those of the topics that we may not even see; whether they exist, nobody tells us."""
    return sorted(name for name, found in (await _topic_rights(client, topics)).items() if found is None)


async def missing_rights(client: AIOKafkaAdminClient, needed: Iterable[Grant]) -> list[Missing]:
    """What of these we may not do. Topics that do not exist are passed over: that is told elsewhere.

    Of a transactional id only whether we may see it: the rest cannot be asked without fencing who uses it.
    """
    needed = tuple(needed)
    topics = await _topic_rights(client, [one.name for one in needed if one.resource == "topic"])
    out: list[Missing] = []
    for grant in needed:
        if grant.resource == "topic":
            allowed = topics.get(grant.name, -1)
            lacking = tuple(one for one in grant.operations if not _has(allowed or 0, one))
        elif grant.resource == "group":
            lacking = await _group(client, grant)
        else:
            lacking = await _transactional_id(client, grant)
        if lacking:
            out.append(
                Missing(resource=grant.resource, name=grant.name, operations=lacking, prefixed=grant.prefixed)
            )
    return out


def refused(error: BaseException) -> str | None:
    """What to say of an error that means a missing right; None of any other."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, NOT_ALLOWED):
        cause = cause.__cause__
    if cause is None:
        return None
    assert isinstance(cause, BrokerResponseError)  # noqa: S101  # all of NOT_ALLOWED are
    what = {
        TopicAuthorizationFailedError: "topic",
        GroupAuthorizationFailedError: "group",
        TransactionalIdAuthorizationFailed: "transactional id",
    }.get(type(cause), "cluster")
    named = ", ".join(str(one) for one in _names(cause.args))
    return (
        f"Kafka refuses for want of an ACL on {what}{f' {named}' if named else ''}: grant it as docs/security.md says; "
        "frontdesk doctor names what a worker lacks"
    )


def _names(args: Iterable[object]) -> list[object]:
    """Resources, as far as aiokafka names them in the error."""
    out: list[object] = []
    for arg in args:
        out += sorted(map(str, arg)) if isinstance(arg, (set, frozenset, list, tuple)) else [arg]
    return out


async def _topic_rights(client: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, int | None]:
    """Bits of what we may do, by topic; None of one that we may not see. Topics that do not exist are left out."""
    if not topics:
        return {}
    answer = await client._send_request(_Metadata(topics))  # noqa: SLF001  # the admin client has no public way to send
    out: dict[str, int | None] = {}
    for code, name, _, _, allowed in answer.topics:
        if code == TopicAuthorizationFailedError.errno:
            out[name] = None
        elif code == 0:
            out[name] = allowed
    return out


async def _group(client: AIOKafkaAdminClient, grant: Grant) -> tuple[Operation, ...]:
    try:
        node = await coordinator(client, grant.name, GROUP)
        answer = await client._send_request(_Groups(grant.name), node)  # noqa: SLF001  # no public way to send
    except GroupAuthorizationFailedError:
        return grant.operations
    (group,) = answer.groups
    if group[0] == GroupAuthorizationFailedError.errno:
        return grant.operations
    return tuple(one for one in grant.operations if not _has(int(group[-1]), one))


async def _transactional_id(client: AIOKafkaAdminClient, grant: Grant) -> tuple[Operation, ...]:
    name = f"{grant.name}0" if grant.prefixed else grant.name
    try:
        await coordinator(client, name, TRANSACTION)
    except TransactionalIdAuthorizationFailed:
        return grant.operations
    return ()


async def coordinator(client: AIOKafkaAdminClient, name: str, kind: int) -> int:
    """The broker that looks after a group or a transactional id. A new cluster takes a while to have any."""
    for _ in range(_TRIES):
        try:
            return int(await client.find_coordinator(name, kind))
        except KafkaError as error:
            if not error.retriable:
                raise
            await asyncio.sleep(_PAUSE)
    return int(await client.find_coordinator(name, kind))


def _has(bits: int, operation: Operation) -> bool:
    return bool(bits >> _BITS[operation] & 1)
