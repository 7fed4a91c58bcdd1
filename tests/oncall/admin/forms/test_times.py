"""The fields for dates and times: readings and instants, over zones, years and clock changes."""

from datetime import UTC, datetime, timedelta

import pytest
from django import forms
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall.admin.forms.times import AtForm, FormZone, InstantField, ReadingField, parse_time, set_zone, words
from oncall.rendering.codec import instant_from_text, reading_from_text
from oncall.rendering.spec import EARLIEST, LATEST
from oncall.rendering.zones import DAY, HOUR, instants, reading, transitions, zone_names
from scripts.attack.forms import _Fields

BERLIN = "Europe/Berlin"
#: A day with a repeated and one with a skipped hour; half an hour; the days around Ramadan; a day that does not exist.
CHANGING = (BERLIN, "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia")
ZONES = st.sampled_from((*CHANGING, *sorted(zone_names())))
#: Instants that can be shown in every zone.
INSTANTS = st.integers(EARLIEST, LATEST)


class SampleForm(forms.Form):
    at = InstantField(required=False)
    name = forms.CharField()

    def __init__(self, data: object = None, *, zone: str = BERLIN, fixed: bool = True, at: datetime | None = None):
        super().__init__(data, initial={"at": at})
        set_zone(self, FormZone(zone, fixed))


def sent(form: forms.Form, **changes: str) -> dict[str, str]:
    """What a browser sends for the form after these changes."""
    fields = _Fields()
    fields.feed(str(form["at"]))
    return {**fields.data, **changes}


def moment(text: str) -> datetime:
    return datetime.fromtimestamp(instant_from_text(text), UTC)


def around_changes(zone: str, number: int, seconds: int) -> int:
    """An instant near one of the zone's clock changes in this century, or near a round one if it has none."""
    changes = transitions(zone, 946_684_800, 1_893_456_000) or (1_700_000_000,)
    return changes[number % len(changes)] + seconds


NEAR = st.builds(around_changes, ZONES, st.integers(0, 99), st.integers(-2 * HOUR, 2 * HOUR))


@settings(deadline=None, max_examples=200)
@given(ZONES, ZONES, st.one_of(INSTANTS, NEAR), st.integers(0, 999_999), st.booleans())
def test_an_untouched_instant_stays_the_same_also_if_the_zone_changes(
    zone: str, other: str, instant: int, micro: int, again: bool
) -> None:
    stored = datetime.fromtimestamp(instant, UTC) + timedelta(microseconds=micro)
    data = sent(SampleForm(zone=zone, at=stored))
    if again:  # the form is shown again, because another field is wrong
        data = sent(SampleForm(data, zone=other, at=stored))
    form = SampleForm({**data, "name": "x"}, zone=other, at=stored)
    assert form.is_valid(), form.errors
    assert (form.cleaned_data["at"], form.changed_data) == (stored, ["name"])


@settings(deadline=None, max_examples=200)
@given(ZONES, st.integers(0, 99), st.integers(-2 * HOUR, 2 * HOUR), st.booleans(), st.booleans())
def test_a_typed_reading_means_its_instant_or_asks_which_or_names_the_nearest(
    zone: str, number: int, seconds: int, fixed: bool, before: bool
) -> None:
    instant = around_changes(zone, number, seconds)
    typed = instant + (reading(zone, instant - 3 * HOUR if before else instant + 3 * HOUR) - (
        instant - 3 * HOUR if before else instant + 3 * HOUR))  # fmt: skip
    text = words(typed).replace(" ", "T")
    form = SampleForm({"at": text}, zone=zone, fixed=fixed)
    found, errors = instants(zone, typed), form.errors.get("at", [])
    if len(found) == 1:
        assert not errors
        assert int(form.cleaned_data["at"].timestamp()) == found[0]
    elif not found:
        (error,) = errors
        nearest = error.partition("nearest times are ")[2].rstrip(".").split(" and ")
        assert [len(instants(zone, reading_from_text(each))) for each in nearest] == [1, 1]
    else:
        assert "twice" in errors[0]
        shown = sent(form)
        assert "at_pick" not in shown  # nothing is chosen
        assert shown["at"] == text
        for each in found:
            picked = {**shown, "at_pick": datetime.fromtimestamp(each, UTC).isoformat()}
            first = SampleForm(picked, zone=zone, fixed=fixed)
            second = SampleForm({**sent(first), "name": "x"}, zone=zone, fixed=fixed)
            assert second.is_valid(), second.errors
            assert int(second.cleaned_data["at"].timestamp()) == each


def test_the_two_passes_of_an_hour_are_named() -> None:
    html = str(SampleForm({"at": "2026-10-25T02:30"})["at"])
    assert "2026-10-25 02:30 occurs twice. Which one?" in html
    assert "first 02:30 (CEST, UTC+2)" in html
    assert "second 02:30 (CET, UTC+1)" in html
    assert "checked" not in html
    half = str(SampleForm({"at": "2026-04-05T01:45"}, zone="Australia/Lord_Howe")["at"])
    assert "first 01:45 (UTC+11)" in half
    assert "second 01:45 (UTC+10:30)" in half
    stored = str(SampleForm(at=moment("2026-10-25T01:30:00Z"))["at"])
    assert 'value="2026-10-25T01:30:00+00:00" checked> second 02:30' in stored


def test_a_time_that_does_not_exist_names_the_nearest_ones() -> None:
    assert SampleForm({"at": "2026-03-29T02:30"}).errors["at"] == [
        "2026-03-29 02:30 does not exist in Europe/Berlin, because the clock is put forward. The nearest times are "
        "2026-03-29 01:59 and 2026-03-29 03:00."
    ]
    (apia,) = SampleForm({"at": "2011-12-30T12:00"}, zone="Pacific/Apia").errors["at"]
    assert apia.endswith("The nearest times are 2011-12-29 23:59 and 2011-12-31 00:00.")


def test_the_other_pass_can_be_chosen_for_a_stored_instant() -> None:
    stored = moment("2026-10-25T01:30:15Z")
    data = sent(SampleForm(at=stored), at_pick="2026-10-25T00:30:15+00:00", name="x")
    form = SampleForm(data, at=stored)
    assert form.is_valid()
    assert form.cleaned_data["at"] == moment("2026-10-25T00:30:15Z")
    assert form.changed_data == ["at", "name"]


def test_a_choice_ends_with_its_reading_and_in_a_new_row_with_its_zone() -> None:
    data = sent(SampleForm({"at": "2026-10-25T02:30"}), at_pick="2026-10-25T01:30:00+00:00")
    moved = SampleForm({**data, "at": "2026-10-26T02:30"})
    assert moved.errors == {"name": ["This field is required."]}
    assert moved.cleaned_data["at"] == moment("2026-10-26T01:30:00Z")
    new_row = SampleForm({"at": "2026-10-25T02:30"}, fixed=False)
    data = sent(new_row, at_pick="2026-10-25T01:30:00+00:00")
    elsewhere = SampleForm(data, zone="America/New_York", fixed=False)
    assert "at" not in elsewhere.errors
    assert elsewhere.cleaned_data["at"] == moment("2026-10-25T06:30:00Z")


def test_a_reading_is_of_the_zone_in_which_the_form_was_filled() -> None:
    data = sent(SampleForm(at=moment("2026-03-02T08:00:00Z")), at="2026-03-02T10:00", name="x")
    form = SampleForm(data, zone="Asia/Kathmandu", at=moment("2026-03-02T08:00:00Z"))
    assert form.is_valid()
    assert form.cleaned_data["at"] == moment("2026-03-02T09:00:00Z")


def test_the_times_of_a_deleted_row_stay_in_their_zone_however_often_its_form_is_sent() -> None:
    stored = moment("2026-10-25T01:30:00Z")  # the second 02:30 in Berlin
    data = sent(SampleForm(at=stored))
    for _ in range(2):
        form = SampleForm(data, zone="Asia/Tokyo", fixed=False)
        assert "at" not in form.errors
        assert form.cleaned_data["at"] == stored
        data = sent(form)
    typed = SampleForm({**data, "at": "2026-10-26T02:30"}, zone="Asia/Tokyo", fixed=False)
    assert "at" not in typed.errors
    assert typed.cleaned_data["at"] == moment("2026-10-26T01:30:00Z")


def test_an_instant_survives_a_new_time_zone_database(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = moment("2026-10-25T01:30:00Z")
    data = sent(SampleForm(at=stored))
    monkeypatch.setattr("oncall.admin.forms.times.instants", lambda zone, reading: ())
    form = SampleForm({**data, "name": "x"}, at=stored)
    assert form.is_valid()
    assert form.changed_data == ["name"]


@pytest.mark.parametrize("text", ["2201-01-02T00:00", "1899-12-30T00:00", "9999-12-31T23:59", "0001-01-01T00:00"])
def test_years_that_cannot_be_rendered_are_refused(text: str) -> None:
    day = text.replace("T", " ")
    assert SampleForm({"at": text}).errors["at"] == [f"{day} is outside the years 1900 to 2200."]
    with pytest.raises(forms.ValidationError, match="is outside the years 1900 to 2200"):
        ReadingField().clean(text)


def test_the_first_and_the_last_instant_can_be_typed() -> None:
    for text, instant in (("1900-01-01T00:00", EARLIEST), ("2201-01-01T00:00", LATEST)):
        form = SampleForm({"at": text, "name": "x"}, zone="UTC")
        assert form.is_valid(), form.errors
        assert int(form.cleaned_data["at"].timestamp()) == instant
    assert "outside the years" in str(SampleForm({"at": "2200-12-31T20:00"}, zone="Pacific/Honolulu").errors["at"])


@pytest.mark.parametrize("text", ["soon", "02:30", "2026-13-01T00:00", "+12026-01-01T00:00", "2026-10-25T02:30+99:00"])
def test_a_text_that_is_no_time_is_refused_and_shown_again(text: str) -> None:
    form = SampleForm({"at": text, "at_shown": "Mars/Base x", "at_pick": "never"})
    assert form.errors["at"] == ["Write a date and a time like 2026-03-02 09:00."]
    assert f'value="{text}"' in str(form["at"])


def test_an_instant_with_its_offset_needs_no_choice() -> None:
    form = AtForm({"at": "2026-10-25T02:30:00+01:00"}, BERLIN, 0)
    assert form.instant == instant_from_text("2026-10-25T01:30:00Z")
    assert sent(form)["at"] == "2026-10-25T02:30"
    assert AtForm({"at": "2026-10-25T02:30"}, BERLIN, 0).instant is None
    assert AtForm({}, BERLIN, 5 * DAY).instant is None
    assert sent(AtForm({}, BERLIN, 5 * DAY + 30))["at"] == "1970-01-06T01:00"


def test_a_browser_accepts_the_seconds_of_a_stored_time() -> None:
    assert 'step="1"' in str(SampleForm(at=moment("2026-10-25T00:30:15Z"))["at"])
    assert 'step="60"' in str(SampleForm(at=moment("2026-10-25T00:30:00Z"))["at"])
    assert 'step="1"' in str(SampleForm({"at": "2026-10-25T00:30:15"})["at"])


def test_a_required_instant_has_to_be_typed() -> None:
    assert InstantField().has_changed(None, "") is False
    with pytest.raises(forms.ValidationError, match="required"):
        InstantField().clean("")
    assert parse_time("2026-03-02T09:00") == reading_from_text("2026-03-02T09:00")
