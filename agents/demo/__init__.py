"""The demo: a shop's day on an embedded broker, watched live and counted at the end."""
