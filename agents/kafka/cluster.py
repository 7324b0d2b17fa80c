"""Where the brokers are, and as whom we come: the one place that turns settings into options of a Kafka client."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from frontdesk.agents.errors import StartupError

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
"""as Kafka calls its `security.protocol`"""
Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """All that a connection needs. `str` of it is its addresses; no text made of it holds a secret."""

    servers: str
    """host:port, comma-separated"""
    protocol: Protocol = field(default="PLAINTEXT", kw_only=True)
    mechanism: Mechanism = field(default="SCRAM-SHA-512", kw_only=True)
    username: str | None = field(default=None, kw_only=True)
    password: SecretStr | None = field(default=None, kw_only=True, repr=False)
    ca: Path | None = field(default=None, kw_only=True)
    """PEM; None: the CAs that this machine trusts"""
    certificate: Path | None = field(default=None, kw_only=True)
    """PEM, of the client, with what is between it and its CA; for mutual TLS"""
    key: Path | None = field(default=None, kw_only=True)
    """PEM; None: in the file of the certificate"""
    key_password: SecretStr | None = field(default=None, kw_only=True, repr=False)

    def __str__(self) -> str:
        return self.servers

    @property
    def encrypted(self) -> bool:
        """Whether connections are TLS."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def authenticated(self) -> bool:
        """Whether the brokers are told who we are, so that what we may do depends on it."""
        return self.username is not None or self.certificate is not None

    @property
    def principal(self) -> str:
        """Whose rights count at the brokers, for people."""
        if self.username is not None:
            return f"User:{self.username}"
        if self.certificate is not None:
            return f"User:<the subject of {self.certificate.name}>"
        return "User:ANONYMOUS"

    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each server."""
        parts = (server.strip().rpartition(":") for server in self.servers.split(","))
        return [(host.strip("[]"), int(port)) for host, _, port in parts]

    def options(self) -> dict[str, Any]:
        """Of every client of aiokafka. Files are read anew each time: a client that is made later has the renewed certificate.

        Raises:
            StartupError: a file of certificates or keys cannot be used.
        """
        if self.protocol == "PLAINTEXT":
            return {"bootstrap_servers": self.servers}
        options: dict[str, Any] = {"bootstrap_servers": self.servers, "security_protocol": self.protocol}
        if self.encrypted:
            options["ssl_context"] = self.context()
        if self.username is not None:
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.get_secret_value() if self.password else "",
            }
        return options

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer; certificate and host name are always verified.

        Raises:
            StartupError: as `options`.
        """
        context = trusting(self.ca, "FRONTDESK_KAFKA_CA")
        if self.certificate is not None:
            # Given as a function: without any OpenSSL would ask the terminal, and wait.
            secret = self.key_password.get_secret_value() if self.key_password else ""
            try:
                context.load_cert_chain(self.certificate, self.key, password=lambda: secret)
            except (OSError, ValueError) as error:  # an SSLError is an OSError
                raise StartupError(_unusable(self.certificate, self.key, error)) from None
        return context


def trusting(ca: Path | None, named: str) -> ssl.SSLContext:
    """A context for clients that trusts the CAs in this PEM file alone; without one, those of this machine.

    Raises:
        StartupError: the file, which the setting `named` names, holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except ssl.SSLError:
        raise StartupError(f"{named}: {ca} holds no certificate in PEM; name the CA's file") from None
    except OSError as error:
        raise StartupError(f"{named}: cannot read {ca}: {error.strerror or error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _unusable(certificate: Path, key: Path | None, error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        # OpenSSL does not say which of the two it was.
        missing = next((path for path in (certificate, key) if path and not path.is_file()), certificate)
        name = "FRONTDESK_KAFKA_KEY" if missing == key else "FRONTDESK_KAFKA_CERTIFICATE"
        return f"{name}: cannot read {missing}: {error.strerror or error}"
    if "KEY_VALUES_MISMATCH" in str(error):
        return f"FRONTDESK_KAFKA_KEY: {key or certificate} is not the key of the certificate in {certificate}"
    return (
        f"FRONTDESK_KAFKA_CERTIFICATE: {certificate} and its key cannot be used: both must be PEM, and an encrypted key needs "
        "FRONTDESK_KAFKA_KEY_PASSWORD"
    )
