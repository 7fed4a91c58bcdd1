"""Writes accounts and links them to responders. A sync never does this."""

from collections.abc import Mapping
from typing import Unpack

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from oncall.emails import canonical_email
from oncall.errors import InvalidDraft, StaleRows
from oncall.models import Responder, User
from oncall.models.people import AccountFields
from oncall.operations.audit import Actor, record

ACCOUNT_FIELDS = ("email", "name", "is_active", "is_staff", "is_superuser")
#: The actor of a change from the shell, where nobody is logged in.
SHELL = Actor(None, "shell")


@transaction.atomic
def create_account(
    email: str, password: str | None = None, *, by: Actor = SHELL, **fields: Unpack[AccountFields]
) -> User:
    """Creates an account. Without a password, nobody can log in yet.

    Raises InvalidDraft if the address is not valid or belongs to another account.
    """
    account = User()
    _put(account, {"email": email, **fields})
    account.set_password(password)
    account.save(force_insert=True)
    record("account", account.pk, account.email, "create", by, {})
    return account


@transaction.atomic
def update_account(account_id: int, fields: Mapping[str, object], by: Actor) -> User:
    """Changes fields of ACCOUNT_FIELDS. Raises InvalidDraft."""
    account = User.objects.select_for_update().get(pk=account_id)
    before = {name: getattr(account, name) for name in fields}
    _put(account, fields)
    changes = {name: [old, getattr(account, name)] for name, old in before.items() if old != getattr(account, name)}
    if changes:
        account.save(update_fields=[*changes, *(["email_canonical"] if "email" in changes else [])])
        record("account", account.pk, account.email, "update", by, changes)
    return account


def _put(account: User, fields: Mapping[str, object]) -> None:
    for name, value in fields.items():
        if name not in ACCOUNT_FIELDS:
            raise InvalidDraft(name, "there is no such field")
        setattr(account, name, value)
    canonical = canonical_email(account.email)
    if canonical is None:
        raise InvalidDraft("email", f"{account.email!r} is not a valid address")
    if User.objects.filter(email_canonical=canonical).exclude(pk=account.pk).exists():
        raise InvalidDraft("email", f"{canonical} belongs to another account")
    account.email = account.email.strip(" ")
    account.email_canonical = canonical


@transaction.atomic
def set_password(account_id: int, password: str, by: Actor) -> None:
    """Sets the password. The change log says that it changed, but not the passwords."""
    account = User.objects.select_for_update().get(pk=account_id)
    account.set_password(password)
    account.save(update_fields=["password"])
    record("account", account.pk, account.email, "update", by, {"password": ["(hidden)", "(hidden)"]})


@transaction.atomic
def set_rights(account_id: int, groups: list[int], permissions: list[int], by: Actor) -> None:
    """Gives the account exactly these permission groups and permissions."""
    account = User.objects.select_for_update().get(pk=account_id)
    changes: dict[str, list[list[str]]] = {}
    for name, manager, wanted in (
        ("groups", account.groups, Group.objects.filter(pk__in=groups)),
        ("user_permissions", account.user_permissions, Permission.objects.filter(pk__in=permissions)),
    ):
        before, after = sorted(map(str, manager.all())), sorted(map(str, wanted))
        if before != after:
            changes[name] = [before, after]
            manager.set(wanted)  # type: ignore[arg-type]
    if changes:
        record("account", account.pk, account.email, "update", by, changes)


@transaction.atomic
def delete_account(account_id: int, by: Actor) -> None:
    """Deletes the account. Its responder stays, without an account."""
    account = User.objects.select_for_update().get(pk=account_id)
    for responder_id in Responder.objects.filter(account=account).values_list("pk", flat=True):
        link_account(responder_id, None, by)
    before = {name: [getattr(account, name), None] for name in ACCOUNT_FIELDS}
    label = account.email
    account.delete()
    record("account", account_id, label, "delete", by, before)


@transaction.atomic
def link_account(responder_id: int, account_id: int | None, by: Actor, *, version: int | None = None) -> int:
    """Links the responder to the account, or to none if None; returns the responder's version.

    Raises InvalidDraft if the account is linked to another responder, StaleRows if the responder has another version.
    """
    responder = Responder.objects.select_for_update().get(pk=responder_id)
    if version is not None and responder.version != version:
        raise StaleRows([responder_id])
    if responder.account_id == account_id:
        return responder.version
    other = Responder.objects.filter(account_id=account_id).first() if account_id is not None else None
    if other is not None:
        raise InvalidDraft("account", f"is already linked to {other.name}")
    change = [responder.account_id, account_id]
    responder.account_id = account_id
    responder.version += 1
    responder.save(update_fields=["account", "version"])
    record("responder", responder_id, responder.name, "update", by, {"account": change})
    return responder.version
