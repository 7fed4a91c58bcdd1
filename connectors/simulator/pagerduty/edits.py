"""The changes that users of the vendor make to their account. Each is one edit under the account's lock."""

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
        "seat_bot",
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
        """Change the login, and the e-mail contact methods with the old address."""
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
        """Disable all contact methods of a user, because PagerDuty has no inactive users."""
        with self._state.editing():
            user = self._user(user_id)
            user.billed = False
            for method in user.contact_methods:
                method.enabled = False
                method.blacklisted = method.type != "email_contact_method"

    def delete_user(self, user_id: str) -> None:
        """Remove a user from lists and teams. The user stays in schedules, marked as deleted."""
        with self._state.editing():
            user = self._user(user_id)
            if self._state.policies_of_user(user_id):
                raise ValueError(f"{user.name} can't be deleted while being a target of escalation policies.")
            user.deleted_at = int(self._now())
            for team in self._state.teams.values():
                team.members = [member for member in team.members if member[0] != user_id]

    # Teams, services, schedules, policies.

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
        """Change the delay of a rule. rule: its position from 0."""
        with self._state.editing():
            policy: EscalationPolicy = account.find_object(self._state.policies, "escalation policy", policy_id)
            if minutes < 1 or not 0 <= rule < len(policy.rules):
                raise ValueError(f"{policy.name} has {len(policy.rules)} rules, and a delay is at least a minute.")
            policy.rules[rule].delay_minutes = minutes

    # Schedules.

    def saved(self, schedule: Schedule) -> None:
        """Set the start of each layer that has not ended to the time of saving, as PagerDuty does with every save."""
        now = int(self._now())
        start = now if now % 60 else now - 19
        for layer in schedule.layers:
            if layer.end is None or layer.end > start:
                layer.start = start

    def move_handoff(self, schedule_id: str, seconds: int, layer: int | str = 0) -> None:
        """Move ``rotation_virtual_start`` of a layer by seconds. layer: its id or its position in a GET."""
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
        """Add an override and return its id. start, end: UTC seconds.

        The keyword arguments are for v3 schedules: an override replaces ``overridden`` in one rotation or custom shift.
        There, None as ``user_id`` or ``overridden`` means the empty member.
        """
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

    def seat_bot(self, schedule_id: str, bot_id: str, position: int, layer: int | str = 0) -> None:
        """Give a place in a layer to a holder that is not a user, which the reference does not document."""
        with self._state.editing():
            schedule = self._layered(schedule_id)
            _layer(schedule, layer).users[position] = bot_id
            self.saved(schedule)

    def upgrade_schedule(self, schedule_id: str) -> None:
        """Replace a layer-based schedule by a v3 schedule with the same id, so that its policies keep it."""
        with self._state.editing():
            schedule = self._layered(schedule_id)
            self._state.schedules[schedule_id] = upgraded(schedule, self._state.ids, int(self._now()))

    # Lookups.

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
