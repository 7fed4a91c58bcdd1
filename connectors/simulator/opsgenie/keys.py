"""The API keys of the simulated account and what each may read (documentation: "API Key Management").

They open only this simulator.
"""

from dataclasses import dataclass

DEMO_KEY = "demo-acme-opsgenie-key-not-a-secret"
"""An account key with the rights Read and Configuration Access."""
NO_CONFIGURATION_KEY = "demo-acme-opsgenie-no-configuration"
"""An account key with the right Read alone: users, teams, schedules and all other configuration are refused."""
TEAM_KEY = "demo-acme-opsgenie-team-key"
"""The key of a team's integration. It may read the team's objects; every other id is answered as unauthorised."""
OTHER_REGION_KEY = "demo-acme-opsgenie-eu-key"
"""A key of an account in the other region. It is unknown here."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """``team_id`` None = a key of the account. ``denied`` are rights of routes that this key does not have."""

    region: str = "us"
    team_id: str | None = None
    configuration: bool = True
    denied: frozenset[str] = frozenset()
