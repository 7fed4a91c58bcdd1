"""The table of services."""

from oncall.aggregates import AGGREGATES
from oncall.models import Service
from oncall.tables.base import KeyColumn, Roots
from oncall.tables.people import check_name

SERVICES = Roots(
    kind="service",
    model=Service,
    fields=AGGREGATES["service"].fields,
    keys=(KeyColumn("policy_key", "policy", "escalation_policy"), KeyColumn("group_key", "group", "user_group")),
    check=check_name,
)
