"""The embedded broker for tests: the same class that the demo starts."""

from __future__ import annotations

from frontdesk.agents.embedded import EmbeddedBroker, dies_with_parent, free_port

__all__ = ["EmbeddedBroker", "dies_with_parent", "free_port"]
