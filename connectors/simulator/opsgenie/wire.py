"""Objects in the JSON of Opsgenie's REST API v2. A value that is not set is left out; it is not null."""

from dataclasses import dataclass

from connectors.simulator.atlassian.model import (
    Contact,
    Escalation,
    Forwarding,
    NotificationRule,
    Override,
    Participant,
    Rotation,
    RoutingRule,
    Schedule,
    Service,
    Team,
    User,
)
from connectors.simulator.atlassian.oncalls import OnCall
from connectors.simulator.atlassian.timeline import Timeline, TimelinePeriod
from connectors.simulator.atlassian.wire import BaseWire, Json, repeat_json, restriction_json
from connectors.simulator.world import instant_text


@dataclass(frozen=True, slots=True)
class Wire(BaseWire):
    """Writes objects for one request to Opsgenie."""

    # People.

    def user(self, user: User, *, alone: bool = False, contacts: bool = False) -> Json:
        """Write a user. alone: the answer to a GET of one user, which has more keys."""
        made: Json = {
            "id": user.id,
            "username": user.email,
            "fullName": user.name,
            "role": {"id": user.role, "name": user.role},
            "blocked": user.blocked,
            "verified": user.verified,
            "timeZone": user.time_zone,
            "locale": user.locale,
            "userAddress": {
                name: user.address.get(name, "") for name in ("country", "state", "city", "line", "zipCode")
            },
            "createdAt": instant_text(user.created_at),
        }
        if user.tags:
            made["tags"] = list(user.tags)
        if user.details:
            made["details"] = dict(user.details)
        if user.muted_until is not None:
            made["mutedUntil"] = instant_text(user.muted_until)
        if alone and user.skype is not None:
            made["skypeUsername"] = user.skype
        if contacts:
            made["userContacts"] = [self._user_contact(contact) for contact in user.contacts]
        return made

    def _user_contact(self, contact: Contact) -> Json:
        made: Json = {
            "id": contact.id,
            "to": contact.to,
            "contactMethod": contact.method,
            "enabled": contact.enabled,
        }
        return made | ({"disabledReason": contact.disabled_reason} if contact.disabled_reason else {})

    def notification_rule_alone(self, user: User, rule: NotificationRule) -> Json:
        contacts = {contact.id: contact for contact in user.contacts}
        steps: list[Json] = []
        for contact_id, minutes in rule.steps:
            contact = contacts[contact_id]
            step: Json = {"id": contact_id, "contact": {"method": contact.method, "to": contact.to}, "enabled": True}
            if minutes is not None:
                step["sendAfter"] = {"timeAmount": minutes, "timeUnit": "minutes"}
            steps.append(step)
        return self.notification_rule_head(rule) | {
            "criteria": {"type": "match-all"},
            "notificationTime": [],
            "repeat": {"loopAfter": 0, "enabled": False},
            "steps": steps,
        }

    # Teams.

    def team_head(self, team: Team) -> Json:
        return {
            "id": team.id,
            "name": team.name,
            "description": team.description,
            "links": {
                "web": f"https://app.opsgenie.com/teams/dashboard/{team.id}/main",
                "api": f"https://api.opsgenie.com/v2/teams/{team.id}",
            },
        }

    def team(self, team: Team) -> Json:
        members = [
            {"user": {"id": user_id, "username": self.state.users[user_id].email}, "role": role}
            for user_id, role in team.members
        ]
        return self.team_head(team) | ({"members": members} if members else {})

    def routing_rule(self, rule: RoutingRule, order: int) -> Json:
        notify: Json = {"type": "none"} if rule.notify is None else self.participant(rule.notify)
        made: Json = {
            "id": rule.id,
            "name": rule.name,
            "isDefault": rule.is_default,
            "order": order,
            "criteria": rule.criteria,
            "timezone": rule.time_zone,
            "notify": notify,
        }
        if rule.restriction is not None:
            made["timeRestriction"] = restriction_json(rule.restriction, self.request_number)
        return made

    def participant(self, participant: Participant) -> Json:
        """Write a participant or recipient. A user has a login, other kinds have a name, nobody has neither."""
        kind, key = participant
        if kind == "none" or not key:
            return {"type": kind}
        return {"type": kind, "id": key, "username" if kind == "user" else "name": self.state.name_of(participant)}

    def _owner(self, team_id: str | None) -> Json:
        if team_id is None:
            return {}
        return {"ownerTeam": {"id": team_id, "name": self.state.name_of(("team", team_id))}}

    # Schedules.

    def schedule_head(self, schedule: Schedule) -> Json:
        return {"id": schedule.id, "name": schedule.name, "enabled": schedule.enabled}

    def schedule(self, schedule: Schedule, *, rotations: bool) -> Json:
        made = self.schedule_head(schedule) | {
            "description": schedule.description,
            "timezone": schedule.time_zone,
            **self._owner(schedule.team_id),
        }
        return made | {"rotations": [self.rotation(one) for one in schedule.rotations] if rotations else []}

    def rotation(self, rotation: Rotation) -> Json:
        made = self.rotation_head(rotation)
        if rotation.end is not None:
            made["endDate"] = instant_text(rotation.end)
        if rotation.restriction is not None:
            made["timeRestriction"] = restriction_json(rotation.restriction, self.request_number)
        return made

    def override(self, schedule: Schedule, override: Override, *, alone: bool = False) -> Json:
        """Write an override. alone: a GET of one override, which has also names of rotations and the schedule."""
        names = {rotation.id: rotation.name for rotation in schedule.rotations}
        made: Json = {
            "alias": override.alias,
            "user": self.participant(override.by),
            "startDate": instant_text(override.start),
            "endDate": instant_text(override.end),
            "rotations": [{"id": one, "name": names[one]} if alone else {"id": one} for one in override.rotation_ids],
        }
        return made | ({"_parent": self.schedule_head(schedule)} if alone else {})

    # Escalations and the rest.

    def escalation(self, escalation: Escalation) -> Json:
        made: Json = {
            "id": escalation.id,
            "name": escalation.name,
            "description": escalation.description,
            **self._owner(escalation.team_id),
            "rules": [
                {
                    "condition": rule.condition,
                    "notifyType": rule.notify_type,
                    "delay": {"timeAmount": rule.delay, "timeUnit": rule.unit},
                    "recipient": self.participant(rule.recipient),
                }
                for rule in escalation.rules
            ],
        }
        if escalation.repeat is not None:
            made["repeat"] = repeat_json(escalation.repeat)
        return made

    def forwarding(self, one: Forwarding) -> Json:
        users = self.state.users
        return {
            "id": one.id,
            "alias": one.alias,
            "fromUser": {"id": one.from_user, "username": users[one.from_user].email},
            "toUser": {"id": one.to_user, "username": users[one.to_user].email},
            "startDate": instant_text(one.start),
            "endDate": instant_text(one.end),
        }

    def service(self, service: Service) -> Json:
        return {
            "id": service.id,
            "name": service.name,
            "description": service.description,
            "teamId": service.team_id,
            "visibility": service.visibility,
            "tags": list(service.tags),
        }

    # Who is on call.

    def recipient(self, participant: Participant) -> Json:
        """Write a recipient in timelines and on-calls, where a user's login has the key ``name``."""
        if not participant[1]:
            return {"type": participant[0]}
        return {"id": participant[1], "name": self.state.name_of(participant), "type": participant[0]}

    def on_call(self, one: OnCall) -> Json:
        made = self.recipient(one.participant)
        if one.forwarded_from is not None:
            made["forwardedFrom"] = self.recipient(("user", one.forwarded_from))
        if one.below:
            made["onCallParticipants"] = [self.on_call(below) for below in one.below]
        if one.minutes is not None:
            made |= {"escalationTime": one.minutes, "notifyType": one.notify_type}
        return made

    def timeline(self, schedule: Schedule, drawn: Timeline) -> Json:
        made: Json = {
            "_parent": self.schedule_head(schedule),
            "description": schedule.description,
            **self._owner(schedule.team_id),
            "startDate": instant_text(drawn.since),
            "endDate": instant_text(drawn.until),
        }
        for name, rotations in drawn.layers.items():
            listed = [self.timeline_rotation(rotation, shown) for rotation, shown in rotations]
            made[f"{name}Timeline"] = {"rotations": listed}
        return made

    def timeline_period(self, period: TimelinePeriod) -> Json:
        made: Json = {
            "startDate": instant_text(period.start),
            "endDate": instant_text(period.end),
            "type": period.kind,
            "recipient": self.recipient(period.recipient),
        }
        if period.from_user is not None:
            made["fromUser"] = self.state.users[period.from_user].email
        if period.flattened:
            made["flattenedRecipients"] = [self.recipient(person) for person in period.flattened]
        return made
