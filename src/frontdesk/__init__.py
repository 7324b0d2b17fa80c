"""Frontdesk: a streaming router for customer service on Kafka."""

__version__ = "0.1.0"
