"""The pages about what is left to do after an import: the list, the people, and the owners of services."""

import re
from typing import Any, Final

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_GET, require_http_methods

from connectors.models import Connection
from oncall.admin.base.aggregate import actor
from oncall.admin.base.bulk import apply_to_each
from syncjobs.models import SyncProfile
from syncjobs.pages.after_import import people, services
from syncjobs.pages.after_import.checklist import checklist
from syncjobs.pages.marks import connection_url, render_page
from syncjobs.setup.profiles import find_profile

_CHOSEN: Final = re.compile("([0-9]{1,18}):([0-9]{1,9})")


class AfterImportPages:
    """The pages of one admin site. admin: that of profiles, whose right to view is needed."""

    def __init__(self, admin: "ModelAdmin[SyncProfile]") -> None:
        self._admin = admin

    def urls(self) -> list[URLPattern]:
        wrap = self._admin.admin_site.admin_view
        pages = (("after", self.list_view), ("people", self.people_view), ("services", self.services_view))
        return [
            path(f"<int:object_id>/{name}/", wrap(view), name=f"syncjobs_syncprofile_{name}") for name, view in pages
        ]

    @method_decorator(require_GET)
    def list_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        profile = self._profile(request, object_id)
        checks = checklist(profile, int(timezone.now().timestamp()))
        may = request.user.has_perm
        counted = [check for check in checks if not check.is_coming]
        context = {
            "checks": [(check, [link for link in check.links if may(link.right)]) for check in checks],
            "done": sum(check.is_done for check in counted),
            "total": len(counted),
        }
        return self._page(request, "checklist", f"After the import of {profile.connection}", profile, **context)

    @method_decorator(require_GET)
    def people_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        profile = self._profile(request, object_id, "oncall.view_responder")
        shown = people.people_page(profile, request.GET.get("show", ""), request.GET.get("page"))
        title = f"People of {profile.connection}"
        return self._page(request, "people", title, profile, shown=shown, filters=people.SHOWN)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def services_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show the services of a source. A POST gives the ticked ones a group, a policy or both."""
        right = "oncall.change_service" if request.method == "POST" else "oncall.view_service"
        profile = self._profile(request, object_id, right)
        if request.method == "POST":
            self._assign(request, profile)
            return HttpResponseRedirect(request.get_full_path())
        shown = services.services_page(profile, request.GET.get("show", ""), request.GET.get("page"))
        may_change = request.user.has_perm("oncall.change_service")
        title = f"Owners of the services of {profile.connection}"
        return self._page(
            request, "services", title, profile, shown=shown, filters=services.SHOWN, may_change=may_change
        )

    def _assign(self, request: HttpRequest, profile: SyncProfile) -> None:
        ticked = (_CHOSEN.fullmatch(text) for text in request.POST.getlist("service"))
        versions = {int(found[1]): int(found[2]) for found in ticked if found}
        try:
            owners = services.find_owners(request.POST.get("group", "").strip(), request.POST.get("policy", "").strip())
        except services.UnknownName as unknown:
            messages.error(request, str(unknown))
            return
        chosen = services.chosen_services(profile, versions)
        if not chosen or not owners:
            what = "Tick at least one service." if owners else "Enter the name of a user group or of a policy."
            messages.error(request, f"{what} No service was changed.")
            return
        done = "changed. Services that had these owners before stay as they were."
        apply_to_each(request, chosen, lambda rows: services.assign(rows, owners, actor(request)), done)

    def _profile(self, request: HttpRequest, object_id: int, *permissions: str) -> SyncProfile:
        if not self._admin.has_view_permission(request) or not request.user.has_perms(permissions):
            raise PermissionDenied
        return find_profile(object_id)

    def _page(self, request: HttpRequest, name: str, title: str, profile: SyncProfile, **context: Any) -> HttpResponse:
        template = f"syncjobs/after_import/{name}.html"
        connection = profile.connection
        under = [(str(connection), connection_url(connection))]
        if name != "checklist":
            steps = reverse("admin:syncjobs_syncprofile_after", args=[profile.pk])
            under.append((f"After the import of {connection}", steps))
        return render_page(
            self._admin, request, template, title, profile, under=under, of=Connection, profile=profile, **context
        )
