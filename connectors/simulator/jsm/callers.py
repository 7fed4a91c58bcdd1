"""The callers of the simulated site: people with an API token. The tokens open only this simulator."""

import base64
import binascii
from dataclasses import dataclass

from connectors.simulator.atlassian.model import Schedule, Team
from connectors.simulator.atlassian.state import State

DEMO_EMAIL = "greta.sommer@example.com"
DEMO_TOKEN = "demo-acme-jsm-token-not-a-secret"  # noqa: S105 - opens this simulator only
"""The API token of an Operations admin."""
AGENT_EMAIL = "liam.oconnor@example.com"
AGENT_TOKEN = "demo-acme-jsm-agent-token"  # noqa: S105 - opens this simulator only
"""The API token of a person who sees only the own teams and the own schedules."""
ORG_ADMIN_TOKEN = "demo-acme-org-admin-token"  # noqa: S105 - opens this simulator only
"""A bearer token for the organisation's directory of people."""
CLOUD_ID = "0d3e1c9a-5a0b-4e5f-9c51-ac3e00000001"
ORG_ID = "7a1b2c3d-0000-4000-8000-ac3e00000002"
SITE = "acme.atlassian.net"


@dataclass(frozen=True, slots=True)
class Caller:
    """The person who sends a request. ``admin``: the person sees all objects."""

    account_id: str
    admin: bool

    def teams(self, state: State) -> list[Team]:
        own = {team.id for team in state.teams_of(self.account_id)}
        return [team for team in state.sorted_teams() if self.admin or team.id in own]

    def sees(self, state: State, schedule: Schedule) -> bool:
        """Return True when the caller belongs to the schedule's team, a rotation or an override.

        A caller belongs to a rotation as a participant, or by a team or an escalation that participates.
        """
        if self.admin:
            return True
        own = {team.id for team in state.teams_of(self.account_id)}
        escalations = {
            key
            for key, one in state.escalations.items()
            if any(rule.recipient == ("user", self.account_id) or rule.recipient[1] in own for rule in one.rules)
        }
        meant = {self.account_id, *own, *escalations}
        members = {key for rotation in schedule.rotations for _, key in rotation.participants}
        overriding = {override.by[1] for override in schedule.overrides}
        return schedule.team_id in own or bool(meant & (members | overriding))


def caller_of(state: State, header: str) -> Caller | None:
    """Return the caller of an Authorization header, or None for unknown credentials."""
    scheme, _, text = header.partition(" ")
    if scheme != "Basic":
        return None
    try:
        email, _, token = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    admin = {(DEMO_EMAIL, DEMO_TOKEN): True, (AGENT_EMAIL, AGENT_TOKEN): False}.get((email.casefold(), token))
    if admin is None:
        return None
    users = state.present_users()
    owner = next((user for user in users if user.email.casefold() == email.casefold()), users[0])
    return Caller(owner.id, admin)
