"""Files as records of a topic: JSON lines, CSV, and two public dialogue formats; and sending them."""
