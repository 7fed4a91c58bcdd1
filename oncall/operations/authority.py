"""Who may change which account: nobody changes an account that holds rights which the actor lacks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

from oncall.errors import NotAllowed, StaleRows
from oncall.models import GroupLead, User
from oncall.operations.audit import Actor

#: The permissions to add and change accounts, and to grant and revoke leads.
ADD_ACCOUNT = "oncall.add_user"
CHANGE_ACCOUNT = "oncall.change_user"
CHANGE_LEAD = "oncall.change_grouplead"
_LEAD = "lead of group "
_MOST_NAMES = 3  # in a message
ADMINISTRATORS = Q(is_active=True, is_staff=True, is_superuser=True)


def rights_of(account: User) -> frozenset[str]:
    """Returns the rights that an active account with these flags, permissions, groups and leads has.

    The rights of an inactive account count, too, because it can be made active. A right is ``<app>.<codename>``,
    ``superuser``, ``staff`` or ``lead of group <id>``. Runs two queries.
    """
    found = Permission.objects.filter(Q(user=account) | Q(group__user=account)).distinct()
    names = {f"{app}.{codename}" for app, codename in found.values_list("content_type__app_label", "codename")}
    names |= {f"{_LEAD}{group}" for group in GroupLead.objects.filter(account=account).values_list("group", flat=True)}
    flags = {"superuser": account.is_superuser, "staff": account.is_staff}
    return frozenset(names | {name for name, is_set in flags.items() if is_set})


@dataclass(frozen=True, slots=True)
class Authority:
    """The rights that the actor of a change had before the change; None = all rights."""

    rights: frozenset[str] | None

    def missing(self, account: User) -> list[str]:
        """Returns the rights of the account that the actor lacks, sorted. Who may grant leads has the right of each."""
        if self.rights is None:
            return []
        missing = rights_of(account) - self.rights
        is_lead_granter = CHANGE_LEAD in self.rights
        return sorted(right for right in missing if not (is_lead_granter and right.startswith(_LEAD)))

    def demand(self, account: User) -> None:
        """Raises NotAllowed if the account holds rights that the actor lacks."""
        missing = self.missing(account)
        if missing:
            more = f" and {len(missing) - _MOST_NAMES} more" if len(missing) > _MOST_NAMES else ""
            names = ", ".join(missing[:_MOST_NAMES]) + more
            raise NotAllowed(f"{account} has, or would get, rights that you do not have: {names}. Nothing was changed.")


def authority_of(actor: User) -> Authority:
    return Authority(None if actor.is_superuser else rights_of(actor))


def may_manage(actor: User, account: User) -> bool:
    """Returns whether the actor holds all rights of the account. To change it, the actor needs a permission, too."""
    return actor.is_active and not authority_of(actor).missing(account)


def roles_within(actor: User) -> "QuerySet[Group]":
    """Returns the permission groups whose permissions the actor holds, all of them, so that it may give them."""
    if actor.is_superuser:
        return Group.objects.all()
    held = Permission.objects.filter(Q(user=actor) | Q(group__user=actor))
    return Group.objects.exclude(permissions__in=Permission.objects.exclude(pk__in=held))


def locked(ids: Iterable[int], by: Actor) -> dict[int, User]:
    """Locks the accounts, the actor and all administrators; returns them by primary key.

    Administrators are locked so that two of them cannot remove each other. Raises StaleRows if an account is gone.
    """
    wanted = set(ids)
    condition = Q(pk__in=wanted | {by.account_id or 0}) | ADMINISTRATORS
    found = {row.pk: row for row in User.objects.select_for_update(no_key=True).filter(condition).order_by("pk")}
    if not wanted <= found.keys():
        raise StaleRows(wanted - found.keys())
    return found


def authorised(by: Actor, accounts: Mapping[int, User], permission: str | None) -> Authority:
    """Returns the authority of the actor. An actor who is no account, like the shell, has all rights.

    accounts: those that :func:`locked` returned. permission: None if the actor needs none, for the own password.
    Raises NotAllowed if the actor is not active or lacks the permission.
    """
    if by.account_id is None:
        return Authority(None)
    actor = accounts.get(by.account_id)
    if actor is None or not actor.is_active:
        raise NotAllowed("Your account is not active. Nothing was changed.")
    authority = authority_of(actor)
    if authority.rights is not None and permission is not None and permission not in authority.rights:
        raise NotAllowed(f"You do not have the right {permission}. Nothing was changed.")
    return authority


def is_administrator(account: User) -> bool:
    return account.is_active and account.is_staff and account.is_superuser


def keep_an_administrator(name: str, *, was_administrator: bool) -> None:
    """Raises NotAllowed if the account with this name was the last active administrator and is none any more."""
    if was_administrator and not User.objects.filter(ADMINISTRATORS).exists():
        raise NotAllowed(
            f"{name} is the last active account with all rights. Give them to another account first. "
            "Nothing was changed."
        )
