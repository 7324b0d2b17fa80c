"""The few errors of the shell. Each one names its handling."""

from __future__ import annotations


class StartupError(Exception):
    """The worker or command refuses to start. One clear line, the fix in it; exit code 2."""


class RegistryUnavailable(Exception):
    """The schema registry cannot be asked now, and nothing is known of what it would say: wait and ask again."""
