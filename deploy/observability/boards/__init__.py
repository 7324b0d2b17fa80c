"""Grafana's dashboards: what is on them is here, how they are built is in `board`."""
