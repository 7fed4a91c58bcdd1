"""Services: how their states lie in tables."""

from oncall.aggregates import AGGREGATES
from oncall.models import Service
from oncall.tables.base import KeyColumn, Roots, name_key
from oncall.tables.people import check_name


def _derive(row: Service) -> None:
    row.name_key = name_key(row.name)


SERVICES = Roots(
    kind="service",
    model=Service,
    fields=AGGREGATES["service"].fields,
    keys=(KeyColumn("policy_key", "policy", "escalation_policy"), KeyColumn("group_key", "group", "user_group")),
    derive=_derive,
    check=check_name,
)
