"""The form field for the windows of a layer: a row of fields for windows with the same times, and lines of text."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError

from oncall.admin.schedule.window_lines import (
    DAYS,
    EXAMPLES,
    UNITS,
    InvalidWindow,
    WindowRow,
    clock_text,
    duration_until,
    length_and_unit,
    make_row,
    rows_of,
    shown_until,
    text_from_windows,
    time_of,
    windows_from_line,
)
from oncall.rendering.codec import reading_to_text
from oncall.rendering.spec import Always, Recurring, Window

#: A layer with more rows is shown as one row that can only be kept or removed: a browser sends each field of each row.
MOST_ROWS = 20
ALWAYS: tuple[Window, ...] = (Always(),)
_PARTS = ("daily", *DAYS, "from", "until", "length", "unit", "remove", "kept")

Parts = Mapping[str, str]


class EnteredWindows(NamedTuple):
    """What a browser sends. always: whether the layer is always open. rows: the parts of each row as text. lines: added
    as text."""

    always: bool
    rows: tuple[Parts, ...]
    lines: str


class WindowsWidget(forms.Widget):
    """Shows each row of the windows, an empty row, and a field for lines of text. stored: the windows of the layer."""

    template_name = "oncall/admin/windows.html"
    stored: tuple[Window, ...] = ()

    def value_from_datadict(self, data: Mapping[str, Any], files: object, name: str) -> EnteredWindows:
        return EnteredWindows(
            bool(data.get(f"{name}-always")),
            tuple(_rows_in(data, name)),
            str(data.get(name) or "").replace("\r\n", "\n"),
        )

    def value_omitted_from_data(self, data: Mapping[str, Any], files: object, name: str) -> bool:
        return name not in data

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return ""

    def get_context(self, name: str, value: object, attrs: dict[str, Any] | None) -> dict[str, Any]:
        value = self.entered_from(value)
        rows = [row for row in value.rows if not _is_blank(row)]
        kept = kept_windows(self.stored)
        context = super().get_context(name, value, attrs)
        context["widget"] |= {
            "always": value.always,
            "lines": value.lines,
            "examples": EXAMPLES,
            "units": tuple(UNITS),
            "rows": [
                {
                    **row,
                    "name": f"{name}-{number}",
                    "number": number + 1,
                    "days": [(day, day.capitalize(), bool(row.get(day))) for day in DAYS],
                    "unit": row.get("unit") or "hours",
                    "stored": number < len(rows),
                    "words": _words_of_kept(kept, row.get("kept", "")),
                }
                for number, row in enumerate([*rows, {}])
            ],
        }
        return context

    def entered_from(self, value: object) -> EnteredWindows:
        """Returns what was entered, from windows or from its form in JSON."""
        if isinstance(value, EnteredWindows):
            return value
        if isinstance(value, list) and len(value) == len(EnteredWindows._fields):
            always, rows, lines = value
            return EnteredWindows(bool(always), tuple(rows), str(lines))
        return self.entered(value if isinstance(value, tuple) else ())

    def sent(self, name: str, value: object) -> dict[str, list[str]]:
        """Returns what a browser sends for a value that nobody changes.

        What is not ticked is named, too, and so is the row after the last: another value of the field may be replaced.
        """
        entered = self.entered_from(value)
        rows = [row for row in entered.rows if not _is_blank(row)]
        sent = {name: [entered.lines], f"{name}-always": ["on"] if entered.always else []}
        for number, row in enumerate([*rows, {}]):
            sent |= {f"{name}-{number}-{part}": [text] if (text := row.get(part)) else [] for part in _PARTS}
        return sent

    def in_words(self, value: object) -> str:
        """Returns the windows as lines in one text."""
        entered = self.entered_from(value)
        kept = kept_windows(self.stored)
        try:
            texts = [
                _words_of_kept(kept, row["kept"])
                if row.get("kept")
                else text_from_windows(_windows_of({**dict.fromkeys(_PARTS, ""), **row}, kept)) or ""
                for row in entered.rows
            ]
        except InvalidWindow:
            return ""
        return ", ".join(line for text in [*texts, entered.lines] for line in text.splitlines()) or "always"

    def entered(self, windows: Sequence[Window]) -> EnteredWindows:
        """Returns what a browser sends for these windows if nothing is changed."""
        rows: list[Parts] = []
        for entry in () if tuple(windows) == ALWAYS else _entries(windows):
            if isinstance(entry, WindowRow):
                until, (length, unit) = shown_until(entry), length_and_unit(entry.duration)
                ticked = [DAYS[day - 1] for day in entry.days] or ["daily"]
                times = {"until": until} if until else {"length": str(length), "unit": unit}
                rows.append({**dict.fromkeys(ticked, "on"), "from": clock_text(entry.start), **times})
            else:
                rows.append({"kept": str(sum("kept" in row for row in rows))})
        return EnteredWindows(tuple(windows) == ALWAYS, tuple(rows), "")


class WindowsField(forms.Field):
    """The windows of a layer, as a tuple. Nothing entered means always. Windows that a row cannot express are shown and
    kept."""

    widget = WindowsWidget

    def show(self, windows: tuple[Window, ...]) -> EnteredWindows:
        """Sets the windows that the layer has now. Returns the initial value of the field."""
        assert isinstance(self.widget, WindowsWidget)  # noqa: S101 - no form passes another widget
        self.widget.stored = windows
        return self.widget.entered(windows)

    def to_python(self, value: object) -> tuple[Window, ...]:
        assert isinstance(self.widget, WindowsWidget)  # noqa: S101 - no form passes another widget
        if isinstance(value, tuple) and not isinstance(value, EnteredWindows):
            return value or ALWAYS
        value = self.widget.entered_from(value)
        kept, windows, errors = kept_windows(self.widget.stored), [], []
        for number, row in enumerate(value.rows, 1):
            try:
                windows += _windows_of({**dict.fromkeys(_PARTS, ""), **row}, kept)
            except InvalidWindow as wrong:
                errors.append(f"Window {number}: {wrong}")
        for line in filter(None, map(str.strip, value.lines.splitlines())):
            try:
                windows += windows_from_line(line)
            except InvalidWindow as wrong:
                errors.append(str(wrong))
        if value.always and windows not in ([], [*ALWAYS]) and not errors:
            errors.append("Untick “always”, or remove the windows: a layer that is always open needs none.")
        if errors:
            raise ValidationError(errors)
        return tuple(windows) or ALWAYS

    def has_changed(self, initial: object, data: object) -> bool:
        assert isinstance(self.widget, WindowsWidget)  # noqa: S101 - no form passes another widget
        if self.widget.sent("", initial) == self.widget.sent("", data):
            return False  # also if the layer has other windows by now, so that a kept row means none of them
        try:
            return self.to_python(initial) != self.to_python(data)
        except ValidationError:
            return True


def kept_windows(windows: Sequence[Window]) -> list[tuple[Window, ...]]:
    """Returns the groups of windows that are no rows."""
    return [entry for entry in _entries(windows) if isinstance(entry, tuple)] if windows != ALWAYS else []


def _entries(windows: Sequence[Window]) -> list[WindowRow | tuple[Window, ...]]:
    """Returns the rows, and between them groups of windows that are no rows."""
    rows = rows_of(windows)
    entries: list[WindowRow | tuple[Window, ...]] = []
    if len(rows) > MOST_ROWS:
        return [tuple(windows)]
    for row in rows:
        if isinstance(row, WindowRow):
            entries.append(row)
        elif entries and isinstance(before := entries[-1], tuple):
            entries[-1] = (*before, row)
        else:
            entries.append((row,))
    return entries


def _rows_in(data: Mapping[str, Any], name: str) -> Iterator[Parts]:
    """Yields the parts of each row that was sent."""
    for number in count():
        texts = {part: data.get(f"{name}-{number}-{part}") for part in _PARTS}
        if all(text is None for text in texts.values()):
            return
        yield {part: str(text or "").strip() for part, text in texts.items()}


def _is_blank(row: Parts) -> bool:
    return not any(value for part, value in row.items() if part != "unit")


def _windows_of(row: Parts, kept: Sequence[tuple[Window, ...]]) -> tuple[Window, ...]:
    """Returns the windows of a submitted row. Raises InvalidWindow."""
    if row["remove"] or _is_blank(row):
        return ()
    if row["kept"]:
        found = _group(kept, row["kept"])
        if found is None:
            raise InvalidWindow("It has changed while you were editing. Tick “Remove” here, or open the form again.")
        return found
    days = [number for number, day in enumerate(DAYS, 1) if row[day]]
    if bool(days) == bool(row["daily"]):
        raise InvalidWindow("Tick either “every day” or single days.")
    if not row["from"]:
        raise InvalidWindow("Write from when on it is open.")
    start = time_of(row["from"])
    until = duration_until(start, time_of(row["until"], end=True)) if row["until"] else None
    length = _length_of(row) if row["length"] else None
    if until is None and length is None:
        raise InvalidWindow("Write until when, or how long it is open.")
    if until is not None and length is not None and until != length:
        raise InvalidWindow("“until” and the length disagree. Leave one of them empty.")
    return make_row(days, start, (until if length is None else length) or 0).windows()


def _length_of(row: Parts) -> int:
    number = row["length"]
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise InvalidWindow("The length must be a whole number. Choose a smaller unit if it is not.")
    return int(number) * UNITS.get(row["unit"], UNITS["hours"])


def _group(kept: Sequence[tuple[Window, ...]], number: str) -> tuple[Window, ...] | None:
    valid = number.isascii() and number.isdigit() and len(number) < 4 and int(number) < len(kept)
    return kept[int(number)] if valid else None


def _words_of_kept(kept: Sequence[tuple[Window, ...]], number: str) -> str:
    found = _group(kept, number) if number else None
    return "" if found is None else "; ".join(_words(window) for window in found)


def _words(window: Window) -> str:
    if isinstance(window, Recurring):
        first = reading_to_text(window.first)[:16].replace("T", " ")
        return f"by a {window.rule.frequency.lower()} recurrence rule from {first} on"
    return text_from_windows((window,)) or ""
