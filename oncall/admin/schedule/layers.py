"""Layers of a schedule as forms. What a form cannot express is shown and kept as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from django import forms
from django.forms import formset_factory
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from oncall.admin.base.cards import AddField, CardForm, CardFormSet, LinesField
from oncall.admin.base.directory import NOBODY, Directory, Keys, meaning
from oncall.admin.base.fields import ReadingField
from oncall.admin.schedule.window_lines import UnreadableLine, text_from_windows, windows_from_text
from oncall.rendering.spec import VACANT, ByOccurrence, ByTime, Everyone, InvalidSpec, Layer, Participant, ScheduleSpec
from oncall.rendering.validation import validate
from oncall.rendering.zones import DAY, HOUR, MINUTE, WEEK, at, reading
from oncall.tables.schedules import ROW_OF_PARTICIPANT

EVERYONE, MONTHS = "everyone", "months"
SECONDS = {"weeks": WEEK, "days": DAY, "hours": HOUR, "minutes": MINUTE}
UNITS = [(name, name) for name in SECONDS] + [(MONTHS, MONTHS), (EVERYONE, "everyone at once")]


def participant_label(participant: Participant, directory: Directory, keys: Keys) -> str:
    """How a line names a participant."""
    if participant.kind == "vacant":
        return NOBODY
    kind = ROW_OF_PARTICIPANT[participant.kind]
    label = directory.label(kind, meaning(keys, kind, participant.id), participant.id)
    return f"{label} (routing)" if participant.kind == "group_routing" else label


def inexpressible(layer: Layer) -> str:
    """Why the form cannot show this layer; empty when it can."""
    if isinstance(layer.turns, ByOccurrence):
        return "its turns change with each occurrence"
    if text_from_windows(layer.windows) is None:
        return "it opens by a recurrence rule"
    if isinstance(layer.turns, Everyone):
        return ""
    if layer.turns.clock == "elapsed":
        return "its turns are counted in elapsed time, not on the wall clock"
    if layer.turns.unit == "seconds" and layer.turns.length % SECONDS["minutes"]:
        return "its turns are not whole minutes long"
    return ""


def length_and_unit(turns: ByTime) -> tuple[int, str]:
    if turns.unit == "months":
        return turns.length, MONTHS
    return next((turns.length // size, name) for name, size in SECONDS.items() if turns.length % size == 0)


class LayerForm(CardForm[Layer]):
    wide = ("participants", "windows")
    lines_field = "participants"
    name = forms.CharField(max_length=255, widget=UnfoldAdminTextInputWidget)
    length = forms.IntegerField(
        min_value=1, required=False, label="Turn length", widget=UnfoldAdminIntegerFieldWidget, initial=1
    )
    unit = forms.ChoiceField(choices=UNITS, widget=UnfoldAdminSelectWidget, initial="weeks")
    first = ReadingField(required=False, label="First handoff", help_text="Local time; turns are counted from here.")
    participants = LinesField(help_text="One per line, in order; repeats count. “nobody” leaves a turn vacant.")
    add = AddField("rb-participants")
    windows = LinesField(
        help_text="One per line, like “daily 17:00 for 10h” or “fri 20:30 for 12h30m”. Empty: always.",
    )
    starts = ReadingField(required=False, label="From", help_text="Before this, the layer has nobody.")
    ends = ReadingField(required=False, label="Until")

    def __init__(self, *args: Any, zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = (self.original and self.original.zone) or zone
        self.labels: list[str] = []
        if self.original is not None:
            self._show(self.original)

    def _show(self, layer: Layer) -> None:
        self.labels = [participant_label(p, self.directory, self.keys) for p in layer.participants]
        self.readonly = inexpressible(layer)
        if self.readonly:
            self.fields.clear()
            return
        if isinstance(layer.turns, ByTime):
            length, unit = length_and_unit(layer.turns)
            self.initial.update(length=length, unit=unit, first=layer.turns.anchor)
        else:
            self.initial.update(length=None, unit=EVERYONE)
        self.initial.update(
            name=layer.name,
            participants="\n".join(self.labels),
            windows=text_from_windows(layer.windows),
            starts=None if layer.starts_at is None else reading(self.zone, layer.starts_at),
            ends=None if layer.ends_at is None else reading(self.zone, layer.ends_at),
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.readonly or self.errors:
            return cleaned
        if cleaned["unit"] != EVERYONE:
            for name in ("length", "first"):
                if cleaned.get(name) is None:
                    self.add_error(name, "Needed to know whose turn it is.")
        stored = self.original.participants if self.original is not None else ()
        cleaned["who"] = self.parse_lines(self.labels, stored, self._find)
        try:
            cleaned["when"] = windows_from_text(cleaned["windows"])
        except UnreadableLine as unreadable:
            self.add_error("windows", str(unreadable))
        if not self.errors:
            try:
                validate(ScheduleSpec("UTC", "stacked", (self.card(),)))
            except InvalidSpec as wrong:
                self.add_error(None, str(wrong).removeprefix("layers[0]."))
        return cleaned

    @property
    def title(self) -> str:
        return self.original.name or self.original.key if self.original else ""

    def _find(self, text: str) -> Participant:
        if text.lower() == NOBODY:
            return VACANT
        kind, key = self.directory.find(text, "responder", "user_group")
        return Participant("person" if kind == "responder" else "group", key)

    def card(self) -> Layer:
        data, before = self.cleaned_data, self.original
        turns: ByTime | Everyone = Everyone()
        if data["unit"] != EVERYONE:
            months = data["unit"] == MONTHS
            length = data["length"] if months else data["length"] * SECONDS[data["unit"]]
            turns = ByTime(data["first"], length, "months" if months else "seconds")
        layer = before or Layer(f"local-{uuid4().hex[:12]}", data["name"], data["when"], turns, data["who"])
        return replace(
            layer,
            name=data["name"],
            windows=data["when"],
            turns=turns,
            participants=data["who"],
            starts_at=self._clip("starts", before.starts_at if before else None),
            ends_at=self._clip("ends", before.ends_at if before else None),
        )

    def _clip(self, name: str, before: int | None) -> int | None:
        if name not in self.changed_data:
            return before
        value = self.cleaned_data[name]
        return None if value is None else at(self.zone, value)


class LayerFormSet(CardFormSet[Layer]):
    title = "Layers"

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        prefix: str,
        cards: Sequence[Layer],
        directory: Directory,
        keys: Keys,
        zone: str,
    ) -> None:
        self.zone = zone
        super().__init__(data, prefix=prefix, cards=cards, directory=directory, keys=keys)

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "zone": self.zone}


Layers: type[LayerFormSet] = formset_factory(  # type: ignore[assignment]  # the stub returns the base class
    LayerForm, formset=LayerFormSet, extra=1, can_order=True, can_delete=True
)
