"""People, teams, policies and services in the JSON of PagerDuty's REST API.

OpenAPI: User, Team, EscalationPolicy, Service, ContactMethod, NotificationRule.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from connectors.simulator.pagerduty.model import (
    ContactMethod,
    EscalationPolicy,
    EscalationRule,
    NotificationRule,
    Schedule,
    Service,
    Team,
    User,
)
from connectors.simulator.pagerduty.state import CANARY, State, schedule_users
from connectors.simulator.zones import iso

API = "https://api.pagerduty.com"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wire:
    """Writes objects for one caller. ``subdomain``: that of the key. ``zone``: the zone of written instants."""

    state: State
    subdomain: str
    zone: str

    def instant(self, moment: int) -> str:
        return iso(moment, self.zone)

    def page(self, path: str) -> str:
        return f"https://{self.subdomain}.pagerduty.com/{path}"

    def head(self, kind: str, path: str, object_id: str, summary: str) -> Json:
        location = f"{path}/{object_id}"
        return {
            "id": object_id,
            "type": kind,
            "summary": summary,
            "self": f"{API}/{location}",
            "html_url": self.page(location),
        }

    # References.

    def user_reference(self, user_id: str) -> Json:
        user = self.state.users.get(user_id)
        if user is None:  # a holder of a type that the reference does not contain
            return self.head("bot_reference", "bots", user_id, user_id)
        made = self.head("user_reference", "users", user.id, user.name)
        if user.deleted_at is not None:
            made |= {"self": None, "html_url": None, "deleted_at": self.instant(user.deleted_at)}
        return made

    def team_reference(self, team_id: str) -> Json:
        return self.head("team_reference", "teams", team_id, self.state.teams[team_id].name)

    def policy_reference(self, policy: EscalationPolicy) -> Json:
        return self.head("escalation_policy_reference", "escalation_policies", policy.id, policy.name)

    def service_reference(self, service: Service) -> Json:
        return self.head("service_reference", "services", service.id, service.name) | {
            "html_url": self.page(f"service-directory/{service.id}")
        }

    def schedule_reference(self, schedule_id: str) -> Json:
        schedule = self.state.schedules[schedule_id]
        summary = schedule.name
        if isinstance(schedule, Schedule):
            return self.head("schedule_reference", "schedules", schedule.id, summary)
        made = self.head("schedule_v3_reference", "v3/schedules", schedule.id, summary)
        return made | {"html_url": self.page(f"schedules/{schedule.id}")}

    # People.

    def user(self, user: User, include: Collection[str] = ()) -> Json:
        made = self.head("user", "users", user.id, user.name) | {
            "name": user.name,
            "email": user.email,
            "time_zone": user.time_zone,
            "color": user.color,
            "role": user.role,
            "avatar_url": f"https://avatars.example.com/{user.id}.png",
            "billed": user.billed,
            "description": user.description,
            "invitation_sent": user.invitation_sent,
            "job_title": user.job_title,
            "created_via_sso": user.created_via_sso,
            "teams": [
                self.team(self.state.teams[team_id]) if "teams" in include else self.team_reference(team_id)
                for team_id in self.state.team_ids_of_user(user.id)
            ],
            "contact_methods": [
                self.contact_method(user, method, reference="contact_methods" not in include)
                for method in user.contact_methods
            ],
            "notification_rules": [
                self.notification_rule(user, rule)
                if "notification_rules" in include
                else self._rule_head(user, rule, "assignment_notification_rule_reference")
                for rule in user.notification_rules
            ],
        }
        if "calendar_urls" in include:
            made["http_cal_url"] = f"https://{self.subdomain}.pagerduty.com/private/{CANARY}/feed/{user.id}"
            made["web_cal_url"] = f"webcal://{self.subdomain}.pagerduty.com/private/{CANARY}/feed/{user.id}"
        return made

    def contact_method(self, user: User, method: ContactMethod, *, reference: bool) -> Json:
        made: Json = {
            "id": method.id,
            "type": method.type + ("_reference" if reference else ""),
            "summary": method.label,
            "self": f"{API}/users/{user.id}/contact_methods/{method.id}" if method.has_self else None,
            "html_url": None,
        }
        if reference:
            return made
        made |= {"label": method.label, "address": method.address}
        if method.type == "push_notification_contact_method":
            return made | {
                "device_type": method.device_type,
                "blacklisted": method.blacklisted,
                "created_at": None if method.created_at is None else self.instant(method.created_at),
                "sounds": [
                    {"type": "alert_high_urgency", "file": "Siren.caf"},
                    {"type": "alert_low_urgency", "file": "default"},
                ],
            }
        made["enabled"] = method.enabled
        if method.type == "email_contact_method":
            return made | {"send_short_email": False}
        return made | {"country_code": method.country_code, "blacklisted": method.blacklisted}

    def _rule_head(self, user: User, rule: NotificationRule, kind: str) -> Json:
        return {
            "id": rule.id,
            "type": kind,
            "summary": f"{rule.delay_minutes} minutes: channel {rule.method_id}",
            "self": f"{API}/users/{user.id}/notification_rules/{rule.id}",
            "html_url": None,
        }

    def notification_rule(self, user: User, rule: NotificationRule, *, include_method: bool = False) -> Json:
        method = next(method for method in user.contact_methods if method.id == rule.method_id)
        return self._rule_head(user, rule, "assignment_notification_rule") | {
            "start_delay_in_minutes": rule.delay_minutes,
            "created_at": None,
            "contact_method": self.contact_method(user, method, reference=not include_method),
            "urgency": rule.urgency,
        }

    # Teams.

    def team(self, team: Team) -> Json:
        return self.head("team", "teams", team.id, team.name) | {
            "name": team.name,
            "description": team.description,
            "default_role": team.default_role,
            "parent": None if team.parent_id is None else self.team_reference(team.parent_id),
        }

    def member(self, user_id: str, role: str, include: Collection[str]) -> Json:
        who = self.user(self.state.users[user_id]) if "users" in include else self.user_reference(user_id)
        return {"user": who, "role": role}

    # Policies.

    def _teams_of_policy(self, policy: EscalationPolicy, include: Collection[str]) -> list[Json]:
        if policy.team_id is None:
            return []
        if "teams" in include:
            return [self.team(self.state.teams[policy.team_id])]
        return [self.team_reference(policy.team_id)]

    def policy(self, policy: EscalationPolicy, include: Collection[str] = ()) -> Json:
        return self.head("escalation_policy", "escalation_policies", policy.id, policy.name) | {
            "name": policy.name,
            "description": policy.description,
            "num_loops": policy.num_loops,
            "on_call_handoff_notifications": policy.handoff_notifications,
            "escalation_rules": [self._rule(policy, rule, include) for rule in policy.rules],
            "services": [
                self.service(service) if "services" in include else self.service_reference(service)
                for service in self.state.services_of_policy(policy.id)
            ],
            "teams": self._teams_of_policy(policy, include),
            "privilege": None,
        }

    def _rule(self, policy: EscalationPolicy, rule: EscalationRule, include: Collection[str]) -> Json:
        expanded = policy.expanded or "targets" in include
        made: Json = {
            "id": rule.id,
            "escalation_delay_in_minutes": rule.delay_minutes,
            "targets": [self.target(kind, target, expanded=expanded) for kind, target in rule.targets],
        }
        if "escalation_rule_assignment_strategies" in include:
            shapes = {"string": rule.strategy, "object": {"type": rule.strategy}, "null": None}
            made["escalation_rule_assignment_strategy"] = shapes[policy.strategy_shape]
        return made

    def target(self, kind: str, target_id: str, *, expanded: bool) -> Json:
        if kind == "user":
            return self.user(self.state.users[target_id]) if expanded else self.user_reference(target_id)
        schedule = self.state.schedules[target_id]
        if expanded and isinstance(schedule, Schedule):
            return self.schedule_head(schedule)
        return self.schedule_reference(target_id)

    def schedule_head(self, schedule: Schedule) -> Json:
        """Write a layer-based schedule without layers, for lists and expanded targets."""
        summary = schedule.name if schedule.summary is None else schedule.summary
        return self.head("schedule", "schedules", schedule.id, summary) | {
            "name": schedule.name,
            "time_zone": schedule.time_zone,
            "description": schedule.description,
            "privilege": None,
            "escalation_policies": [
                self.policy_reference(policy) for policy in self.state.policies_of_schedule(schedule.id)
            ],
            "users": [self.user_reference(user_id) for user_id in schedule_users(schedule)],
            "teams": [self.team_reference(team_id) for team_id in schedule.team_ids],
            **self.calendar(schedule.id),
        }

    def calendar(self, schedule_id: str) -> Json:
        """Write calendar URLs. They open the calendar without a key, so no reader may store them."""
        path = f"{self.subdomain}.pagerduty.com/private/{CANARY}/feed/{schedule_id}"
        return {"http_cal_url": f"https://{path}", "web_cal_url": f"webcal://{path}"}

    # Services.

    def service(self, service: Service, include: Collection[str] = ()) -> Json:
        policy = self.state.policies[service.policy_id]
        made = self.service_reference(service) | {
            "type": "service",
            "name": service.name,
            "description": service.description,
            "status": service.status,
            "created_at": self.instant(service.created_at),
            "last_incident_timestamp": None
            if service.last_incident_at is None
            else self.instant(service.last_incident_at),
            "auto_resolve_timeout": service.auto_resolve,
            "acknowledgement_timeout": None,
            "alert_creation": "create_alerts_and_incidents",
            "alert_grouping": None,
            "alert_grouping_timeout": None,
            "alert_grouping_parameters": {"type": None, "config": None},
            "escalation_policy": self.policy(policy)
            if "escalation_policies" in include
            else self.policy_reference(policy),
            "teams": self._teams_of_policy(policy, include),
            "incident_urgency_rule": {"type": "constant", "urgency": "high"},
            "support_hours": None,
            "scheduled_actions": [],
            "addons": [],
            "response_play": None,
            "integrations": [self._integration(service, full="integrations" in include)],
        }
        if service.support_zone is not None:
            made["incident_urgency_rule"] = {
                "type": "use_support_hours",
                "during_support_hours": {"type": "constant", "urgency": "high"},
                "outside_support_hours": {"type": "constant", "urgency": "low"},
            }
            made["support_hours"] = {
                "type": "fixed_time_per_day",
                "time_zone": service.support_zone,
                "days_of_week": [1, 2, 3, 4, 5],
                "start_time": "09:00:00",
                "end_time": "17:00:00",
            }
        if "auto_pause_notifications_parameters" in include:
            made["auto_pause_notifications_parameters"] = {"enabled": False, "timeout": 300}
        return made

    def _integration(self, service: Service, *, full: bool) -> Json:
        integration_id = "PI" + service.id[2:]
        made: Json = {
            "id": integration_id,
            "type": "events_api_v2_inbound_integration_reference",
            "summary": "Events API V2",
            "self": f"{API}/services/{service.id}/integrations/{integration_id}",
            "html_url": self.page(f"services/{service.id}/integrations/{integration_id}"),
        }
        if full:
            made |= {"type": "events_api_v2_inbound_integration", "name": "Events API V2", "integration_key": CANARY}
        return made
