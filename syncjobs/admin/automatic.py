"""The page *Automatic syncs*: when each connection is synced by itself, and how it went."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.widgets import UnfoldAdminTextInputWidget

from connectors.admin.connections import START, ReadOnlyAdmin
from connectors.models import Connection
from syncjobs.admin.after_import.pages import AfterImportPages
from syncjobs.admin.buttons import account_of
from syncjobs.models import SyncProfile
from syncjobs.pages.automatic import EXAMPLES, automatic_syncs, calls_of_last_sync, cost_in_words, saved_in_words
from syncjobs.pages.marks import connection_url, render_page
from syncjobs.setup.profiles import find_profile
from syncjobs.setup.rules import may_change, set_rules
from syncjobs.slots.every import OFF, InvalidEvery, clean_every

PER_PAGE = 50

# Their rows are only read by beat. When a connection is synced is stored in its profile.
for model in (PeriodicTask, ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule):
    admin.site.unregister(model)


class EveryForm(forms.Form):
    """When a connection is synced by itself. ``shown`` is the rule that the page showed when it was opened."""

    every = forms.CharField(label="When", max_length=200, widget=UnfoldAdminTextInputWidget())
    shown = forms.CharField(required=False, widget=forms.HiddenInput())

    def __init__(self, profile: SyncProfile, data: Any = None) -> None:
        super().__init__(data, initial={"every": profile.every, "shown": profile.every})
        self._profile = profile

    def clean_every(self) -> str:
        try:
            return clean_every(self.cleaned_data["every"])
        except InvalidEvery as invalid:
            raise forms.ValidationError(str(invalid)) from invalid

    def clean(self) -> dict[str, Any]:
        shown = self.cleaned_data.get("shown", "")
        if shown != self._profile.every:
            raise forms.ValidationError(
                f"Somebody has changed it to “{self._profile.every}” meanwhile. Nothing was saved. "
                "Save again to replace that."
            )
        return self.cleaned_data


@admin.register(SyncProfile)
class AutomaticSyncAdmin(ReadOnlyAdmin):
    """The list is of connections, because each has one profile."""

    fields = ("every",)

    def get_urls(self) -> list[URLPattern]:
        return [*AfterImportPages(self).urls(), *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change(account_of(request))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        SyncProfile.objects.bulk_create(
            [SyncProfile(connection=each) for each in Connection.objects.filter(profile=None)], ignore_conflicts=True
        )
        profiles = SyncProfile.objects.select_related("connection").order_by("connection__name")
        page = Paginator(profiles, PER_PAGE).get_page(request.GET.get("page"))
        context = {
            "page": page,
            "syncs": automatic_syncs(list(page.object_list), request.user, timezone.now()),
            "may_change": self.has_change_permission(request),
            "may_start": request.user.has_perm(START),
        }
        return render_page(self, request, "syncjobs/automatic.html", "Automatic syncs", None, **context)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the rule of a connection. A POST sets it; *Switch off* in the list sends one, too."""
        changes = self.has_change_permission(request)
        if not (changes if request.method == "POST" else self.has_view_permission(request)):
            raise PermissionDenied
        profile = find_profile(object_id)
        form = EveryForm(profile, request.POST if request.method == "POST" else None)
        if form.is_valid():
            return self._saved(request, profile, form.cleaned_data["every"])
        if form.non_field_errors():  # what is stored now was shown with the error
            form.data = {**{name: form.data.get(name) for name in form.data}, "shown": profile.every}
        context = {
            "form": form,
            "profile": profile,
            "examples": EXAMPLES,
            "may_change": changes,
            "words": saved_in_words(profile, timezone.now()),
            "connection_url": connection_url(profile.connection),
        }
        title = f"When {profile.connection} is synced"
        return render_page(self, request, "syncjobs/automatic_form.html", title, profile, under=(), **context)

    def _saved(self, request: HttpRequest, profile: SyncProfile, every: str) -> HttpResponse:
        before = profile.every
        set_rules(profile, {"every": every})
        profile.refresh_from_db()
        if every != before:
            self.log_change(request, profile, f"Automatic sync: {before} → {every}.")
        messages.success(request, saved_in_words(profile, timezone.now()))
        cost = "" if every == OFF else cost_in_words(every, calls_of_last_sync(profile.connection_id))
        if cost:
            messages.warning(request, cost)
        return HttpResponseRedirect(reverse("admin:syncjobs_syncprofile_changelist"))
