"""Schedules: wire -> record."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.providers.atlassian import mapping_rotations
from connectors.providers.atlassian import wire as shared
from connectors.providers.opsgenie.vendor import VENDOR
from connectors.reading.findings import Findings
from connectors.reading.wire import Moment
from connectors.zones.chosen import chosen_zones
from oncall.rendering.codec import instant_from_text, instant_to_text, reading_from_text
from oncall.rendering.final import render_final
from oncall.rendering.spec import LATEST, VACANT, Always, ByTime, Daily, Override, Participant, Weekly, person
from tests.connectors.providers.opsgenie.mapped_schedules import codes, daily, mapped, times, weekly

HOUR, DAY, WEEK = 3600, 86_400, 604_800


def layer(make: Any, *participants: Any, **more: Any) -> Any:
    record, _ = mapped(make, make.schedule("S1", make.rotation("R1", *(participants or ("ANA",)), **more)))
    return record.layers[0]


# --- a whole schedule -------------------------------------------------------------------------------------------------


def test_a_whole_schedule(make: Any) -> None:
    raw = make.schedule(
        "S1",
        make.rotation("R2", "ANA", "BO", "ANA", name="Night "),
        make.rotation("R1", "BO", name=None, endDate="2026-06-01T00:00:00Z", startDate="2025-01-06T08:00:00.25Z"),
        name=" Primary ",
        description="Words",
        ownerTeam={"id": "T1", "name": "Team"},
    )
    record, findings = mapped(make, raw)
    assert (record.external_id, record.name, record.description) == ("S1", " Primary ", "Words")
    assert (record.composition, record.enabled, record.because) == ("concurrent", True, ("escalation policy E",))
    assert (record.time_zone.zone, record.group_ids) == ("Europe/Berlin", ("T1",))
    assert (record.overrides, record.extra_shifts, record.fetched_range) == ((), (), (make.NOW, LATEST))
    first, second = record.layers
    assert (first.key, first.name, second.key, second.name) == ("R1", "", "R2", "Night ")
    assert (first.starts_at, first.ends_at) == (1_736_150_400, 1_780_272_000)
    assert second.ends_at is None
    assert second.participants == (person("ANA"), person("BO"), person("ANA"))
    assert second.turns == ByTime(reading_from_text("2025-01-06T09:00:00"), WEEK)
    assert second.windows == (Always(),)
    assert findings == Findings(VENDOR)


def test_the_order_of_rotations_means_nothing(make: Any) -> None:
    rotations = [make.rotation(id_, "ANA") for id_ in ("R1", "R2", "R3")]
    records = {repr(mapped(make, make.schedule("S1", *order))[0]) for order in permutations(rotations)}
    assert len(records) == 1


def test_a_schedule_that_is_switched_off_is_kept_inactive(make: Any) -> None:
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA"), enabled=False))
    assert record.enabled is False
    assert codes(findings.notes) == [("switched_off", "enabled")]
    assert mapped(make, make.schedule("S1", make.rotation("R1", "ANA"), enabled=None))[0].enabled is True


@pytest.mark.parametrize(
    ("zone", "taken", "code"),
    [
        ("US/Pacific", "America/Los_Angeles", None),
        ("Europe/Kirov", "Europe/Kirov", None),
        ("GMT", "Etc/UTC", "perhaps_lost_zone"),
        ("GMT-8:00", "Etc/GMT+8", "unknown_zone"),
        ("PST", None, "unknown_zone"),
        ("Mars/Phobos", None, "unknown_zone"),
        (None, None, "unknown_zone"),
    ],
)
def test_zones(make: Any, zone: str | None, taken: str | None, code: str | None) -> None:
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA"), timezone=zone))
    assert record.time_zone.zone == taken
    assert [note.code for note in findings.notes] == ([] if code is None else [code])
    if taken is None:
        assert record.spec() is None
        assert record.layers[0].turns == ByTime(reading_from_text("2025-01-06T08:00:00"), WEEK)


@pytest.mark.parametrize("sent", ["CST", "UTC+5", "Mars/Phobos", None])
def test_an_unsure_zone_is_read_in_the_last_known_one(make: Any, sent: str | None) -> None:
    def made(zone: str | None) -> Any:
        with chosen_zones({}, {"S1": "Asia/Tokyo"}.get):
            return mapped(make, make.schedule("S1", make.rotation("R1", "ANA"), timezone=zone))[0]

    assert (made(sent).time_zone.zone, made(sent).time_zone.outcome) == ("Asia/Tokyo", "kept")
    assert made(sent).layers == made("Asia/Tokyo").layers


@pytest.mark.parametrize(
    ("sent", "candidates"),
    [
        ("BST", ("Asia/Dhaka", "Europe/London")),
        ("PST", ("America/Los_Angeles", "Asia/Manila")),
        (" SST ", ("Pacific/Guadalcanal",)),
        ("EDT", ("America/New_York",)),
    ],
)
def test_an_ambiguous_zone_is_a_question_with_the_vendors_own_reading_first(
    make: Any, sent: str, candidates: tuple[str, ...]
) -> None:
    record, _ = mapped(make, make.schedule("S1", make.rotation("R1", "ANA"), timezone=sent))
    assert record.time_zone.zone is None
    assert record.time_zone.candidates[: len(candidates)] == candidates


@pytest.mark.parametrize("rotations", [[], None])
def test_a_schedule_may_have_no_rotation(make: Any, rotations: Any) -> None:
    record, findings = mapped(make, make.schedule("S1", rotations=rotations))
    assert record.layers == ()
    assert codes(findings.notes) == [("no_layers", "rotations")]


# --- turns ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "length", "turns"),
    [
        ("hourly", 12, ByTime(1_736_150_400, 12 * HOUR, clock="elapsed")),
        ("daily", 2, ByTime(reading_from_text("2025-01-06T09:00:00"), 2 * DAY)),
        ("weekly", 3, ByTime(reading_from_text("2025-01-06T09:00:00"), 3 * WEEK)),
        ("WEEKLY", None, ByTime(reading_from_text("2025-01-06T09:00:00"), WEEK)),
    ],
)
def test_turns(make: Any, kind: str, length: int | None, turns: ByTime) -> None:
    assert layer(make, type=kind, length=length).turns == turns


def test_an_ended_rotation_is_history_and_one_that_ends_in_3025_goes_on(make: Any) -> None:
    raw = make.schedule(
        "S1",
        make.rotation("R1", "ANA", endDate="2026-01-01T00:00:00Z", name=None),
        make.rotation("R2", "ANA", endDate="3025-01-01T00:00:00Z"),
        make.rotation("R3", "ANA", endDate=""),
    )
    record, findings = mapped(make, raw)
    assert [one.ends_at for one in record.layers] == [make.NOW, None, None]
    assert codes(findings.notes) == [
        ("ended_rotation", "rotations[0].endDate"),
        ("rotation_without_end", "rotations[1].endDate"),
    ]


def test_participants(make: Any) -> None:
    named = [
        {"type": "team", "id": "T1", "name": "Team"},
        {"type": "Escalation", "id": "E1", "name": "Escalation"},
        {"type": "none"},
    ]
    assert layer(make, "ANA", *named).participants == (
        person("ANA"),
        Participant("group_routing", "T1"),
        Participant("policy", "E1"),
        VACANT,
    )


@pytest.mark.parametrize("participants", [[], None])
def test_a_rotation_may_have_nobody(make: Any, participants: Any) -> None:
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", participants=participants)))
    assert record.layers[0].participants == ()
    assert codes(findings.notes) == [("empty_rotation", "rotations[0].participants")]


# --- starts in 1970 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("1970-01-20T04:45:32.4Z", "2022-07-25T07:00:00Z"),
        ("1970-01-20T09:00:00.0Z", "2023-01-18T00:00:00Z"),
        ("1970-01-01T00:00:00Z", None),
        ("1970-12-31T00:00:00Z", None),
        ("1971-01-02T00:00:00Z", None),
        ("1969-12-31T23:59:59Z", None),
    ],
)
def test_a_start_in_1970_is_offered_a_repair(sent: str, meant: str | None) -> None:
    start = shared.Rotation.model_validate({"id": "R1", "startDate": sent, "type": "weekly"}).start_date
    repaired = mapping_rotations.repaired_start(start)
    assert (None if repaired is None else instant_to_text(repaired)) == meant


def test_a_start_in_1970_is_kept_and_named(make: Any) -> None:
    raw = make.schedule("S1", make.rotation("R1", "ANA", startDate="1970-01-20T04:45:32.4Z"))
    record, findings = mapped(make, raw)
    assert record.layers[0].starts_at == 1_658_732
    assert codes(findings.notes) == [("start_in_1970", "rotations[0].startDate")]
    assert "2022-07-25T07:00:00Z" in findings.notes[0].message


@given(st.integers(1, 5_000_000), st.integers(0, 999))
def test_the_repair_undoes_the_damage(seconds: int, milliseconds: int) -> None:
    assert mapping_rotations.repaired_start(Moment(seconds, 0, milliseconds)) == seconds * 1000 + milliseconds


# --- restrictions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("restriction", "windows"),
    [
        (daily(times("9:00", "17:30")), (Daily(9 * HOUR, 8 * HOUR + 1800),)),
        (daily(times("18:00", "10:00")), (Daily(18 * HOUR, 16 * HOUR),)),
        (daily(times("0:00", "24:00")), (Daily(0, DAY),)),
        (daily(times("24:00", "8:00")), (Daily(0, 8 * HOUR),)),
        (
            {"type": "TIME_OF_DAY", "restrictions": [times("22:00", "23:00"), times("1:00", "2:00")]},
            (Daily(22 * HOUR, HOUR), Daily(HOUR, HOUR)),
        ),
        (
            weekly(times("18:00", "10:00", startDay="friday", endDay="monday")),
            (Weekly(5, 18 * HOUR, 64 * HOUR),),
        ),
        (
            weekly(times("20:00", "8:00", startDay="SUNDAY", endDay="Monday")),
            (Weekly(7, 20 * HOUR, 12 * HOUR),),
        ),
        (weekly(times("24:00", "8:00", startDay="sunday", endDay="monday")), (Weekly(1, 0, 8 * HOUR),)),
        (weekly(times("10:00", "9:00", startDay="monday", endDay="monday")), (Weekly(1, 10 * HOUR, WEEK - HOUR),)),
        (
            {
                "type": "weekday-and-time-of-day",
                "restriction": times("9:00", "17:00", startDay="monday", endDay="monday"),
            },
            (Weekly(1, 9 * HOUR, 8 * HOUR),),
        ),
        (None, (Always(),)),
    ],
)
def test_restrictions_become_windows(make: Any, restriction: Any, windows: Any) -> None:
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA", timeRestriction=restriction)))
    assert sorted(map(repr, record.layers[0].windows)) == sorted(map(repr, windows))
    assert findings.notes == []


def test_the_order_of_restrictions_means_nothing(make: Any) -> None:
    days = ("monday", "wednesday", "friday")
    parts = [times("9:00", "17:00", startDay=day, endDay=day) for day in days]
    made = {layer(make, timeRestriction=weekly(*order, order[0])).windows for order in permutations(parts)}
    assert len(made) == 1
    assert len(made.pop()) == 3


@pytest.mark.parametrize(
    ("restriction", "window", "code"),
    [
        (daily(times("9:00", "9:00")), Daily(9 * HOUR, DAY), "whole_restriction"),
        (
            weekly(times("9:00", "9:00", startDay="monday", endDay="monday")),
            Weekly(1, 9 * HOUR, WEEK),
            "whole_restriction",
        ),
        (weekly(), Always(), "empty_restriction"),
        ({"type": "time-of-day"}, Always(), "empty_restriction"),
        ({"type": "time-of-day", "restriction": {}}, Always(), "empty_restriction"),
        ({"type": "time-of-day", "restrictions": [{}, {"startHour": None}]}, Always(), "empty_restriction"),
        ({}, Always(), "empty_restriction"),
    ],
)
def test_what_a_restriction_leaves_open_is_named(make: Any, restriction: Any, window: Any, code: str) -> None:
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA", timeRestriction=restriction)))
    assert record.layers[0].windows == (window,)
    assert [note.code for note in findings.notes] == [code]


@given(st.integers(0, 1439), st.integers(0, 1439))
def test_a_daily_window_is_open_from_its_start_to_its_end(start: int, end: int) -> None:
    raw = {"startHour": start // 60, "startMin": start % 60, "endHour": end // 60, "endMin": end % 60}
    window, whole = mapping_rotations._daily(shared.Restriction.model_validate(raw), "", VENDOR)
    assert window.start == start * 60
    assert (window.start + window.duration) % DAY == end * 60
    assert bool(whole) is (start == end)


# --- overrides --------------------------------------------------------------------------------------------------------


def test_overrides(make: Any) -> None:
    raw = make.schedule("S1", make.rotation("R1", "ANA"), make.rotation("R2", "ANA"))
    reported = [
        make.override("late", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", rotations=[{"id": "R2"}, {"id": "R1"}]),
        make.override("nobody", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", {"type": "none"}, rotations=None),
        make.override("newer", "2026-01-05T12:00:00Z", "3025-01-06T00:00:00Z"),
    ]
    record, findings = mapped(make, raw, reported)
    at = instant_from_text
    assert record.overrides == (
        Override("nobody", at("2026-01-05T00:00:00Z"), at("2026-01-06T00:00:00Z"), VACANT),
        Override("newer", at("2026-01-05T12:00:00Z"), LATEST, person("BO"), rank=1),
        Override(
            "late",
            at("2026-02-01T00:00:00Z"),
            at("2026-02-02T00:00:00Z"),
            person("BO"),
            sources=frozenset({"R1", "R2"}),
        ),
    )
    assert record.overrides[0].covers_gaps
    assert codes(findings.notes) == [
        ("override_without_end", "overrides[2].endDate"),
        ("override_order_assumed", "overrides"),
    ]


def test_overrides_of_the_far_future_and_of_rotations_that_are_gone_are_named(make: Any) -> None:
    raw = make.schedule("S1", make.rotation("R1", "ANA"))
    reported = [
        make.override("far", "3025-10-11T18:30:00Z", "3025-10-12T18:30:00Z"),
        make.override("old", "2017-05-15T09:00:00Z", "2017-05-15T15:00:00Z", rotations=[{"id": "R9", "name": "x"}]),
        make.override("none", "2026-01-06T00:00:00Z", "2026-01-06T00:00:00Z"),
    ]
    record, findings = mapped(make, raw, reported)
    assert [(one.key, one.sources) for one in record.overrides] == [("old", frozenset({"R9"}))]
    assert codes(findings.notes) == [
        ("override_out_of_time", "overrides[0].endDate"),
        ("unknown_rotation", "overrides[1].rotations"),
        ("override_without_time", "overrides[2].endDate"),
    ]


def test_overrides_that_were_not_told_are_not_none_at_all(make: Any) -> None:
    record, _ = mapped(make, make.schedule("S1", make.rotation("R1", "ANA")), None)
    assert (record.overrides, record.fetched_range, record.unread) == (None, None, {})


# --- recorded behaviour -----------------------------------------------------------------------------------------------


def shifts(record: Any, since: str, until: str) -> list[tuple[str, str, str]]:
    spans = render_final(record.spec(), (), instant_from_text(since), instant_from_text(until))
    return [
        (instant_to_text(span.start), instant_to_text(span.end), "+".join(map(str, span.participants)))
        for span in spans
    ]


def test_a_recorded_weekly_rotation_keeps_its_local_handover_in_summer(make: Any) -> None:
    """Recorded June 2020: the rotation began on a Wednesday at 10:00 in winter, masked to working hours; in summer the
    whole Wednesday shift, 09:00Z to 17:00Z, belongs to the next person. Judge: vendor (a live account's timeline)."""
    mask = weekly(
        *(
            times("10:00", "18:00", startDay=day, endDay=day)
            for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
        )
    )
    one = make.rotation("R1", "ANA", "BO", startDate="2019-11-27T10:00:00Z", timeRestriction=mask)
    record, _ = mapped(make, make.schedule("S1", one, timezone="Europe/London"))
    assert shifts(record, "2020-06-02T00:00:00Z", "2020-06-05T00:00:00Z") == [
        ("2020-06-02T09:00:00Z", "2020-06-02T17:00:00Z", "ANA"),
        ("2020-06-03T09:00:00Z", "2020-06-03T17:00:00Z", "BO"),
        ("2020-06-04T09:00:00Z", "2020-06-04T17:00:00Z", "BO"),
    ]


def test_a_recorded_weekend_over_the_change_has_both_ends_in_local_time(make: Any) -> None:
    """Recorded March 2020: 2020-03-27T18:00Z to 2020-03-30T09:00Z, 63 hours. Judge: vendor."""
    mask = weekly(times("18:00", "10:00", startDay="friday", endDay="monday"))
    one = make.rotation("R1", "ANA", startDate="2019-11-27T10:00:00Z", timeRestriction=mask)
    record, _ = mapped(make, make.schedule("S1", one, timezone="Europe/London"))
    assert shifts(record, "2020-03-26T00:00:00Z", "2020-04-01T00:00:00Z") == [
        ("2020-03-27T18:00:00Z", "2020-03-30T09:00:00Z", "ANA")
    ]


def test_a_recorded_window_splits_at_the_handover_inside_it(make: Any) -> None:
    """Recorded August 2022: window 08:00-17:00Z, Tuesday handover at 09:00Z. Judge: vendor."""
    one = make.rotation(
        "R1", "ANA", "BO", startDate="2022-07-26T09:00:00Z", timeRestriction=daily(times("8:00", "17:00"))
    )
    record, _ = mapped(make, make.schedule("S1", one, timezone="Etc/UTC"))
    assert shifts(record, "2022-08-02T00:00:00Z", "2022-08-03T00:00:00Z") == [
        ("2022-08-02T08:00:00Z", "2022-08-02T09:00:00Z", "ANA"),
        ("2022-08-02T09:00:00Z", "2022-08-02T17:00:00Z", "BO"),
    ]


def test_rotations_are_in_force_at_once_and_a_vacant_turn_is_a_gap_in_its_own(make: Any) -> None:
    raw = make.schedule(
        "S1",
        make.rotation("R1", "ANA", {"type": "none"}, type="daily", startDate="2025-12-31T23:00:00Z"),
        make.rotation("R2", "BO", type="daily", startDate="2025-12-31T23:00:00Z"),
    )
    record, _ = mapped(make, raw)
    assert shifts(record, "2025-12-31T23:00:00Z", "2026-01-02T23:00:00Z") == [
        ("2025-12-31T23:00:00Z", "2026-01-01T23:00:00Z", "ANA+BO"),
        ("2026-01-01T23:00:00Z", "2026-01-02T23:00:00Z", "BO"),
    ]
