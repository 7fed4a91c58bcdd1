"""What a page shows to an account only if it may open it."""

from typing import Any

from django import template
from django.contrib import admin
from django.db.models import ForeignKey
from django.http import HttpRequest
from django.urls import resolve

register = template.Library()


@register.simple_tag(takes_context=True)
def without_forbidden_link(context: Any, field: Any) -> str | None:
    """Returns the text of a read-only foreign key whose row the account may not open; None for any other field."""
    column, _, row = field.resolved_field or (None, None, None)
    if not isinstance(column, ForeignKey) or row is None:
        return None
    request, pages = context["request"], field.model_admin.admin_site._registry.get(type(row))
    may_open = pages is not None and pages.has_view_permission(request, row)
    return None if may_open and pages.get_queryset(request).filter(pk=row.pk).exists() else str(row)


@register.simple_tag(takes_context=True)
def may_follow(context: Any, url: str | None) -> bool:
    """Returns whether there is an address that the account may open. Judges lists of the admin only."""
    if not url:
        return False
    request: HttpRequest = context["request"]
    name = resolve(str(url)).url_name
    for model, pages in admin.site._registry.items():
        if name == f"{model._meta.app_label}_{model._meta.model_name}_changelist":
            return pages.has_view_permission(request)
    return True
