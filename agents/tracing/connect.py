"""Whether there is tracing, and where to: from the settings, or from OpenTelemetry's own variables."""

from __future__ import annotations

import os
from collections.abc import Mapping

from frontdesk.agents.errors import StartupError
from frontdesk.agents.settings import Settings
from frontdesk.agents.tracing.port import NotTraced, Tracing

STANDARD = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
HTTP = "http/protobuf"
TRACES = "/v1/traces"


def connect_tracing(settings: Settings, environment: Mapping[str, str] = os.environ) -> Tracing:
    """What the settings say. Opens no connection before the first span ends.

    Raises:
        StartupError: the address, the protocol, or the extra that is missing.
    """
    named = next((name for name in STANDARD if environment.get(name)), None)
    if settings.otel_endpoint is None and named is None:
        return NotTraced()
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return NotTraced()
    setting = "FRONTDESK_OTEL_ENDPOINT" if settings.otel_endpoint else named
    for name in PROTOCOLS:
        if environment.get(name, HTTP) != HTTP:
            raise StartupError(
                f"{name}: traces are sent by {HTTP} only; name a collector's port for it, 4318 as a rule"
            )
    if not settings.otel_endpoint and not environment[str(named)].startswith(("http://", "https://")):
        raise StartupError(f"{named}: give a URL such as http://127.0.0.1:4318")
    try:
        from frontdesk.agents.tracing.otel import OpenTelemetry, exporter
    except ImportError:
        raise StartupError(f"{setting}: traces need OpenTelemetry: pip install 'frontdesk[otel]'") from None
    return OpenTelemetry(
        exporter(None if settings.otel_endpoint is None else _traces(settings.otel_endpoint)),
        service=environment.get("OTEL_SERVICE_NAME") or settings.application,
        instance=settings.instance_id,
    )


def _traces(endpoint: str) -> str:
    """The address of traces at a collector whose base is given, as OpenTelemetry's own variable has it."""
    return endpoint if endpoint.endswith(TRACES) else endpoint.rstrip("/") + TRACES
