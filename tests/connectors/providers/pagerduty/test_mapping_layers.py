"""Tests how layer schedules become records."""

from typing import Any

import pytest

from connectors.providers.pagerduty import mapping_layers, wire
from connectors.providers.pagerduty.harvest import LayerDetail
from connectors.providers.pagerduty.vendor import VENDOR
from connectors.reading.findings import Findings
from connectors.zones.chosen import chosen_zones
from oncall.rendering.codec import reading_from_text
from oncall.rendering.spec import LATEST, Always, ByTime, Daily, Override, Weekly, person

WINDOW = (1_767_139_200, 1_775_001_600)


def detail_of(raw: Any, overrides: Any = (), findings: Findings | None = None) -> LayerDetail:
    """The detail as it is read."""
    findings = Findings(VENDOR) if findings is None else findings
    schedule = wire.Schedule.model_validate(raw)
    layers = findings.read_all(wire.Layer, schedule.schedule_layers, "schedule", schedule.id, "schedule_layers")
    reported = None
    if overrides is not None:
        reported = findings.read_all(wire.Override, overrides, "schedule", schedule.id, "overrides")
    return LayerDetail(schedule, layers, reported)


def mapped(make: Any, raw: Any, overrides: Any = ()) -> tuple[Any, Findings]:
    findings = Findings(VENDOR)
    detail = detail_of(raw, overrides, findings)
    return mapping_layers.schedule(detail, WINDOW, make.NOW, ("policy P",), findings), findings


def failed(findings: Findings) -> list[Any]:
    return [(one.external_id, one.code, one.path) for one in findings.failed]


def restriction(kind: str, start: str, seconds: int, **more: Any) -> Any:
    return {"type": f"{kind}_restriction", "start_time_of_day": start, "duration_seconds": seconds, **more}


def override(id_: str, start: str, end: str, who: str = "PBO") -> Any:
    return {"id": id_, "start": start, "end": end, "user": {"id": who, "type": "user_reference"}}


def test_a_whole_schedule(make: Any) -> None:
    raw = make.schedule(
        "S1",
        make.layer("L2", "PANA", "PBO", "PANA", end="2026-06-01T00:00:00Z", name="Night "),
        make.layer("L1", "PBO", name=None),
        name=" Primary ",
        description="Words",
        teams=[make.reference("team", "T2"), make.reference("team", "T1"), make.reference("team", "T2")],
    )
    record, findings = mapped(make, raw)
    assert (record.external_id, record.name, record.description) == ("S1", " Primary ", "Words")
    assert (record.composition, record.flavour, record.because) == ("stacked", "layers", ("policy P",))
    assert record.time_zone.zone == "Europe/Berlin"
    assert record.group_ids == ("T1", "T2")
    assert (record.overrides, record.extra_shifts, record.fetched_range) == ((), (), WINDOW)
    first, second = record.layers
    assert (first.key, first.name, second.key, second.name) == ("L2", "Night ", "L1", "")
    assert first.participants == (person("PANA"), person("PBO"), person("PANA"))
    assert first.turns == ByTime(reading_from_text("2025-01-06T09:00:00"), 604_800)
    assert first.windows == (Always(),)
    assert (first.starts_at, first.ends_at) == (1_736_150_400, 1_780_272_000)
    assert second.ends_at is None
    assert findings == Findings(VENDOR)


def test_the_anchor_is_the_reading_in_the_schedules_zone_whatever_zone_it_came_in(make: Any) -> None:
    raw = make.schedule("S1", make.layer("L1", "PANA", rotation_virtual_start="2025-07-07T12:00:00Z"))
    record, _ = mapped(make, raw)
    assert record.layers[0].turns == ByTime(reading_from_text("2025-07-07T14:00:00"), 604_800)


def test_a_rotation_may_start_before_1970(make: Any) -> None:
    raw = make.schedule("S1", make.layer("L1", "PANA", rotation_virtual_start="1970-01-01T00:00:00+01:00"))
    record, _ = mapped(make, raw)
    assert record.layers[0].turns == ByTime(0, 604_800)


def test_an_unknown_zone_keeps_the_layers_as_they_were_sent(make: Any) -> None:
    raw = make.schedule("S1", make.layer("L1", "PANA"), time_zone="Mars/Phobos")
    record, findings = mapped(make, raw)
    assert record.time_zone.zone is None
    assert record.spec() is None
    assert record.layers[0].turns == ByTime(reading_from_text("2025-01-06T09:00:00"), 604_800)
    assert [note.code for note in findings.notes] == ["unknown_zone"]


@pytest.mark.parametrize("sent", ["CST", "UTC+5", "Mars/Phobos", None])
def test_an_unsure_zone_is_read_in_the_last_known_one(make: Any, sent: str | None) -> None:
    def made(zone: str | None) -> Any:
        with chosen_zones({}, {"S1": "Asia/Tokyo"}.get):
            return mapped(make, make.schedule("S1", make.layer("L1", "PANA"), time_zone=zone))[0]

    assert (made(sent).time_zone.zone, made(sent).time_zone.outcome) == ("Asia/Tokyo", "kept")
    assert made(sent).layers == made("Asia/Tokyo").layers


def test_a_fixed_offset_is_taken_and_named(make: Any) -> None:
    record, findings = mapped(make, make.schedule("S1", make.layer("L1", "PANA"), time_zone="UTC+1"))
    assert record.time_zone.zone == "Etc/GMT-1"
    assert [note.code for note in findings.notes] == ["unknown_zone"]


@pytest.mark.parametrize("empty", [None, {}, {"type": None, "start_time_of_day": None}])
def test_a_restriction_without_limits_restricts_nothing(make: Any, empty: Any) -> None:
    good = restriction("daily", "09:00:00", 3600)
    record, findings = mapped(
        make,
        make.schedule(
            "S1",
            make.layer("L1", "PANA", restrictions=[empty]),
            make.layer("L2", "PANA", restrictions=[empty, good]),
        ),
    )
    assert [layer.windows for layer in record.layers] == [(Always(),), (Daily(9 * 3600, 3600),)]
    assert [(note.code, note.path) for note in findings.notes] == [
        ("empty_restriction", "schedule_layers[0].restrictions")
    ]
    assert (record.unread, findings.failed) == ({}, [])


def test_restrictions_are_a_union_of_windows_in_one_order(make: Any) -> None:
    weekly = restriction("weekly", "20:30:00", 45_000, start_day_of_week=5)
    daily = restriction("daily", "17:00:00", 36_000, start_day_of_week=0)
    windows = []
    for order in ([weekly, daily], [daily, weekly, daily]):
        record, _ = mapped(make, make.schedule("S1", make.layer("L1", "PANA", restrictions=order)))
        windows.append(record.layers[0].windows)
    assert windows[0] == windows[1] == (Daily(61_200, 36_000), Weekly(5, 73_800, 45_000))


@pytest.mark.parametrize(
    ("bad", "code", "path"),
    [
        (restriction("weekly", "09:00:00", 3600), "unknown_value", "start_day_of_week"),
        (restriction("weekly", "09:00:00", 3600, start_day_of_week=8), "unknown_value", "start_day_of_week"),
        (restriction("weekly", "09:00:00", 604_801, start_day_of_week=1), "invalid_window", "duration_seconds"),
        (restriction("daily", "09:00:00", 0), "invalid_window", "duration_seconds"),
        (restriction("daily", "09:00:00", 86_401), "invalid_window", "duration_seconds"),
    ],
)
def test_an_impossible_restriction_costs_only_itself(make: Any, bad: Any, code: str, path: str) -> None:
    good = restriction("daily", "17:00:00", 36_000)
    raw = make.schedule(
        "S1", make.layer("L0", "PBO", restrictions=[bad, good]), make.layer("L1", "PANA", restrictions=[bad])
    )
    record, findings = mapped(make, raw)
    assert [(layer.key, layer.windows) for layer in record.layers] == [("L0", (Daily(61_200, 36_000),))]
    assert record.unread == {"layers": 1, "layers.L0": 1}
    assert failed(findings) == [
        ("S1", code, f"schedule_layers[0].restrictions[0].{path}"),
        ("S1", code, f"schedule_layers[1].restrictions[0].{path}"),
        ("S1", "invalid_window", "schedule_layers[1].restrictions"),
    ]


@pytest.mark.parametrize(
    ("bad", "code", "path"),
    [
        ({"rotation_turn_length_seconds": 0}, "invalid_turn", "rotation_turn_length_seconds"),
        ({"rotation_turn_length_seconds": -3600}, "invalid_turn", "rotation_turn_length_seconds"),
        ({"rotation_turn_length_seconds": 10**12}, "invalid_turn", "rotation_turn_length_seconds"),
        ({"rotation_virtual_start": None}, "invalid_value", "rotation_virtual_start"),
        ({"users": None}, "invalid_value", "users"),
        ({"restrictions": {}}, "invalid_value", "restrictions"),
    ],
)
def test_an_impossible_layer_costs_only_itself(make: Any, bad: Any, code: str, path: str) -> None:
    layers = [{**make.layer("L1", "PANA"), **bad}, make.layer("L2", "PBO")]
    raw = make.schedule("S1", schedule_layers=layers)
    record, findings = mapped(make, raw)
    assert [layer.key for layer in record.layers] == ["L2"]
    assert record.unread == {"layers": 1}
    assert failed(findings) == [("S1", code, f"schedule_layers[0].{path}")]


@pytest.mark.parametrize(
    ("slot", "kept"),
    [
        (None, "unknown:user:1"),
        ({"user": None}, "unknown:user:1"),
        ({"user": {"id": None, "type": "user_reference"}}, "unknown:user:1"),
        ({"user": {"id": " ", "type": "user_reference"}}, "unknown:user:1"),
        ({"user": {"id": "B1", "type": "robot_reference"}}, "unknown:robot:B1"),
        ({"user": {"id": 7, "type": 8}}, "unknown:user:1"),
        ({"user": {"id": "PDAN", "type": None}}, "PDAN"),
    ],
)
def test_a_holder_who_is_not_understood_keeps_the_slot(make: Any, slot: Any, kept: str) -> None:
    layer = make.layer("L1", "PANA", "PBO")
    layer["users"].insert(1, slot)
    record, findings = mapped(make, make.schedule("S1", users=[], schedule_layers=[layer]))
    assert list(map(str, record.layers[0].participants)) == ["PANA", kept, "PBO"]
    assert record.unread == {}
    noted = [(note.external_id, note.code, note.path) for note in findings.notes]
    assert noted == ([] if kept == "PDAN" else [("S1", "unknown_holder", "schedule_layers[0].users[1].user")])


def test_years_that_are_not_rendered_are_open_ends_and_whole_rounds(make: Any) -> None:
    raw = make.schedule(
        "S1",
        make.layer("L1", "PANA", "PBO", start="1815-01-01T00:00:00Z", end="2999-01-01T00:00:00Z"),
        make.layer("L2", "PANA", "PBO", "PANA", rotation_virtual_start="0001-01-01T09:00:00Z"),
        make.layer("L3", "PANA", rotation_virtual_start="3000-01-01T09:00:00Z", users=[]),
        make.layer("L4", "PANA", start="2300-01-01T00:00:00Z"),
    )
    record, findings = mapped(make, raw)
    first, second, _ = record.layers
    assert (first.starts_at, first.ends_at) == (None, None)
    anchor = reading_from_text("0001-01-01T09:00:00")
    assert second.turns.anchor > reading_from_text("1900-01-01T00:00:00")
    assert (second.turns.anchor - anchor) % (3 * 604_800) == 0
    assert [note.code for note in findings.notes] == ["layer_without_end", "empty_layer", "layer_out_of_time"]


def test_ended_layers_are_left_out_with_a_note(make: Any) -> None:
    raw = make.schedule(
        "S1",
        make.layer("L3", "PANA", end="2026-01-01T00:00:00Z", rotation_turn_length_seconds=0),
        make.layer("L2", "PANA", start="2026-09-01T00:00:00Z", end="2026-09-01T00:00:00Z", name=None),
        make.layer("L1", "PANA", end="2026-01-01T00:00:01Z"),
    )
    record, findings = mapped(make, raw)
    assert [layer.key for layer in record.layers] == ["L1"]
    assert [(note.code, note.path) for note in findings.notes] == [
        ("ended_layer", "schedule_layers[0]"),
        ("ended_layer", "schedule_layers[1]"),
    ]


def test_empty_and_untold_things_are_named(make: Any) -> None:
    raw = make.schedule("S1", make.layer("L1", restrictions=None))
    record, findings = mapped(make, raw)
    assert record.layers[0].participants == ()
    assert record.layers[0].windows == (Always(),)
    assert [note.code for note in findings.notes] == ["empty_layer", "restrictions_not_told"]
    _, findings = mapped(make, make.schedule("S2"))
    assert [note.code for note in findings.notes] == ["no_layers"]


def test_overrides_are_kept_with_their_ids_and_cover_gaps(make: Any) -> None:
    raw = make.schedule("S1", make.layer("L1", "PANA"))
    late = override("O2", "2026-01-10T00:00:00Z", "2026-01-11T00:00:00+01:00")
    record, _ = mapped(make, raw, [late, override("O1", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z")])
    assert record.overrides == (
        Override("O1", 1_767_571_200, 1_767_657_600, person("PBO")),
        Override("O2", 1_768_003_200, 1_768_086_000, person("PBO")),
    )
    assert record.overrides[0].covers_gaps


def test_overrides_that_were_not_told_are_not_none_at_all(make: Any) -> None:
    record, _ = mapped(make, make.schedule("S1", make.layer("L1", "PANA")), None)
    assert (record.overrides, record.fetched_range) == (None, None)


@pytest.mark.parametrize(
    ("bad", "code", "path"),
    [
        ({"end": "2026-01-04T00:00:00Z"}, "invalid_period", "end"),
        ({"start": "soon"}, "invalid_value", "start"),
        ({"end": None}, "invalid_value", "end"),
        ({"user": None}, "missing_field", "user"),
        ({"user": {"id": None, "type": "user_reference"}}, "missing_field", "user"),
        ({"id": None}, "invalid_value", "id"),
    ],
)
def test_an_impossible_override_costs_only_itself(make: Any, bad: Any, code: str, path: str) -> None:
    good = override("O1", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z")
    record, findings = mapped(make, make.schedule("S1", make.layer("L1", "PANA")), [{**good, **bad}, good])
    assert [one.key for one in record.overrides] == ["O1"]
    assert (record.unread, record.fetched_range) == ({"overrides": 1}, WINDOW)
    assert failed(findings) == [("S1", code, f"overrides[0].{path}")]


def test_an_override_by_someone_unknown_keeps_its_place(make: Any) -> None:
    period = ("2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z")
    odd = {**override("O1", *period), "user": {"id": "T1", "type": "team_reference"}}
    record, findings = mapped(make, make.schedule("S1", make.layer("L1", "PANA")), [odd])
    assert [str(one.by) for one in record.overrides] == ["unknown:team:T1"]
    assert [(note.code, note.path) for note in findings.notes] == [("unknown_holder", "overrides[0].user")]


def test_spans_without_length_or_end_of_overrides(make: Any) -> None:
    reported = [
        override("O1", "2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z"),
        override("O2", "2026-01-05T00:00:00Z", "2999-01-05T00:00:00Z"),
    ]
    record, findings = mapped(make, make.schedule("S1", make.layer("L1", "PANA")), reported)
    assert [(one.key, one.ends_at) for one in record.overrides] == [("O2", LATEST)]
    assert [note.code for note in findings.notes] == ["override_without_time", "override_without_end"]
    assert (record.unread, findings.failed) == ({}, [])


def test_the_override_that_pagerduty_shows_wins(make: Any) -> None:
    first = override("O1", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", "PANA")
    second = override("O2", "2026-01-05T12:00:00Z", "2026-01-07T00:00:00Z", "PBO")

    def ranks(*entries: tuple[str, str, str]) -> tuple[dict[str, int], list[str]]:
        shown = [{"start": s, "end": e, "user": make.reference("user", who)} for s, e, who in entries]
        rendered = {"rendered_schedule_entries": shown, "rendered_coverage_percentage": 1.0}
        raw = make.schedule("S1", make.layer("L1", "PANA"), overrides_subschedule=rendered)
        record, findings = mapped(make, raw, [first, second])
        return {one.key: one.rank for one in record.overrides}, [note.code for note in findings.notes]

    until_noon = ("2026-01-05T00:00:00Z", "2026-01-05T12:00:00Z", "PANA")
    assert ranks(until_noon, ("2026-01-05T12:00:00Z", "2026-01-07T00:00:00Z", "PBO")) == ({"O1": 0, "O2": 1}, [])
    assert ranks(("2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", "PANA")) == ({"O1": 1, "O2": 0}, [])
    assert ranks(until_noon) == ({"O1": 0, "O2": 1}, ["override_order_assumed"])


@pytest.mark.parametrize(
    ("virtual_start", "restrictions", "end", "read"),
    [
        ("2025-07-07T09:00:00+02:00", [restriction("daily", "09:00:00", 3600)], None, True),
        ("2025-01-06T09:00:00+01:00", [restriction("daily", "09:00:00", 3600)], None, True),
        ("2025-07-07T07:00:00Z", [restriction("daily", "07:00:00", 3600)], None, False),
        ("2025-07-07T07:00:00Z", [], None, True),
        ("2025-07-07T07:00:00Z", [restriction("daily", "07:00:00", 3600)], "2025-08-01T00:00:00Z", True),
        ("2025-07-07T09:00:00+02:00", [restriction("daily", "07:00:00", 3600)], "2026-07-07T07:00:00Z", False),
        ("2025-07-07T09:00:00+02:00", [restriction("daily", "07:00:00", 3600)], "2999-07-07T07:00:00Z", True),
    ],
)
def test_an_answer_in_another_zone_is_noticed(
    make: Any, virtual_start: str, restrictions: Any, end: Any, read: bool
) -> None:
    one = make.layer("L1", "PANA", rotation_virtual_start=virtual_start, restrictions=restrictions, end=end)
    detail = detail_of(make.schedule("S1", one))
    assert mapping_layers.is_rendered_in(detail, "Europe/Berlin", make.NOW) is read


def test_rendered_entries_prove_the_zone_of_an_answer_too(make: Any) -> None:
    restricted = make.layer("L1", "PANA", restrictions=[restriction("daily", "09:00:00", 3600)])
    entry = {"start": "2026-04-01T09:00:00Z", "end": "2026-04-02T09:00:00Z", "user": None}
    rendered = {"rendered_schedule_entries": [entry], "rendered_coverage_percentage": 1.0}
    detail = detail_of(make.schedule("S1", restricted, final_schedule=rendered))
    assert not mapping_layers.is_rendered_in(detail, "Europe/Berlin", make.NOW)
    assert mapping_layers.is_rendered_in(detail_of(make.schedule("S1", restricted)), "Europe/Berlin", make.NOW)
    shown = {**restricted, "rendered_schedule_entries": [None, entry]}
    assert not mapping_layers.is_rendered_in(detail_of(make.schedule("S1", shown)), "Europe/Berlin", make.NOW)
