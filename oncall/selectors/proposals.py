"""Selects the people whom a source names as managers of a group, and who could lead it here."""

from dataclasses import dataclass
from typing import Final

from django.db.models import Q

from oncall.models import DeclinedLead, GroupLead, GroupMember, Responder

#: The roles of managers in groups at the sources, in lower case: PagerDuty's manager, the admin of a team at Opsgenie.
MANAGER_ROLES: Final = ("manager", "admin", "owner")


@dataclass(frozen=True, slots=True)
class Proposal:
    """The people to ask about, each with an account, and those who have none, in the order of their names."""

    people: tuple[Responder, ...] = ()
    without_account: tuple[Responder, ...] = ()


def proposed_leads(group_id: int) -> Proposal:
    """Returns the reported managers of a group who do not lead it, and about whom nobody has decided. Runs one query.

    Their accounts can be read without another query.
    """
    is_manager = Q()
    for role in MANAGER_ROLES:
        is_manager |= Q(imported_role__iexact=role)
    managers = GroupMember.objects.filter(is_manager, group=group_id, responder__isnull=False).values("responder")
    declined = DeclinedLead.objects.filter(group=group_id).values("responder")
    leading = GroupLead.objects.filter(group=group_id).values("account")
    undecided = Responder.objects.filter(pk__in=managers, active=True).exclude(pk__in=declined)
    found = undecided.filter(Q(account=None) | ~Q(account__in=leading))
    people = list(found.select_related("account").order_by("name_key", "pk"))
    has_account = {each.pk: each.account is not None and each.account.is_active for each in people}
    return Proposal(
        tuple(each for each in people if has_account[each.pk]),
        tuple(each for each in people if not has_account[each.pk]),
    )
