"""Traces of messages: off, and without an import of OpenTelemetry, unless a collector is named."""
