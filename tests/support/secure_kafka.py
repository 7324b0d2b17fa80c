"""A real Kafka that asks who comes: TLS, SCRAM, certificates of clients, and access control lists."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from frontdesk.schemas.access import Grant
from tests.support.certificates import Authority
from tests.support.kafka import KafkaServer

PASSWORD = "pa55-of-the-tests"
"""of every user, for SCRAM and PLAIN"""
_RESOURCES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactionalId": ResourceType.TRANSACTIONAL_ID,
}
_OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}


class SecureKafka(KafkaServer):
    """Listeners: SASL (TLS and users), MUTUAL (TLS and certificates of clients), EXPIRED (as SASL, with a certificate that has), CLEAR
    (users without TLS). `bootstrap` is for the test alone: whoever comes there may do anything.
    """

    def __init__(self, folder: Path, users: Iterable[str]) -> None:
        self.authority = Authority(folder, "test-ca")
        certificate, key = self.authority.issue("broker", hosts=("127.0.0.1",))
        old, old_key = self.authority.issue("old-broker", hosts=("127.0.0.1",), expired=True)
        store, old_store = folder / "broker.pem", folder / "old-broker.pem"
        store.write_bytes(key.read_bytes() + certificate.read_bytes())
        old_store.write_bytes(old_key.read_bytes() + old.read_bytes())
        users = tuple(users)
        plain = " ".join(f'user_{user}="{PASSWORD}"' for user in users)
        module = "org.apache.kafka.common.security"
        properties = {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.path),
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.expired.ssl.keystore.location": str(old_store),
            "sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256,PLAIN",
        }
        for listener in ("sasl", "expired", "clear"):
            for mechanism in ("scram-sha-512", "scram-sha-256"):
                properties[f"listener.name.{listener}.{mechanism}.sasl.jaas.config"] = (
                    f"{module}.scram.ScramLoginModule required;"
                )
            properties[f"listener.name.{listener}.plain.sasl.jaas.config"] = (
                f"{module}.plain.PlainLoginModule required {plain};"
            )
        super().__init__(
            properties=properties,
            listeners={
                "SASL": "SASL_SSL",
                "MUTUAL": "SSL",
                "EXPIRED": "SASL_SSL",
                "CLEAR": "SASL_PLAINTEXT",
            },
            scram=[
                f"SCRAM-SHA-{bits}=[name={user},password={PASSWORD}]" for user in users for bits in (256, 512)
            ],
        )

    def address(self, listener: str, host: str = "127.0.0.1") -> str:
        """host:port of a listener."""
        return f"{host}:{self.ports[listener]}"

    def settings(self, user: str, **others: object) -> dict[str, object]:
        """Settings by which a user comes over TLS."""
        return {
            "broker": self.address("SASL"),
            "kafka_security_protocol": "SASL_SSL",
            "kafka_ca": self.authority.path,
            "kafka_sasl_username": user,
            "kafka_sasl_password": PASSWORD,
            **others,
        }

    def allow(self, user: str, grants: Iterable[Grant]) -> None:
        """Give these rights to a user."""
        wanted = [
            AclBinding(
                _RESOURCES[grant.resource],
                grant.name,
                ResourcePatternType.PREFIXED if grant.prefixed else ResourcePatternType.LITERAL,
                f"User:{user}",
                "*",
                _OPERATIONS[operation],
                AclPermissionType.ALLOW,
            )
            for grant in grants
            for operation in grant.operations
        ]
        admin = self._admin()
        for future in admin.create_acls(wanted).values():
            future.result(20)
        # The controller has them; the broker goes by them a moment later.
        until(lambda: _there(admin, _of(user)) >= {*wanted})

    def forbid(self, user: str, topic: str | None = None) -> None:
        """Take all rights from a user, or those on a topic."""
        every = _of(user, topic)
        admin = self._admin()
        for future in admin.delete_acls([every]).values():
            future.result(20)
        until(lambda: not _there(admin, every))

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})


def _of(user: str, topic: str | None = None) -> AclBindingFilter:
    return AclBindingFilter(
        ResourceType.ANY if topic is None else ResourceType.TOPIC,
        topic,
        ResourcePatternType.ANY,
        f"User:{user}",
        None,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def _there(admin: AdminClient, rights: AclBindingFilter) -> set[AclBinding]:
    return {*admin.describe_acls(rights).result(20)}


def until(true: Callable[[], bool], within: float = 30) -> None:
    """Ask until it is true; fails when it was not for so many seconds."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, "never came true"
        time.sleep(0.1)
