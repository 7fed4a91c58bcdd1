"""The changes that users of the vendor make to their account. Each is one edit under the account's lock."""

from typing import Any

from connectors.simulator import account
from connectors.simulator.atlassian.model import NOBODY, Forwarding, Override, Rotation, Schedule
from connectors.simulator.atlassian.state import State
from connectors.simulator.world import uuid


class Edits(account.Edits):
    verbs = (
        "rename",
        "change_email",
        "block_user",
        "delete_user",
        "delete",
        "add_member",
        "remove_member",
        "add_participant",
        "remove_participant",
        "move_start",
        "delete_rotation",
        "enable_schedule",
        "add_override",
        "remove_override",
        "add_forwarding",
        "change_delay",
        "change_plan",
    )

    def __init__(self, state: State) -> None:
        self._state = state

    # Any object.

    def rename(self, kind: str, object_id: str, name: str) -> None:
        """``kind`` user | team | schedule | escalation | service."""
        with self._state.editing():
            self._get(kind, object_id).name = name

    def delete(self, kind: str, object_id: str) -> None:
        """Delete a team, schedule, escalation or service. Objects that mention it keep its id and name."""
        if kind == "user":
            raise ValueError("Use delete_user: a deleted person stays in rotations and escalations.")
        with self._state.editing():
            found = self._get(kind, object_id)
            self._state.deleted_names[kind, object_id] = found.name
            del self._state.objects(kind)[object_id]

    # People.

    def change_email(self, user_id: str, email: str) -> None:
        """Change the login, and the e-mail contact with the old address."""
        with self._state.editing():
            user = self._get("user", user_id)
            others = (other for other in self._state.present_users() if other is not user)
            if any(other.email.casefold() == email.casefold() for other in others):
                raise ValueError(f"{email} is taken: logins are unique in an account.")
            for contact in user.contacts:
                if contact.method == "email" and contact.to == user.email:
                    contact.to = email
            user.email = email

    def block_user(self, user_id: str, *, blocked: bool = True) -> None:
        with self._state.editing():
            self._get("user", user_id).blocked = blocked

    def delete_user(self, user_id: str) -> None:
        """Remove a user from lists and teams. Rotations and escalations still mention id and login."""
        with self._state.editing():
            self._get("user", user_id).deleted = True
            for team in self._state.teams.values():
                team.members = [member for member in team.members if member[0] != user_id]
            for key in [key for key, one in self._state.forwardings.items() if user_id in (one.from_user, one.to_user)]:
                del self._state.forwardings[key]

    def add_member(self, team_id: str, user_id: str, role: str = "user") -> None:
        with self._state.editing():
            self._get("user", user_id)
            team = self._get("team", team_id)
            team.members = [member for member in team.members if member[0] != user_id] + [(user_id, role)]

    def remove_member(self, team_id: str, user_id: str) -> None:
        with self._state.editing():
            team = self._get("team", team_id)
            kept = [member for member in team.members if member[0] != user_id]
            if len(kept) == len(team.members):
                raise LookupError(f"{team.name} has no member {user_id}.")
            team.members = kept

    # Schedules.

    def add_participant(self, schedule_id: str, user_id: str, rotation: int | str = 0) -> None:
        """Add a user at the end of a rotation (its id or position)."""
        with self._state.editing():
            self._get("user", user_id)
            self._rotation(schedule_id, rotation).participants.append(("user", user_id))

    def remove_participant(self, schedule_id: str, position: int, rotation: int | str = 0) -> None:
        with self._state.editing():
            participants = self._rotation(schedule_id, rotation).participants
            if not 0 <= position < len(participants):
                raise LookupError(f"The rotation has {len(participants)} participants.")
            del participants[position]

    def move_start(self, schedule_id: str, seconds: int, rotation: int | str = 0) -> None:
        """Move the start of a rotation and with it every handoff."""
        with self._state.editing():
            self._rotation(schedule_id, rotation).start += seconds

    def delete_rotation(self, schedule_id: str, rotation: int | str = 0) -> None:
        """Delete a rotation, and the overrides that apply only to it."""
        with self._state.editing():
            found = self._rotation(schedule_id, rotation)
            schedule: Schedule = self._get("schedule", schedule_id)
            schedule.rotations.remove(found)
            schedule.removed.append(found)
            schedule.overrides = [one for one in schedule.overrides if one.rotation_ids != [found.id]]
            for override in schedule.overrides:
                override.rotation_ids = [one for one in override.rotation_ids if one != found.id]

    def enable_schedule(self, schedule_id: str, *, enabled: bool) -> None:
        with self._state.editing():
            self._get("schedule", schedule_id).enabled = enabled

    def add_override(
        self,
        schedule_id: str,
        user_id: str | None,
        start: int,
        end: int,
        rotation_ids: list[str] | None = None,
        alias: str = "",
    ) -> str:
        """Add an override and return its alias.

        start, end: UTC seconds. user_id: None = nobody is on call. rotation_ids: None or empty = all rotations.
        alias: any text; empty = the vendor chooses it.
        """
        if start >= end:
            raise ValueError("An override ends after it starts.")
        with self._state.editing():
            schedule: Schedule = self._get("schedule", schedule_id)
            if user_id is not None:
                self._get("user", user_id)
            unknown = set(rotation_ids or ()) - {rotation.id for rotation in schedule.rotations}
            if unknown:
                raise LookupError(f"{schedule.name} has no rotation {', '.join(sorted(unknown))}.")
            alias = alias or uuid(self._state.seed, "override", schedule_id, self._state.version)
            by = NOBODY if user_id is None else ("user", user_id)
            schedule.overrides.append(Override(alias, start, end, by, list(rotation_ids or ())))
            return alias

    def remove_override(self, schedule_id: str, alias: str) -> None:
        with self._state.editing():
            schedule = self._get("schedule", schedule_id)
            kept = [one for one in schedule.overrides if one.alias != alias]
            if len(kept) == len(schedule.overrides):
                raise LookupError(f"{schedule.name} has no override {alias}.")
            schedule.overrides = kept

    # Forwarding, escalations, plan.

    def add_forwarding(self, from_user: str, to_user: str, start: int, end: int) -> str:
        """Add a forwarding rule and return its id. start, end: UTC seconds."""
        if start >= end:
            raise ValueError("A forwarding ends after it starts.")
        with self._state.editing():
            self._get("user", from_user)
            self._get("user", to_user)
            made = uuid(self._state.seed, "forwarding", from_user, self._state.version)
            self._state.forwardings[made] = Forwarding(made, "", from_user, to_user, start, end)
            return made

    def change_delay(self, escalation_id: str, minutes: int, rule: int = 0) -> None:
        """Change the delay of a rule. rule: its position from 0."""
        with self._state.editing():
            escalation = self._get("escalation", escalation_id)
            if minutes < 0 or not 0 <= rule < len(escalation.rules):
                raise ValueError(f"{escalation.name} has {len(escalation.rules)} rules; a delay is not negative.")
            escalation.rules[rule].delay, escalation.rules[rule].unit = minutes, "minutes"

    def change_plan(self, *, services: bool) -> None:
        """Change whether the account's plan includes services."""
        with self._state.editing():
            self._state.services_refused = None if services else 402

    # Lookups.

    def _get(self, kind: str, object_id: str) -> Any:
        there = {key: one for key, one in self._state.objects(kind).items() if not getattr(one, "deleted", False)}
        return account.find_object(there, kind, object_id)

    def _rotation(self, schedule_id: str, wanted: int | str) -> Rotation:
        schedule: Schedule = self._get("schedule", schedule_id)
        for position, rotation in enumerate(schedule.rotations):
            if wanted in (position, rotation.id):
                return rotation
        raise LookupError(f"{schedule.name} has no rotation {wanted}.")
