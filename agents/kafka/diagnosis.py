"""Why no connection to Kafka comes about. aiokafka logs the causes and raises none of them, so we look for ourselves, once."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from frontdesk.agents.kafka.cluster import Cluster

_TIMEOUT = 5.0
_ALERT_WITHIN = 0.5
"""seconds in which a broker that refuses our certificate says so: in TLS 1.3 only after the handshake"""
_MOST_BROKERS = 5
_EXPIRED, _WRONG_HOST, _WRONG_ADDRESS = 10, 62, 64  # of X509_V_ERR_*


async def diagnose(cluster: Cluster) -> str | None:
    """What stands in the way, with place and fix; None where nothing was found, or nothing listens at all. Takes seconds at most.

    First the addresses of the settings, then those that the brokers name for themselves.
    """
    advertised: set[tuple[str, int]] = set()
    for found in (cluster.addresses(), advertised):
        for host, port in sorted(set(found))[:_MOST_BROKERS]:
            problem = await _look(cluster, host, port, advertised)
            if problem is not None:
                also = " (as the broker itself names it: advertised.listeners)" if found is advertised else ""
                return f"{host}:{port}{also} {problem}"
    return None


async def _look(cluster: Cluster, host: str, port: int, brokers: set[tuple[str, int]]) -> str | None:
    try:
        async with asyncio.timeout(_TIMEOUT):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except (OSError, TimeoutError):
        return None
    if cluster.encrypted:
        problem = await _tls(cluster, host, port)
        if problem is not None:
            return problem
    return await _kafka(cluster, host, port, brokers)


async def _tls(cluster: Cluster, host: str, port: int) -> str | None:
    try:
        async with asyncio.timeout(_TIMEOUT):
            reader, writer = await asyncio.open_connection(host, port, ssl=cluster.context())
        try:
            async with asyncio.timeout(_ALERT_WITHIN):
                await reader.read(1)
        finally:
            writer.close()
    except ssl.SSLCertVerificationError as error:
        return _unverified(cluster, error)
    except ssl.SSLError as error:
        return _alerted(cluster, error)
    except TimeoutError:
        return None
    except OSError:
        return "hangs up on TLS: name a port that speaks TLS, or see the broker's log"
    return None


def _unverified(cluster: Cluster, error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return "has an expired certificate (or this machine's clock is wrong): renew the broker's certificate"
    if error.verify_code in (_WRONG_HOST, _WRONG_ADDRESS):
        return (
            "has a certificate for another host name: use the name that is in it in FRONTDESK_BROKER and advertised.listeners, or "
            "have this one added to it (subjectAltName)"
        )
    trusted = "the CAs of this machine" if cluster.ca is None else str(cluster.ca)
    return f"has a certificate that {trusted} did not sign ({error.verify_message}): name the file of its CA in FRONTDESK_KAFKA_CA"


def _alerted(cluster: Cluster, error: ssl.SSLError) -> str:
    said = (error.reason or str(error)).upper()
    if "WRONG_VERSION" in said or "RECORD_LAYER" in said:
        return "does not speak TLS: name a port that does, or set FRONTDESK_KAFKA_SECURITY_PROTOCOL as the listener has it"
    if cluster.certificate is None and (
        "CERTIFICATE_REQUIRED" in said or "HANDSHAKE_FAILURE" in said or "BAD_CERTIFICATE" in said
    ):
        return "wants a certificate of the client: set FRONTDESK_KAFKA_CERTIFICATE and FRONTDESK_KAFKA_KEY"
    if "ALERT" in said:
        why = said.rpartition("ALERT_")[2].replace("_", " ").lower()
        return f"refuses our certificate {cluster.certificate or ''} ({why}): is it signed by a CA that the broker trusts, and not expired?"
    return f"does not agree on TLS ({said.replace('_', ' ').lower()}): see the broker's log"


async def _kafka(cluster: Cluster, host: str, port: int, brokers: set[tuple[str, int]]) -> str | None:
    options = cluster.options()
    del options["bootstrap_servers"]
    try:
        async with asyncio.timeout(_TIMEOUT):
            connection: AIOKafkaConnection = await create_conn(host, port, client_id="frontdesk", **options)
            try:
                answer = await connection.send(MetadataRequest([]))
                brokers.update(_named(answer.brokers))
            finally:
                connection.close()
    except SaslAuthenticationFailed:
        return (
            f"refuses the user {cluster.username}: FRONTDESK_KAFKA_SASL_USERNAME or FRONTDESK_KAFKA_SASL_PASSWORD is wrong, or the user "
            f"has no credentials for {cluster.mechanism}"
        )
    except UnsupportedSaslMechanismError:
        return f"does not offer {cluster.mechanism}: set FRONTDESK_KAFKA_SASL_MECHANISM to one that the listener has"
    except IllegalSaslStateError:
        return "does not ask for a user: set FRONTDESK_KAFKA_SECURITY_PROTOCOL as the listener has it"
    except (KafkaError, OSError, TimeoutError, ValueError):
        return (
            f"listens and does not talk Kafka over {cluster.protocol}: set FRONTDESK_KAFKA_SECURITY_PROTOCOL as the listener has it "
            "(PLAINTEXT, SSL, SASL_SSL)"
        )
    return None


def _named(brokers: Iterable[tuple[object, ...]]) -> list[tuple[str, int]]:
    return [(str(host), int(str(port))) for _, host, port, *_ in brokers]
