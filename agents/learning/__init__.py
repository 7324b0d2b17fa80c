"""Learning from what people and models say: labels are collected, cleaned into a dataset, and reviewed by people."""
