"""What a page shows to an account only if it may open it."""

from typing import Any

from django import template
from django.db.models import ForeignKey

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
