"""Runs that measure or judge the whole; `python -m bench.NAME --help`."""
