"""The admin of schedules: the list shows who is on call, and the form shows how a change affects this."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.decorators import display

from oncall.admin.base.aggregate import AggregateAdmin, Context, ElementFormSets
from oncall.admin.base.columns import moment, name_link, span_in_words
from oncall.admin.forms.aggregate_forms import AggregateForm
from oncall.admin.forms.directory import NOBODY
from oncall.admin.forms.times import typing_zone
from oncall.admin.forms.typed import ModelForm
from oncall.admin.schedule.bars import names_in_words
from oncall.admin.schedule.form import OverrideInline, ScheduleForm
from oncall.admin.schedule.page import SchedulePage
from oncall.admin.schedule.preview import Edit, preview
from oncall.models import Schedule
from oncall.rendering.spec import INACTIVE
from oncall.selectors.participants import Names, ScheduleInput, participant_names
from oncall.selectors.schedules import on_call, specs, specs_of, unrenderable
from oncall.selectors.visible import leads


class _Cells(NamedTuple):
    """Who is on call now and who follows, as cells of the list."""

    now: str
    next: str


@admin.register(Schedule)
class ScheduleAdmin(AggregateAdmin[Schedule]):
    kind = "schedule"
    form = ScheduleForm
    list_display: tuple[str, ...] = (
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

    def element_form_kwargs(
        self, request: HttpRequest, obj: Schedule, inline: "InlineModelAdmin[Model, Schedule]"
    ) -> dict[str, object]:
        return {**super().element_form_kwargs(request, obj, inline), "zone": typing_zone(obj, request.POST)}

    # --- who may change what ------------------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Schedule | None = None) -> bool:
        """Returns whether the account may change the schedule, or at least its overrides as a lead of its group."""
        return super().has_change_permission(request, obj) or (obj is not None and leads(request.user, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Schedule | None = None) -> tuple[str, ...]:
        return self.form.Meta.fields if self._only_overrides(request, obj) else ()

    def _only_overrides(self, request: HttpRequest, obj: Schedule | None) -> bool:
        return obj is not None and not super().has_change_permission(request, obj)

    # --- what a change does to who is on call -------------------------------------------------------------------------

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        response = super().changeform_view(request, object_id, form_url, extra_context)
        edit: Edit | None = getattr(request, "edit", None)
        if edit is None or "_preview" not in request.POST:
            return response
        # The transaction was rolled back. The second call shows the form with the values that the person typed.
        request.previewed = True  # type: ignore[attr-defined]
        context = {**(extra_context or {}), **preview(edit, int(time.time()))}
        return super().changeform_view(request, object_id, form_url, context)

    def get_form(
        self, request: HttpRequest, obj: Schedule | None = None, change: bool = False, **kwargs: object
    ) -> type[ModelForm[Schedule]]:
        form = super().get_form(request, obj, change=change, **kwargs)
        assert issubclass(form, ScheduleForm)  # noqa: S101 - declared above
        form.only_previewed = hasattr(request, "previewed")
        form.only_overrides = self._only_overrides(request, obj)
        return form

    def save_related(
        self, request: HttpRequest, form: AggregateForm[Schedule], formsets: ElementFormSets, change: bool
    ) -> None:
        stored = [form.instance.pk] if change else []
        before, names = specs(stored), participant_names(stored)
        super().save_related(request, form, formsets, change)
        pk = form.instance.pk
        request.edit = Edit(  # type: ignore[attr-defined]
            before.get(pk), specs([pk]).get(pk), names | participant_names([pk]), form.instance.active
        )

    def response_add(self, request: HttpRequest, obj: Schedule, post_url_continue: str | None = None) -> HttpResponse:
        if "_preview" in request.POST:
            return _rolled_back()
        self._show_effect(request)
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Schedule) -> HttpResponse:
        if "_preview" in request.POST:
            return _rolled_back()
        self._show_effect(request)
        return super().response_change(request, obj)

    def _show_effect(self, request: HttpRequest) -> None:
        edit: Edit = request.edit  # type: ignore[attr-defined]  # set by save_related()
        effect = edit.effect(int(time.time()))
        self.message_user(request, effect.words, messages.WARNING if effect.harm else messages.INFO)

    # --- the list -----------------------------------------------------------------------------------------------------

    def complete(self, request: HttpRequest, rows: Sequence[Schedule]) -> None:
        now = int(time.time())
        loaded, names = specs_of(rows, since=now)
        for row in rows:
            vars(row)["cells"] = _cells(row, loaded.get(row.pk), names, now)

    @display(description="Name", ordering="name_key")
    def page_link(self, schedule: Schedule) -> SafeString:
        return name_link(page_url(schedule.pk), schedule.name, schedule.time_zone)

    @display(description="On call now")
    def on_call_now(self, schedule: Schedule) -> str:
        cells: _Cells = vars(schedule)["cells"]
        return cells.now

    @display(description="Next")
    def next_handoff(self, schedule: Schedule) -> str:
        cells: _Cells = vars(schedule)["cells"]
        return cells.next


def _cells(row: Schedule, loaded: ScheduleInput | None, names: Names, now: int) -> _Cells:
    reason = "" if row.active else INACTIVE
    if loaded is None:
        reason = f"{reason} {capfirst(unrenderable(row))}.".strip()
    if reason or loaded is None:
        return _Cells(_bad(reason), "-")
    answer = on_call(*loaded, now)
    if answer.reason:
        return _Cells(_bad(answer.reason), "-")
    who = names_in_words(answer.now, names)
    if answer.until is None:
        return _Cells(_named(who or _bad(NOBODY)), "-")
    until = f"until {moment(answer.until, row.time_zone, now)}, {span_in_words(answer.until - now)}"
    following = names_in_words(answer.following, names)
    return _Cells(
        _named(format_html("{} {}", format_html("<strong>{}</strong>", who) if who else _bad(NOBODY), until)),
        _named(following or _bad(NOBODY)),
    )


def _named(text: str) -> SafeString:
    """Return names as a block in which a long one breaks, so that it does not widen the list."""
    return format_html('<span class="rb-who">{}</span>', text)


def _bad(text: str) -> SafeString:
    return format_html('<span class="rb-bad">{}</span>', text)


def page_url(pk: int) -> str:
    return reverse("admin:oncall_schedule_page", args=[pk])


def _rolled_back() -> HttpResponse:
    """Makes the current transaction roll back at its end. Returns a response that is not sent."""
    transaction.set_rollback(True)
    return HttpResponse()
