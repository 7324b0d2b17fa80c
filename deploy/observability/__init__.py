"""What Prometheus, Alertmanager and Grafana are given, made from Python: `python -m deploy.observability`."""
