"""What is done to every message, the same in every peer: pure functions over records."""
