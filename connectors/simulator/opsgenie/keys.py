"""The API keys of the simulated account and what each may read (documentation: "API Key Management").

They open nothing but this simulator.
"""

from dataclasses import dataclass

DEMO_KEY = "demo-acme-opsgenie-key-not-a-secret"
"""An account key with the rights Read and Configuration Access."""
NO_CONFIGURATION_KEY = "demo-acme-opsgenie-no-configuration"
"""An account key with the right Read alone: users, teams, schedules and all other configuration are refused."""
TEAM_KEY = "demo-acme-opsgenie-team-key"
"""The key of one team's integration: sees what the team owns, and calls all else, existing or not, unauthorised."""
OTHER_REGION_KEY = "demo-acme-opsgenie-eu-key"
"""A good key of an account in the other region, which is unknown here."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """``team_id`` None = an account key. ``denied`` are the right-words of views this key may not use."""

    region: str = "us"
    team_id: str | None = None
    configuration: bool = True
    denied: frozenset[str] = frozenset()
