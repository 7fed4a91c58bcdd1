"""The document of ``replay --json``: its contract, and what a recording of a real account gives."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors.base import Rim
from connectors.closure import Selection
from connectors.providers.pagerduty.connector import PagerDuty
from connectors.recordings.recording import ReplayTransport, load
from connectors.recordings.replay import document, exit_code
from connectors.records import (
    Account,
    FailedEntity,
    MappingNote,
    Snapshot,
    SourceContactMethod,
    SourceMember,
    SourcePolicy,
    SourceSchedule,
    SourceService,
    SourceTeam,
    SourceUser,
)
from connectors.redaction import Secret
from connectors.zones.timezones import convert
from oncall.escalation.policy import Level, Policy, Target
from oncall.rendering.spec import Always, ByTime, Layer, Participant, Substitution, person
from tests.paths import SHARED

RECORDING = SHARED / "recordings" / "pagerduty.json"
SINCE = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY = 86_400


def person_record(id_: str, **more: Any) -> SourceUser:
    given: dict[str, Any] = {"email": f"{id_}@example.com", "state": "active", "time_zone": convert("Europe/Berlin")}
    return SourceUser(external_id=id_, name=f"Person {id_}", **{**given, **more})


def layer(key: str, *ids: str, **more: Any) -> Layer:
    given: dict[str, Any] = {"windows": (Always(),), "turns": ByTime(SINCE, DAY), "name": f"Layer {key}"}
    return Layer(key=key, participants=tuple(person(id_) for id_ in ids), **{**given, **more})


def schedule(id_: str, *layers: Layer, zone: str = "Etc/UTC", **more: Any) -> SourceSchedule:
    return SourceSchedule(
        external_id=id_,
        name=f"Schedule {id_}",
        time_zone=convert(zone),
        layers=layers,
        **{"composition": "stacked", **more},
    )


def snapshot(**more: Any) -> Snapshot:
    return Snapshot(provider="pagerduty", account=Account("acme", "acme"), fetched_at=SINCE, **more)


def test_an_empty_snapshot_gives_every_key() -> None:
    assert document(snapshot(), SINCE, SINCE + DAY) == {
        "provider": "pagerduty",
        "people": [],
        "groups": [],
        "schedules": [],
        "policies": [],
        "services": [],
        "notes": [],
        "failed": [],
    }


def test_people_groups_and_services_by_id() -> None:
    method = SourceContactMethod("C1", "sms", "+15185550100", "Mobile", False)
    made = document(
        snapshot(
            users=(
                person_record("P2", state="deleted", email=None, time_zone=convert(None), listed=False),
                person_record("P1", contact_methods=(method,)),
            ),
            teams=(
                SourceTeam("T2", "Two", members=None),
                SourceTeam("T1", "One", members=(SourceMember("P2", "lead"), SourceMember("P1", ""))),
            ),
            services=(SourceService("V1", "API", policy_id="E9"),),
        ),
        SINCE,
        SINCE + DAY,
    )
    assert made["people"] == [
        {
            "external_id": "P1",
            "name": "Person P1",
            "email": "P1@example.com",
            "state": "active",
            "time_zone": "Europe/Berlin",
            "contact_methods": [{"channel": "sms", "address": "+15185550100", "enabled": False}],
        },
        {
            "external_id": "P2",
            "name": "Person P2",
            "email": None,
            "state": "deleted",
            "time_zone": None,
            "contact_methods": [],
        },
    ]
    assert made["groups"] == [
        {
            "external_id": "T1",
            "name": "One",
            "members": [{"external_id": "P1", "role": ""}, {"external_id": "P2", "role": "lead"}],
        },
        {"external_id": "T2", "name": "Two", "members": []},
    ]
    assert made["services"] == [{"external_id": "V1", "name": "API", "policy": "E9", "group": None}]


def test_a_schedule_shows_its_final_shifts_and_each_layer_alone() -> None:
    night = layer("L2", "P2", ends_at=SINCE + DAY)
    away = Substitution("X", person("P1"), Participant("group", "T1"), SINCE + 2 * DAY, SINCE + 3 * DAY)
    made = document(
        snapshot(
            users=(person_record("P1", substitutions=(away,)),), schedules=(schedule("S1", night, layer("L1", "P1")),)
        ),
        SINCE,
        SINCE + 4 * DAY,
    )
    (one,) = made["schedules"]
    first = [
        {"start": "2026-01-01T00:00:00Z", "end": "2026-01-03T00:00:00Z", "participants": ["P1"]},
        {"start": "2026-01-03T00:00:00Z", "end": "2026-01-04T00:00:00Z", "participants": ["group:T1"]},
        {"start": "2026-01-04T00:00:00Z", "end": "2026-01-05T00:00:00Z", "participants": ["P1"]},
    ]
    second = [{"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "participants": ["P2"]}]
    assert one["layers"] == [
        {"key": "L2", "name": "Layer L2", "shifts": second},
        {"key": "L1", "name": "Layer L1", "shifts": first},
    ]
    assert one["shifts"] == [*second, {**first[0], "start": "2026-01-02T00:00:00Z"}, *first[1:]]
    assert {key: one[key] for key in ("external_id", "name", "time_zone", "active", "composition", "notes")} == {
        "external_id": "S1",
        "name": "Schedule S1",
        "time_zone": "Etc/UTC",
        "active": True,
        "composition": "stacked",
        "notes": [],
    }


def test_what_cannot_be_rendered_is_listed_without_shifts_and_named() -> None:
    unknown = schedule("S1", layer("L1", "P1"), zone="Mars/Phobos")
    later = schedule("S2", layer("L1", "P1", turns=ByTime(SINCE, 0)))
    never = schedule("S3", layer("L1", "P1", windows=()), composition="concurrent")
    note = MappingNote("schedule", "S1", "unknown_zone", "It is odd.")
    made = document(snapshot(schedules=(never, later, unknown), notes=(note, note)), SINCE, SINCE + DAY)
    assert [one["external_id"] for one in made["schedules"]] == ["S1", "S2", "S3"]
    assert [(one["time_zone"], one["active"]) for one in made["schedules"]] == [
        (None, False),
        ("Etc/UTC", True),
        ("Etc/UTC", True),
    ]
    for one in made["schedules"]:
        assert one["shifts"] == []
        assert one["layers"] == [{"key": "L1", "name": "Layer L1", "shifts": []}]
        assert any(text.startswith(f"schedule {one['external_id']}: ") for text in one["notes"])
    assert made["notes"][0] == "schedule S1: It is odd."
    assert len(made["notes"]) == 4
    assert exit_code(made) == 0


def test_policies_carry_delays_and_targets() -> None:
    targets = (
        Target("responder", "P1", label="Ana", condition="not_closed"),
        Target("schedule", "S1", mode="next", layers=("L1",)),
        Target("unresolved", "S9", unresolved_kind="schedule"),
    )
    policy = Policy(5, (Level(10, "everyone", targets), Level(None, "round_robin", ())), 0, "nothing", "skip", "level")
    made = document(snapshot(policies=(SourcePolicy("E1", "Policy", policy),)), SINCE, SINCE + DAY)
    assert made["policies"] == [
        {
            "external_id": "E1",
            "name": "Policy",
            "initial_delay_minutes": 5,
            "repeat_count": 0,
            "levels": [
                {
                    "delay_minutes": 10,
                    "distribution": "everyone",
                    "targets": [
                        {"type": "responder", "external_id": "P1", "condition": "not_closed"},
                        {
                            "type": "schedule",
                            "external_id": "S1",
                            "condition": "not_acked",
                            "mode": "next",
                            "layers": ["L1"],
                        },
                        {"type": "unresolved", "external_id": "S9", "condition": "not_acked"},
                    ],
                },
                {"delay_minutes": None, "distribution": "round_robin", "targets": []},
            ],
        }
    ]


def test_a_failure_is_listed_and_decides_the_exit() -> None:
    failed = FailedEntity("schedule", None, "unavailable", "/schedules", "Try later.")
    made = document(snapshot(failed=(failed,)), SINCE, SINCE + DAY)
    assert made["failed"] == [
        {
            "entity_type": "schedule",
            "external_id": None,
            "code": "unavailable",
            "path": "/schedules",
            "message": "Try later.",
        }
    ]
    assert exit_code(made) == 3


# --- a real account's answers -----------------------------------------------------------------------------------------

Change = Callable[[dict[str, Any]], None]


def replayed(change: Change = lambda recording: None, since: str = "2026-06-15", days: int = 14) -> dict[str, Any]:
    if not RECORDING.exists():
        pytest.skip("no recordings beside this repository")
    recording = json.loads(RECORDING.read_text())
    recording["recorded_at"] = "2026-06-10T00:00:00Z"
    change(recording)
    loaded = load(recording)
    assert loaded.recorded_at is not None
    now = loaded.recorded_at.timestamp()
    settings = {name: str(value) for name, value in loaded.settings.items()}
    rim = Rim(ReplayTransport(loaded), now=lambda: now, sleep=lambda seconds: None)
    connector = PagerDuty(PagerDuty.clean(settings), {"api_key": Secret("replayed")}, rim)
    read = connector.fetch(Selection(), contact_details=True)
    assert read.calls == connector.calls
    start = int(load({**recording, "recorded_at": f"{since}T00:00:00Z"}).recorded_at.timestamp())  # type: ignore[union-attr]
    return document(read, start, start + days * DAY)


def exchange(recording: dict[str, Any], path: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in recording["exchanges"] if one["path"] == path)
    return found


def test_the_recorded_account_is_imported_whole_and_nothing_is_invented() -> None:
    made = replayed()
    answers = {one["path"]: one["body"] for one in json.loads(RECORDING.read_text())["exchanges"]}
    listed = {user["id"] for user in answers["/users"]["users"]}
    people = {one["external_id"]: one for one in made["people"]}
    assert len(listed) == 13
    assert set(people) == listed | {"P1VTA5W"}
    assert {id_ for id_, one in people.items() if one["state"] == "active"} == listed
    assert (people["P1VTA5W"]["name"], people["P1VTA5W"]["state"]) == ("Wiley", "deleted")
    assert people["P4CMCAU"]["name"] == "Jack T."  # a policy shows somebody else under this id
    assert all(one["contact_methods"] == [] for one in made["people"])  # references only: addresses were not reported
    assert len(made["groups"]) == 7
    members = {one["external_id"]: len(one["members"]) for one in made["groups"]}
    assert members == {"P5PH8KY": 1, "PD2F80U": 1, "PO206TE": 0, "PO34CI9": 1, "PT54U20": 2, "PTEAM01": 7, "PV9JOXL": 2}
    assert {one["external_id"] for one in made["schedules"]} == {"P3D7DLW", "P85QTXZ", "PGR96WL", "PSCHED01", "PVJMUIC"}
    assert [(one["external_id"], one["policy"], one["group"]) for one in made["services"]] == [
        ("P3IIAF1", "PT25XJK", "PD2F80U"),
        ("P4XMRL3", "P6F7EI2", "P5PH8KY"),
    ]
    (policy,) = made["policies"]
    assert policy["repeat_count"] is None
    assert policy["levels"][0]["targets"] == [{"type": "responder", "external_id": "P4CMCAU", "condition": "not_acked"}]
    assert (made["failed"], exit_code(made)) == ([], 0)


def test_the_recorded_account_names_what_was_not_reported() -> None:
    notes = replayed()["notes"]
    for text in (
        "schedule P85QTXZ: The layer Jack retired layer (PDEADPL) has ended",
        "schedule P3D7DLW: Its overrides could not be read",
        "responder P1VTA5W: Wiley was deleted",
        "responder P4CMCAU: References to Jack T. contain the address douglas.hurley@nasa.example",
        "responder PRXEEQ8: The contact methods of Horse could not be read",
        "escalation_policy P6F7EI2: PagerDuty did not report how often Endeavour repeats",
        "service P3IIAF1: The escalation policy PT25XJK",
        "schedule: This account has no shift-based schedules",
    ):
        assert any(note.startswith(text) for note in notes), text
    assert len(notes) == len(set(notes))


def test_the_recorded_schedules_are_rendered_in_their_zone() -> None:
    schedules = {one["external_id"]: one for one in replayed()["schedules"]}
    primary = schedules["P3D7DLW"]
    assert [layer["key"] for layer in primary["layers"]] == ["PC1DX4O", "PSQ0VRL"]
    # 17:00 to 03:00 in Los Angeles, on daylight saving time: 00:00 to 10:00 UTC, before the layer below it.
    assert primary["shifts"][0] == {
        "start": "2026-06-15T00:00:00Z",
        "end": "2026-06-15T10:00:00Z",
        "participants": ["P8ZZ1ZB"],
    }
    assert schedules["PVJMUIC"]["shifts"] == [
        {"start": "2026-06-15T00:00:00Z", "end": "2026-06-29T00:00:00Z", "participants": ["P1VTA5W"]}
    ]
    assert [layer["key"] for layer in schedules["P85QTXZ"]["layers"]] == ["PE2BA4Y"]
    weekend = schedules["PSCHED01"]["shifts"]
    # Friday 20:30 for 12.5 h and Saturday 21:00 for 12 h; turns change on Tuesdays at 12:00.
    assert [(shift["start"], shift["end"]) for shift in weekend] == [
        ("2026-06-20T03:30:00Z", "2026-06-20T16:00:00Z"),
        ("2026-06-21T04:00:00Z", "2026-06-21T16:00:00Z"),
        ("2026-06-27T03:30:00Z", "2026-06-27T16:00:00Z"),
        ("2026-06-28T04:00:00Z", "2026-06-28T16:00:00Z"),
    ]
    assert [shift["participants"] for shift in weekend] == [["PU01C"], ["PU01C"], ["PU01D"], ["PU01D"]]


def test_nothing_is_rendered_before_a_layer_was_saved() -> None:
    weekend = next(one for one in replayed(since="2026-05-25")["schedules"] if one["external_id"] == "PSCHED01")
    assert weekend["shifts"][0]["start"] == "2026-06-06T03:30:00Z"


@pytest.mark.parametrize(
    ("path", "change", "expected"),
    [
        ("/schedules/PVJMUIC", {"status": 500, "body": {"error": {}}}, ("schedule", "PVJMUIC", "unavailable")),
        (
            "/teams",
            {"headers": {"Content-Type": "text/html"}, "body": "<html></html>"},
            ("user_group", None, "not_api"),
        ),
        ("/teams", {"body": None}, ("user_group", None, "empty_answer")),
        ("/escalation_policies", {"status": 403, "body": {}}, ("escalation_policy", None, "permission")),
    ],
)
def test_a_recording_of_a_fault_exits_3_and_keeps_the_rest(path: str, change: Any, expected: Any) -> None:
    made = replayed(lambda recording: exchange(recording, path).update(change))
    assert [(one["entity_type"], one["external_id"], one["code"]) for one in made["failed"]] == [expected]
    assert exit_code(made) == 3
    assert len(made["people"]) == 14
    assert len(made["services"]) == 2


def test_an_unknown_zone_makes_a_schedule_inactive() -> None:
    def change(recording: dict[str, Any]) -> None:
        for one in recording["exchanges"]:
            for raw in (*one["body"].get("schedules", ()), one["body"].get("schedule", {})):
                if raw.get("id") == "PVJMUIC":
                    raw["time_zone"] = "Mars/Phobos"
        exchange(recording, "/schedules/PVJMUIC")["query"] = {"time_zone": ["Mars/Phobos"]}

    made = replayed(change)
    one = next(schedule for schedule in made["schedules"] if schedule["external_id"] == "PVJMUIC")
    assert (one["time_zone"], one["active"], one["shifts"]) == (None, False, [])
    assert any(note.startswith("schedule PVJMUIC: ") for note in one["notes"])
    assert exit_code(made) == 0


def test_a_schedule_that_is_switched_off_is_rendered_and_inactive() -> None:
    (one,) = document(snapshot(schedules=(schedule("S1", layer("L1", "P1"), enabled=False),)), SINCE, SINCE + DAY)[
        "schedules"
    ]
    assert one["active"] is False
    assert [shift["participants"] for shift in one["shifts"]] == [["P1"]]
