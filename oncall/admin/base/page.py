"""The page of one aggregate beside its form: what the pages of schedules and escalation policies share."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Generic

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from oncall.admin.base.columns import source
from oncall.admin.forms.aggregate_forms import AnyRoot
from oncall.models import ChangeRecord
from oncall.selectors.visible import may_view_any


class AggregatePage(ABC, Generic[AnyRoot]):
    """Shows one aggregate with links to its form, its history and the list. template: the page's template."""

    template: ClassVar[str]

    def __init__(self, admin: "ModelAdmin[AnyRoot]") -> None:
        self.admin = admin

    @abstractmethod
    def get_object(self, request: HttpRequest, pk: int) -> AnyRoot:
        """Returns the row. Raises Http404 if there is no such row, or if the account may not see it."""

    @abstractmethod
    def get_context(self, request: HttpRequest, row: AnyRoot) -> Mapping[str, object]:
        """Returns what the template shows besides the name, the source and the links."""

    def view(self, request: HttpRequest, pk: int) -> TemplateResponse:
        if not self.admin.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, pk)
        page = f"admin:{self.admin.opts.app_label}_{self.admin.opts.model_name}"
        context = {
            **self.admin.admin_site.each_context(request),
            "title": row.name,
            "opts": self.admin.opts,
            "original": row,
            "source": source(row),
            "list_url": reverse(f"{page}_changelist"),
            "edit_url": reverse(f"{page}_change", args=[pk]),
            "history_url": reverse(f"{page}_history", args=[pk]) if may_view_any(request.user, ChangeRecord) else "",
            "may_edit": self.admin.has_change_permission(request, row),
            **self.get_context(request, row),
        }
        return TemplateResponse(request, self.template, context)
