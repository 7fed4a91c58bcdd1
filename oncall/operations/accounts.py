"""Writes accounts and links them to responders. A sync never does this.

Nobody gives an account a right that the actor lacks, or changes an account that holds such a right (NotAllowed). The
last active superuser who may use the admin stays one. These rules hold here, whatever a form has checked.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import F, QuerySet
from django.views.decorators.debug import sensitive_variables

from oncall.emails import canonical_email
from oncall.errors import InvalidDraft, NotAllowed, StaleRows
from oncall.models import Responder, User
from oncall.models.people import AccountFields
from oncall.operations.audit import Actor, record
from oncall.operations.authority import (
    ADD_ACCOUNT,
    CHANGE_ACCOUNT,
    authorised,
    is_administrator,
    keep_an_administrator,
    locked,
)
from oncall.operations.leads import remove_leads

ACCOUNT_FIELDS = ("email", "name", "is_active", "is_staff", "is_superuser")
#: The actor of a change from the shell, where nobody is logged in.
SHELL = Actor(None, "shell")
_DELETE_ACCOUNT = "oncall.delete_user"
_HIDDEN = "(hidden)"


@sensitive_variables("password")
def create_account(
    email: str, password: str | None = None, *, by: Actor = SHELL, **fields: Unpack[AccountFields]
) -> User:
    """Creates an account. Without a password, nobody can log in yet.

    Raises InvalidDraft if the address is not valid or belongs to another account, NotAllowed.
    """
    with transaction.atomic():  # as a decorator, it would have a frame with the password
        authority = authorised(by, locked((), by), ADD_ACCOUNT)
        account = User()
        _put(account, {"email": email, **fields})
        account.set_password(password)
        account.save(force_insert=True)
        authority.demand(account)
        record("account", account.pk, account.email, "create", by, {})
        return account


@sensitive_variables("password")
def update_account(
    account_id: int,
    fields: Mapping[str, object],
    by: Actor,
    *,
    version: int | None = None,
    password: str = "",
    rights: tuple[Iterable[int], Iterable[int] | None] | None = None,
) -> User:
    """Changes fields of ACCOUNT_FIELDS, the password if one is given, and the rights; writes one change record.

    rights: the ids of all groups and of all permissions that the account has afterwards; None keeps them, also in the
    place of the permissions alone.

    Raises InvalidDraft, NotAllowed, and StaleRows if the account is gone or has another version.
    """
    with transaction.atomic():  # as a decorator, it would have a frame with the password
        accounts = locked({account_id}, by)
        account = accounts[account_id]
        if version not in (None, account.version):
            raise StaleRows([account_id])
        is_own_password = account_id == by.account_id and bool(password) and not fields and rights is None
        authority = authorised(by, accounts, None if is_own_password else CHANGE_ACCOUNT)
        authority.demand(account)
        was_administrator = is_administrator(account)
        before = {name: getattr(account, name) for name in fields}
        _put(account, fields)
        changes: dict[str, Sequence[object]] = {
            name: [old, getattr(account, name)] for name, old in before.items() if old != getattr(account, name)
        }
        columns = [*changes, *(["email_canonical"] if "email" in changes else [])]
        if password:
            account.password = make_password(password)  # not set_password: see record_password
            changes["password"] = [_HIDDEN, _HIDDEN]
            columns.append("password")
        if rights is not None:
            changes |= _put_rights(account, *rights)
        if changes:
            account.version += 1
            account.save(update_fields=[*columns, "version"])
            record("account", account.pk, account.email, "update", by, changes)
            authority.demand(account)
            keep_an_administrator(account.email, was_administrator=was_administrator)
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


def _put_rights(account: User, groups: Iterable[int], permissions: Iterable[int] | None) -> dict[str, Sequence[object]]:
    """Gives the account exactly these permission groups and permissions; returns the changes, by name."""
    changes: dict[str, Sequence[object]] = {}
    rows: list[tuple[str, Any, QuerySet[Any]]] = [("groups", account.groups, Group.objects.filter(pk__in=groups))]
    if permissions is not None:
        rows.append(("user_permissions", account.user_permissions, Permission.objects.filter(pk__in=permissions)))
    for name, manager, wanted in rows:
        before, after = sorted(map(str, manager.all())), sorted(map(str, wanted))
        if before != after:
            changes[name] = [before, after]
            manager.set(wanted)
    return changes


@sensitive_variables("password")
def set_password(account_id: int, password: str, by: Actor) -> None:
    """Sets the password. The change log says that it changed, but not the passwords. Raises NotAllowed.

    Everybody may set the own password; the caller checks the old one.
    """
    update_account(account_id, {}, by, password=password)


def record_password(sender: object, instance: User, created: bool, **named: object) -> None:
    """Records a password that was set without an operation, as ``manage.py changepassword`` does: the signal
    ``post_save``. Only ``User.set_password`` sets ``_password``; a new hash of the same password does not."""
    if not created and instance._password is not None:  # type: ignore[attr-defined]
        User.objects.filter(pk=instance.pk).update(version=F("version") + 1)
        record("account", instance.pk, instance.email, "update", SHELL, {"password": [_HIDDEN, _HIDDEN]})


def set_rights(account_id: int, groups: Iterable[int], permissions: Iterable[int] | None, by: Actor) -> None:
    """Gives the account exactly these permission groups and permissions; None keeps these. Raises NotAllowed."""
    update_account(account_id, {}, by, rights=(groups, permissions))


@transaction.atomic
def delete_account(account_id: int, by: Actor) -> None:
    """Deletes the account. Its responder stays, without an account; its leads are revoked and recorded.

    Raises NotAllowed, also if the account is that of the actor, and StaleRows if the account is gone.
    """
    if account_id == by.account_id:
        raise NotAllowed("You cannot delete your own account. Another administrator can.")
    accounts = locked({account_id}, by)
    account = accounts[account_id]
    authorised(by, accounts, _DELETE_ACCOUNT).demand(account)
    was_administrator = is_administrator(account)
    for responder_id in Responder.objects.filter(account=account).values_list("pk", flat=True):
        _link(responder_id, account_id, None, by)
    remove_leads(account, by)
    before = {name: [getattr(account, name), None] for name in ACCOUNT_FIELDS}
    label = account.email
    account.delete()
    record("account", account_id, label, "delete", by, before)
    keep_an_administrator(label, was_administrator=was_administrator)


@transaction.atomic
def link_account(responder_id: int, account_id: int | None, by: Actor, *, version: int | None = None) -> int:
    """Links the responder to the account, or to none if None; returns the responder's version.

    Raises InvalidDraft if the account is linked to another responder, StaleRows if the responder has another version,
    NotAllowed if the actor may not change the account, or the one that is linked now.
    """
    linked = Responder.objects.filter(pk=responder_id).values_list("account_id", flat=True).first()
    ids = {pk for pk in (account_id, linked) if pk is not None}
    if account_id != linked:
        accounts = locked(ids, by)
        authority = authorised(by, accounts, CHANGE_ACCOUNT)
        for pk in sorted(ids):
            authority.demand(accounts[pk])
    return _link(responder_id, linked, account_id, by, version=version)


def _link(
    responder_id: int, linked: int | None, account_id: int | None, by: Actor, *, version: int | None = None
) -> int:
    """Replaces the account ``linked``, which the actor may change."""
    responder = Responder.objects.select_for_update().get(pk=responder_id)
    if version not in (None, responder.version) or responder.account_id != linked:
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
