"""Objects in the JSON of the Operations API, the Teams API and Jira. A reference is a pair of type and id."""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.simulator.atlassian.model import (
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
from connectors.simulator.jsm.callers import ORG_ID
from connectors.simulator.world import instant_text
from connectors.simulator.zones import iso

_KINDS = {"default": "base"}


@dataclass(frozen=True, slots=True)
class Wire(BaseWire):
    """Writes objects for one request to JSM Operations."""

    def participant(self, participant: Participant) -> Json:
        """A pair of type and id; JSM writes no names."""
        kind, key = participant
        if kind == "none" or not key:
            return {"type": "noone" if kind == "none" else kind}
        return {"type": kind, "id": key}

    # People and teams.

    def user(self, user: User, *, alone: bool = False) -> Json:
        """Write a user for Jira. A hidden address is left out, or empty when one user is requested (``alone``)."""
        made: Json = {
            "accountId": user.id,
            "accountType": "atlassian",
            "active": not user.blocked,
            "displayName": user.name,
            "timeZone": user.time_zone,
            "locale": user.locale,
        }
        if not user.email_hidden:
            made["emailAddress"] = user.email
        elif alone:
            made["emailAddress"] = ""
        return made

    def directory_user(self, user: User) -> Json:
        """Write a user for the organisation's directory."""
        return {
            "accountId": user.id,
            "accountType": "atlassian",
            "accountStatus": "inactive" if user.blocked else "active",
            "name": user.name,
            "nickname": user.name.split()[0],
            "email": user.email,
        }

    def team_head(self, team: Team) -> Json:
        return {"teamId": team.id, "teamName": team.name}

    def team(self, team: Team, *, admin: bool) -> Json:
        return {
            "teamId": team.id,
            "displayName": team.name,
            "description": team.description,
            "organizationId": ORG_ID,
            "teamType": "MEMBER_INVITE",
            "userPermissions": {"ADD_MEMBERS": admin, "DELETE_TEAM": admin, "UPDATE_TEAM": admin},
        }

    def routing_rule(self, rule: RoutingRule, order: int) -> Json:
        made: Json = {
            "id": rule.id,
            "name": rule.name,
            "order": order,
            "isDefault": rule.is_default,
            "timezone": rule.time_zone,
            "criteria": rule.criteria,
            "notify": {"type": "none"} if rule.notify is None else self.participant(rule.notify),
        }
        if rule.restriction is not None:
            made["timeRestriction"] = restriction_json(rule.restriction, self.request_number)
        return made

    def notification_rule(self, rule: NotificationRule) -> Json:
        return self.notification_rule_head(rule) | {"criteria": {"type": "match-all"}, "schedules": []}

    def steps(self, user: User, rule: NotificationRule) -> list[Json]:
        contacts = {contact.id: contact for contact in user.contacts}
        return [
            {
                "id": f"{rule.id}-{position}",
                "contact": {"method": contacts[contact_id].method, "to": contacts[contact_id].to},
                "sendAfter": minutes or 0,
                "enabled": True,
            }
            for position, (contact_id, minutes) in enumerate(rule.steps)
        ]

    # Schedules.

    def schedule(self, schedule: Schedule, *, rotations: bool) -> Json:
        made: Json = {
            "id": schedule.id,
            "name": schedule.name,
            "description": schedule.description,
            "timezone": schedule.time_zone,
            "enabled": schedule.enabled,
        }
        if schedule.team_id is not None:
            made["teamId"] = schedule.team_id
        return made | ({"rotations": [self.rotation(one) for one in schedule.rotations]} if rotations else {})

    def rotation(self, rotation: Rotation) -> Json:
        """Write a rotation. Without an end, ``endDate`` is empty, or absent when there is a restriction."""
        made = self.rotation_head(rotation)
        if rotation.end is not None:
            made["endDate"] = instant_text(rotation.end)
        elif rotation.restriction is None:
            made["endDate"] = ""
        if rotation.restriction is not None:
            made["timeRestriction"] = restriction_json(rotation.restriction, self.request_number)
        return made

    def override(self, schedule: Schedule, override: Override) -> Json:
        """Write an override. Unlike other endpoints, its dates have the offset of the schedule's zone."""
        return {
            "alias": override.alias,
            "responder": self.participant(override.by),
            "startDate": iso(override.start, schedule.time_zone),
            "endDate": iso(override.end, schedule.time_zone),
            "rotationIds": list(override.rotation_ids),
        }

    # Escalations and the rest.

    def escalation(self, escalation: Escalation) -> Json:
        made: Json = {
            "id": escalation.id,
            "name": escalation.name,
            "description": escalation.description,
            "enabled": escalation.enabled,
            "rules": [
                {
                    "condition": rule.condition,
                    "notifyType": rule.notify_type,
                    "delay": rule.minutes,
                    "recipient": self.participant(rule.recipient),
                }
                for rule in escalation.rules
            ],
        }
        return made | ({} if escalation.repeat is None else {"repeat": repeat_json(escalation.repeat)})

    def forwarding(self, one: Forwarding) -> Json:
        return {
            "id": one.id,
            "alias": one.alias,
            "fromUser": {"id": one.from_user},
            "toUser": {"id": one.to_user},
            "startDate": instant_text(one.start),
            "endDate": instant_text(one.end),
        }

    def service(self, service: Service) -> Json:
        return {
            "id": service.id,
            "name": service.name,
            "description": service.description,
            "tier": service.tier,
            "type": "Software Services",
            "owner": service.team_id,
            "changeApprovers": {"groups": []},
            "responders": {"users": [], "teams": [service.team_id]},
            "stakeholders": {"users": []},
            "projects": {"ids": []},
        }

    # Who is on call.

    def on_call(self, one: OnCall) -> Json:
        made = self.participant(one.participant)
        if one.forwarded_from is not None:
            made["forwardedFrom"] = self.participant(("user", one.forwarded_from))
        return made | ({"onCallParticipants": [self.on_call(below) for below in one.below]} if one.below else {})

    def timeline(self, drawn: Timeline, history: Sequence[tuple[Rotation, list[TimelinePeriod]]]) -> Json:
        """Write a timeline. history: deleted rotations with their past periods."""
        made: Json = {"startDate": instant_text(drawn.since), "endDate": instant_text(drawn.until)}
        for name, rotations in drawn.layers.items():
            listed = [self.timeline_rotation(rotation, shown) for rotation, shown in rotations]
            if name == "final":
                listed += [self.timeline_rotation(rotation, shown) | {"deleted": True} for rotation, shown in history]
            made[f"{name}Timeline"] = {"rotations": listed}
        return made | {"_expands": ["base", "override", "forwarding"]}

    def timeline_period(self, period: TimelinePeriod) -> Json:
        made: Json = {
            "startDate": instant_text(period.start),
            "endDate": instant_text(period.end),
            "type": _KINDS.get(period.kind, period.kind),
            "responder": self._responder(period.recipient),
        }
        if period.from_user is not None:
            made["from"] = self._responder(("user", period.from_user))
        if period.flattened:
            made["flattenedResponders"] = [self._responder(person) for person in period.flattened]
        return made

    def _responder(self, participant: Participant) -> Json:
        made = self.participant(participant)
        deleted = participant[0] == "user" and participant[1] and self.state.users[participant[1]].deleted
        return made | ({"deleted": True} if deleted or participant in self.state.deleted_names else {})
