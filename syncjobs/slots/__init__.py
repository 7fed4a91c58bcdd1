"""Periodic syncs: when a connection is due, and the tick that starts it."""
