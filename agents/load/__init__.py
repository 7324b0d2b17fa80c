"""Load on a running deployment: open loop, measured from when each message should have been sent."""
