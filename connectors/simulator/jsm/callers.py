"""Who may ask: a person with an API token (Basic), who sees what the person may see. They open nothing but this
simulator."""

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
"""The API token of somebody who sees only the own teams and the schedules that concern them."""
ORG_ADMIN_TOKEN = "demo-acme-org-admin-token"  # noqa: S105 - opens this simulator only
"""A bearer token for the organisation's directory of people."""
CLOUD_ID = "0d3e1c9a-5a0b-4e5f-9c51-ac3e00000001"
ORG_ID = "7a1b2c3d-0000-4000-8000-ac3e00000002"
SITE = "acme.atlassian.net"


@dataclass(frozen=True, slots=True)
class Caller:
    """``admin`` sees everything."""

    account_id: str
    admin: bool

    def teams(self, state: State) -> list[Team]:
        own = {team.id for team in state.teams_of(self.account_id)}
        return [team for team in state.sorted_teams() if self.admin or team.id in own]

    def sees(self, state: State, schedule: Schedule) -> bool:
        """By the owning team, a rotation (directly, by a team or an escalation), or an override."""
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
    """The caller of an Authorization header; None when it does not say one we know."""
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
