"""Windows of a layer as fields and as lines of text, and back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django import forms
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall.admin.forms.snapshots import is_touched, sent_by
from oncall.admin.schedule.window_lines import (
    InvalidWindow,
    WindowRow,
    rows_of,
    text_from_windows,
    windows_from_line,
    windows_from_text,
)
from oncall.admin.schedule.windows_field import MOST_ROWS, WindowsField
from oncall.aggregates import Draft
from oncall.models import ChangeRecord, Schedule
from oncall.operations import write
from oncall.rendering.codec import layers_from_json, layers_to_json
from oncall.rendering.spec import Always, Daily, Recurring, Rule, Weekly, Window
from oncall.rendering.zones import DAY, HOUR, MINUTE, WEEK
from scripts.attack.forms import Form, _Fields

MakeRow = Callable[..., int]
#: Times as people write them, and any second.
STARTS = st.sampled_from((0, 9 * HOUR, 17 * HOUR, 23 * HOUR + 30 * MINUTE)) | st.integers(0, DAY - 1)
LENGTHS = st.sampled_from((8 * HOUR, DAY, 12 * HOUR + 30 * MINUTE)) | st.integers(1, DAY)
LONG = st.sampled_from((8 * HOUR, DAY, 7 * DAY)) | st.integers(1, WEEK + DAY - 1)
SIMPLE = st.builds(Daily, STARTS, LENGTHS) | st.builds(Weekly, st.integers(1, 7), STARTS, LONG)
RECURRING = st.builds(Recurring, st.just(Rule("MONTHLY")), st.integers(0, 99 * DAY), st.integers(1, DAY))
MONDAY_TO_FRIDAY = tuple(Weekly(day, 9 * HOUR, 8 * HOUR) for day in range(1, 6))


class WindowsForm(forms.Form):
    windows = WindowsField(required=False)

    def __init__(self, data: object = None, *, windows: tuple[Window, ...] | None = None) -> None:
        super().__init__(data, initial={} if windows is None else {"windows": windows})
        field = self.fields["windows"]
        assert isinstance(field, WindowsField)
        field.show(windows or ())


def sent(form: WindowsForm, **changes: str) -> dict[str, str]:
    """What a browser sends for the form after these changes."""
    fields = _Fields()
    fields.feed(str(form["windows"]))
    return {**fields.data, **{f"windows-{name.replace('_', '-')}": value for name, value in changes.items()}}


def saved(form: WindowsForm) -> Any:
    assert form.is_valid(), form.errors
    return form.cleaned_data["windows"]


@settings(deadline=None, max_examples=150)
@given(st.lists(SIMPLE | RECURRING | st.just(Always()), min_size=1, max_size=MOST_ROWS + 3), st.booleans())
def test_untouched_fields_give_the_same_windows(windows: list[Window], again: bool) -> None:
    stored = tuple(windows)
    data = sent(WindowsForm(windows=stored))
    if again:  # the form is shown again, because another field is wrong
        data = sent(WindowsForm(data, windows=stored))
    form = WindowsForm(data, windows=stored)
    assert saved(form) == stored
    assert not form.has_changed()


@settings(deadline=None)
@given(st.lists(SIMPLE | st.just(Always()), min_size=1))
def test_windows_written_as_lines_are_read_back(windows: list[Window]) -> None:
    text = text_from_windows(windows)
    assert text is not None
    assert windows_from_text(text) == tuple(windows)


@settings(deadline=None)
@given(st.lists(SIMPLE, min_size=1, max_size=MOST_ROWS))
def test_fields_and_lines_accept_the_same(windows: list[Window]) -> None:
    text = text_from_windows(windows)
    assert saved(WindowsForm({"windows": text})) == tuple(windows)


def test_days_with_the_same_times_are_one_row() -> None:
    assert rows_of(MONDAY_TO_FRIDAY) == [WindowRow((1, 2, 3, 4, 5), 9 * HOUR, 8 * HOUR)]
    data = sent(WindowsForm(windows=MONDAY_TO_FRIDAY))
    shown = {name.removeprefix("windows-0-"): value for name, value in data.items() if name.startswith("windows-0-")}
    days = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "on")
    assert shown == {**days, "from": "09:00", "until": "17:00", "length": "", "unit": "hours"}
    assert data["windows-1-from"] == ""  # an empty row follows
    assert "windows-2-from" not in data


def test_a_row_is_added_and_removed_without_scripts() -> None:
    stored = (Daily(9 * HOUR, HOUR),)
    data = sent(WindowsForm(windows=stored), **{"1_sat": "on", "1_sun": "on", "1_from": "08:00", "1_length": "12"})
    both = (*stored, Weekly(6, 8 * HOUR, 12 * HOUR), Weekly(7, 8 * HOUR, 12 * HOUR))
    assert saved(WindowsForm(data, windows=stored)) == both
    left = sent(WindowsForm(windows=both), **{"0_remove": "on"})
    assert saved(WindowsForm(left, windows=both)) == both[1:]
    none = sent(WindowsForm(windows=stored), **{"0_remove": "on"})
    assert saved(WindowsForm(none, windows=stored)) == (Always(),)


@pytest.mark.parametrize(
    ("row", "window"),
    [
        ({"daily": "on", "from": "22:00", "until": "06:00"}, Daily(22 * HOUR, 8 * HOUR)),
        ({"daily": "on", "from": "17:00", "until": "00:00"}, Daily(17 * HOUR, 7 * HOUR)),
        ({"daily": "on", "from": "17:00", "until": "24:00"}, Daily(17 * HOUR, 7 * HOUR)),
        ({"daily": "on", "from": "00:00", "until": "24:00"}, Daily(0, DAY)),
        ({"fri": "on", "from": "20:30", "length": "750", "unit": "minutes"}, Weekly(5, 73_800, 45_000)),
        ({"mon": "on", "from": "09:00", "length": "7", "unit": "days"}, Weekly(1, 9 * HOUR, WEEK)),
        ({"mon": "on", "from": "09:00", "until": "10:00", "length": "1"}, Weekly(1, 9 * HOUR, HOUR)),
    ],
)
def test_a_row_means_this_window(row: dict[str, str], window: Window) -> None:
    data = {f"windows-0-{part}": value for part, value in row.items()}
    assert saved(WindowsForm(data)) == (window,)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"from": "09:00", "until": "10:00"}, "Tick either “every day” or single days."),
        ({"daily": "on", "mon": "on", "from": "09:00", "until": "10:00"}, "Tick either “every day” or single days."),
        ({"mon": "on", "until": "10:00"}, "Write from when on it is open."),
        ({"mon": "on", "from": "09:00"}, "Write until when, or how long it is open."),
        ({"mon": "on", "from": "09:00", "until": "09:00"}, "It starts and ends at the same time."),
        ({"mon": "on", "from": "09:00", "until": "11:00", "length": "1"}, "“until” and the length disagree."),
        ({"mon": "on", "from": "24:00", "length": "1"}, "No window starts at 24:00."),
        ({"mon": "on", "from": "25:00", "length": "1"}, "“25:00” is no time of day like 17:00."),
        ({"mon": "on", "from": "9", "length": "1"}, "“9” is no time of day like 17:00."),
        ({"mon": "on", "from": "09:00", "length": "0"}, "its length is 0 seconds; it must be more than 0"),
        ({"mon": "on", "from": "09:00", "length": "8", "unit": "days"}, "at most one second less than eight days."),
        (
            {"daily": "on", "from": "09:00", "length": "25"},
            "its length is 90000 seconds; it must be more than 0 and at",
        ),
        ({"mon": "on", "from": "09:00", "length": "1.5"}, "The length must be a whole number."),
        ({"mon": "on", "from": "09:00", "length": "9" * 99}, "The length must be a whole number."),
        ({"kept": "0"}, "It has changed while you were editing."),
    ],
)
def test_a_row_that_is_no_window_is_refused_in_words_and_shown_again(row: dict[str, str], words: str) -> None:
    data = {"windows-0-from": "", **{f"windows-1-{part}": value for part, value in row.items()}}
    form = WindowsForm(data)
    (error,) = form.errors["windows"]
    assert error.startswith("Window 2: ")
    assert words in error
    again = sent(form)
    assert {part: again[f"windows-0-{part}"] for part in row} == row


def test_no_row_is_lost_however_often_the_form_is_shown_again() -> None:
    stored = tuple(Weekly(1, n * HOUR, MINUTE) for n in range(MOST_ROWS))
    form = WindowsForm(windows=stored)
    for number in range(MOST_ROWS, MOST_ROWS + 4):  # each time another row is typed, and an error elsewhere
        form = WindowsForm(sent(form, **{f"{number}_tue": "on", f"{number}_from": "09:00"}), windows=stored)
        assert len(form.errors["windows"]) == number - MOST_ROWS + 1
    assert len([name for name in sent(form) if name.endswith("-from")]) == MOST_ROWS + 5


@pytest.mark.parametrize(
    ("line", "windows"),
    [
        ("mon-fri 09:00 for 8h", MONDAY_TO_FRIDAY),
        ("mon–fri 9:00–17:00", MONDAY_TO_FRIDAY),
        ("Monday - Friday 09:00 until 17:00", MONDAY_TO_FRIDAY),
        ("mon, tue wed,thurs fri 09:00 for 8h", MONDAY_TO_FRIDAY),
        ("daily 17:00 for 10h", (Daily(17 * HOUR, 10 * HOUR),)),
        ("every day 22:00 until 6:00", (Daily(22 * HOUR, 8 * HOUR),)),
        ("fri 20:30 for 12h30m", (Weekly(5, 73_800, 45_000),)),
        ("sun-mon 00:00 until 24:00", (Weekly(1, 0, DAY), Weekly(7, 0, DAY))),
        ("mon 09:00 for 7d", (Weekly(1, 9 * HOUR, WEEK),)),
        ("always", (Always(),)),
    ],
)
def test_a_line_means_these_windows(line: str, windows: tuple[Window, ...]) -> None:
    assert windows_from_line(line) == windows


@pytest.mark.parametrize(
    "line",
    ["daily", "daily 17:00", "daily 25:00 for 1h", "someday 17:00 for 1h", "daily 17 for 1h", "daily 17:00 for h",
     "daily 17:61 for 1h", "daily 1:2:3:4 for 1h", "every 17:00 for 1h", "mo 17:00 for 1h", "daily 17:00 for 0h",
     "mon-wed-fri 17:00 for 1h", "daily 24:00 for 1h", "daily 17:00 until 17:00", "mon 09:00 for 9" + "9" * 99 + "h"],
)  # fmt: skip
def test_a_line_that_is_no_window_is_refused_with_the_line(line: str) -> None:
    with pytest.raises(InvalidWindow, match=f"^“{line}”: "):
        windows_from_line(line)


@settings(deadline=None, max_examples=150)
@given(*(st.lists(SIMPLE | RECURRING | st.just(Always()), min_size=1, max_size=MOST_ROWS + 3),) * 2)
def test_windows_that_are_put_in_the_place_of_others_leave_nothing_of_them(
    before: list[Window], after: list[Window]
) -> None:
    data = QueryDict(mutable=True)
    for windows in (before, after):
        form = WindowsForm(windows=tuple(windows))
        for name, texts in sent_by(form, ["windows"], form.initial).items():
            data.setlist(name, texts)
    assert saved(WindowsForm(data, windows=tuple(after))) == tuple(after)
    assert not is_touched(WindowsForm(data, windows=tuple(before)), "windows", {"windows": tuple(after)})


def test_rows_that_were_sent_are_read_without_their_number() -> None:
    data = {"windows-0-mon": "on", "windows-0-from": "09:00", "windows-0-length": "1", "windows-rows": "0"}
    assert saved(WindowsForm(data)) == (Weekly(1, 9 * HOUR, HOUR),)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((Weekly(1, 9 * HOUR, HOUR),), (Weekly(2, 9 * HOUR, HOUR),)),
        ((Weekly(1, 9 * HOUR, HOUR), Daily(0, HOUR)), (Weekly(2, 9 * HOUR, HOUR),)),
        ((Always(),), (Weekly(2, 9 * HOUR, HOUR),)),
        ((Weekly(2, 9 * HOUR, HOUR),), (Always(),)),
        ((Daily(0, HOUR),), (Weekly(1, 0, DAY),)),
        (tuple(Weekly(1, n * MINUTE, MINUTE) for n in range(MOST_ROWS + 1)), (Weekly(1, 9 * HOUR, HOUR),)),
    ],
)
def test_windows_that_somebody_else_changed_are_saved_as_they_are_now(
    before: tuple[Window, ...], after: tuple[Window, ...], form: Any, make: MakeRow, weekly_layers: Any, tester: Any
) -> None:
    def with_windows(windows: tuple[Window, ...]) -> dict[str, Any]:
        (layer,) = layers_from_json(weekly_layers("vacant"))
        return layers_to_json((replace(layer, windows=windows),))

    pk = make("schedule", layers=with_windows(before))
    page = form("schedule", pk)
    write("schedule", [Draft({"layers": with_windows(after)}, id=pk, version=1)], by=tester)
    refused = page.send(description="Mine")
    assert refused.status_code == 200
    response = Form(page.browser, page.url, refused).send()
    assert response.status_code == 302, response.context["adminform"].form.cards.errors
    stored = Schedule.objects.get(pk=pk)
    assert (stored.description, layers_from_json(stored.layers)[0].windows) == ("Mine", after)


def test_always_and_windows_at_once_are_refused() -> None:
    data = sent(WindowsForm(windows=(Always(),)), **{"0_daily": "on", "0_from": "09:00", "0_until": "10:00"})
    assert "Untick “always”" in WindowsForm(data, windows=(Always(),)).errors["windows"][0]
    del data["windows-always"]
    assert saved(WindowsForm(data, windows=(Always(),))) == (Daily(9 * HOUR, HOUR),)


def test_a_recurring_window_has_no_line_and_is_named() -> None:
    monthly = Recurring(Rule("MONTHLY"), 0, HOUR)
    assert text_from_windows([monthly]) is None
    html = str(WindowsForm(windows=(monthly, Daily(0, HOUR)))["windows"])
    assert "by a monthly recurrence rule from 1970-01-01 00:00 on" in html


def test_the_rest_of_a_layer_with_a_recurring_window_can_be_edited(
    form: Any, make: MakeRow, weekly_layers: Any
) -> None:
    rule = {"frequency": "MONTHLY", "interval": 1, "by_day": [], "by_month_day": [1], "by_month": [], "week_start": 1,
            "count": None, "until": None}  # fmt: skip
    monthly = {"type": "recurring", "first": "2026-03-01T09:00:00", "duration": 60, "excluded": [], "added": [],
               "rule": rule}  # fmt: skip
    layers = weekly_layers("vacant")
    layers["layers"][0]["windows"] = [monthly, {"type": "daily", "start": 0, "duration": 60}]
    pk = make("schedule", layers=layers)
    before = ChangeRecord.objects.count()
    assert form("schedule", pk).send().status_code == 302
    assert ChangeRecord.objects.count() == before
    changes = {"layers-0-name": "New", "layers-0-windows": "mon-tue 09:00 for 8h"}
    assert form("schedule", pk).send(**changes).status_code == 302
    (layer,) = layers_from_json(Schedule.objects.get().layers)
    assert layer.name == "New"
    assert layer.windows[0] == layers_from_json(layers)[0].windows[0]
    assert layer.windows[1:] == (Daily(0, 60), *MONDAY_TO_FRIDAY[:2])
