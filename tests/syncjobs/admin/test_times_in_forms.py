"""Every form with a time, around the clock changes of its zone. The forms are those of both admin sites."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django import forms
from django.contrib import admin
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from oncall.admin.everybody.site import everybody
from oncall.admin.forms.times import AtForm, InstantField, ReadingField
from oncall.admin.people import SubstitutionForm
from oncall.admin.schedule.form import OverrideForm
from oncall.admin.schedule.layers import LayerForm
from oncall.admin.schedule.list import page_url
from oncall.aggregates import Draft, ElementChanges
from oncall.models import ChangeRecord, Override, Schedule, Substitution, User
from oncall.operations import Actor, create_account, write
from oncall.rendering.codec import instant_from_text, instant_to_text
from oncall.rendering.zones import DAY, HOUR, MINUTE, at, instants, offset_at, reading, transitions
from scripts.attack.forms import Form, problems
from tests.oncall.conftest import one_level, weekly_layers
from tests.paths import REPOSITORY

pytestmark = pytest.mark.django_db
BY = Actor(None, "test")
#: A zone, and a day before clock changes in both directions.
ZONES = {
    "Europe/Berlin": "2026-03-01T00:00:00Z",
    "America/New_York": "2026-03-01T00:00:00Z",
    "Australia/Lord_Howe": "2026-03-01T00:00:00Z",
    "Africa/Casablanca": "2026-01-01T00:00:00Z",
    "Pacific/Apia": "2011-03-01T00:00:00Z",
}
#: The names by which forms and tests know the fields with times.
TIMES = {
    (OverrideForm, "starts"), (OverrideForm, "ends"),
    (SubstitutionForm, "starts"), (SubstitutionForm, "ends"),
    (LayerForm, "starts"), (LayerForm, "ends"),
    (AtForm, "at"),
}  # fmt: skip
#: The readings that belong to no instant.
READINGS = {(LayerForm, "first")}


@pytest.fixture
def browser(client: Client) -> Client:
    create_account("root@example.com", "long-enough-1", is_staff=True, is_superuser=True)
    client.force_login(User.objects.get(email="root@example.com"))
    return client


# --- which fields there are -------------------------------------------------------------------------------------------


def own_forms(base: type[Any] = forms.BaseForm) -> Iterator[type[Any]]:
    """Every form class of the product that is no form of a model."""
    for each in base.__subclasses__():
        own = each.__module__.split(".")[0] in ("config", "connectors", "oncall", "syncjobs")
        if own and not issubclass(each, forms.ModelForm):  # those are the forms of pages
            yield each
        yield from own_forms(each)


def forms_of_sites() -> Iterator[tuple[type[Any], type[Model]]]:
    """Every form class of the pages of both sites, with the model of its rows."""
    request = RequestFactory().get("/")
    request.user = User.objects.get(is_superuser=True)
    for site in (admin.site, everybody):
        for model, pages in site._registry.items():
            if not pages.has_add_permission(request) and not pages.has_change_permission(request):
                continue  # its pages have no fields
            yield pages.get_form(request), model
            yield pages.get_form(request, change=True), model
            for formset, inline in pages.get_formsets_with_inlines(request):
                yield formset.form, inline.model


def shows_time(field: forms.Field) -> bool:
    of_time = forms.DateField | forms.DateTimeField | forms.TimeField | forms.SplitDateTimeField
    inputs = getattr(field.widget, "widgets", [field.widget])
    types = {getattr(each, "input_type", "") for each in inputs} & {"date", "datetime-local", "month", "time", "week"}
    return isinstance(field, of_time | InstantField | ReadingField) or bool(types)


def named(form: type[Any], model: type[Model] | None) -> type[Any]:
    return next((each for each in (OverrideForm, SubstitutionForm) if issubclass(form, each)), model or form)


def test_every_time_in_a_form_uses_the_one_field(browser: Client) -> None:
    pairs = [*((form, None) for form in own_forms()), *forms_of_sites()]
    assert len(pairs) > 30
    found = {
        (named(form, model), name, type(field))
        for form, model in pairs
        for name, field in form.base_fields.items()
        if shows_time(field)
    }
    assert found == {(*each, InstantField) for each in TIMES} | {(*each, ReadingField) for each in READINGS}


def test_no_template_has_a_field_of_its_own_for_a_date() -> None:
    texts = {path: path.read_text() for path in (REPOSITORY / "templates").rglob("*.html")}
    assert [path for path, text in texts.items() if 'type="date' in text] == []


# --- what they do -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A page with two fields, and the row behind it. make: stores (starts, ends), returns the row's address. stored:
    returns what is stored now. zone: name of the field by which the page can change its own zone."""

    starts: str
    ends: str
    make: Callable[[str, int, int], str]
    stored: Callable[[], tuple[int, int]]
    other: tuple[str, str]
    zone: str = "time_zone"


def _seconds(*moments: datetime | None) -> Any:
    return tuple(int(each.timestamp()) for each in moments if each is not None)


def _url(model: type[Model], pk: int) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])


def _span(starts: int, ends: int) -> dict[str, Any]:
    return {"starts_at": instant_to_text(starts), "ends_at": instant_to_text(ends), "by_key": "vacant"}


def _override(zone: str, starts: int, ends: int) -> str:
    elements = {"overrides": ElementChanges({"local:+": _span(starts, ends)})}
    (written,) = write("schedule", [Draft({"name": "S", "time_zone": zone}, elements)], by=BY)
    return _url(Schedule, written.id)


def _substitution(zone: str, starts: int, ends: int) -> str:
    elements = {"substitutions": ElementChanges({"local:+": {**_span(starts, ends), "scope": None}})}
    (written,) = write("responder", [Draft({"name": "R", "time_zone": zone}, elements)], by=BY)
    return reverse("admin:oncall_responder_change", args=[written.id])


def _layer(zone: str, starts: int, ends: int, *, own: bool = False) -> str:
    layers = weekly_layers("vacant")
    span = {"starts_at": instant_to_text(starts), "ends_at": instant_to_text(ends), "zone": zone if own else None}
    layers["layers"][0] |= span
    fields = {"name": "S", "time_zone": "UTC" if own else zone, "layers": layers}
    (written,) = write("schedule", [Draft(fields)], by=BY)
    return _url(Schedule, written.id)


def _layer_with_zone(zone: str, starts: int, ends: int) -> str:
    return _layer(zone, starts, ends, own=True)


def _stored_layer() -> tuple[int, int]:
    (layer,) = Schedule.objects.get().layers["layers"]
    return instant_from_text(layer["starts_at"]), instant_from_text(layer["ends_at"])


CASES = {
    "override": Case(
        "overrides-0-starts", "overrides-0-ends", _override,
        lambda: _seconds(*Override.objects.values_list("starts_at", "ends_at").get()),
        ("overrides-0-covers_gaps", ""),
    ),
    "substitution": Case(
        "substitutions-0-starts", "substitutions-0-ends", _substitution,
        lambda: _seconds(*Substitution.objects.values_list("starts_at", "ends_at").get()),
        ("title", "Engineer"),
    ),
    "layer": Case("layers-0-starts", "layers-0-ends", _layer, _stored_layer, ("layers-0-name", "New")),
    "layer with its own zone": Case(
        "layers-0-starts", "layers-0-ends", _layer_with_zone, _stored_layer, ("layers-0-name", "New")),
}  # fmt: skip


@dataclass(frozen=True)
class Changes:
    """The first instant after each change of a zone's clock. now: a day before them."""

    now: int
    back: int
    forward: int


def changes_of(zone: str) -> Changes:
    now = instant_from_text(ZONES[zone])
    found = transitions(zone, now, now + 366 * DAY)
    back = next(each for each in found if offset_at(zone, each) < offset_at(zone, each - 1))
    forward = next(each for each in found if offset_at(zone, each) > offset_at(zone, each - 1) and each != back)
    return Changes(now, back, forward)


def text_of(zone: str, instant: int) -> str:
    return instant_to_text(reading(zone, instant))[:16]


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """The zone of the form, and of the site. It is before the clock changes."""
    with time_machine.travel(ZONES[request.param], tick=False), timezone.override(request.param):
        yield request.param


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def test_every_form_with_a_time_is_a_case() -> None:
    stored = {(OverrideForm, 2), (SubstitutionForm, 2), (LayerForm, 2)}
    assert {(form, sum(each is form for each, _ in TIMES)) for form, _ in TIMES - {(AtForm, "at")}} == stored
    assert len(CASES) == len(stored) + 1  # a layer may have its own zone; the pages with AtForm have tests below


def test_an_untouched_form_changes_no_instant(browser: Client, zone: str, case: Case) -> None:
    changes = changes_of(zone)
    # The second pass of the repeated time, and an end that reads earlier than its start.
    for starts, ends in (
        (changes.back + 5 * MINUTE, changes.back + DAY),
        (changes.back - 10 * MINUTE, changes.back + 5 * MINUTE + 17),
    ):
        for model in (Schedule, Substitution):
            model._default_manager.all().delete()
        form = Form(browser, case.make(zone, starts, ends))
        before, records = case.stored(), ChangeRecord.objects.count()
        response = form.send()
        assert response.status_code == 302, problems(response)
        assert (case.stored(), ChangeRecord.objects.count()) == (before, records)
        name, value = case.other
        response = form.send(**{name: value})
        assert response.status_code == 302, problems(response)
        assert case.stored() == before


@pytest.mark.parametrize("case", [each for each in CASES.values() if each.zone], ids=lambda each: each.starts)
def test_an_untouched_instant_stays_if_the_zone_of_the_form_changes(browser: Client, zone: str, case: Case) -> None:
    changes = changes_of(zone)
    form = Form(browser, case.make(zone, changes.back + 5 * MINUTE, changes.back + DAY + 1))
    before = case.stored()
    assert form.send(**{case.zone: "Asia/Kathmandu"}).status_code == 302
    assert case.stored() == before
    # It is shown in the new zone, unless the layer has its own.
    again = Form(browser, form.url)
    assert again.data[case.starts] in {text_of("Asia/Kathmandu", before[0]), text_of(zone, before[0])}
    assert again.send().status_code == 302
    assert case.stored() == before


def test_a_reading_that_occurs_twice_asks_which_and_keeps_what_was_typed(
    browser: Client, zone: str, case: Case
) -> None:
    changes = changes_of(zone)
    second = changes.back + 5 * MINUTE
    first, _ = instants(zone, reading(zone, second))
    form = Form(browser, case.make(zone, changes.back - 3 * DAY, changes.back - 2 * DAY))
    before = case.stored()
    typed = {case.ends: text_of(zone, second), case.other[0]: case.other[1]}
    response = form.send(**typed)
    assert response.status_code == 200
    assert "twice. Choose which one is meant." in response.content.decode()
    assert case.stored() == before
    asked = Sent(browser, form.url, response)
    assert f"{case.ends}_pick" not in asked.data
    assert {name for name, value in typed.items() if asked.data.get(name, "") != value} <= {"_continue"}
    chosen = second if case.ends.startswith("o") else first
    assert asked.send(**{f"{case.ends}_pick": datetime.fromtimestamp(chosen, UTC).isoformat()}).status_code == 302
    assert case.stored()[1] == chosen


class Sent(Form):
    """The form that a response shows again."""

    def __init__(self, browser: Client, url: str, response: Any) -> None:
        super().__init__(browser, url)
        fields = type(self).parse(response)
        self.data = {name: value for name, value in fields.items() if "__prefix__" not in name and name != "q"}
        self.data.pop("_method", None)

    @staticmethod
    def parse(response: Any) -> dict[str, Any]:
        from scripts.attack.forms import _Fields

        found = _Fields()
        found.feed(response.content.decode())
        return found.data


def test_a_choice_survives_an_error_elsewhere(browser: Client, zone: str) -> None:
    changes = changes_of(zone)
    second = changes.back + 5 * MINUTE
    form = Form(browser, _override(zone, changes.back - 3 * DAY, changes.back - 2 * DAY))
    asked = Sent(browser, form.url, form.send(**{"overrides-0-ends": text_of(zone, second), "name": ""}))
    pick = {"overrides-0-ends_pick": datetime.fromtimestamp(second, UTC).isoformat()}
    again = Sent(browser, form.url, asked.send(**pick))
    assert again.data["overrides-0-ends_pick"] == pick["overrides-0-ends_pick"]
    assert again.send(name="Named").status_code == 302
    assert CASES["override"].stored()[1] == second


def test_a_reading_that_does_not_exist_is_refused(browser: Client, zone: str, case: Case) -> None:
    changes = changes_of(zone)
    gap = reading(zone, changes.forward) - 5 * MINUTE
    assert instants(zone, gap) == ()
    form = Form(browser, case.make(zone, changes.forward - 3 * DAY, changes.forward - 2 * DAY))
    response = form.send(**{case.ends: instant_to_text(gap)[:16]})
    assert response.status_code == 200
    nearest = [text_of(zone, each).replace("T", " ") for each in (changes.forward - MINUTE, changes.forward)]
    assert f"The nearest times are {' and '.join(nearest)}." in response.content.decode()


@pytest.mark.parametrize("where", ["schedule", "policy"])
def test_pages_ask_which_instant_a_query_means(browser: Client, zone: str, where: str) -> None:
    changes = changes_of(zone)
    second = changes.back + 5 * MINUTE
    (schedule,) = write("schedule", [Draft({"name": "S", "time_zone": zone, "layers": weekly_layers("vacant")})], by=BY)
    url = page_url(schedule.id)
    if where == "policy":
        levels = one_level(("schedule", f"local:{schedule.id}"))
        (policy,) = write("escalation_policy", [Draft({"name": "P", "levels": levels})], by=BY)
        url = reverse("admin:oncall_escalationpolicy_page", args=[policy.id])
    query = {"at": text_of(zone, second), **({"zone": zone} if where == "policy" else {})}

    def chosen(response: Any) -> int | None:
        context = response.context
        found = context["query"].form if where == "policy" else context["why_at"]
        instant: int | None = found.instant
        return instant

    asked = browser.get(url, query)
    assert "twice. Choose which one is meant." in asked.content.decode()
    assert chosen(asked) is None
    for each in instants(zone, reading(zone, second)):
        pick = datetime.fromtimestamp(each, UTC).isoformat()
        assert chosen(browser.get(url, {**query, "at_pick": pick})) == each
        assert chosen(browser.get(url, {**query, "at": instant_to_text(each)})) == each
    gap = browser.get(url, {**query, "at": instant_to_text(reading(zone, changes.forward) - MINUTE)[:16]})
    assert "The nearest times are" in gap.content.decode()
    far = browser.get(url, {**query, "at": "2300-01-01T00:00"})
    assert "2300-01-01 00:00 is outside the years 1900 to 2200." in far.content.decode()


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Honolulu"])
def test_what_the_form_saves_in_the_last_years_can_be_shown(browser: Client, zone: str) -> None:
    schedule_url = _override(zone, instant_from_text("2199-01-01T00:00:00Z"), instant_from_text("2199-01-02T00:00:00Z"))
    last = at(zone, reading(zone, instant_from_text("2201-01-01T00:00:00Z")))
    for starts, ends in ((last - HOUR, last), (last - 40 * DAY, last - 39 * DAY)):
        form = Form(browser, schedule_url)
        times = {"overrides-0-starts": text_of(zone, starts), "overrides-0-ends": text_of(zone, ends)}
        response = form.send(**times)
        assert response.status_code == 302, problems(response)
        for instant in (starts, ends - 1):
            page = browser.get(page_url(Schedule.objects.get().pk), {"at": instant_to_text(instant)})
            assert page.context["why"] is not None
            rows = {row.label: row for row in page.context["timeline"].rows}
            assert [(bar.start, bar.end) for bar in rows["Overrides and extra shifts"].bars] == [(starts, ends)]
    response = Form(browser, schedule_url).send(**{"overrides-0-ends": text_of(zone, last + MINUTE)})
    assert "is outside the years 1900 to 2200." in response.content.decode()


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Honolulu"])
def test_what_the_form_saves_in_the_first_years_can_be_shown(browser: Client, zone: str) -> None:
    first = instant_from_text("1900-01-01T00:00:00Z")
    form = Form(browser, _layer(zone, first + DAY, first + 2 * DAY))
    windows = {"layers-0-windows-always": "", "layers-0-windows": "daily 22:00 for 8h"}
    typed = instant_to_text(reading(zone, first + MINUTE)).removesuffix("Z")  # local mean time has seconds
    response = form.send(**{"layers-0-starts": typed}, **windows)
    assert response.status_code == 302, problems(response)
    starts, ends = _stored_layer()
    assert (starts, ends) == (first + MINUTE, first + 2 * DAY)
    for instant in (first, starts, ends - 1):
        page = browser.get(page_url(Schedule.objects.get().pk), {"at": instant_to_text(instant)})
        assert page.context["why"].instant == instant_to_text(instant)
        assert page.context["timeline"].since <= instant < page.context["timeline"].until


def test_a_form_that_was_filled_in_another_zone_keeps_the_meaning_of_its_readings(browser: Client) -> None:
    starts = instant_from_text("2199-01-01T08:00:00Z")
    form = Form(browser, _override("Europe/Berlin", starts, starts + HOUR))
    schedule = Schedule.objects.get()
    write("schedule", [Draft({"time_zone": "Asia/Tokyo"}, id=schedule.pk, version=schedule.version)], by=BY)
    typed = {"overrides-0-ends": "2199-01-01T11:00"}
    stale = Sent(browser, form.url, form.send(**typed))
    assert stale.send().status_code == 302
    assert CASES["override"].stored() == (starts, starts + 2 * HOUR)
