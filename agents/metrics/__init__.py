"""Metrics: one catalogue of every family, the objects made from it, and what observes a worker and a learner."""
