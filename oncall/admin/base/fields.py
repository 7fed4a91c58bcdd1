"""Form fields of the on-call pages: people by name, local date-times, zones."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextInputWidget

from oncall.admin.base.directory import NOBODY, Directory
from oncall.rendering.codec import instant_to_text, reading_from_text, reading_to_text
from oncall.rendering.zones import MINUTE, at, reading, zone_names
from oncall.tables.base import PERSON


class ReadingInput(UnfoldAdminTextInputWidget):
    """The browser's picker for a date and time. The value is a local time in the form's time zone."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"step": 60, **(attrs or {})})

    def format_value(self, value: Any) -> str | None:
        if isinstance(value, int):
            text = reading_to_text(value)
            return text if value % MINUTE else text[:-3]
        return value  # type: ignore[no-any-return]


class ReadingField(forms.Field):
    """A local date and time as a reading (see ``oncall.rendering.spec``), None when left empty."""

    widget = ReadingInput

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        try:
            parsed = datetime.fromisoformat(str(value))
        except ValueError:
            raise ValidationError("Write a date and a time like 2026-03-02 09:00.") from None
        if parsed.tzinfo is not None:
            raise ValidationError("Write the local date and time, without a zone.")
        return reading_from_text(parsed.replace(microsecond=0).isoformat())

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(initial != self.to_python(data))
        except ValidationError:
            return True


class ZoneField(forms.CharField):
    """An IANA name; suggestions come with the page."""

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminTextInputWidget({"list": "rb-zones", "autocomplete": "off"})
        super().__init__(**{"widget": widget, "max_length": 64, **kwargs})

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and value not in zone_names():
            raise ValidationError(f"“{value}” is no IANA time zone. Write one like Europe/Berlin.")


class PersonField(forms.CharField):
    """A person's name; :func:`person_key` converts it to a key."""

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminTextInputWidget({"list": "rb-people", "autocomplete": "off", "placeholder": "Name"})
        super().__init__(**{"widget": widget, **kwargs})


def person_label(directory: Directory, key: str, row_id: int | None) -> str:
    """Returns what a PersonField shows for ``person:<key>`` or ``vacant``."""
    if not key:
        return ""
    return directory.label("responder", row_id, key.removeprefix(PERSON)) if key.startswith(PERSON) else NOBODY


def person_key(form: Any, name: str, kept: str) -> str:
    """Returns ``person:<key>`` or ``vacant``. kept: the stored key, returned if the field did not change."""
    text = form.cleaned_data.get(name, "").strip()
    if kept and name not in form.changed_data:
        return kept
    if text.lower() == NOBODY:
        return "vacant"
    key = form.directory.find(text, "responder")[1]
    return f"{PERSON}{key}"


def typing_zone(row: Any, posted: Mapping[str, Any]) -> str:
    """Returns the time zone of the times in a form: the stored zone, even if the form changes it; for a new row the
    submitted zone. If there is no valid zone, it is UTC."""
    zone = str(row.time_zone if row.pk else posted.get("time_zone", ""))
    return zone if zone in zone_names() else "UTC"


def reading_of(instant: datetime, zone: str) -> int:
    return reading(zone, int(instant.timestamp()))


def instant_text(reading_: int, zone: str) -> str:
    """Returns the first instant with this local time in ``zone``, as ISO text."""
    return instant_to_text(at(zone, reading_))
