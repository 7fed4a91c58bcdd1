"""Schedules: the list with who is on call, the form with what a change would do, and the way to the schedule's page."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from oncall.admin.base.aggregate import OperatedAdmin
from oncall.admin.base.columns import moment, named, source, span_in_words
from oncall.admin.base.fields import typing_zone
from oncall.admin.schedule.bars import names_in_words
from oncall.admin.schedule.form import OverrideInline, ScheduleForm
from oncall.admin.schedule.page import SchedulePage, unreadable
from oncall.admin.schedule.preview import Edit, preview
from oncall.models import Schedule
from oncall.selectors.schedules import OnCall, on_call, participant_names, specs, specs_of


@admin.register(Schedule)
class ScheduleAdmin(OperatedAdmin):
    kind = "schedule"
    form = ScheduleForm
    list_display: Sequence[str] = (
        "page_link",
        "on_call_now",
        "next_handoff",
        "from_source",
        "active",
        "edit_link",
    )
    list_display_links = None
    search_fields = ("name", "references__responder__name")
    autocomplete_fields = ("group",)
    inlines = (OverrideInline,)
    change_form_template = "oncall/admin/schedule_form.html"

    page_type = SchedulePage

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.page_type(self).view)
        return [path("<int:pk>/page/", page, name="oncall_schedule_page"), *super().get_urls()]

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        kwargs["form_kwargs"]["zone"] = typing_zone(obj, request.POST)
        return kwargs

    # --- what a change does to who is on call -------------------------------------------------------------------------

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        response = super().changeform_view(request, object_id, form_url, extra_context)
        edit: Edit | None = getattr(request, "edit", None)
        if edit is None or "_preview" not in request.POST:
            return response
        # The transaction was rolled back. The second call shows the form with the values that the person typed.
        request.previewed = edit  # type: ignore[attr-defined]
        context = {**(extra_context or {}), **preview(edit, int(time.time()))}
        return super().changeform_view(request, object_id, form_url, context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.only_previewed = hasattr(request, "previewed")
        return form

    def save_related(self, request: HttpRequest, form: Any, formsets: Iterable[Any], change: bool) -> None:
        stored = [form.instance.pk] if change else []
        before, names = specs(stored), participant_names(stored)
        super().save_related(request, form, formsets, change)
        pk = form.instance.pk
        request.edit = Edit(  # type: ignore[attr-defined]
            before.get(pk), specs([pk]).get(pk), names | participant_names([pk])
        )

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        if "_preview" in request.POST:
            return _rolled_back()
        self._tell_impact(request)
        response: HttpResponse = super().response_add(request, obj, post_url_continue)
        return response

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        if "_preview" in request.POST:
            return _rolled_back()
        self._tell_impact(request)
        response: HttpResponse = super().response_change(request, obj)
        return response

    def _tell_impact(self, request: HttpRequest) -> None:
        edit: Edit = request.edit  # type: ignore[attr-defined]  # set by save_related()
        effect = edit.effect(int(time.time()))
        self.message_user(request, effect.words, messages.WARNING if effect.harm else messages.INFO)

    # --- the list -----------------------------------------------------------------------------------------------------

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        now = int(time.time())
        loaded, names = specs_of(rows, since=now)
        for row in rows:
            row.now, row.names = now, names
            row.answer = on_call(*loaded[row.pk], now) if row.pk in loaded else OnCall(reason=_why_not(row))

    @display(description="Name", ordering="name_key")
    def page_link(self, schedule: Schedule) -> SafeString:
        return named(page_url(schedule.pk), schedule.name, schedule.time_zone)

    @display(description="On call now")
    def on_call_now(self, schedule: Any) -> SafeString | str:
        answer = schedule.answer
        if answer.reason:
            return format_html('<span class="rb-bad">{}</span>', answer.reason)
        who = names_in_words(answer.now, schedule.names)
        if answer.until is None:
            return who or format_html('<span class="rb-bad">{}</span>', "nobody")
        until = moment(answer.until, schedule.time_zone, schedule.now)
        rest = f"until {until}, {span_in_words(answer.until - schedule.now)}"
        if not who:
            return format_html('<span><span class="rb-bad">nobody</span> {}</span>', rest)
        return format_html("<span><strong>{}</strong> {}</span>", who, rest)

    @display(description="Next")
    def next_handoff(self, schedule: Any) -> SafeString | str:
        answer = schedule.answer
        if answer.until is None:
            return "-"
        return names_in_words(answer.following, schedule.names) or format_html(
            '<span class="rb-bad">{}</span>', "nobody"
        )

    @display(description="Source", ordering="origin_label")
    def from_source(self, schedule: Schedule) -> SafeString:
        return source(schedule)

    @display(description="")
    def edit_link(self, schedule: Schedule) -> SafeString:
        url = reverse("admin:oncall_schedule_change", args=[schedule.pk])
        return format_html('<a href="{}" class="rb-link">Edit</a>', url)


def _why_not(schedule: Schedule) -> str:
    """Why there is no spec to render."""
    unsettled = schedule.zone_state != Schedule.ZoneState.OK
    return "time zone not settled" if unsettled else str(unreadable(schedule))


def page_url(pk: int) -> str:
    return reverse("admin:oncall_schedule_page", args=[pk])


def _rolled_back() -> HttpResponse:
    """Makes the current transaction roll back at its end. Returns a response that is not sent."""
    transaction.set_rollback(True)
    return HttpResponse()
