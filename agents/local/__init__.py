"""The local tiers: what a company's own stream has taught, and what the taxonomy alone says before that."""
