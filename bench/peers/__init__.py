"""One runner for each peer, run as a process of its own: `python -m bench.peers.NAME --help`."""
