"""Selects the rows that an account may see. Every list, page, form choice, autocomplete, action and history uses it.

A permission on a model covers all its rows. The permission :data:`ACT_AS_LEAD` covers what concerns the groups that the
account leads: the groups, their schedules, policies and services, the people who are members or hold a slot in one of
these schedules or policies, and the change records of all these.
"""

from collections.abc import Collection
from typing import Any, Final, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from oncall.models import (
    ChangeRecord,
    EscalationPolicy,
    ExtraShift,
    GroupLead,
    GroupMember,
    Override,
    Reference,
    Responder,
    Schedule,
    Service,
    User,
    UserGroup,
)
from oncall.models.root import Root
from oncall.tables.kinds import ROOTS

ACT_AS_LEAD: Final = "oncall.act_as_lead"
AnyRow = TypeVar("AnyRow", bound=Model)
#: An account, or the visitor who is not logged in.
Viewer = AbstractBaseUser | AnonymousUser


def acts_as_lead(account: Viewer) -> bool:
    """Returns whether the account may act for the groups it leads, if it leads any."""
    return isinstance(account, User) and account.has_perm(ACT_AS_LEAD)


def leads(account: Viewer, row: Schedule) -> bool:
    """Returns whether the account leads the group that owns the schedule, and may act for it. Makes one query."""
    return row.group_id is not None and acts_as_lead(account) and _led(account).filter(group=row.group_id).exists()


def may_view_all(account: Viewer, model: type[Model]) -> bool:
    """Returns whether the account has a permission that covers all rows of a model."""
    opts = model._meta
    return isinstance(account, User) and any(
        account.has_perm(f"{opts.app_label}.{verb}_{opts.model_name}") for verb in ("view", "change", "delete")
    )


def may_change_any(account: Viewer) -> bool:
    """Returns whether the account may add or change on-call rows of some kind, so that its forms need all names."""
    names = (roots.rows.model._meta.model_name for roots in ROOTS.values())
    return isinstance(account, User) and any(
        account.has_perm(f"oncall.{verb}_{name}") for name in names for verb in ("add", "change")
    )


def visible_to(account: Viewer, rows: "QuerySet[AnyRow]") -> "QuerySet[AnyRow]":
    """Returns those of the rows that the account may see: rows of an aggregate, or change records.

    The records of accounts are visible to those who may see accounts.
    """
    model = rows.model
    if may_view_all(account, model):
        return rows.exclude(model="account") if model is ChangeRecord and not may_view_all(account, User) else rows
    return rows.filter(_concerns_led_groups(account, model)) if acts_as_lead(account) else rows.none()


def named_beside(account: Viewer, model: type[Model], rows: "QuerySet[AnyRow]") -> "QuerySet[AnyRow]":
    """Returns those of the rows that pages of another model name because they refer to its rows.

    The permission on that model shows all; a lead, who sees only some rows of it, is told only of rows that it may see.
    """
    return rows if may_view_all(account, model) else visible_to(account, rows)


def may_view_any(account: Viewer, model: type[Model]) -> bool:
    """Returns whether the account may open pages of a model, if only for the rows that :func:`visible_to` gives."""
    return may_view_all(account, model) or acts_as_lead(account)


def visible_ids(account: Viewer, rows: "QuerySet[AnyRow]", ids: Collection[int]) -> frozenset[int]:
    """Returns those of the ids whose rows the account may see. Makes one query for a lead, none for others."""
    if may_view_all(account, rows.model):
        return frozenset(ids)
    if not ids or not acts_as_lead(account):
        return frozenset()
    return frozenset(visible_to(account, rows.filter(pk__in=ids)).values_list("pk", flat=True))


def _led(account: Viewer) -> "QuerySet[GroupLead]":
    return GroupLead.objects.filter(account=account.pk)


def _concerns_led_groups(account: Viewer, model: type[Model]) -> Q:
    groups = _led(account).values("group")
    if model is UserGroup:
        return Q(pk__in=groups)
    if model in (Schedule, EscalationPolicy, Service):
        return Q(group__in=groups)
    if model is Responder:
        now = timezone.now()
        shifts = {"schedule__group__in": groups, "ends_at__gt": now}
        slots = Q(owner_schedule__group__in=groups) | Q(owner_policy__group__in=groups)
        return (
            Q(pk__in=GroupMember.objects.filter(group__in=groups, responder__isnull=False).values("responder"))
            | Q(pk__in=Reference.objects.filter(slots, responder__isnull=False).values("responder"))
            | Q(pk__in=Override.objects.filter(by__isnull=False, **shifts).values("by"))
            | Q(pk__in=ExtraShift.objects.filter(by__isnull=False, **shifts).values("by"))
        )
    if model is ChangeRecord:
        records = Q()
        for kind, roots in ROOTS.items():
            rows: QuerySet[Any] = visible_to(account, _all(roots.rows.model))
            records |= Q(model=kind, object_id__in=rows.values("pk"))
        return records
    raise TypeError(f"{model.__name__} has no rule for leads")


def _all(model: type[Root]) -> "QuerySet[Any]":
    return model._default_manager.order_by()
