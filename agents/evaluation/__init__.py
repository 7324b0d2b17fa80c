"""Many texts through the labels' tiers: what they say, how often they are right, and what that saves."""
