"""A stateful PagerDuty that answers on the loopback, for the demo and for tests."""

from connectors.simulator.pagerduty.account import build_world
from connectors.simulator.pagerduty.simulator import Simulator
from connectors.simulator.pagerduty.state import CANARY, DEMO_KEY, OTHER_ACCOUNT_KEY, USER_KEY, State

__all__ = ["CANARY", "DEMO_KEY", "OTHER_ACCOUNT_KEY", "USER_KEY", "Simulator", "State", "build_world"]
