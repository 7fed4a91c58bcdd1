"""One account in memory: its objects, sorted lists and names, behind one lock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.simulator.account import Account, objects_of_kind, sorted_by_name
from connectors.simulator.atlassian.model import (
    Escalation,
    Forwarding,
    Participant,
    Schedule,
    Service,
    Team,
    User,
)

CANARY = "canary-never-store-this"
"""Part of every value that a reader must not store: device tokens, custom details of a person."""


@dataclass
class State(Account):
    """``services_refused`` is the HTTP status that a plan without services answers with.

    ``deleted_names`` holds the names of deleted objects that other objects still mention.
    """

    name: str
    seed: int
    users: dict[str, User] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    escalations: dict[str, Escalation] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    forwardings: dict[str, Forwarding] = field(default_factory=dict)
    services_refused: int | None = None
    deleted_names: dict[Participant, str] = field(default_factory=dict)

    # Lists.

    def present_users(self) -> Sequence[User]:
        """Return the users that are not deleted, by login, which is the vendor's default order."""
        present = (user for user in self.users.values() if not user.deleted)
        return sorted(present, key=lambda user: (user.email.casefold(), user.id))

    def sorted_teams(self) -> Sequence[Team]:
        return sorted_by_name(self.teams.values())

    def sorted_schedules(self) -> Sequence[Schedule]:
        return sorted_by_name(self.schedules.values())

    def sorted_escalations(self) -> Sequence[Escalation]:
        return sorted_by_name(self.escalations.values())

    def sorted_services(self) -> Sequence[Service]:
        return sorted_by_name(self.services.values())

    def teams_of(self, user_id: str) -> Sequence[Team]:
        return [team for team in self.sorted_teams() if any(user_id == member for member, _ in team.members)]

    # Lookups.

    def name_of(self, participant: Participant) -> str:
        """Return a user's login or another object's name; of a group its id. Raises KeyError when it does not exist."""
        if participant in self.deleted_names:
            return self.deleted_names[participant]
        kind, key = participant
        if kind == "group" or not key:
            return key
        return self.users[key].email if kind == "user" else str(self.objects(kind)[key].name)

    def objects(self, kind: str) -> dict[str, Any]:
        """Return objects by id. kind: user | team | schedule | escalation | service, else LookupError is raised."""
        objects_by_kind: dict[str, dict[str, Any]] = {
            "user": self.users,
            "team": self.teams,
            "schedule": self.schedules,
            "escalation": self.escalations,
            "service": self.services,
        }
        return objects_of_kind(objects_by_kind, kind)

    def counts(self) -> dict[str, int]:
        return {
            "users": len(self.present_users()),
            "deleted_users": len(self.users) - len(self.present_users()),
            "teams": len(self.teams),
            "schedules": len(self.schedules),
            "escalations": len(self.escalations),
            "services": len(self.services),
            "forwarding_rules": len(self.forwardings),
        }
