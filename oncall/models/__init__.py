"""The on-call tables. Any module may read them; only ``oncall.operations`` writes them."""

from oncall.models.audit import ChangeRecord
from oncall.models.catalog import Service
from oncall.models.escalation import EscalationPolicy, Reference
from oncall.models.groups import DeclinedLead, GroupLead, GroupMember, UserGroup
from oncall.models.logins import LoginAttempt, Session
from oncall.models.people import ContactMethod, NotificationRule, Responder, Role, Substitution, User
from oncall.models.schedules import ExtraShift, Override, Schedule

__all__ = [
    "ChangeRecord",
    "ContactMethod",
    "DeclinedLead",
    "EscalationPolicy",
    "ExtraShift",
    "GroupLead",
    "GroupMember",
    "LoginAttempt",
    "NotificationRule",
    "Override",
    "Reference",
    "Responder",
    "Role",
    "Schedule",
    "Service",
    "Session",
    "Substitution",
    "User",
    "UserGroup",
]
