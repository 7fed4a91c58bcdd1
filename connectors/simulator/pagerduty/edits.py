"""What the account's own users do to it: renames, moves, removals. Each is one whole edit under the account's lock."""

from collections.abc import Callable
from typing import Any

from connectors.simulator import account
from connectors.simulator.pagerduty.model import (
    EscalationPolicy,
    Layer,
    Override,
    OverrideShift,
    Schedule,
    User,
)
from connectors.simulator.pagerduty.state import State
from connectors.simulator.pagerduty.upgrade import upgraded


class Edits(account.Edits):
    verbs = (
        "rename",
        "change_email",
        "deactivate_person",
        "delete_user",
        "delete_team",
        "delete_service",
        "delete_schedule",
        "move_handoff",
        "add_override",
        "remove_override",
        "change_delay",
        "upgrade_schedule",
    )

    def __init__(self, state: State, now: Callable[[], float]) -> None:
        self._state = state
        self._now = now

    # Any object.

    def rename(self, kind: str, object_id: str, name: str) -> None:
        """``kind`` user | team | schedule | escalation_policy | service. Renaming a schedule saves it."""
        objects_by_kind: dict[str, dict[str, Any]] = {
            "user": self._state.users,
            "team": self._state.teams,
            "schedule": self._state.schedules,
            "escalation_policy": self._state.policies,
            "service": self._state.services,
        }
        with self._state.editing():
            renamed = account.find_object(account.objects_of_kind(objects_by_kind, kind), kind, object_id)
            renamed.name = name
            if isinstance(renamed, Schedule):
                renamed.summary = None
                self.saved(renamed)

    # People.

    def change_email(self, user_id: str, email: str) -> None:
        """Changes the login and the e-mail contact methods that had the old address."""
        with self._state.editing():
            user = self._user(user_id)
            if any(
                other.email.casefold() == email.casefold() for other in self._state.users.values() if other is not user
            ):
                raise ValueError(f"{email} is taken: e-mail addresses are unique in an account.")
            for method in user.contact_methods:
                if method.type == "email_contact_method" and method.address == user.email:
                    method.address = email
            user.email = email

    def deactivate_person(self, user_id: str) -> None:
        """Nobody can reach the person any more (PagerDuty knows no inactive user): contact methods are disabled."""
        with self._state.editing():
            user = self._user(user_id)
            user.billed = False
            for method in user.contact_methods:
                method.enabled = False
                method.blacklisted = method.type != "email_contact_method"

    def delete_user(self, user_id: str) -> None:
        """The user leaves the listing and the teams but keeps the place in schedules, marked deleted."""
        with self._state.editing():
            user = self._user(user_id)
            if self._state.policies_of_user(user_id):
                raise ValueError(f"{user.name} can't be deleted while being a target of escalation policies.")
            user.deleted_at = int(self._now())
            for team in self._state.teams.values():
                team.members = [member for member in team.members if member[0] != user_id]

    # Things.

    def delete_team(self, team_id: str) -> None:
        with self._state.editing():
            account.find_object(self._state.teams, "team", team_id)
            for policy in self._state.policies.values():
                policy.team_id = None if policy.team_id == team_id else policy.team_id
            for schedule in self._state.schedules.values():
                schedule.team_ids = [one for one in schedule.team_ids if one != team_id]
            for team in self._state.teams.values():
                team.parent_id = None if team.parent_id == team_id else team.parent_id
            del self._state.teams[team_id]

    def delete_service(self, service_id: str) -> None:
        with self._state.editing():
            account.find_object(self._state.services, "service", service_id)
            del self._state.services[service_id]

    def delete_schedule(self, schedule_id: str) -> None:
        with self._state.editing():
            account.find_object(self._state.schedules, "schedule", schedule_id)
            if self._state.policies_of_schedule(schedule_id):
                raise ValueError("Schedule can't be deleted if it's being used by escalation policies.")
            del self._state.schedules[schedule_id]

    def change_delay(self, policy_id: str, minutes: int, rule: int = 0) -> None:
        """``rule`` counts from 0."""
        with self._state.editing():
            policy: EscalationPolicy = account.find_object(self._state.policies, "escalation policy", policy_id)
            if minutes < 1 or not 0 <= rule < len(policy.rules):
                raise ValueError(f"{policy.name} has {len(policy.rules)} rules, and a delay is at least a minute.")
            policy.rules[rule].delay_minutes = minutes

    # Schedules.

    def saved(self, schedule: Schedule) -> None:
        """Every save sets the start of each layer that has not ended to the moment of saving, odd seconds and all."""
        now = int(self._now())
        start = now if now % 60 else now - 19
        for layer in schedule.layers:
            if layer.end is None or layer.end > start:
                layer.start = start

    def move_handoff(self, schedule_id: str, seconds: int, layer: int | str = 0) -> None:
        """Move ``rotation_virtual_start`` of a layer (id or position in GET order) by so many seconds."""
        with self._state.editing():
            schedule = self._layered(schedule_id)
            _layer(schedule, layer).virtual_start += seconds
            self.saved(schedule)

    def add_override(
        self,
        schedule_id: str,
        user_id: str | None,
        start: int,
        end: int,
        *,
        overridden: str | None = None,
        rotation_id: str | None = None,
        custom_shift_id: str | None = None,
    ) -> str:
        """Returns the override's id. ``start``/``end`` are UTC seconds. The three last are for v3 schedules, where an
        override replaces ``overridden`` in one rotation or custom shift (None there is the empty member)."""
        if start >= end:
            raise ValueError("An override ends after it starts.")
        with self._state.editing():
            if user_id is not None:
                self._user(user_id)
            schedule = account.find_object(self._state.schedules, "schedule", schedule_id)
            if isinstance(schedule, Schedule):
                if user_id is None:
                    raise ValueError("An override of a layer-based schedule names a user.")
                made = Override(self._state.ids.new("override", schedule_id, start, end), start, end, user_id)
                schedule.overrides.append(made)
                return made.id
            if (rotation_id is None) == (custom_shift_id is None):
                raise ValueError("An override of a shift-based schedule names one rotation or one custom shift.")
            override_id = self._state.ids.new("override_shift", schedule_id, start, end, prefix="O", length=26)
            schedule.overrides.append(
                OverrideShift(override_id, start, end, overridden, user_id, rotation_id, custom_shift_id)
            )
            return override_id

    def remove_override(self, schedule_id: str, override_id: str) -> None:
        with self._state.editing():
            schedule: Any = account.find_object(self._state.schedules, "schedule", schedule_id)
            kept = [one for one in schedule.overrides if one.id != override_id]
            if len(kept) == len(schedule.overrides):
                raise LookupError(f"{schedule.name} has no override {override_id}.")
            schedule.overrides = kept

    def upgrade_schedule(self, schedule_id: str) -> None:
        """Turn a layer-based schedule into a v3 one of the same id, used by the same policies."""
        with self._state.editing():
            schedule = self._layered(schedule_id)
            self._state.schedules[schedule_id] = upgraded(schedule, self._state.ids, int(self._now()))

    # Finding.

    def _user(self, user_id: str) -> User:
        user: User = account.find_object(self._state.users, "user", user_id)
        if user.deleted_at is not None:
            raise LookupError(f"{user.name} is deleted.")
        return user

    def _layered(self, schedule_id: str) -> Schedule:
        schedule = account.find_object(self._state.schedules, "schedule", schedule_id)
        if not isinstance(schedule, Schedule):
            raise ValueError(f"{schedule.name} is shift-based: it has no layers.")
        return schedule


def _layer(schedule: Schedule, wanted: int | str) -> Layer:
    for position, layer in enumerate(schedule.layers):
        if wanted in (position, layer.id):
            return layer
    raise LookupError(f"{schedule.name} has no layer {wanted}.")
