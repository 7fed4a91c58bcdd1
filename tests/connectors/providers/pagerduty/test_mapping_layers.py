"""Tests how layer schedules become records."""

from typing import Any

import pytest

from connectors.errors import UnexpectedResponse
from connectors.providers.pagerduty import mapping_layers, wire
from connectors.providers.pagerduty.vendor import VENDOR
from connectors.reading.findings import Findings
from oncall.rendering.codec import reading_from_text
from oncall.rendering.spec import Always, ByTime, Daily, Override, Weekly, person

WINDOW = (1_767_139_200, 1_775_001_600)


def mapped(make: Any, raw: Any, overrides: Any = ()) -> tuple[Any, Findings]:
    findings = Findings(VENDOR)
    reported = None if overrides is None else tuple(wire.Override.model_validate(one) for one in overrides)
    schedule = wire.Schedule.model_validate(raw)
    return mapping_layers.schedule(schedule, reported, WINDOW, make.NOW, ("policy P",), findings), findings


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


def test_an_unknown_zone_keeps_the_layers_as_they_were_sent(make: Any) -> None:
    raw = make.schedule("S1", make.layer("L1", "PANA"), time_zone="Mars/Phobos")
    record, findings = mapped(make, raw)
    assert record.time_zone.zone is None
    assert record.spec() is None
    assert record.layers[0].turns == ByTime(reading_from_text("2025-01-06T09:00:00"), 604_800)
    assert [note.code for note in findings.notes] == ["unknown_zone"]


def test_a_fixed_offset_is_taken_and_named(make: Any) -> None:
    record, findings = mapped(make, make.schedule("S1", make.layer("L1", "PANA"), time_zone="UTC+1"))
    assert record.time_zone.zone == "Etc/GMT-1"
    assert [note.code for note in findings.notes] == ["unknown_zone"]


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
def test_an_impossible_restriction_fails_the_schedule_by_name(make: Any, bad: Any, code: str, path: str) -> None:
    raw = make.schedule("S1", make.layer("L0", "PBO"), make.layer("L1", "PANA", restrictions=[bad]))
    with pytest.raises(UnexpectedResponse) as refused:
        mapped(make, raw)
    assert (refused.value.code, refused.value.path) == (code, f"schedule_layers[1].restrictions[0].{path}")


@pytest.mark.parametrize("seconds", [0, -3600, 10**12])
def test_an_impossible_turn_fails_the_schedule_and_names_the_layer(make: Any, seconds: int) -> None:
    raw = make.schedule("S1", make.layer("L1", "PANA", name="Days", rotation_turn_length_seconds=seconds))
    with pytest.raises(UnexpectedResponse, match=r"Days \(L1\)") as refused:
        mapped(make, raw)
    assert (refused.value.code, refused.value.path) == (
        "invalid_turn",
        "schedule_layers[0].rotation_turn_length_seconds",
    )


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


def test_an_impossible_override_leaves_the_overrides_untold(make: Any) -> None:
    bad = override("O1", "2026-01-06T00:00:00Z", "2026-01-06T00:00:00Z")
    record, findings = mapped(make, make.schedule("S1", make.layer("L1", "PANA")), [bad])
    assert (record.overrides, record.fetched_range) == (None, None)
    assert [(f.external_id, f.code, f.path) for f in findings.failed] == [("S1", "invalid_period", "overrides[0].end")]


@pytest.mark.parametrize(
    ("virtual_start", "restrictions", "end", "read"),
    [
        ("2025-07-07T09:00:00+02:00", [restriction("daily", "09:00:00", 3600)], None, True),
        ("2025-01-06T09:00:00+01:00", [restriction("daily", "09:00:00", 3600)], None, True),
        ("2025-07-07T07:00:00Z", [restriction("daily", "07:00:00", 3600)], None, False),
        ("2025-07-07T07:00:00Z", [], None, True),
        ("2025-07-07T07:00:00Z", [restriction("daily", "07:00:00", 3600)], "2025-08-01T00:00:00Z", True),
    ],
)
def test_an_answer_in_another_zone_is_noticed(
    make: Any, virtual_start: str, restrictions: Any, end: Any, read: bool
) -> None:
    one = make.layer("L1", "PANA", rotation_virtual_start=virtual_start, restrictions=restrictions, end=end)
    schedule = wire.Schedule.model_validate(make.schedule("S1", one))
    assert mapping_layers.is_rendered_in(schedule, "Europe/Berlin", make.NOW) is read
