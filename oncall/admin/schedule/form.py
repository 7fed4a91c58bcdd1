"""The form of a schedule, with its layers and overrides."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import Max
from django.http import HttpRequest

from oncall.admin.base.replacements import ReplacementForm, ReplacementInline
from oncall.admin.forms.cards_form import CardsForm
from oncall.admin.forms.fields import ZoneField
from oncall.admin.forms.names import NameField
from oncall.admin.forms.times import typing_zone
from oncall.admin.schedule.layers import LayerFormSet, Layers
from oncall.aggregates import Values
from oncall.models import Override, Schedule
from oncall.rendering.codec import layers_from_json, layers_to_json
from oncall.rendering.spec import Layer
from oncall.selectors.visible import leads


class ScheduleForm(CardsForm[Schedule, Layer]):
    """Edits a schedule.

    only_previewed: whether the submitted form was only previewed, so that it is shown again. only_overrides: whether
    the account may change nothing but the overrides.
    """

    only_previewed: ClassVar[bool] = False
    only_overrides: ClassVar[bool] = False
    kind = "schedule"
    mirrored = ("name", "description", "time_zone", "composition", "group", "active")
    cards_field = "layers"
    reference_owner = "owner_schedule"
    time_zone = ZoneField()

    class Meta:
        model = Schedule
        fields = ("name", "description", "time_zone", "composition", "group", "active")

    def is_valid(self) -> bool:
        return super().is_valid() and not self.only_previewed

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"]
        if not zone and self.instance.zone_state == Schedule.ZoneState.OK:
            raise ValidationError("Enter a time zone: the times of a schedule are local.")
        return zone

    def stored_cards(self) -> tuple[Layer, ...]:
        return layers_from_json(self.instance.layers)

    def make_cards(self, data: Mapping[str, str] | None, cards: tuple[Layer, ...]) -> LayerFormSet | None:
        if self.only_overrides:
            return None
        zone = typing_zone(self.instance, data or {})
        context = {"directory": self.directory, "keys": self.keys, "zone": zone}
        return Layers(data, prefix="layers", cards=cards, keep_all=self.is_gone, **context)

    def cards_to_json(self, cards: tuple[Layer, ...]) -> Values:
        return layers_to_json(cards)

    def state(self) -> dict[str, object]:
        state = super().state()
        if "time_zone" in self.changed_data and state["time_zone"]:
            state["zone_state"] = Schedule.ZoneState.OK.value  # a person has chosen the zone
        if "group_key" in state:
            others = [key for key in self.instance.group_keys if key != self.instance.group_key]
            state["group_keys"] = [*filter(None, [state.pop("group_key")]), *others]
        return state


class OverrideForm(ReplacementForm[Override]):
    collection = "overrides"
    stand_in = NameField(
        "responder", nobody=True, label="On call instead", help_text="“nobody” leaves the time vacant."
    )

    class Meta:
        model = Override
        fields = ("covers_gaps",)
        labels = {"covers_gaps": "Also when nobody is on call"}

    def values(self) -> dict[str, object]:
        row = self.instance
        return {
            **super().values(),
            "sources": row.sources,
            "replaces": row.replaces,
            "covers_gaps": self.cleaned_data["covers_gaps"],
            "rank": row.rank if row.pk or self.removed else self._highest_rank(),
        }

    def _highest_rank(self) -> int:
        """Returns the rank with which a new override counts before all that overlap it, also imported ones."""
        ranks = Override.objects.filter(schedule=self.instance.schedule_id)
        highest: int | None = ranks.aggregate(highest=Max("rank"))["highest"]
        return 0 if highest is None else highest + 1


class OverrideInline(ReplacementInline[Override, Schedule]):
    model = Override
    form = OverrideForm
    fields = ("stand_in", "starts", "ends", "covers_gaps")
    select_related = ("by", "replaced", "schedule")
    verbose_name = "override"
    verbose_name_plural = "Current and future overrides (schedule's time zone)"

    # A lead of the schedule's group may add, change and delete overrides. Django passes the schedule as obj.
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) or _lead_of(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) or _lead_of(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) or _lead_of(request, obj)


def _lead_of(request: HttpRequest, schedule: Schedule | None) -> bool:
    return schedule is not None and leads(request.user, schedule)
