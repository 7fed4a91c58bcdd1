"""One account in memory: its objects, sorted listings and who is who, guarded by one lock."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

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
"""Stands in every value a reader must not keep: device tokens, free details of a person."""


@dataclass
class State:
    """``version`` grows with every edit. ``services_refused`` is the status a plan without services answers with;
    ``gone`` are names of deleted objects that others still mention."""

    name: str
    seed: int
    users: dict[str, User] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    escalations: dict[str, Escalation] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    forwardings: dict[str, Forwarding] = field(default_factory=dict)
    services_refused: int | None = None
    gone: dict[Participant, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.version = 0

    @contextmanager
    def editing(self) -> Iterator["State"]:
        """Hold the lock and count the edit."""
        with self.lock:
            try:
                yield self
            finally:
                self.version += 1

    # Listings.

    def present_users(self) -> Sequence[User]:
        """By login, as the vendor sorts by default."""
        present = (user for user in self.users.values() if not user.deleted)
        return sorted(present, key=lambda user: (user.email.casefold(), user.id))

    def sorted_teams(self) -> Sequence[Team]:
        return _by_name(self.teams)

    def sorted_schedules(self) -> Sequence[Schedule]:
        return _by_name(self.schedules)

    def sorted_escalations(self) -> Sequence[Escalation]:
        return _by_name(self.escalations)

    def sorted_services(self) -> Sequence[Service]:
        return _by_name(self.services)

    def teams_of(self, user_id: str) -> Sequence[Team]:
        return [team for team in self.sorted_teams() if any(user_id == member for member, _ in team.members)]

    # Who is meant.

    def name_of(self, participant: Participant) -> str:
        """A user's login or an object's name; raises KeyError when there is no such object."""
        if participant in self.gone:
            return self.gone[participant]
        kind, key = participant
        return self.users[key].email if kind == "user" else str(self.shelf(kind)[key].name)

    def shelf(self, kind: str) -> dict[str, Any]:
        """All objects of user | team | schedule | escalation | service by id; raises LookupError for another kind."""
        shelves: dict[str, dict[str, Any]] = {
            "user": self.users,
            "team": self.teams,
            "schedule": self.schedules,
            "escalation": self.escalations,
            "service": self.services,
        }
        if kind not in shelves:
            raise LookupError(f"There is no kind {kind!r}; use one of {', '.join(shelves)}.")
        return shelves[kind]

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


def _by_name(shelf: dict[str, Any]) -> list[Any]:
    return sorted(shelf.values(), key=lambda one: (one.name.casefold(), one.id))
