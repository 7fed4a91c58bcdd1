"""The tables of user groups, and the checks of their values."""

from oncall.aggregates import AGGREGATES, Values
from oncall.errors import InvalidDraft
from oncall.models import GroupMember, UserGroup
from oncall.tables.base import Elements, KeyColumn, Roots
from oncall.tables.people import check_name


def _check_member(values: Values) -> None:
    if not values["person_key"]:
        raise InvalidDraft("person_key", "is empty")


GROUPS = Roots(
    kind="user_group",
    model=UserGroup,
    fields=AGGREGATES["user_group"].fields,
    check=check_name,
    elements={
        "members": Elements(
            model=GroupMember,
            fields=AGGREGATES["user_group"].collection("members").fields,
            columns={"role": "imported_role"},
            owner="group",
            keys=(KeyColumn("person_key", "responder", "responder"),),
            check=_check_member,
        )
    },
)
