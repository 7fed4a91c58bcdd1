"""A simulated Opsgenie with state on the loopback, for the demo and for tests."""

from connectors.simulator.atlassian.state import CANARY, State
from connectors.simulator.opsgenie.account import build_world
from connectors.simulator.opsgenie.keys import (
    DEMO_KEY,
    NO_CONFIGURATION_KEY,
    OTHER_REGION_KEY,
    TEAM_KEY,
    ApiKey,
)
from connectors.simulator.opsgenie.simulator import Simulator

DEMO_SETTINGS = {"region": "us"}
DEMO_CREDENTIALS = {"api_key": DEMO_KEY}

__all__ = [
    "CANARY",
    "DEMO_CREDENTIALS",
    "DEMO_KEY",
    "DEMO_SETTINGS",
    "NO_CONFIGURATION_KEY",
    "OTHER_REGION_KEY",
    "TEAM_KEY",
    "ApiKey",
    "Simulator",
    "State",
    "build_world",
]
