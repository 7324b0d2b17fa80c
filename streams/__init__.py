"""The core: what to do with a message. Pure functions over plain values; `pipeline.py` shows the whole path."""
