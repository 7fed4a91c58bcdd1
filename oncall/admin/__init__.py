"""The admin pages of the on-call tables. Importing the package registers them."""

from oncall.admin import accounts, audit, catalog, groups, people, permission_groups
from oncall.admin.policy import list as escalation
from oncall.admin.schedule import list as schedules

__all__ = ["accounts", "audit", "catalog", "escalation", "groups", "people", "permission_groups", "schedules"]
