"""The form of a schedule, with its layers and overrides."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from oncall.admin.base.aggregate import ElementForm, ElementInline
from oncall.admin.base.cards_form import CardsForm
from oncall.admin.base.directory import NOBODY
from oncall.admin.base.fields import (
    PersonField,
    ReadingField,
    ZoneField,
    instant_text,
    person_key,
    person_label,
    reading_of,
    typing_zone,
)
from oncall.admin.people import check_span
from oncall.admin.schedule.layers import LayerFormSet, Layers
from oncall.models import Override, Schedule
from oncall.rendering.codec import layers_from_json, layers_to_json
from oncall.rendering.spec import Layer


class ScheduleForm(CardsForm[Layer]):
    """Edits a schedule. only_previewed: whether the submitted form was only previewed, so that it is shown again."""

    only_previewed: ClassVar[bool] = False
    kind = "schedule"
    mirrored = ("name", "description", "time_zone", "composition", "group", "active")
    cards_field = "layers"
    reference_owner = "owner_schedule"
    time_zone = ZoneField(required=False, label="Time zone", help_text="IANA name, for example Europe/Berlin.")

    class Meta:
        model = Schedule
        fields = ("name", "description", "time_zone", "composition", "group", "active")

    def is_valid(self) -> bool:
        return super().is_valid() and not self.only_previewed

    @property
    def suggested_people(self) -> list[str]:
        return [NOBODY, *self.directory.people]

    @property
    def suggested_participants(self) -> list[str]:
        return self.directory.people_and_groups

    def make_cards(self, data: Mapping[str, Any] | None) -> LayerFormSet:
        layers = layers_from_json(self.instance.layers)
        zone = typing_zone(self.instance, data or {})
        return Layers(data, prefix="layers", cards=layers, directory=self.directory, keys=self.keys, zone=zone)

    def cards_to_json(self, cards: tuple[Layer, ...]) -> dict[str, Any]:
        return layers_to_json(cards)

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
    verbose_name_plural = "Current and future overrides (schedule's time zone)"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(ends_at__gt=timezone.now()).order_by("starts_at")
