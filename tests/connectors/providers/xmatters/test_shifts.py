"""Tests shifts: their times, their seats and their notes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.errors import UnexpectedResponse, UnknownValue
from connectors.providers.xmatters import wire
from connectors.providers.xmatters.directory import Directory
from connectors.providers.xmatters.mapping_shifts import schedule, seats
from connectors.providers.xmatters.vendor import VENDOR
from connectors.reading.findings import Findings
from connectors.records import SourceSchedule
from connectors.zones.chosen import chosen_zones
from oncall.rendering.final import render_final
from oncall.rendering.spec import Always, ByOccurrence, ByTime, Everyone, Participant, Recurring, Rule, person

NOW = 1_767_225_600
DAY = 86_400
SUNDAY = 7
EVERY_DAY = tuple((0, day) for day in range(1, 8))


def when(*fields: int) -> int:
    return int(datetime(*fields, tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]


def mapped(raw: Any, group: Any = None, directory: Directory | None = None) -> tuple[SourceSchedule, Findings]:
    findings = Findings(VENDOR)
    reported = dict(raw)
    reported["members"] = (
        reported["members"]["data"] if isinstance(reported.get("members"), dict) else reported.get("members")
    )
    shift, of = (
        wire.Shift.model_validate(reported),
        wire.Group.model_validate(group or {"id": "G1", "targetName": "Ops"}),
    )
    directory = directory or Directory()
    places = seats(shift, directory, findings)
    return schedule(shift, of, places, directory, NOW, ("group Ops",), findings), findings


def window(raw: Any) -> Any:
    made, _ = mapped(raw)
    return made.layers[0].windows[0]


def codes(findings: Findings) -> list[str]:
    return [note.code for note in findings.notes]


def test_a_shift_is_a_schedule_with_a_layer_per_seat(make: Any) -> None:
    raw = make.shift("S1", make.seat(2, "BO", 10), make.seat(1, "ANA"), description="Days")
    made, findings = mapped(raw)
    assert (made.external_id, made.name, made.description) == ("S1", "Ops: Shift S1", "Days")
    assert (made.composition, made.group_ids, made.enabled, made.because) == (
        "concurrent",
        ("G1",),
        True,
        ("group Ops",),
    )
    assert made.time_zone.zone == "Europe/Berlin"
    assert [(layer.key, layer.participants, layer.turns) for layer in made.layers] == [
        ("1", (person("ANA"),), Everyone()),
        ("2", (person("BO"),), Everyone()),
    ]
    workdays = Rule("WEEKLY", by_day=EVERY_DAY[:5], week_start=SUNDAY)
    assert {layer.windows for layer in made.layers} == {(Recurring(workdays, when(2025, 1, 6, 9), 8 * 3600),)}
    assert {layer.window_edge for layer in made.layers} == {"boundary"}
    assert findings.notes == []
    spec = made.spec()
    assert spec is not None
    assert len(render_final(spec, (), NOW, NOW + 7 * DAY)) == 5


@pytest.mark.parametrize(
    ("recurrence", "rule"),
    [
        ({"frequency": "ONCE"}, Rule("DAILY", count=1)),
        ({"frequency": "daily", "repeatEvery": "3"}, Rule("DAILY", 3, week_start=SUNDAY)),
        (
            {"frequency": "WEEKLY", "repeatEvery": 2, "onDays": ["MO", "su"]},
            Rule("WEEKLY", 2, ((0, 1), (0, 7)), week_start=SUNDAY),
        ),
        ({"frequency": "WEEKLY", "onDays": []}, Rule("WEEKLY", by_day=EVERY_DAY, week_start=SUNDAY)),
        ({"frequency": "WEEKLY"}, Rule("WEEKLY", by_day=EVERY_DAY, week_start=SUNDAY)),
        ({"frequency": "EVERY_WEEKEND_DAY"}, Rule("WEEKLY", by_day=EVERY_DAY[5:], week_start=SUNDAY)),
        (
            {"frequency": "MONTHLY", "on": "DATE_OF_MONTH", "dateOfMonth": "LAST"},
            Rule("MONTHLY", by_month_day=(-1,), week_start=SUNDAY),
        ),
        (
            {"frequency": "MONTHLY", "dateOfMonth": 15, "months": ["MAR", "JAN"], "repeatEvery": 1},
            Rule("MONTHLY", by_month_day=(15,), by_month=(1, 3), week_start=SUNDAY),
        ),
        (
            {"frequency": "MONTHLY", "on": "DAY_OF_WEEK", "dayOfWeekClassifier": "LAST", "dayOfWeek": "FR"},
            Rule("MONTHLY", by_day=((-1, 5),), week_start=SUNDAY),
        ),
        (
            {"frequency": "DAY_OF_WEEK", "dayOfWeekClassifier": "SECOND", "dayOfWeek": "TU"},
            Rule("MONTHLY", by_day=((2, 2),), week_start=SUNDAY),
        ),
        ({"frequency": "DATE_OF_MONTH", "dateOfMonth": "7"}, Rule("MONTHLY", by_month_day=(7,), week_start=SUNDAY)),
        ({"frequency": "MONTHLY"}, Rule("MONTHLY", week_start=SUNDAY)),
        ({"frequency": "YEARLY"}, Rule("YEARLY", week_start=SUNDAY)),
        (
            {"frequency": "YEARLY", "on": "DATE_OF_MONTH", "dateOfMonth": "6"},
            Rule("YEARLY", by_month_day=(6,), by_month=(1,), week_start=SUNDAY),
        ),
        (
            {"frequency": "YEARLY", "dateOfMonth": "6", "months": ["JUL"]},
            Rule("YEARLY", by_month_day=(6,), by_month=(7,), week_start=SUNDAY),
        ),
        (
            {"frequency": "DAILY", "end": {"endBy": "REPETITIONS", "repetitions": "4"}},
            Rule("DAILY", week_start=SUNDAY, count=4),
        ),
        (
            {"frequency": "DAILY", "end": {"endBy": "DATE", "date": "2026-03-31T22:00:00Z"}},
            Rule("DAILY", week_start=SUNDAY, until=when(2026, 4, 1)),
        ),
        (
            {"frequency": "DAILY", "end": {"endBy": "DATE", "date": "3026-03-31T22:00:00Z"}},
            Rule("DAILY", week_start=SUNDAY, until=when(2200, 12, 31, 1)),
        ),
        ({"frequency": "DAILY", "end": {}}, Rule("DAILY", week_start=SUNDAY)),
        ({"frequency": "DAILY", "end": None}, Rule("DAILY", week_start=SUNDAY)),
    ],
)
def test_every_recurrence_becomes_a_rule(make: Any, recurrence: Any, rule: Rule) -> None:
    made = window(make.shift("S1", make.seat(1, "ANA"), recurrence=recurrence))
    assert made == Recurring(rule, when(2025, 1, 6, 9), 8 * 3600)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"start": None}, UnexpectedResponse),
        ({"end": None}, UnexpectedResponse),
        ({"recurrence": None}, UnexpectedResponse),
        ({"end": "2025-01-06T08:00:00Z"}, UnexpectedResponse),
        ({"end": "2027-01-06T08:00:00Z"}, UnexpectedResponse),
        ({"recurrence": {"frequency": "DAILY", "repeatEvery": 0}}, UnexpectedResponse),
        ({"recurrence": {"frequency": "DAILY", "end": {"endBy": "DATE"}}}, UnexpectedResponse),
        ({"recurrence": {"frequency": "DAILY", "end": {"endBy": "REPETITIONS"}}}, UnexpectedResponse),
        ({"recurrence": {"frequency": "DAILY", "end": {"date": "2026-03-31T22:00:00Z"}}}, UnexpectedResponse),
        (
            {"recurrence": {"frequency": "DAILY", "end": {"endBy": "DATE", "date": "2024-03-31T22:00:00Z"}}},
            UnexpectedResponse,
        ),
        ({"recurrence": {"frequency": "MONTHLY", "on": "DAY_OF_WEEK", "dayOfWeek": "MO"}}, UnexpectedResponse),
        ({"recurrence": {"frequency": "MONTHLY", "on": "DATE_OF_MONTH"}}, UnexpectedResponse),
        ({"recurrence": {"frequency": "MONTHLY", "dateOfMonth": "32"}}, UnexpectedResponse),
        ({"recurrence": {"frequency": "MONTHLY", "dateOfMonth": "EASTER"}}, UnknownValue),
        ({"recurrence": {"frequency": "MONTHLY", "dateOfMonth": "30", "months": ["FEB"]}}, UnexpectedResponse),
    ],
)
def test_times_that_cannot_be_meant_cost_that_shift(make: Any, change: Any, error: Any) -> None:
    with pytest.raises(error):
        mapped(make.shift("S1", make.seat(1, "ANA"), **change))


def test_a_shift_without_times_is_always_on(make: Any) -> None:
    raw = make.shift("S1", make.seat(1, "ANA"), exclusions=[{"startDate": "2026-01-05T08:00:00Z"}])
    for name in ("start", "end", "recurrence"):
        del raw[name]
    made, findings = mapped(raw)
    assert made.layers[0].windows == (Always(),)
    assert codes(findings) == ["exclusion_without_occurrence"]


def test_nights_last_as_long_as_the_clock_says(make: Any) -> None:
    raw = make.shift("S1", make.seat(1, "ANA"), start="2026-03-28T17:00:00Z", end="2026-03-29T06:00:00Z")
    assert window(raw).duration == 14 * 3600  # 18:00 to 08:00, an hour of which is skipped


def test_deleted_occurrences_are_left_out_even_where_the_clock_jumps(make: Any) -> None:
    raw = make.shift(
        "S1",
        make.seat(1, "ANA"),
        start="2026-03-02T01:30:00Z",
        end="2026-03-02T05:30:00Z",
        recurrence={"frequency": "DAILY"},
        exclusions=[
            {"startDate": "2026-03-29T01:00:00Z"},  # 02:30 is skipped
            {"startDate": "2026-03-30T00:30:00.000Z", "endDate": "2026-03-30T04:30:00Z"},
            {"startDate": "2026-03-30T07:00:00Z"},
        ],
    )
    made, findings = mapped(raw)
    recurring = made.layers[0].windows[0]
    assert isinstance(recurring, Recurring)
    assert recurring.excluded == (when(2026, 3, 29, 2, 30), when(2026, 3, 30, 2, 30))
    assert codes(findings) == ["exclusion_without_occurrence"]


def test_intervals_of_every_weekday_and_missing_days_are_named(make: Any) -> None:
    for recurrence, code in (
        ({"frequency": "EVERY_WEEKDAY", "repeatEvery": 2}, "interval_ignored"),
        ({"frequency": "WEEKLY", "onDays": []}, "no_days"),
        ({"frequency": "DAILY", "onDays": ["MO", "TU"]}, "days_ignored"),
    ):
        _, findings = mapped(make.shift("S1", make.seat(1, "ANA"), recurrence=recurrence))
        assert codes(findings) == [code]
    for days in ([], ["SU", "MO", "TU", "WE", "TH", "FR", "SA"]):
        every_day = {"frequency": "DAILY", "onDays": days}
        _, findings = mapped(make.shift("S1", make.seat(1, "ANA"), recurrence=every_day))
        assert codes(findings) == []


def test_a_holiday_shift_is_named_and_shows_nobody(make: Any) -> None:
    made, findings = mapped(make.shift("S1", make.seat(1, "ANA"), recurrence={"frequency": "HOLIDAY"}))
    assert made.layers == ()
    assert codes(findings) == ["unsupported_holiday_shift"]


def test_a_shift_that_spares_holidays_says_so(make: Any) -> None:
    _, findings = mapped(make.shift("S1", make.seat(1, "ANA"), siteHolidays={"onCall": "false"}))
    assert codes(findings) == ["unsupported_site_holidays"]
    _, findings = mapped(make.shift("S1", make.seat(1, "ANA"), siteHolidays={"onCall": True}))
    assert codes(findings) == []


# --- zones ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "zone", "note"),
    [
        ("US/PACIFIC", "America/Los_Angeles", []),
        ("(UTC-0800) US/Pacific", "America/Los_Angeles", []),
        ("America/Canada", None, ["unknown_zone"]),
        ("UTC+2", "Etc/GMT-2", ["unknown_zone"]),
    ],
)
def test_zones_are_read_or_named(make: Any, sent: str, zone: str | None, note: list[str]) -> None:
    made, findings = mapped(make.shift("S1", make.seat(1, "ANA"), timezone=sent))
    assert (made.time_zone.zone, codes(findings)) == (zone, note)
    assert (made.spec() is None) is (zone is None)


@pytest.mark.parametrize("sent", ["CST", "UTC+5", "America/Canada", None])
def test_an_unsure_zone_is_read_in_the_last_known_one(make: Any, sent: str | None) -> None:
    def made(zone: str | None) -> Any:
        with chosen_zones({}, {"S1": "Asia/Tokyo"}.get):
            return mapped(make.shift("S1", make.seat(1, "ANA"), timezone=zone))[0]

    assert (made(sent).time_zone.zone, made(sent).time_zone.outcome) == ("Asia/Tokyo", "kept")
    assert made(sent).layers == made("Asia/Tokyo").layers


def test_a_shift_without_a_zone_has_its_groups_then_its_sites(make: Any) -> None:
    sites = {"L1": wire.Site(id="L1", timezone="Asia/Kolkata")}
    raw = make.shift("S1", make.seat(1, "ANA"), timezone=None)
    group = {"id": "G1", "site": {"id": "L1"}}
    for reported, zone in (({**group, "timezone": "Europe/Paris"}, "Europe/Paris"), (group, "Asia/Kolkata")):
        made, findings = mapped(raw, reported, Directory(sites=sites))
        assert (made.time_zone.zone, codes(findings)) == (zone, ["assumed_zone"])
    made, findings = mapped(raw, group)
    assert (made.time_zone.zone, codes(findings)) == (None, ["unknown_zone"])


# --- seats ------------------------------------------------------------------------------------------------------------


def test_devices_and_groups_take_seats_as_what_they_mean(make: Any) -> None:
    directory = Directory(
        groups={
            id_: wire.Group.model_validate({"id": id_, "groupType": kind})
            for id_, kind in (("N", "ON_CALL"), ("B", "BROADCAST"), ("Y", "DYNAMIC"))
        },
        owners={"D": wire.Recipient(id="CY")},
        people={"DI": wire.Person(id="DI")},
    )
    recipients = [
        {"id": "N", "recipientType": "GROUP"},
        {"id": "B"},
        {"id": "Y", "recipientType": "group"},
        {"id": "D", "recipientType": "DEVICE"},
        {"id": "E", "owner": {"id": "ED"}},
        {"id": "T", "recipientType": "DYNAMIC_TEAM"},
        {"id": "U", "recipientType": "GROUP", "groupType": "BROADCAST"},
        {"id": "V", "groupType": "ON_CALL"},
        {"id": "DI"},
        {"id": "FI", "firstName": "Fi"},
        {"id": "G1", "recipientType": "GROUP"},
    ]
    made, findings = mapped(
        make.shift("S1", *(make.seat(n, one) for n, one in enumerate(recipients, 1))), None, directory
    )
    by_seat = {int(layer.key): layer.participants[0] for layer in made.layers}
    assert [str(by_seat[n]) for n in sorted(by_seat)] == [
        "policy:N",
        "group:B",
        "group:Y",
        "CY",
        "ED",
        "group:T",
        "group:U",
        "policy:V",
        "DI",
        "FI",
        "policy:G1",
    ]
    assert codes(findings).count("device_seat") == 2
    assert codes(findings).count("nested_group_not_seen") == 3
    assert codes(findings).count("nested_in_itself") == 1


@pytest.mark.parametrize(
    ("recipient", "holder"),
    [
        ({"id": "X", "recipientType": "SERVICE"}, "SERVICE:X"),
        ({"id": "X"}, "recipient:X"),
        ({"id": "X", "recipientType": "DEVICE"}, "DEVICE:X"),
    ],
)
def test_a_holder_of_an_unknown_type_keeps_the_seat(make: Any, recipient: Any, holder: str) -> None:
    made, findings = mapped(make.shift("S1", make.seat(1, recipient), make.seat(2, "BO")))
    assert [layer.participants for layer in made.layers] == [(Participant("unknown", holder),), (person("BO"),)]
    assert (codes(findings), made.unread) == (["unknown_holder"], {})
    assert Directory().key(wire.Recipient.model_validate(recipient)) is None


def test_the_second_member_at_a_position_is_unread_and_a_person_may_sit_twice(make: Any) -> None:
    made, findings = mapped(make.shift("S1", make.seat(1, "ANA"), make.seat(1, "BO")))
    assert [layer.participants for layer in made.layers] == [(person("ANA"),)]
    assert made.unread == {"layers": 1}
    assert [(f.external_id, f.path) for f in findings.failed] == [("S1", "members[1].position")]
    made, _ = mapped(make.shift("S1", make.seat(1, "ANA"), make.seat(2, "ANA", 5)))
    assert [layer.participants for layer in made.layers] == [(person("ANA"),), (person("ANA"),)]


def test_a_shift_without_members_and_a_group_that_is_inactive(make: Any) -> None:
    made, findings = mapped(make.shift("S1"), {"id": "G1", "status": "INACTIVE"})
    assert (made.layers, made.enabled, codes(findings)) == ((), False, ["no_members"])


# --- rotations in a shift ---------------------------------------------------------------------------------------------

WEEKLY = {"type": "ROTATION", "direction": "SECOND_TO_FIRST", "interval": "1", "intervalUnit": "WEEKS"}


def rotating(make: Any, rotation: Any, **more: Any) -> Any:
    seats = (make.seat(1, "ANA"), make.seat(2, "BO", 10), make.seat(3, "WALT", 5, inRotation=False))
    return make.shift("S1", *seats, rotation=rotation, **more)


def test_seats_turn_one_behind_the_other_and_the_others_stay(make: Any) -> None:
    made, findings = mapped(rotating(make, {**WEEKLY, "nextRotationTime": "2026-01-04T23:00:00Z"}))
    turns = ByTime(when(2001, 1, 1), 7 * DAY)
    assert {layer.turns for layer in made.layers[:2]} == {turns}
    assert {layer.participants for layer in made.layers[:2]} == {
        (person("ANA"), person("BO")),
        (person("BO"), person("ANA")),
    }
    assert (made.layers[2].turns, made.layers[2].participants) == (Everyone(), (person("WALT"),))
    assert findings.notes == []


@pytest.mark.parametrize(
    ("rotation", "code"),
    [
        ({"type": "ZIGZAG"}, "unsupported_rotation"),
        ({**WEEKLY, "direction": "SIDEWAYS", "nextRotationTime": "2026-01-04T23:00:00Z"}, "unsupported_rotation"),
        ({**WEEKLY}, "unsupported_rotation"),
        ({"type": "EVENT_ROUND_ROBIN"}, "unsupported_rotation_by_alert"),
        ({**WEEKLY, "nextRotationTime": "2026-01-05T09:00:00Z"}, "unsupported_change_inside_shift"),
    ],
)
def test_what_has_no_form_is_named_and_the_order_stays_as_read(make: Any, rotation: Any, code: str) -> None:
    made, findings = mapped(rotating(make, rotation))
    assert codes(findings) == [code]
    if code != "unsupported_change_inside_shift":
        assert [layer.participants for layer in made.layers[:2]] == [(person("ANA"),), (person("BO"),)]


def test_a_rotation_whose_state_is_not_told_is_named(make: Any) -> None:
    _, findings = mapped(rotating(make, None, rotationType="ROTATION"))
    assert codes(findings) == ["unsupported_rotation"]
    _, findings = mapped(rotating(make, None, rotationType="BASIC"))
    assert codes(findings) == []


def test_one_alone_in_rotation_does_not_turn(make: Any) -> None:
    made, findings = mapped(make.shift("S1", make.seat(1, "ANA"), rotation={"type": "ZIGZAG"}))
    assert (made.layers[0].turns, findings.notes) == (Everyone(), [])


def test_rotation_by_shifts_needs_shifts_that_end(make: Any) -> None:
    by_shift = {"type": "COVERAGE_ROTATION", "direction": "LAST_TO_FIRST"}
    made, findings = mapped(rotating(make, by_shift))
    assert (made.layers[0].turns, codes(findings)) == (ByOccurrence(), [])
    _, findings = mapped(rotating(make, by_shift, start=None, end=None, recurrence=None))
    assert codes(findings) == ["unsupported_rotation"]


@pytest.mark.parametrize(("hour", "noted"), [("23:00", False), ("10:00", True)])
def test_a_shift_that_is_always_on_is_made_of_days(make: Any, hour: str, noted: bool) -> None:
    state = {**WEEKLY, "nextRotationTime": f"2026-01-04T{hour}:00Z"}
    _, findings = mapped(rotating(make, state, start=None, end=None, recurrence=None))
    assert ("unsupported_change_inside_shift" in codes(findings)) is noted


def test_an_unreadable_instant_of_change_fails_the_shift(make: Any) -> None:
    with pytest.raises(ValueError, match="nextRotationTime"):
        mapped(rotating(make, {**WEEKLY, "nextRotationTime": "soon"}))


def test_a_rotation_of_nested_groups_turns_like_one_of_people(make: Any) -> None:
    seats = (make.seat(1, "ANA"), make.seat(2, {"id": "N", "recipientType": "GROUP"}, 10))
    made, _ = mapped(make.shift("S1", *seats, rotation={**WEEKLY, "nextRotationTime": "2026-01-04T23:00:00Z"}))
    assert set(made.layers[0].participants) == {person("ANA"), Participant("policy", "N")}


# --- the hour that a clock shows twice --------------------------------------------------------------------------------


@pytest.mark.parametrize("hour", [0, 1])  # both are 02:30; the first ends at the same reading, an hour later
def test_a_shift_starts_in_the_pass_that_was_sent(make: Any, hour: int) -> None:
    times = {"start": f"2026-10-25T0{hour}:30:00Z", "end": f"2026-10-25T0{hour + 1}:30:00Z"}
    made, _ = mapped(make.shift("S1", make.seat(1, "ANA"), recurrence={"frequency": "DAILY"}, **times))
    spec = made.spec()
    assert spec is not None
    shown = render_final(spec, (), when(2026, 10, 25), when(2026, 10, 27))
    assert [span.start for span in shown] == [when(2026, 10, 25, hour, 30), when(2026, 10, 26, 1, 30)]
