"""Layers of a schedule as forms. A layer that the form cannot express is read-only and kept unchanged."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Unpack
from uuid import uuid4

from django import forms
from django.forms import formset_factory
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from oncall.admin.forms.cards import CardForm, CardFormSet, NamesField
from oncall.admin.forms.directory import NOBODY, Directory, Keys, row_of_key
from oncall.admin.forms.names import NameField
from oncall.admin.forms.times import FormZone, InstantField, ReadingField, set_zone
from oncall.admin.forms.typed import FormOptions
from oncall.admin.schedule.windows_field import WindowsField
from oncall.aggregates import fold
from oncall.holders import unknown_holder
from oncall.models.root import NAME_LENGTH
from oncall.rendering.codec import FORMAT, layers_from_json, layers_to_json
from oncall.rendering.spec import VACANT, ByOccurrence, ByTime, Everyone, InvalidSpec, Layer, Participant, ScheduleSpec
from oncall.rendering.validation import validate
from oncall.rendering.zones import DAY, HOUR, MINUTE, WEEK, zone_names
from oncall.tables.schedules import ROW_OF_PARTICIPANT

EVERYONE, MONTHS = "everyone", "months"
SECONDS = {"weeks": WEEK, "days": DAY, "hours": HOUR, "minutes": MINUTE}
#: The field of the form that edits a part of a layer.
_FIELDS = {
    "turns.anchor": "first",
    "turns.length": "length",
    "participants": "participants",
}
UNITS = [(name, name) for name in SECONDS] + [(MONTHS, MONTHS), (EVERYONE, "everyone at once")]


def participant_label(participant: Participant, directory: Directory, keys: Keys) -> str:
    """Returns the line for a participant."""
    if participant.kind == "vacant":
        return NOBODY
    if participant.kind == "unknown":
        return unknown_holder(participant.id)
    kind = ROW_OF_PARTICIPANT[participant.kind]
    label = directory.label(kind, row_of_key(keys, kind, participant.id), participant.id)
    return f"{label} (routing)" if participant.kind == "group_routing" else label


def why_readonly(layer: Layer) -> str:
    """Returns why the form cannot edit this layer, or an empty string."""
    if layer.zone is not None and layer.zone not in zone_names():
        return f"its time zone {layer.zone} is not known"
    if isinstance(layer.turns, ByOccurrence):
        return "its turns change with each occurrence"
    if isinstance(layer.turns, Everyone):
        return ""
    if layer.turns.clock == "elapsed":
        return "its turns are counted in elapsed time, not on the wall clock"
    if layer.turns.unit == "seconds" and layer.turns.length % SECONDS["minutes"]:
        return "its turns are not whole minutes long"
    return ""


def new_key() -> str:
    """Returns the key of a layer that is made here."""
    return f"local-{uuid4().hex[:12]}"


def length_and_unit(turns: ByTime) -> tuple[int, str]:
    if turns.unit == "months":
        return turns.length, MONTHS
    return next((turns.length // size, name) for name, size in SECONDS.items() if turns.length % size == 0)


class LayerForm(CardForm[Layer]):
    wide = ("participants", "windows")
    lines_field = "participants"
    kinds = ("responder", "user_group")
    name = forms.CharField(max_length=NAME_LENGTH, widget=UnfoldAdminTextInputWidget)
    length = forms.IntegerField(
        min_value=1, required=False, label="Turn length", widget=UnfoldAdminIntegerFieldWidget, initial=1
    )
    unit = forms.ChoiceField(choices=UNITS, widget=UnfoldAdminSelectWidget, initial="weeks")
    first = ReadingField(required=False, label="First handoff", help_text="Local time. Turns are counted from here.")
    participants = NamesField(
        *kinds, nobody=True, help_text="One per line, in order. Names may repeat. “nobody” leaves a turn vacant."
    )
    add = NameField(*kinds, nobody=True, required=False, placeholder="Add a name")
    windows = WindowsField(required=False, help_text="Local times. A layer without windows is always open.")
    starts = InstantField(required=False, label="From", help_text="Before this, the layer has nobody.")
    ends = InstantField(required=False, label="Until")

    def __init__(
        self,
        *,
        zone: FormZone,
        original: Layer | None,
        directory: Directory,
        keys: Keys,
        **options: Unpack[FormOptions],
    ) -> None:
        super().__init__(original=original, directory=directory, keys=keys, **options)
        set_zone(self, zone if original is None or original.zone is None else FormZone(original.zone, True))

    def show(self, card: Layer) -> None:
        self.set_labels(
            card.participants,
            lambda each, keys: participant_label(each, self.directory, keys),
            lambda each: each.id,
        )
        self.readonly = why_readonly(card)
        if self.readonly:
            self.fields.clear()
            return
        if isinstance(card.turns, ByTime):
            length, unit = length_and_unit(card.turns)
            self.initial.update(length=length, unit=unit, first=card.turns.anchor)
        else:
            self.initial.update(length=None, unit=EVERYONE)
        windows = self.fields["windows"]
        assert isinstance(windows, WindowsField)  # noqa: S101 - declared above
        shown = windows.show(card.windows)
        self.fields["name"].required = bool(card.name)  # not every source names its layers
        self.initial.update(
            name=card.name,
            participants="\n".join(self.labels),
            windows=shown,
            starts=_moment(card.starts_at),
            ends=_moment(card.ends_at),
        )

    def clean(self) -> None:
        super().clean()
        cleaned = self.cleaned_data
        if self.readonly or self.errors:
            return
        if cleaned["unit"] != EVERYONE:
            for name in ("length", "first"):
                if cleaned.get(name) is None:
                    self.add_error(name, "Without this value it is unknown whose turn it is.")
        stored = self.original.participants if self.original is not None else ()
        cleaned["who"] = self.parse_lines(stored, self._find)
        starts, ends = cleaned["starts"], cleaned["ends"]
        if starts is not None and ends is not None and ends < starts:
            self.add_error("ends", "The end must be after the start.")
        if not self.errors:
            try:
                validate(ScheduleSpec("UTC", "stacked", (self.card(),)))
            except InvalidSpec as wrong:
                path = wrong.path.removeprefix("layers[0].")
                field = next((name for start, name in _FIELDS.items() if path.startswith(start)), None)
                self.add_error(field, f"{path}: {wrong.message}" if field is None else f"It {wrong.message}.")

    @property
    def title(self) -> str:
        return f"Layer {self.original.name or self.original.key}" if self.original else ""

    def _find(self, text: str) -> Participant:
        if fold(text) == NOBODY:
            return VACANT
        kind, key = self.directory.find(text, *self.kinds)
        return Participant("person" if kind == "responder" else "group", key)

    def card(self) -> Layer:
        data, stored = self.cleaned_data, self.original
        turns: ByTime | Everyone = Everyone()
        if data["unit"] != EVERYONE:
            months = data["unit"] == MONTHS
            length = data["length"] if months else data["length"] * SECONDS[data["unit"]]
            turns = ByTime(data["first"], length, "months" if months else "seconds")
        layer = stored or Layer(new_key(), data["name"], data["windows"], turns, data["who"])
        return replace(
            layer,
            name=data["name"],
            windows=data["windows"],
            turns=turns,
            participants=data["who"],
            starts_at=_instant(data["starts"]),
            ends_at=_instant(data["ends"]),
        )


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None else datetime.fromtimestamp(instant, UTC)


def _instant(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


class LayerFormSet(CardFormSet[Layer]):
    title = "Layers"

    def key_of(self, number: int, card: Layer) -> str:
        return card.key

    def to_json(self, cards: Sequence[Layer]) -> list[Any]:
        layers: list[Any] = layers_to_json(tuple(cards))["layers"]
        return layers

    def from_json(self, data: list[Any]) -> tuple[Layer, ...]:
        return layers_from_json({"format": FORMAT, "layers": data})

    def renewed(self, card: Layer, stored: Collection[Layer]) -> Layer:
        return replace(card, key=new_key()) if card.key in {each.key for each in stored} else card


Layers: type[LayerFormSet] = formset_factory(  # type: ignore[assignment]  # the stub returns the base class
    LayerForm, formset=LayerFormSet, extra=1, can_order=True, can_delete=True
)
