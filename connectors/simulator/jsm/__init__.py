"""A simulated JSM Operations (and Compass) with state on the loopback, for the demo and for tests."""

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

DEMO_SETTINGS = {"site": SITE, "cloud_id": CLOUD_ID, "org_id": ORG_ID}
DEMO_CREDENTIALS = {"email": DEMO_EMAIL, "api_token": DEMO_TOKEN}

__all__ = [
    "AGENT_EMAIL",
    "AGENT_TOKEN",
    "CANARY",
    "CLOUD_ID",
    "DEMO_CREDENTIALS",
    "DEMO_EMAIL",
    "DEMO_SETTINGS",
    "DEMO_TOKEN",
    "ORG_ADMIN_TOKEN",
    "ORG_ID",
    "SITE",
    "Simulator",
    "State",
    "build_world",
]
