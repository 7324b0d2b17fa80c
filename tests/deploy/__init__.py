"""What lies in deploy/, validated without a daemon, a cluster or a network: `make deploy-check`."""
