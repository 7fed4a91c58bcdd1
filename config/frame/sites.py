"""The admin site of staff, ``django.contrib.admin.site``."""

from typing import Any

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite


class StaffSite(UnfoldAdminSite):
    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from oncall.admin.everybody.passwords import change_own_password  # its package registers pages with this site

        return change_own_password(self, request, extra_context)
