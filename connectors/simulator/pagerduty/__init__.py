"""A simulated PagerDuty with state on the loopback, for the demo and for tests."""

from connectors.simulator.pagerduty.account import build_world
from connectors.simulator.pagerduty.simulator import Simulator
from connectors.simulator.pagerduty.state import CANARY, DEMO_KEY, OTHER_ACCOUNT_KEY, USER_KEY, State

DEMO_SETTINGS = {"subdomain": "acme", "region": "us", "auth": "token"}
DEMO_CREDENTIALS = {"api_key": DEMO_KEY}

__all__ = [
    "CANARY",
    "DEMO_CREDENTIALS",
    "DEMO_KEY",
    "DEMO_SETTINGS",
    "OTHER_ACCOUNT_KEY",
    "USER_KEY",
    "Simulator",
    "State",
    "build_world",
]
