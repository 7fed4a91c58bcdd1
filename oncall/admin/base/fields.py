"""Form fields of the on-call pages: local date-times, zones, foreign keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django import forms
from django.contrib.admin.widgets import AutocompleteMixin, AutocompleteSelect, AutocompleteSelectMultiple
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextInputWidget

from oncall.models import Responder, Schedule
from oncall.rendering.codec import reading_from_text, reading_to_text
from oncall.rendering.zones import MINUTE, at, zone_names


class ReadingInput(UnfoldAdminTextInputWidget):
    """The browser's picker for a date and time. The value is a local time in the form's time zone."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, object] | None = None) -> None:
        super().__init__({"step": 60, **(attrs or {})})

    def format_value(self, value: object) -> str | None:
        if isinstance(value, int):
            text = reading_to_text(value)
            return text if value % MINUTE else text[:-3]
        formatted: str | None = super().format_value(value)
        return formatted


class ReadingField(forms.Field):
    """A local date and time as a reading (see ``oncall.rendering.spec``), None when left empty."""

    widget = ReadingInput

    def to_python(self, value: object) -> int | None:
        if value in self.empty_values:
            return None
        try:
            parsed = datetime.fromisoformat(str(value))
        except ValueError:
            raise ValidationError("Write a date and a time like 2026-03-02 09:00.") from None
        if parsed.tzinfo is not None:
            raise ValidationError("Write the local date and time, without a zone.")
        return reading_from_text(parsed.replace(microsecond=0).isoformat())

    def has_changed(self, initial: object, data: object) -> bool:
        try:
            return bool(initial != self.to_python(data))
        except ValidationError:
            return True


def instant_of_field(form: forms.BaseForm, name: str, stored: int | None, zone: str) -> int | None:
    """Returns the instant of a ReadingField: the stored instant if the field did not change, otherwise the first
    instant with this local time in ``zone``. So an untouched local time that occurs twice keeps its instant."""
    if name not in form.changed_data:
        return stored
    local_time: int | None = form.cleaned_data[name]
    return None if local_time is None else at(zone, local_time)


class ZoneField(forms.CharField):
    """An IANA time zone, or empty. The page contains suggestions."""

    def __init__(self) -> None:
        super().__init__(
            widget=UnfoldAdminTextInputWidget({"list": "rb-zones", "autocomplete": "off"}),
            max_length=64,
            required=False,
            label="Time zone",
            help_text="IANA name, for example Europe/Berlin.",
        )

    def validate(self, value: str) -> None:
        super().validate(value)
        if value and value not in zone_names():
            raise ValidationError(f"“{value}” is no IANA time zone. Write one like Europe/Berlin.")


class _IdsOnly(AutocompleteMixin):
    """A submitted text that is no id of a row selects no row."""

    def optgroups(
        self, name: str, value: Sequence[str], attr: dict[str, object] | None = None
    ) -> list[tuple[str | None, list[dict[str, object]], int | None]]:
        # Django filters by the submitted values when it shows the form again, and fails if one is no id.
        return super().optgroups(name, [each for each in value if self._is_id(each)], attr)

    def _is_id(self, text: str) -> bool:
        try:
            self.field.target_field.clean(text, None)
        except ValidationError:
            return False
        return True


class RowSelect(_IdsOnly, AutocompleteSelect):
    """A foreign key that is searched while the user types."""


class RowsSelect(_IdsOnly, AutocompleteSelectMultiple):
    """Rows that a foreign key may point to, searched while the user types."""


def typing_zone(row: Responder | Schedule, posted: Mapping[str, str]) -> str:
    """Returns the time zone of the times in a form: the stored zone, even if the form changes it; for a new row the
    submitted zone. If there is no valid zone, it is UTC."""
    zone = row.time_zone if row.pk else posted.get("time_zone", "")
    return zone if zone in zone_names() else "UTC"
