"""Settings that would show a secret to whoever listens, or that contradict each other about how we come to Kafka."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from frontdesk.agents.settings import Settings


def unsafe(settings: Settings) -> str | None:
    """What is wrong with how we come to Kafka and the registry: in itself, or because a secret would travel in the clear."""
    sasl = settings.kafka_security_protocol in ("SASL_SSL", "SASL_PLAINTEXT")
    encrypted = settings.cluster.encrypted
    if sasl and not (settings.kafka_sasl_username and settings.kafka_sasl_password):
        return f"FRONTDESK_KAFKA_SASL_USERNAME and FRONTDESK_KAFKA_SASL_PASSWORD: {settings.kafka_security_protocol} needs both"
    if settings.kafka_sasl_username and not sasl:
        return (
            "FRONTDESK_KAFKA_SASL_USERNAME: it is not used with FRONTDESK_KAFKA_SECURITY_PROTOCOL="
            f"{settings.kafka_security_protocol}: set SASL_SSL, or leave the user out"
        )
    if sasl and not encrypted:
        return _unencrypted(settings)
    if not encrypted and (settings.kafka_ca or settings.kafka_certificate or settings.kafka_key):
        return (
            "FRONTDESK_KAFKA_CA, _CERTIFICATE and _KEY: they are not used with FRONTDESK_KAFKA_SECURITY_PROTOCOL=PLAINTEXT: set SSL or "
            "SASL_SSL, or leave them out"
        )
    if settings.kafka_key and not settings.kafka_certificate:
        return "FRONTDESK_KAFKA_KEY: there is no FRONTDESK_KAFKA_CERTIFICATE that it is the key of"
    return _registry_unsafe(settings) or _shown(settings)


def _shown(settings: Settings) -> str | None:
    """These addresses are logged."""
    for name, url in (("LLM_BASE_URL", settings.llm_base_url), ("MODELS", settings.models)):
        if "@" in urlsplit(url or "").netloc:
            return f"FRONTDESK_{name}: no user or password may stand in it, for it is logged: take them out"
    return None


def _unencrypted(settings: Settings) -> str | None:
    if settings.kafka_sasl_mechanism == "PLAIN":
        return (
            "FRONTDESK_KAFKA_SASL_MECHANISM: PLAIN shows the password to whoever listens: only with SASL_SSL"
        )
    if not settings.kafka_sasl_unencrypted:
        return (
            "FRONTDESK_KAFKA_SECURITY_PROTOCOL: SASL without TLS is refused: set SASL_SSL (in tests on this machine alone: "
            "FRONTDESK_KAFKA_SASL_UNENCRYPTED=true)"
        )
    if away := [host for host, _ in settings.cluster.addresses() if not loopback(host)]:
        return f"FRONTDESK_KAFKA_SASL_UNENCRYPTED: only for brokers on this machine, which {away[0]} is not: set SASL_SSL"
    return None


def _registry_unsafe(settings: Settings) -> str | None:
    if settings.schema_registry_url is None:
        return None
    url = urlsplit(settings.schema_registry_url.get_secret_value())
    if bool(settings.schema_registry_user) != bool(settings.schema_registry_password):
        return "FRONTDESK_SCHEMA_REGISTRY_USER and FRONTDESK_SCHEMA_REGISTRY_PASSWORD: give both, or neither"
    if settings.schema_registry_user and url.username:
        return (
            "FRONTDESK_SCHEMA_REGISTRY_USER: another user stands in FRONTDESK_SCHEMA_REGISTRY_URL: give one"
        )
    secret = settings.schema_registry_password or url.password
    if secret and url.scheme == "http" and not loopback(url.hostname or ""):
        return "FRONTDESK_SCHEMA_REGISTRY_URL: a password over http is shown to whoever listens: use https"
    if settings.schema_registry_ca and url.scheme == "http":
        return "FRONTDESK_SCHEMA_REGISTRY_CA: http knows no certificates: use https"
    return None


def loopback(host: str) -> bool:
    """Whether it is this machine, by its address; of names, only `localhost`."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
