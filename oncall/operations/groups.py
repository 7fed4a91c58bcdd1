"""User groups: how their states lie in tables, what makes sense, and who leads them."""

from django.db import transaction
from django.utils import timezone

from oncall.aggregates import AGGREGATES, Values
from oncall.models import GroupLead, GroupMember, User, UserGroup
from oncall.operations.audit import Actor, record
from oncall.operations.errors import InvalidDraft
from oncall.operations.people import check_name
from oncall.operations.tables import Elements, KeyColumn, Roots, name_key


def _derive(row: UserGroup) -> None:
    row.name_key = name_key(row.name)


def _check_member(values: Values) -> None:
    if not values["person_key"]:
        raise InvalidDraft("person_key", "is empty")


GROUPS = Roots(
    kind="user_group",
    model=UserGroup,
    fields=AGGREGATES["user_group"].fields,
    derive=_derive,
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


@transaction.atomic
def grant_lead(account_id: int, group_id: int, by: Actor) -> bool:
    """Makes the account a lead of the group; False when it is one already.

    A right of the account, not part of the group's state: the group's version stays.
    """
    granted = {"granted_by_id": by.account_id, "granted_at": timezone.now()}
    _, created = GroupLead.objects.get_or_create(account_id=account_id, group_id=group_id, defaults=granted)
    if created:
        _record_lead(account_id, group_id, by, [None, True])
    return created


@transaction.atomic
def revoke_lead(account_id: int, group_id: int, by: Actor) -> bool:
    """Takes the lead of the group from the account; False when it is none."""
    count, _ = GroupLead.objects.filter(account_id=account_id, group_id=group_id).delete()
    if count:
        _record_lead(account_id, group_id, by, [True, None])
    return bool(count)


def _record_lead(account_id: int, group_id: int, by: Actor, change: list[bool | None]) -> None:
    group, account = UserGroup.objects.get(pk=group_id), User.objects.get(pk=account_id)
    record("user_group", group_id, group.name, "update", by, {f"leads.{account.email}": change})
