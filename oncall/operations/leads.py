"""Writes leads of user groups. They are granted to accounts here, never imported."""

from django.db import transaction
from django.utils import timezone

from oncall.models import DeclinedLead, GroupLead, Responder, User, UserGroup
from oncall.operations.audit import Actor, record
from oncall.operations.authority import CHANGE_LEAD, authorised, locked


@transaction.atomic
def grant_lead(account_id: int, group_id: int, by: Actor) -> bool:
    """Makes the account a lead of the group, or of the group into which it was merged; returns False if it already is.

    The version of the group does not change: a lead is a right of the account, not a field of the group.

    Raises NotAllowed if the actor may not grant leads, or if the account holds rights that the actor lacks.
    """
    _demand(account_id, by)
    group = UserGroup.objects.select_for_update(no_key=True).get(pk=group_id)  # a merge moves its leads
    group_id = group.merged_into_id or group_id
    granted = {"granted_by_id": by.account_id, "granted_at": timezone.now()}
    _, created = GroupLead.objects.get_or_create(account_id=account_id, group_id=group_id, defaults=granted)
    if created:
        _record_lead(account_id, group_id, by, [None, True])
    return created


@transaction.atomic
def revoke_lead(account_id: int, group_id: int, by: Actor) -> bool:
    """Removes the account as a lead of the group; returns False if it is not. Raises NotAllowed like a grant."""
    _demand(account_id, by)
    count, _ = GroupLead.objects.filter(account_id=account_id, group_id=group_id).delete()
    if count:
        _record_lead(account_id, group_id, by, [True, None])
        _remember_declined(account_id, group_id)
    return bool(count)


@transaction.atomic
def decline_lead(account_id: int, group_id: int, by: Actor) -> bool:
    """Remembers that a manager at a source does not become a lead here; returns False if that is known.

    Raises NotAllowed like a grant.
    """
    _demand(account_id, by)
    is_new = _remember_declined(account_id, group_id)
    if is_new:
        _record_lead(account_id, group_id, by, [None, False])
    return is_new


def _remember_declined(account_id: int, group_id: int) -> bool:
    person = Responder.objects.filter(account=account_id).first()
    return person is not None and DeclinedLead.objects.get_or_create(group_id=group_id, responder=person)[1]


def remove_leads(account: User, by: Actor) -> None:
    """Removes the account as a lead of all groups, and records it for each group."""
    for lead in GroupLead.objects.filter(account=account).select_related("group").order_by("pk"):
        record("user_group", lead.group_id, lead.group.name, "update", by, {f"leads.{account.email}": [True, None]})
        lead.delete()


def _demand(account_id: int, by: Actor) -> None:
    accounts = locked({account_id}, by)
    authorised(by, accounts, CHANGE_LEAD).demand(accounts[account_id])


def _record_lead(account_id: int, group_id: int, by: Actor, change: list[bool | None]) -> None:
    group, account = UserGroup.objects.get(pk=group_id), User.objects.get(pk=account_id)
    record("user_group", group_id, group.name, "update", by, {f"leads.{account.email}": change})
