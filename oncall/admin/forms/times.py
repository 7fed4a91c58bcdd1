"""The form fields for dates and times. All forms of the admin use them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from oncall.models import Responder, Schedule
from oncall.rendering.codec import reading_from_text
from oncall.rendering.spec import LATEST, InvalidSpec
from oncall.rendering.validation import check_range
from oncall.rendering.zones import MINUTE, at, clock, instants, reading, zone_names

_ORDINALS = ("first", "second", "third", "fourth")
_PICKER_LIMIT = "9999-12-31T23:59"  # so that browsers take four digits for a year


class FormZone(NamedTuple):
    """The time zone of the times in a form. fixed: whether the form was filled in this zone. If not, a field of the
    same form sets the zone."""

    name: str
    fixed: bool


def typing_zone(row: Responder | Schedule, posted: Mapping[str, str]) -> FormZone:
    """Returns the time zone of the times in a form: the stored zone, even if the form changes it; for a new row the
    submitted zone. If there is no valid zone, it is UTC."""
    zone = row.time_zone if row.pk else posted.get("time_zone", "")
    return FormZone(zone if zone in zone_names() else "UTC", bool(row.pk))


class ReadingInput(UnfoldAdminTextInputWidget):
    """The browser's picker for a local date and time. The value is a reading, or the text of one."""

    input_type = "datetime-local"

    def get_context(self, name: str, value: object, attrs: dict[str, Any] | None) -> dict[str, Any]:
        seconds = value % MINUTE if isinstance(value, int) else str(value or "").count(":") == 2
        # A browser refuses a time that is no multiple of the step.
        return super().get_context(name, value, {"step": 1 if seconds else 60, "max": _PICKER_LIMIT, **(attrs or {})})

    def format_value(self, value: object) -> str | None:
        if isinstance(value, int):
            return _picker_text(value)
        formatted: str | None = super().format_value(value)
        return formatted


class ReadingField(forms.Field):
    """A local date and time that belongs to no instant, as a reading (see ``oncall.rendering.spec``)."""

    widget = ReadingInput

    def to_python(self, value: object) -> int | None:
        if value in self.empty_values:
            return None
        entered = parse_time(str(value))
        if isinstance(entered, datetime):
            raise ValidationError("Write the local date and time, without a zone.")
        check_years(entered, words(entered))
        return entered

    def has_changed(self, initial: object, data: object) -> bool:
        try:
            return bool(initial != self.to_python(data))
        except ValidationError:
            return True


class Entered(NamedTuple):
    """What a browser sends for an instant.

    reading: the local date and time as typed, or an instant as ISO text. shown: the zone and the reading with which the
    page was filled, empty if the form sets the zone. pick: the instant that belongs to the shown reading, or that was
    chosen of those that the reading may mean.
    """

    reading: str = ""
    shown: str = ""
    pick: str = ""


class InstantWidget(forms.Widget):
    """Shows an instant as a local date and time. If the clock shows this time twice, it asks which one is meant."""

    template_name = "oncall/admin/instant.html"
    zone: FormZone

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.zone = FormZone(timezone.get_current_timezone_name(), True)

    def value_from_datadict(self, data: Mapping[str, Any], files: object, name: str) -> Entered:
        names = (name, f"{name}_shown", f"{name}_pick")
        return Entered(*(str(data.get(each) or "").strip() for each in names))

    def value_omitted_from_data(self, data: Mapping[str, Any], files: object, name: str) -> bool:
        return name not in data

    def zone_of(self, entered: Entered) -> FormZone:
        """Returns the zone of a typed reading: the zone in which the form was filled, even if it is another now, or if
        the row was deleted in the meantime."""
        shown = entered.shown.partition(" ")[0]
        return FormZone(shown, True) if shown in zone_names() else self.zone

    def kept(self, entered: Entered, typed: int) -> datetime | None:
        """Returns the instant with which the form was filled if its reading is still the typed one."""
        shown = entered.shown.partition(" ")[2]
        return _instant(entered.pick) if shown and _reading(shown) == typed else None

    def get_context(self, name: str, value: object, attrs: dict[str, Any] | None) -> dict[str, Any]:
        entered = value if isinstance(value, Entered) else Entered("" if value is None else str(value))
        (zone, fixed), shown, pick = self.zone_of(entered), entered.reading, entered.pick
        instant = value if isinstance(value, datetime) else _instant(entered.reading)
        typed = _reading(entered.reading) if instant is None else reading(zone, int(instant.timestamp()))
        if instant is not None:
            pick = instant.isoformat()
        if typed is not None:
            shown = _picker_text(typed)
            if instant is None and self.kept(entered, typed) is None:
                pick = pick if _seconds(pick) in instants(zone, typed) else ""
        context = super().get_context(name, value, attrs)
        context["widget"] |= {
            "input": ReadingInput().get_context(name, shown, context["widget"]["attrs"])["widget"],
            "zone": zone if fixed else "",
            "shown": f"{zone} {shown if typed is not None else ''}".strip() if fixed else "",
            "time": words(typed) if typed is not None else "",
            "options": (options := [] if typed is None else _options(zone, typed, pick)),
            "answered": any(option["chosen"] for option in options),
            "pick": pick if typed is not None else "",
        }
        return context

    def sent(self, name: str, value: object) -> dict[str, list[str]]:
        """Returns what a browser sends for a value that nobody changes."""
        shown = self.get_context(name, value, {})["widget"]
        return {
            name: [shown["input"]["value"] or ""],
            f"{name}_shown": [shown["shown"]],
            f"{name}_pick": [shown["pick"]],
        }

    def in_words(self, value: object) -> str:
        """Returns the time that the page shows for a value."""
        return str(self.get_context("", value, {})["widget"]["time"])

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return id_


class InstantField(forms.Field):
    """An instant, as a datetime in UTC. It is shown and typed as a local time of the form's zone.

    An instant whose reading is not changed stays as it is, to the microsecond: also if the clock shows the reading
    twice, and if the form's zone or the time zone database has changed since the form was filled. A typed reading that
    the clock shows twice needs a choice, and one that it never shows is refused.
    """

    widget = InstantWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "show_hidden_initial": False})  # the widget sends what it was filled with

    @property
    def zone(self) -> FormZone:
        """The time zone of the form. The default is that of the site."""
        assert isinstance(self.widget, InstantWidget)  # noqa: S101 - no form passes another widget
        return self.widget.zone

    @zone.setter
    def zone(self, zone: FormZone) -> None:
        assert isinstance(self.widget, InstantWidget)  # noqa: S101 - no form passes another widget
        self.widget.zone = zone

    def to_python(self, value: object) -> datetime | None:
        if value is None or isinstance(value, datetime):
            return value
        entered = value if isinstance(value, Entered) else Entered(str(value))
        if not entered.reading:
            return None
        typed = parse_time(entered.reading)
        if isinstance(typed, datetime):
            check_years(int(typed.timestamp()), entered.reading)
            return typed
        assert isinstance(self.widget, InstantWidget)  # noqa: S101 - no form passes another widget
        kept = self.widget.kept(entered, typed)
        if kept is None:
            kept = _chosen(self.widget.zone_of(entered).name, typed, _instant(entered.pick))
        check_years(int(kept.timestamp()), words(typed))
        return kept

    def has_changed(self, initial: object, data: object) -> bool:
        try:
            return not self.disabled and self.to_python(initial) != self.to_python(data)
        except ValidationError:
            return True


class AtForm(forms.Form):
    """The parameter ``at`` of a page: the instant that it shows, as an instant or as a reading of ``zone``. default:
    the instant that the field shows if the parameter is missing."""

    at = InstantField(required=False)

    def __init__(self, query: Mapping[str, Any], zone: str, default: int) -> None:
        minute = datetime.fromtimestamp(default // MINUTE * MINUTE, UTC)
        super().__init__(query if query.get("at") else None, initial={"at": minute}, auto_id="rb-%s")
        set_zone(self, FormZone(zone, False))

    @property
    def instant(self) -> int | None:
        """The chosen instant, which can be rendered. None if there is none, or if the field has an error."""
        moment = self.cleaned_data.get("at") if self.is_valid() else None
        return None if moment is None else min(int(moment.timestamp()), LATEST - 1)


def set_zone(form: forms.BaseForm, zone: FormZone) -> None:
    """Sets the zone of all instants in a form."""
    for field in form.fields.values():
        if isinstance(field, InstantField):
            field.zone = zone


def parse_time(text: str) -> int | datetime:
    """Returns the reading of an ISO text, or its instant if it has a UTC offset. Raises ValidationError."""
    try:
        parsed = datetime.fromisoformat(text)
        return reading_from_text(text) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValidationError("Write a date and a time like 2026-03-02 09:00.") from None


def check_years(time: int, text: str) -> None:
    """Raises ValidationError if rendering does not support the year of an instant or reading."""
    try:
        check_range("", time, None)
    except InvalidSpec as far:
        raise ValidationError(f"{text} {far.message}.") from None


def words(reading: int) -> str:
    """Returns a reading like ``2026-03-02 09:00``, with seconds if it has any."""
    return _picker_text(reading).replace("T", " ")


def _chosen(zone: str, typed: int, pick: datetime | None) -> datetime:
    """Returns the instant of a typed reading. Raises ValidationError if the clock never shows it, or if it shows it
    twice and ``pick`` is none of the two."""
    seconds = instants(zone, typed)
    for each in seconds:
        check_years(each, words(typed))
    found = [datetime.fromtimestamp(each, UTC) for each in seconds]
    if len(found) == 1:
        return found[0]
    if pick in found:
        return pick
    if found:
        raise ValidationError(f"The clock in {zone} shows {words(typed)} twice. Choose which one is meant.")
    after = at(zone, typed)
    nearest = (words(reading(zone, each)) for each in (after - MINUTE, after))
    raise ValidationError(
        f"{words(typed)} does not exist in {zone}, because the clock is put forward. The nearest times are "
        f"{' and '.join(nearest)}."
    )


def _options(zone: str, typed: int, pick: str) -> list[dict[str, object]]:
    """Returns the instants to choose from; none if the reading has only one, or if ``pick`` is another instant."""
    found, second = instants(zone, typed), _seconds(pick)
    if len(found) < 2 or (second is not None and second not in found):
        return []
    time = words(typed).partition(" ")[2]
    return [
        {
            "value": pick if each == second else datetime.fromtimestamp(each, UTC).isoformat(),
            "label": f"{ordinal} {time} ({_offset_words(zone, each)})",
            "chosen": each == second,
        }
        for ordinal, each in zip(_ORDINALS, found, strict=False)
    ]


def _offset_words(zone: str, instant: int) -> str:
    """Returns words like ``CEST, UTC+2``. Many zones have no abbreviation."""
    local = clock(zone, instant)
    minutes = (reading(zone, instant) - instant) // MINUTE
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    offset = f"UTC{sign}{hours}{f':{rest:02}' if rest else ''}"
    name = local.tzname() or ""
    return f"{name}, {offset}" if name.isalpha() else offset


def _picker_text(reading: int) -> str:
    text = datetime.fromtimestamp(reading, UTC).replace(tzinfo=None).isoformat()
    return text if reading % MINUTE else text[:-3]


def _instant(text: str) -> datetime | None:
    """Returns the instant of an ISO text, None for any other text."""
    try:
        parsed = parse_time(text)
    except ValidationError:
        return None
    return parsed if isinstance(parsed, datetime) else None


def _seconds(text: str) -> int | None:
    instant = _instant(text)
    return None if instant is None else int(instant.timestamp())


def _reading(text: str) -> int | None:
    """Returns the reading of an ISO text, None for any other text."""
    try:
        parsed = parse_time(text)
    except ValidationError:
        return None
    return None if isinstance(parsed, datetime) else parsed
