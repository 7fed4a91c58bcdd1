"""Tests reading schedules and states."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oncall.aggregates import Draft, ElementChanges, Kind
from oncall.models import Responder, Schedule
from oncall.operations import Actor, write
from oncall.rendering.codec import instant_from_text
from oncall.rendering.final import render_final
from oncall.rendering.spec import LATEST, Participant, person
from oncall.selectors.participants import Name, participant_names
from oncall.selectors.schedules import OnCall, on_call, specs
from oncall.selectors.states import load_states

pytestmark = pytest.mark.django_db
MakeRow = Callable[..., int]
MONDAY = instant_from_text("2026-03-02T08:00:00Z")  # 09:00 in Berlin
HOUR = 3_600


@pytest.fixture
def primary(make: MakeRow, tester: Actor, weekly_layers: Callable[..., Any]) -> tuple[int, int, int, int]:
    """Returns (schedule, Ana, Ben, Cleo). Ana and Ben take weekly turns; Cleo replaces Ana, also on Tuesday."""
    ana, ben, cleo = (make("responder", name=name) for name in ("Ana", "Ben", "Cleo"))
    away = {
        "by_key": f"person:local:{cleo}",
        "scope": None,
        "starts_at": "2026-03-03T00:00:00Z",
        "ends_at": "2026-03-04T00:00:00Z",
    }
    write("responder", [Draft({}, {"substitutions": ElementChanges({"local:+": away})}, id=ana, version=1)], by=tester)
    resolve: dict[tuple[Kind, str], int] = {("responder", "3:PANA"): ana, ("responder", "3:PBEN"): ben}
    override = {
        "starts_at": "2026-03-02T10:00:00Z",
        "ends_at": "2026-03-02T11:00:00Z",
        "by_key": f"person:local:{cleo}",
        "sources": ["L1"],
        "replaces": "person:3:PANA",
    }
    extra = {"starts_at": "2026-03-02T20:00:00Z", "ends_at": "2026-03-02T21:00:00Z", "by_key": f"person:local:{ben}"}
    fields = {
        "name": "Primary",
        "time_zone": "Europe/Berlin",
        "layers": weekly_layers("person:3:PANA", "person:3:PBEN"),
    }
    elements = {"overrides": ElementChanges({"3:S:O": override}), "extra_shifts": ElementChanges({"3:S:X": extra})}
    schedule = write("schedule", [Draft(fields, elements)], by=tester, resolve=resolve)[0].id
    return schedule, ana, ben, cleo


def test_a_schedule_is_read_with_everything_that_rendering_needs(
    primary: tuple[int, int, int, int], django_assert_max_num_queries: Any
) -> None:
    schedule, ana, ben, cleo = primary
    with django_assert_max_num_queries(5):
        spec, substitutions = specs([schedule])[schedule]
    spans = render_final(spec, substitutions, MONDAY, MONDAY + 24 * HOUR)
    got = [((span.start - MONDAY) // HOUR, tuple(map(str, span.participants))) for span in spans]
    assert got == [
        (0, (f"local:{ana}",)),
        (2, (f"local:{cleo}",)),
        (3, (f"local:{ana}",)),
        (12, (f"local:{ana}", f"local:{ben}")),
        (13, (f"local:{ana}",)),
        (16, (f"local:{cleo}",)),  # Tuesday by UTC
    ]


def test_ended_elements_can_be_left_out(primary: tuple[int, int, int, int]) -> None:
    spec, substitutions = specs([primary[0]], since=MONDAY + 12 * HOUR)[primary[0]]
    assert (len(spec.overrides), len(spec.extra_shifts), len(substitutions)) == (0, 1, 1)


def test_an_imported_substitution_applies_where_a_key_of_its_person_is_of_its_source(
    primary: tuple[int, int, int, int], tester: Actor
) -> None:
    schedule, ana, ben, _ = primary
    away = {
        "by_key": f"person:local:{ben}",
        "scope": None,
        "starts_at": "2026-03-02T08:00:00Z",
        "ends_at": "2026-03-02T09:00:00Z",
    }
    for key in ("4:ANA:R1", "3:PANA:R2"):
        version = Responder.objects.get(pk=ana).version
        draft = Draft({}, {"substitutions": ElementChanges({key: away})}, id=ana, version=version)
        write("responder", [draft], by=tester)
        spec, substitutions = specs([schedule])[schedule]
        on_call = render_final(spec, substitutions, MONDAY, MONDAY + 1)[0].participants
        assert on_call == (person(f"local:{ben if key.startswith('3:') else ana}"),)


def test_names_of_participants_in_one_query(
    primary: tuple[int, int, int, int], make: MakeRow, weekly_layers: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    schedule, ana, ben, cleo = primary
    group = make("user_group", name="Team")
    other = make("schedule", layers=weekly_layers(f"group:local:{group}", "person:9:UNKNOWN"))
    with django_assert_num_queries(1):
        names = participant_names([schedule, other])
    assert names == {
        person("3:PANA"): Name(ana, "Ana"),
        person(f"local:{ana}"): Name(ana, "Ana"),
        person("3:PBEN"): Name(ben, "Ben"),
        person(f"local:{ben}"): Name(ben, "Ben"),
        person(f"local:{cleo}"): Name(cleo, "Cleo"),
        Participant("group", f"local:{group}"): Name(None, "Team"),
        Participant("group_routing", f"local:{group}"): Name(None, "Team"),
    }


def on_call_in(schedules: list[int], instant: int) -> dict[int, OnCall]:
    return {pk: on_call(*loaded, instant) for pk, loaded in specs(schedules, since=instant).items()}


def test_on_call_returns_who_until_when_and_who_follows(
    primary: tuple[int, int, int, int], make: MakeRow, weekly_layers: Callable[..., Any]
) -> None:
    schedule, ana, _, cleo = primary
    nobody = make("schedule", name="Empty")
    alone = make("schedule", name="Alone", layers=weekly_layers("person:3:X"))
    both = weekly_layers("person:3:X", "person:3:Y")["layers"] + weekly_layers("person:3:Z", key="L2")["layers"]
    together = {"format": 1, "layers": both}
    concurrent = make("schedule", name="Both", composition="concurrent", layers=together)
    unknown = make("schedule", name="Unknown", zone_state="unknown", time_zone="", active=False)
    now = on_call_in([schedule, nobody, alone, concurrent, unknown], MONDAY)
    assert now == {
        schedule: OnCall((person(f"local:{ana}"),), MONDAY + 2 * HOUR, (person(f"local:{cleo}"),)),
        nobody: OnCall(),
        alone: OnCall((person("3:X"),)),
        concurrent: OnCall((person("3:X"), person("3:Z")), MONDAY + 7 * 24 * HOUR, (person("3:Y"), person("3:Z"))),
    }


def test_a_schedule_that_cannot_be_rendered_has_a_reason(primary: tuple[int, int, int, int]) -> None:
    (answer,) = on_call_in([primary[0]], LATEST).values()
    assert "not a range" in answer.reason
    assert (answer.now, answer.until) == ((), None)


def test_thirty_schedules_take_as_many_queries_as_three(
    primary: tuple[int, int, int, int], make: MakeRow, weekly_layers: Callable[..., Any]
) -> None:
    def queries(schedules: list[int]) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert all(answer.now for answer in on_call_in(schedules, MONDAY).values())
        return len(captured)

    made = [make("schedule", name=f"S{n}", layers=weekly_layers("person:3:PANA")) for n in range(29)]
    assert queries([primary[0], *made[:2]]) == queries([primary[0], *made]) <= 5


def test_states_can_be_read_for_a_queryset(make: MakeRow, django_assert_num_queries: Any) -> None:
    members = {"members": {"3:T:P": {"person_key": "3:P", "role": "manager"}}}
    pks = [make("user_group", {"members": {f"3:T{n}:P": members["members"]["3:T:P"]}}) for n in range(3)]
    local = make("user_group", {"members": {"local:+": {"person_key": "3:Q", "role": ""}}}, name="Other")
    from oncall.models import UserGroup

    with django_assert_num_queries(2):
        states = load_states("user_group", UserGroup.objects.filter(name="Payments").values("pk"))
    assert sorted(states) == pks
    assert states[pks[1]].elements == {"members": {"3:T1:P": {"person_key": "3:P", "role": "manager"}}}
    (key,) = load_states("user_group", [local])[local].elements["members"]
    assert key.startswith("local:")


def test_many_ids_are_read_in_batches(make: MakeRow, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3 * 4):  # three lists, four tables
        assert load_states("responder", range(1, 1_201)) == {}


def test_instants_are_whole_seconds_of_utc(make: MakeRow) -> None:
    pk = make(
        "schedule",
        {
            "overrides": {
                "3:S:O": {
                    "starts_at": "2026-03-02T09:00:00.5+01:00",
                    "ends_at": datetime(2026, 3, 2, 9, tzinfo=UTC).isoformat(),
                    "by_key": "vacant",
                }
            }
        },
    )
    values = load_states("schedule", [pk])[pk].elements["overrides"]["3:S:O"]
    assert (values["starts_at"], values["ends_at"]) == ("2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z")
    assert Schedule.objects.count() == 1
    assert not Responder.objects.exists()
