"""Schedules: the list with who is on call, the form, and the way to the schedule's page."""

import time
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from oncall.admin.directory import NOBODY
from oncall.admin.fields import (
    PersonField,
    ReadingField,
    ZoneField,
    instant_text,
    person_key,
    person_label,
    reading_of,
    typing_zone,
)
from oncall.admin.layer_forms import LayerFormSet, Layers
from oncall.admin.listing import moment, source, span_in_words
from oncall.admin.operated import ElementForm, ElementInline, OperatedAdmin
from oncall.admin.parted import PartedForm
from oncall.admin.people import check_span
from oncall.admin.schedule_page import SchedulePage, names_in_words
from oncall.models import Override, Schedule
from oncall.rendering.codec import layers_from_json, layers_to_json
from oncall.selectors import on_call, participant_names, specs_of


class ScheduleForm(PartedForm):
    kind = "schedule"
    mirrored = ("name", "description", "time_zone", "composition", "group", "active")
    parts_field = "layers"
    reference_owner = "owner_schedule"
    time_zone = ZoneField(required=False, label="Time zone", help_text="IANA name, for example Europe/Berlin.")

    class Meta:
        model = Schedule
        fields = ("name", "description", "time_zone", "composition", "group", "active")

    @property
    def suggested_people(self) -> list[str]:
        return [NOBODY, *self.directory.people]

    @property
    def suggested_participants(self) -> list[str]:
        return self.directory.people_and_groups

    def make_parts(self, data: Any) -> LayerFormSet:
        layers = layers_from_json(self.instance.layers)
        zone = typing_zone(self.instance, data or {})
        formset: LayerFormSet = Layers(
            data, prefix="layers", parts=layers, directory=self.directory, keys=self.keys, zone=zone
        )
        return formset

    def stored(self, parts: tuple[Any, ...]) -> dict[str, Any]:
        return layers_to_json(parts)

    def state(self) -> dict[str, Any]:
        state = super().state()
        if "time_zone" in self.changed_data and state["time_zone"]:
            state["zone_state"] = Schedule.ZoneState.OK.value  # a person has said which zone it is
        if "group_key" in state:
            others = [key for key in self.instance.group_keys if key != self.instance.group_key]
            state["group_keys"] = [*filter(None, [state.pop("group_key")]), *others]
        return state


class OverrideForm(ElementForm):
    """zone: the one in which times are read and shown."""

    collection = "overrides"
    stand_in = PersonField(label="On call instead", help_text="“nobody” leaves the time vacant.")
    starts = ReadingField(label="Starts")
    ends = ReadingField(label="Ends")

    class Meta:
        model = Override
        fields = ("covers_gaps",)
        labels = {"covers_gaps": "Also when nobody is on call"}

    def __init__(self, *args: Any, zone: str, **kwargs: Any) -> None:
        self.zone = zone
        super().__init__(*args, **kwargs)
        row = self.instance
        self.initial["stand_in"] = person_label(self.directory, row.by_key, row.by_id)
        if row.pk:
            self.initial.update({"starts": reading_of(row.starts_at, zone), "ends": reading_of(row.ends_at, zone)})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        check_span(self)
        return cleaned

    def clean_stand_in(self) -> str:
        return person_key(self, "stand_in", self.instance.by_key)

    def values(self) -> dict[str, Any]:
        row, data = self.instance, self.cleaned_data
        return {
            "by_key": data["stand_in"],
            "starts_at": instant_text(data["starts"], self.zone),
            "ends_at": instant_text(data["ends"], self.zone),
            "sources": row.sources,
            "replaces": row.replaces,
            "covers_gaps": data["covers_gaps"],
            "rank": row.rank,
        }


class OverrideInline(ElementInline):
    model = Override
    form = OverrideForm
    fields = ("stand_in", "starts", "ends", "covers_gaps")
    named_by = ("by", "schedule")
    verbose_name = "override"
    verbose_name_plural = "overrides that have not ended (times in the schedule's zone)"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(ends_at__gt=timezone.now()).order_by("starts_at")


@admin.register(Schedule)
class ScheduleAdmin(OperatedAdmin):
    kind = "schedule"
    form = ScheduleForm
    list_display = ("page_link", "on_call_now", "next_handoff", "time_zone", "from_source", "active", "edit_link")
    list_display_links = None
    search_fields = ("name", "references__responder__name")
    autocomplete_fields = ("group",)
    inlines = (OverrideInline,)
    change_form_template = "oncall/admin/parts_form.html"

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(SchedulePage(self).view)
        return [path("<int:pk>/page/", page, name="oncall_schedule_page"), *super().get_urls()]

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        kwargs["form_kwargs"]["zone"] = typing_zone(obj, request.POST)
        return kwargs

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        now, ids = int(time.time()), [row.pk for row in rows]
        loaded, names = specs_of(rows, since=now), participant_names(ids)
        for row in rows:
            row.now, row.names = now, names
            row.answer = on_call(*loaded[row.pk], now) if row.pk in loaded else None

    @display(description="Name", ordering="name_key")
    def page_link(self, schedule: Schedule) -> SafeString:
        return format_html('<a href="{}" class="rb-link">{}</a>', page_url(schedule.pk), schedule.name)

    @display(description="On call now")
    def on_call_now(self, schedule: Any) -> SafeString | str:
        answer = schedule.answer
        if answer is None:
            return format_html('<span class="rb-bad">{}</span>', "time zone not settled")
        if answer.reason:
            return "cannot be rendered"
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
        if answer is None or answer.until is None:
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


def page_url(pk: int) -> str:
    return reverse("admin:oncall_schedule_page", args=[pk])
