"""The admin pages of the on-call tables. Importing the package registers them."""

from oncall.admin import accounts, audit, catalog, escalation, groups, people, schedules

__all__ = ["accounts", "audit", "catalog", "escalation", "groups", "people", "schedules"]
