"""The command ``on_call``: who is on call, until when, who is next, and why."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connectors.models import Connection
from oncall.aggregates import Draft, ElementChanges
from oncall.models import Schedule
from oncall.operations import Actor, write
from oncall.rendering.spec import INACTIVE
from syncjobs.models import ExternalLink, LinkState
from tests.oncall.conftest import DEFAULTS, MakeRow, weekly_layers
from tests.syncjobs.management.test_shell import document, shell

pytestmark = pytest.mark.django_db

AT = "2026-03-02T10:30:00Z"


@pytest.fixture
def make(db: None) -> MakeRow:
    def make_row(kind: Any, elements: Any = None, **fields: Any) -> int:
        changes = {name: ElementChanges(put=put) for name, put in (elements or {}).items()}
        return write(kind, [Draft({**DEFAULTS[kind], **fields}, changes)], by=Actor(None, "test"))[0].id

    return make_row


@pytest.fixture
def primary(make: MakeRow) -> tuple[int, int, int]:
    """(schedule, Ana, Ben): weekly by turns, in Berlin."""
    ana, ben = make("responder", name="Ana"), make("responder", name="Ben")
    layers = weekly_layers(f"person:local:{ana}", f"person:local:{ben}")
    return make("schedule", name="Primary", layers=layers), ana, ben


def covered_by_ben(ben: int) -> dict[str, Any]:
    return {
        "starts_at": "2026-03-02T10:00:00Z",
        "ends_at": "2026-03-02T11:00:00Z",
        "by_key": f"person:local:{ben}",
    }


def test_people_are_named_with_what_comes_next(primary: tuple[int, int, int]) -> None:
    code, out = shell("on_call", "--at", AT)
    assert code == 0
    head, row = out.splitlines()
    assert head.split() == ["id", "schedule", "on", "call", "until", "then"]
    assert row.split() == [
        str(primary[0]), "Primary", "Ana", "2026-03-09T08:00:00Z", "Ben", "current", "configuration",
    ]  # fmt: skip


def test_the_document(primary: tuple[int, int, int]) -> None:
    schedule, ana, ben = primary
    assert document("on_call", "--at", AT) == {
        "at": AT,
        "schedules": [
            {
                "id": schedule,
                "name": "Primary",
                "active": True,
                "on_call": [{"participant": f"person:local:{ana}", "name": "Ana"}],
                "until": "2026-03-09T08:00:00Z",
                "next": [{"participant": f"person:local:{ben}", "name": "Ben"}],
                "reason": "",
                "basis": "current configuration",
                "unread": {},
            }
        ],
    }


def test_the_default_is_now(primary: tuple[int, int, int]) -> None:
    (answer,) = document("on_call")["schedules"]
    assert answer["basis"] == ""
    assert answer["on_call"][0]["name"] in ("Ana", "Ben")


def test_why_names_what_decides(make: MakeRow) -> None:
    ana, ben = make("responder", name="Ana"), make("responder", name="Ben")
    layers = weekly_layers(f"person:local:{ana}")
    pk = make("schedule", {"overrides": {"3:S:O": covered_by_ben(ben)}}, name="Primary", layers=layers)
    code, out = shell("on_call", "--at", AT, "--why")
    assert code == 0
    assert out.splitlines()[2:] == [
        "",
        "Primary: Ben",
        "  layer Weekly: Ana; turn 0, place 1, 2026-03-02T08:00:00Z to 2026-03-09T08:00:00Z",
        "    override 3:S:O: Ben instead of Ana",
    ]
    (answer,) = document("on_call", "--at", AT, "--why")["schedules"]
    assert (answer["id"], answer["why"]["participants"]) == (pk, [f"person:local:{ben}"])
    assert answer["why"]["sources"] == [
        {
            "kind": "layer",
            "key": "L1",
            "name": "Weekly",
            "state": "open",
            "own": [f"person:local:{ana}"],
            "window": {"index": 0, "start": None, "end": None},
            "next_opening": None,
            "turns": [{"number": 0, "position": 0, "start": "2026-03-02T08:00:00Z", "end": "2026-03-09T08:00:00Z"}],
            "replaced": [{"override": "3:S:O", "person": f"person:local:{ana}", "by": f"person:local:{ben}"}],
            "covered_by": None,
        }
    ]


def test_why_says_what_is_closed_covered_and_substituted(make: MakeRow) -> None:
    ana, ben = make("responder", name="Ana"), make("responder", name="Ben")
    away = {
        "by_key": "vacant", "scope": None, "starts_at": "2026-03-02T00:00:00Z", "ends_at": "2026-03-04T00:00:00Z",
    }  # fmt: skip
    write("responder", [Draft({}, {"substitutions": ElementChanges({"local:+": away})}, id=ana, version=1)],
          by=Actor(None, "test"))  # fmt: skip
    top, middle, low, late = (
        weekly_layers(f"person:local:{who}", key=key)["layers"][0]
        for key, who in (("a", ben), ("b", ana), ("c", ben), ("d", ben))
    )
    top["windows"] = [{"type": "daily", "start": 13 * 3600, "duration": 3600}]
    middle["windows"] = [{"type": "daily", "start": 9 * 3600, "duration": 8 * 3600}]
    middle["name"] = ""
    late["starts_at"] = "2026-03-03T00:00:00Z"
    shift = {"starts_at": "2026-03-02T10:00:00Z", "ends_at": "2026-03-02T11:00:00Z", "by_key": "vacant"}
    layers = {"format": 1, "layers": [top, middle, low, late]}
    make("schedule", {"extra_shifts": {"3:S:X": shift}}, name="Stack", layers=layers)
    week = "turn 0, place 1, 2026-03-02T08:00:00Z to 2026-03-09T08:00:00Z"
    assert shell("on_call", "--at", AT, "--why")[1].splitlines()[2:] == [
        "",
        "Stack: nobody",
        "  layer Weekly: none of its windows is open; opens 2026-03-02T12:00:00Z",
        f"  layer b: Ana; {week}; window 1, 2026-03-02T08:00:00Z to 2026-03-02T16:00:00Z",
        f"  layer Weekly: Ben; {week}; covered by layer b",
        "  layer Weekly: it has not started; opens 2026-03-03T00:00:00Z; covered by layer b",
        "  extra shift 3:S:X: nobody",
        "  substitution " + substitution_key("Stack") + ": nobody instead of Ana",
    ]


def substitution_key(name: str) -> str:
    (answer,) = document("on_call", "--at", AT, "--why", "--schedule", name)["schedules"]
    (substituted,) = answer["why"]["substituted"]
    assert substituted["replacement"] == "vacant"
    return str(substituted["substitution"])


def test_without_layers_an_override_is_all_there_is_to_say(make: MakeRow) -> None:
    ben = make("responder", name="Ben")
    make("schedule", {"overrides": {"3:S:O": covered_by_ben(ben)}}, name="Bare")
    assert shell("on_call", "--at", AT, "--why")[1].splitlines()[2:] == ["", "Bare: Ben", "    override 3:S:O: Ben"]


def test_one_schedule_by_name_whatever_its_case(primary: tuple[int, int, int], make: MakeRow) -> None:
    make("schedule", name="Secondary")
    names = [each["name"] for each in document("on_call", "--schedule", " PRIMARY ")["schedules"]]
    assert names == ["Primary"]


def test_an_ambiguous_name_lists_both(primary: tuple[int, int, int], make: MakeRow) -> None:
    ana = primary[1]
    other = make("schedule", name="primary ", layers=weekly_layers(f"person:local:{ana}"), active=False)
    found = document("on_call", "--schedule", "Primary")["schedules"]
    assert [(each["id"], each["active"]) for each in found] == [(primary[0], True), (other, False)]
    assert (found[1]["on_call"], found[1]["until"], found[1]["reason"]) == ([], None, INACTIVE)
    code, out = shell("on_call", "--schedule", "Primary")
    assert (code, out.count("Ana"), out.count(INACTIVE)) == (0, 1, 1)


def test_an_unknown_name_is_one_clear_error(primary: tuple[int, int, int]) -> None:
    assert shell("on_call", "--schedule", "Primarx") == (
        64, "There is no schedule 'Primarx'. Similar names: Primary.",
    )  # fmt: skip
    assert shell("on_call", "--schedule", "Zzz") == (64, "There is no schedule 'Zzz'.")


@pytest.mark.parametrize("at", ["tomorrow", "2026-03-02T10:30:00", "1815-12-10T00:00:00Z", "2201-01-01T00:00:00Z"])
def test_an_instant_that_is_none_is_refused(at: str, primary: tuple[int, int, int]) -> None:
    code, out = shell("on_call", "--at", at)
    assert code == 64
    assert at in out


def test_an_unknown_answer_is_named_and_waits_for_a_person(primary: tuple[int, int, int], make: MakeRow) -> None:
    make("schedule", name="Unsettled", zone_state="unknown", time_zone="", active=False)
    Schedule.objects.filter(pk=make("schedule", name="Older")).update(layers={"format": 0})
    code, out = shell("on_call", "--why", "--at", AT)
    assert code == 3
    assert f"{INACTIVE} Its time zone is not settled: choose it on the page of the schedule." in out
    assert "Ana" in out
    reasons = {each["name"]: each["reason"] for each in document("on_call")["schedules"]}
    assert reasons == {
        "Primary": "",
        "Unsettled": f"{INACTIVE} Its time zone is not settled: choose it on the page of the schedule.",
        "Older": "it is stored in a form that cannot be read: sync again, or edit its layers",
    }


def test_a_person_without_a_row_is_shown_by_key(make: MakeRow) -> None:
    make("schedule", name="Lonely", layers=weekly_layers("person:9:UNKNOWN"))
    assert document("on_call")["schedules"][0]["on_call"] == [
        {"participant": "person:9:UNKNOWN", "name": "person:9:UNKNOWN"}
    ]


def link(kind: str, pk: int, unread: dict[str, int], **more: Any) -> ExternalLink:
    """Links a row with the connection "acme", at whose last read these elements could not be read."""
    connection, _ = Connection.objects.get_or_create(name="acme", provider="pagerduty")
    columns = {"entity_type": kind, "external_id": f"{kind}-{pk}", f"{kind}_id": pk, "unread": unread}
    return ExternalLink.objects.create(**{"connection": connection, "since": timezone.now(), **columns, **more})


def test_a_schedule_that_was_read_in_part_says_what_is_missing(primary: tuple[int, int, int]) -> None:
    schedule, ana, _ = primary
    link("schedule", schedule, {"overrides": 2, "layers": 1})
    link("responder", ana, {"substitutions": 1, "contact_methods": 1})
    sentences = [
        "1 layer of Primary could not be read at acme; who is on call may differ.",
        "2 overrides of Primary could not be read at acme; who is on call may differ.",
        "1 substitution of Ana could not be read at acme; who is on call may differ.",
    ]
    code, out = shell("on_call", "--at", AT)
    assert (code, out.splitlines()[2:]) == (3, sentences)
    code, out = shell("on_call", "--at", AT, "--why")
    assert code == 3
    assert out.splitlines()[2:4] == ["", "Primary: Ana"]
    assert out.splitlines()[-3:] == [f"  {sentence}" for sentence in sentences]
    (answer,) = document("on_call", "--at", AT)["schedules"]
    assert answer["unread"] == {"layers": 1, "overrides": 2, "substitutions": 1}


def test_only_what_a_schedule_rests_on_is_said(primary: tuple[int, int, int], make: MakeRow) -> None:
    schedule, ana, ben = primary
    over = {**covered_by_ben(make("responder", name="Cy")), "ends_at": "2026-03-02T10:15:00Z"}
    cy = int(over["by_key"].rpartition(":")[2])
    other = make("schedule", {"overrides": {"3:S:O": over}}, name="Secondary", layers=weekly_layers("person:9:X"))
    link("responder", cy, {"substitutions": 1})  # the override has ended
    link("responder", ana, {"contact_methods": 1, "notification_rules": 1})
    link("schedule", schedule, {"overrides": 1}, state=LinkState.DETACHED)  # it no longer follows the source
    assert shell("on_call", "--at", AT)[0] == 0
    link("responder", ben, {"substitutions": 2})
    answers = {each["id"]: each["unread"] for each in document("on_call", "--at", AT)["schedules"]}
    assert answers == {schedule: {"substitutions": 2}, other: {}}
    assert document("on_call", "--at", "2026-03-02T10:05:00Z")["schedules"][1]["unread"] == {"substitutions": 1}


def test_a_schedule_that_cannot_be_rendered_also_says_what_was_not_read(make: MakeRow) -> None:
    pk = make("schedule", name="Unsettled", zone_state="unknown", time_zone="", active=False)
    link("schedule", pk, {"extra_shifts": 1})
    code, out = shell("on_call", "--why")
    assert (code, out.splitlines()[-1]) == (
        3, "1 extra shift of Unsettled could not be read at acme; who is on call may differ.",
    )  # fmt: skip


def test_as_many_queries_for_thirty_schedules_as_for_three(make: MakeRow) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert shell("on_call", "--why", "--at", AT)[0] == 0
        return len(captured)

    def add(numbers: range) -> None:
        for number in numbers:
            overrides = {f"3:S{number}:O": covered_by_ben(ben)}
            make("schedule", {"overrides": overrides}, name=f"S{number}", layers=weekly_layers(f"person:local:{ben}"))

    ben = make("responder", name="Ben")
    add(range(3))
    few = queries()
    add(range(3, 30))
    assert queries() == few <= 8  # the list, five for what is rendered, the names, what was not read
