"""A stateful JSM Operations (and Compass) that answers on the loopback, for the demo and for tests."""

from connectors.simulator.atlassian.state import CANARY, State
from connectors.simulator.jsm.account import build_world
from connectors.simulator.jsm.callers import (
    AGENT_EMAIL,
    AGENT_TOKEN,
    CLOUD_ID,
    DEMO_EMAIL,
    DEMO_TOKEN,
    ORG_ADMIN_TOKEN,
    ORG_ID,
    SITE,
)
from connectors.simulator.jsm.simulator import Simulator

__all__ = [
    "AGENT_EMAIL",
    "AGENT_TOKEN",
    "CANARY",
    "CLOUD_ID",
    "DEMO_EMAIL",
    "DEMO_TOKEN",
    "ORG_ADMIN_TOKEN",
    "ORG_ID",
    "SITE",
    "Simulator",
    "State",
    "build_world",
]
