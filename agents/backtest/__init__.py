"""Backtests: recorded decisions read in chunks, decided again by two policies in several processes, and reported."""
