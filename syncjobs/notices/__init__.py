"""Mails about runs: who gets which, what they say, and sending them."""
