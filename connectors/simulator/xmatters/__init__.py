"""A simulated xMatters with state on the loopback, for the demo and for tests."""

from connectors.simulator.xmatters.account import build_world
from connectors.simulator.xmatters.callers import (
    API_KEY_SECRET,
    API_KEY_USER,
    CLIENT_ID,
    DEMO_PASSWORD,
    DEMO_USER,
    LIMITED_PASSWORD,
    LIMITED_USER,
    POWERLESS_PASSWORD,
    POWERLESS_USER,
    SSO_PASSWORD,
    SSO_USER,
)
from connectors.simulator.xmatters.simulator import Simulator
from connectors.simulator.xmatters.state import CANARY, State
from connectors.simulator.xmatters.walk import Notice, walk

DEMO_SETTINGS = {"base_url": "https://acme.xmatters.com", "auth": "basic", "username": DEMO_USER}
DEMO_CREDENTIALS = {"password": DEMO_PASSWORD}

__all__ = [
    "API_KEY_SECRET",
    "API_KEY_USER",
    "CANARY",
    "CLIENT_ID",
    "DEMO_CREDENTIALS",
    "DEMO_PASSWORD",
    "DEMO_SETTINGS",
    "DEMO_USER",
    "LIMITED_PASSWORD",
    "LIMITED_USER",
    "POWERLESS_PASSWORD",
    "POWERLESS_USER",
    "SSO_PASSWORD",
    "SSO_USER",
    "Notice",
    "Simulator",
    "State",
    "build_world",
    "walk",
]
