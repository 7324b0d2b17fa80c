"""Faults on a real Apache Kafka, and the account of what came of them: see `__main__`."""
