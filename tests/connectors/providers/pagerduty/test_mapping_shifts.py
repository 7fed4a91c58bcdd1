"""Tests how shift-based schedules become records."""

from typing import Any

import pytest

from connectors.providers.pagerduty import mapping_shifts
from connectors.providers.pagerduty import wire_shifts as wire
from connectors.providers.pagerduty.harvest import RotationDetail, ShiftDetail
from connectors.providers.pagerduty.vendor import VENDOR
from connectors.reading.findings import Findings
from connectors.zones.chosen import chosen_zones
from oncall.rendering.codec import (
    instant_from_text,
    instant_to_text,
    layers_from_json,
    layers_to_json,
    reading_from_text,
)
from oncall.rendering.final import render_final
from oncall.rendering.spec import VACANT, ByOccurrence, Everyone, ExtraShift, Override, Recurring, Rule, person
from oncall.rendering.zones import DAY

WINDOW = (1_767_139_200, 1_775_001_600)
ANA = {"type": "user_member", "user_id": "PANA"}
NOBODY = {"type": "empty_member"}


def event(id_: str, *members: Any, zone: str = "Europe/Berlin", strategy: Any = None, **more: Any) -> Any:
    return {
        "id": id_,
        "type": "schedule_event",
        "name": f"Event {id_}",
        "start_time": {"date_time": "2026-01-05T09:00:00Z", "time_zone": zone},
        "end_time": {"date_time": "2026-01-05T17:00:00Z", "time_zone": zone},
        "effective_since": "2026-01-01T00:00:00Z",
        "effective_until": None,
        "recurrence": ["RRULE:FREQ=WEEKLY"],
        "assignment_strategy": {
            "type": "rotating_member_assignment_strategy",
            "shifts_per_member": 2,
            "members": list(members or (ANA,)),
            **(strategy or {}),
        },
        **more,
    }


def raw_schedule(*rotations: Any, **more: Any) -> Any:
    return {
        "id": "V1",
        "type": "schedule_v3",
        "name": "Bridge",
        "time_zone": "Europe/Berlin",
        "rotations": [{"id": f"R{i}", "type": "schedule_rotation", "events": e} for i, e in enumerate(rotations)],
        **more,
    }


def mapped(make: Any, raw: Any, shifts: Any = (), overrides: Any = ()) -> tuple[Any, Findings]:
    """The record of a schedule as it is read."""
    findings = Findings(VENDOR)
    source = wire.ShiftSchedule.model_validate(raw)
    read = findings.read_all(wire.Rotation, source.rotations, "schedule", source.id, "rotations")

    def rotation(one: wire.Rotation, path: str) -> RotationDetail:
        events = findings.read_all(wire.Event, one.events, "schedule", source.id, f"{path}.events")
        return RotationDetail(one.id, path, events)

    def elements(model: Any, sent: Any, key: str) -> Any:
        return None if sent is None else findings.read_all(model, sent, "schedule", source.id, key)

    detail = ShiftDetail(
        source,
        findings.map_all(read, "schedule", source.id, "rotations", rotation),
        elements(wire.CustomShift, shifts, "custom_shifts"),
        elements(wire.OverrideShift, overrides, "overrides"),
    )
    return mapping_shifts.schedule(detail, WINDOW, make.NOW, (), findings), findings


def failed(findings: Findings) -> list[Any]:
    return [(one.code, one.path) for one in findings.failed]


def noted(findings: Findings) -> list[Any]:
    return [(note.code, note.path) for note in findings.notes]


def test_every_event_is_a_layer_and_all_count(make: Any) -> None:
    abroad = event("E2", ANA, NOBODY, zone="America/New_York", effective_until="2026-12-01T00:00:00Z")
    record, findings = mapped(make, raw_schedule([abroad, event("E1")], [], description="Words"))
    assert (record.composition, record.flavour, record.description) == ("concurrent", "shift-based", "Words")
    first, second = record.layers
    assert (first.key, first.name, first.zone) == ("R0/E1", "Event E1", None)
    assert first.windows == (Recurring(Rule("WEEKLY"), reading_from_text("2026-01-05T10:00:00"), 28_800),)
    assert first.turns == ByOccurrence(2)
    assert first.window_edge == "boundary"
    assert (first.starts_at, first.ends_at) == (1_767_225_600, None)
    assert (second.key, second.zone) == ("R0/E2", "America/New_York")
    assert second.windows == (Recurring(Rule("WEEKLY"), reading_from_text("2026-01-05T04:00:00"), 28_800),)
    assert second.participants == (person("PANA"), VACANT)
    assert second.ends_at == 1_796_083_200
    assert (record.extra_shifts, record.overrides, record.fetched_range) == ((), (), WINDOW)
    assert findings.notes == []


def test_members_all_at_once(make: Any) -> None:
    everyone = event("E1", strategy={"type": "every_member_assignment_strategy", "shifts_per_member": None})
    record, _ = mapped(make, raw_schedule([everyone]))
    assert record.layers[0].turns == Everyone()


def test_untold_shifts_per_member_are_named(make: Any) -> None:
    record, findings = mapped(make, raw_schedule([event("E1", strategy={"shifts_per_member": None}, name=None)]))
    assert record.layers[0].turns == ByOccurrence(1)
    assert record.layers[0].name == ""
    assert [note.code for note in findings.notes] == ["shifts_not_told"]


def test_ended_events_are_left_out_with_a_note(make: Any) -> None:
    ended = event("E1", effective_until="2026-01-01T00:00:00Z", effective_since=None)
    record, findings = mapped(make, raw_schedule([ended, event("E2", effective_since=None)]))
    assert [(layer.key, layer.starts_at) for layer in record.layers] == [("R0/E2", None)]
    assert [note.code for note in findings.notes] == ["ended_layer"]


@pytest.mark.parametrize("sent", ["CST", "UTC+5", "Mars/Phobos"])
def test_an_unsure_zone_of_the_schedule_is_the_last_known_one(make: Any, sent: str) -> None:
    raw = raw_schedule([event("E1")], time_zone=sent)
    with chosen_zones({}, {raw["id"]: "Asia/Tokyo"}.get):
        record, _ = mapped(make, raw)
    assert (record.time_zone.zone, record.time_zone.outcome) == ("Asia/Tokyo", "kept")


def test_an_unknown_zone_of_the_schedule_is_named_and_layers_keep_their_own(make: Any) -> None:
    record, findings = mapped(make, raw_schedule([event("E1")], time_zone="Mars/Phobos"))
    assert record.time_zone.zone is None
    assert record.layers[0].zone == "Europe/Berlin"
    assert findings.notes[0].code == "unknown_zone"


@pytest.mark.parametrize(
    ("bad", "code", "path"),
    [
        ({"start_time": {"date_time": "2026-01-05T09:00:00Z", "time_zone": "Mars/Phobos"}}, "unknown_value",
         "start_time.time_zone"),
        ({"end_time": {"date_time": "2026-01-05T08:00:00Z", "time_zone": "Etc/UTC"}}, "invalid_period", "end_time"),
        ({"effective_until": "2025-12-31T00:00:00Z", "effective_since": "2026-09-01T00:00:00Z"}, "", ""),
        ({"effective_until": "2026-08-01T00:00:00Z", "effective_since": "2026-09-01T00:00:00Z"}, "invalid_period",
         "effective_until"),
        ({"recurrence": ["RRULE:FREQ=HOURLY"]}, "unknown_value", "recurrence[0]"),
        ({"recurrence": None}, "invalid_value", "recurrence"),
        ({"id": ""}, "invalid_value", "id"),
        ({"assignment_strategy": {"type": "loudest", "members": []}}, "unknown_value", "assignment_strategy.type"),
    ],
)  # fmt: skip
def test_an_event_that_cannot_be_expressed_costs_only_itself(make: Any, bad: Any, code: str, path: str) -> None:
    record, findings = mapped(make, raw_schedule([], [{**event("E1"), **bad}, event("E2")]))
    assert [layer.key for layer in record.layers] == ["R1/E2"]
    assert record.unread == ({"layers": 1} if code else {})
    assert failed(findings) == ([(code, f"rotations[1].events[0].{path}")] if code else [])


def test_an_unreadable_rotation_costs_only_itself(make: Any) -> None:
    raw = raw_schedule([event("E1")], None, [event("E2")])
    raw["rotations"].append({"id": None, "events": []})
    record, findings = mapped(make, raw)
    assert [layer.key for layer in record.layers] == ["R0/E1", "R2/E2"]
    assert record.unread == {"layers": 2}
    assert failed(findings) == [("invalid_value", "rotations[1].events"), ("invalid_value", "rotations[3].id")]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (None, "unknown:user_member:1"),
        ({"type": "user_member"}, "unknown:user_member:1"),
        ({"type": "user_member", "user_id": " "}, "unknown:user_member:1"),
        ({"type": "team_member", "id": "T1"}, "unknown:team_member:T1"),
        ({"type": None, "user_id": "PBO"}, "PBO"),
    ],
)
def test_a_member_who_is_not_understood_keeps_the_place(make: Any, sent: Any, kept: str) -> None:
    record, findings = mapped(make, raw_schedule([event("E1", ANA, sent, NOBODY)]))
    assert list(map(str, record.layers[0].participants)) == ["PANA", kept, "vacant"]
    path = "rotations[0].events[0].assignment_strategy.members[1]"
    assert noted(findings) == ([] if kept == "PBO" else [("unknown_holder", path)])


def test_an_event_without_members_is_named(make: Any) -> None:
    _, findings = mapped(make, raw_schedule([event("E1", strategy={"members": []})]))
    assert noted(findings) == [("no_members", "rotations[0].events[0].assignment_strategy.members")]


def test_the_order_of_an_event_for_everyone_means_nothing(make: Any) -> None:
    everyone = {"type": "every_member_assignment_strategy", "shifts_per_member": None}
    bo = {"type": "user_member", "user_id": "PBO"}
    one, findings = mapped(make, raw_schedule([event("E1", bo, NOBODY, ANA, strategy=everyone)]))
    other, _ = mapped(make, raw_schedule([event("E1", ANA, bo, NOBODY, strategy=everyone)]))
    assert one.layers == other.layers
    assert noted(findings) == [("empty_member", "rotations[0].events[0].assignment_strategy.members")]


def test_spans_without_length_have_no_effect_and_far_years_are_open_ends(make: Any) -> None:
    def at(text: str) -> Any:
        return {"date_time": text, "time_zone": "Europe/Amsterdam"}

    without_length = event("E1", end_time=at("2026-01-05T09:00:00Z"))
    open_end = event("E2", effective_until="9999-01-01T00:00:00Z", recurrence=["RRULE:FREQ=DAILY;UNTIL=99990101"])
    far = event("E3", effective_since="2500-01-01T00:00:00Z")
    record, findings = mapped(make, raw_schedule([without_length, open_end, far]))
    assert [(layer.key, layer.ends_at, layer.windows[0].rule.until) for layer in record.layers] == [
        ("R0/E2", None, None)
    ]
    assert [code for code, _ in noted(findings)] == [
        "event_without_time", "layer_without_end", "event_without_end", "layer_out_of_time",
    ]  # fmt: skip
    both_passes = event("E4", start_time=at("2026-10-25T00:30:00Z"), end_time=at("2026-10-25T01:30:00Z"))
    record, _ = mapped(make, raw_schedule([both_passes]))
    assert record.layers[0].windows[0].duration == 3600


def test_an_occurrence_in_the_second_pass_is_rendered_there(make: Any) -> None:
    def at(text: str) -> Any:
        return {"date_time": text, "time_zone": "Europe/Amsterdam"}

    bo = {"type": "user_member", "user_id": "PBO"}
    once = event(
        "E1", ANA, bo,
        start_time=at("2026-10-20T10:00:00Z"), end_time=at("2026-10-20T11:00:00Z"),
        recurrence=["RRULE:FREQ=DAILY;COUNT=1", "RDATE:20261025T013000Z"], strategy={"shifts_per_member": 1},
    )  # fmt: skip
    begun = event(
        "E2", ANA, bo,
        start_time=at("2026-10-25T02:30:00+01:00"), end_time=at("2026-10-25T03:30:00+01:00"),
        recurrence=["RRULE:FREQ=DAILY;COUNT=2"], strategy={"shifts_per_member": 1},
    )  # fmt: skip
    for sent, expected in (
        (once, [("2026-10-20T10:00:00Z", "PANA"), ("2026-10-25T01:30:00Z", "PBO")]),
        (begun, [("2026-10-25T01:30:00Z", "PANA"), ("2026-10-26T01:30:00Z", "PBO")]),
    ):
        record, _ = mapped(make, raw_schedule([sent]))
        since = instant_from_text("2026-10-19T00:00:00Z")
        spans = render_final(record.spec(), (), since, since + 9 * DAY)
        assert [(instant_to_text(start), str(*who)) for start, _, who in spans] == expected
        assert {end - start for start, end, _ in spans} == {3600}
        assert layers_from_json(layers_to_json(record.layers)) == record.layers


def test_a_schedule_without_events_is_named(make: Any) -> None:
    _, findings = mapped(make, raw_schedule([]))
    assert noted(findings) == [("no_layers", "")]


def shift(id_: str, start: str, end: str, member: Any = ANA) -> Any:
    return {
        "id": id_,
        "type": "custom_shift",
        "start_time": start,
        "end_time": end,
        "assignments": [{"member": member}],
    }


def test_custom_shifts_are_extra_shifts(make: Any) -> None:
    later = shift("X1", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", NOBODY)
    record, _ = mapped(make, raw_schedule(), [later, shift("X2", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z")])
    assert record.extra_shifts == (
        ExtraShift("X2", 1_767_312_000, 1_767_398_400, person("PANA")),
        ExtraShift("X1", 1_767_398_400, 1_767_484_800, VACANT),
    )


def replacement(id_: str, start: str, end: str, **more: Any) -> Any:
    return {
        "id": id_,
        "type": "override_shift",
        "start_time": start,
        "end_time": end,
        "overridden_member": ANA,
        "overriding_member": NOBODY,
        **more,
    }


def test_overrides_replace_one_member_of_one_source(make: Any) -> None:
    period = ("2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z")
    reported = [replacement("O1", *period, rotation_id="R0"), replacement("O2", *period, custom_shift_id="X1")]
    sources = raw_schedule([event("E1"), event("E2")], [event("E3")])
    record, _ = mapped(make, sources, None, reported)
    common = {"starts_at": 1_767_398_400, "ends_at": 1_767_484_800, "by": VACANT, "replaces": person("PANA")}
    assert record.overrides == (
        Override("O1", sources=frozenset({"R0/E1", "R0/E2"}), covers_gaps=False, **common),
        Override("O2", sources=frozenset({"X1"}), covers_gaps=False, rank=1, **common),
    )
    assert (record.extra_shifts, record.fetched_range) == (None, WINDOW)


PERIOD = ("2026-01-06T00:00:00Z", "2026-01-08T00:00:00Z")
BO = {"type": "user_member", "user_id": "PBO"}


@pytest.mark.parametrize(
    ("bad", "code", "path"),
    [
        ({"end_time": "2026-01-05T00:00:00Z"}, "invalid_period", ".end_time"),
        ({"start_time": None}, "invalid_value", ".start_time"),
        ({"rotation_id": None}, "unknown_value", ""),
        ({"overriding_member": None}, "missing_field", ".overriding_member.user_id"),
        (
            {"overridden_member": {"type": "user_member", "user_id": None}},
            "missing_field",
            ".overridden_member.user_id",
        ),
    ],
)
def test_an_impossible_override_costs_only_itself(make: Any, bad: Any, code: str, path: str) -> None:
    good = replacement("O1", *PERIOD, rotation_id="R0")
    record, findings = mapped(make, raw_schedule([event("E1")]), (), [{**good, **bad}, good])
    assert [one.key for one in record.overrides] == ["O1"]
    assert (record.unread, record.fetched_range) == ({"overrides": 1}, WINDOW)
    assert failed(findings) == [(code, f"overrides[0]{path}")]


@pytest.mark.parametrize(
    ("bad", "code", "path"),
    [
        ({"end_time": "2026-01-05T00:00:00Z"}, "invalid_period", "end_time"),
        ({"assignments": []}, "invalid_value", "assignments"),
        ({"assignments": [{"member": None}]}, "missing_field", "assignments[0].member.user_id"),
    ],
)
def test_an_impossible_custom_shift_costs_only_itself(make: Any, bad: Any, code: str, path: str) -> None:
    good = shift("X2", *PERIOD)
    record, findings = mapped(make, raw_schedule([event("E1")]), [{**good, "id": "X1", **bad}, good])
    assert [one.key for one in record.extra_shifts] == ["X2"]
    assert record.unread == {"extra_shifts": 1}
    assert failed(findings) == [(code, f"custom_shifts[0].{path}")]


def test_shifts_and_overrides_without_length_have_no_effect(make: Any) -> None:
    moment = (PERIOD[0], PERIOD[0])
    override = replacement("O1", *moment, rotation_id="R0")
    record, findings = mapped(make, raw_schedule([event("E1")]), [shift("X1", *moment)], [override])
    assert (record.extra_shifts, record.overrides, record.unread, findings.failed) == ((), (), {}, [])
    assert [code for code, _ in noted(findings)] == ["custom_shift_without_time", "override_without_time"]


def test_what_has_ended_and_is_impossible_costs_nothing(make: Any) -> None:
    past = ("2025-12-31T10:00:00Z", "2025-12-31T20:00:00Z")
    without_person = {"type": "user_member", "user_id": None}
    override = replacement("O1", *past, rotation_id="R0", overriding_member=without_person)
    record, findings = mapped(make, raw_schedule([event("E1")]), [shift("X1", *past, without_person)], [override])
    assert (record.extra_shifts, record.overrides, record.unread, findings.failed) == ((), (), {}, [])


def test_an_override_of_nothing_that_is_in_force_is_named(make: Any) -> None:
    reported = [
        replacement("O1", *PERIOD, rotation_id="R7"),
        replacement("O2", *PERIOD, custom_shift_id="X7"),
        replacement("O3", *PERIOD, rotation_id="R0"),
    ]
    record, findings = mapped(make, raw_schedule([event("E1")]), (), reported)
    assert [one.key for one in record.overrides] == ["O3"]
    assert noted(findings) == [("override_without_effect", "overrides[0]"), ("override_without_effect", "overrides[1]")]
    assert (record.unread, findings.failed) == ({}, [])


def test_an_override_of_something_unreadable_is_unread_too(make: Any) -> None:
    raw = raw_schedule([{**event("E1"), "recurrence": []}], None, [event("E2")])
    reported = [
        replacement("O1", *PERIOD, rotation_id="R0"),
        replacement("O2", *PERIOD, rotation_id="R1"),
        replacement("O3", *PERIOD, custom_shift_id="X7"),
        replacement("O4", *PERIOD, rotation_id="R2"),
    ]
    record, findings = mapped(make, raw, [{**shift("X7", *PERIOD), "assignments": []}], reported)
    assert [one.key for one in record.overrides] == ["O4"]
    assert record.unread == {"extra_shifts": 1, "layers": 2, "overrides": 3}
    assert [code for code, _ in failed(findings)][-3:] == ["unread_source"] * 3


def test_an_override_of_the_empty_member_fills_its_turns_and_nothing_else(make: Any) -> None:
    daily = {"recurrence": ["RRULE:FREQ=DAILY"], "strategy": {"shifts_per_member": 1}}
    raw = raw_schedule([event("E1", ANA, NOBODY, **daily)])
    empty = replacement("O1", "2026-01-06T00:00:00Z", "2026-01-09T00:00:00Z", rotation_id="R0",
                        overridden_member=NOBODY, overriding_member=BO)  # fmt: skip
    record, findings = mapped(make, raw, (), [empty])
    assert [(one.key, instant_to_text(one.starts_at), instant_to_text(one.ends_at)) for one in record.overrides] == [
        ("O1", "2026-01-06T09:00:00Z", "2026-01-06T17:00:00Z"),
        ("O1#2", "2026-01-08T09:00:00Z", "2026-01-08T17:00:00Z"),
    ]
    assert noted(findings) == [("empty_turn_filled", "overrides[0]")]
    spans = render_final(
        record.spec(), (), record.overrides[0].starts_at - DAY, record.overrides[0].starts_at + 3 * DAY
    )
    held = [(instant_to_text(start), *map(str, who)) for start, _, who in spans]
    assert held == [
        ("2026-01-05T09:00:00Z", "PANA"), ("2026-01-06T09:00:00Z", "PBO"), ("2026-01-07T09:00:00Z", "PANA"),
        ("2026-01-08T09:00:00Z", "PBO"),
    ]  # fmt: skip


def test_an_override_of_the_empty_member_without_an_empty_turn_is_named(make: Any) -> None:
    empty = replacement("O1", *PERIOD, rotation_id="R0", overridden_member=NOBODY, overriding_member=BO)
    everyone = {"type": "every_member_assignment_strategy", "shifts_per_member": None}
    for members in ((ANA,), (ANA, NOBODY)):
        raw = raw_schedule([event("E1", *members, strategy=everyone, recurrence=["RRULE:FREQ=DAILY"])])
        record, findings = mapped(make, raw, (), [empty])
        assert record.overrides == ()
        assert noted(findings)[-1] == ("override_without_effect", "overrides[0]")
    raw = raw_schedule([event("E1", NOBODY, strategy=everyone, recurrence=["RRULE:FREQ=DAILY"])])
    record, _ = mapped(make, raw, (), [empty])
    assert len(record.overrides) == 2


def test_an_override_of_an_empty_custom_shift_fills_it(make: Any) -> None:
    empty = replacement("O1", *PERIOD, custom_shift_id="X1", overridden_member=NOBODY, overriding_member=BO)
    record, findings = mapped(make, raw_schedule([event("E1")]), [shift("X1", *PERIOD, NOBODY)], [empty])
    assert [(one.covers_gaps, one.sources) for one in record.overrides] == [(True, frozenset({"X1"}))]
    assert noted(findings) == [
        ("empty_member", "custom_shifts[0].assignments[0].member"), ("empty_turn_filled", "overrides[0]"),
    ]  # fmt: skip


def test_the_override_that_pagerduty_shows_wins(make: Any) -> None:
    reported = [
        replacement("O1", *PERIOD, rotation_id="R0", overriding_member=BO),
        replacement("O2", *PERIOD, rotation_id="R0", overriding_member={"type": "user_member", "user_id": "PCY"}),
    ]

    def ranks(final: Any) -> tuple[list[int], list[str]]:
        raw = raw_schedule([event("E1")], final_schedule=final)
        record, findings = mapped(make, raw, (), reported)
        return [one.rank for one in record.overrides], [note.code for note in findings.notes]

    shown = {"start_time": PERIOD[0], "end_time": PERIOD[1], "member": BO}
    by_override = {**shown, "source": {"type": "schedule_rotation_override", "override_id": "O1"}}
    assert ranks({"computed_shift_assignments": [by_override], "rendered_coverage_percentage": 1}) == ([1, 0], [])
    assumed = ([0, 1], ["override_order_assumed"])
    assert ranks({"computed_shift_assignments": [shown], "rendered_coverage_percentage": 1}) == assumed
    assert ranks({"computed_shift_assignments": [by_override, 7], "rendered_coverage_percentage": 1}) == assumed
    assert ranks({"computed_shift_assignments": []}) == assumed
    assert ranks(7) == assumed
