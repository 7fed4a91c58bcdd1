"""Tests how shift-based schedules become records."""

from typing import Any

import pytest

from connectors.errors import UnexpectedResponse
from connectors.providers.pagerduty import mapping_shifts
from connectors.providers.pagerduty import wire_shifts as wire
from connectors.providers.pagerduty.vendor import VENDOR
from connectors.reading.findings import Findings
from oncall.rendering.codec import reading_from_text
from oncall.rendering.spec import VACANT, ByOccurrence, Everyone, ExtraShift, Override, Recurring, Rule, person

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
    findings = Findings(VENDOR)
    record = mapping_shifts.schedule(
        wire.ShiftSchedule.model_validate(raw),
        None if shifts is None else tuple(wire.CustomShift.model_validate(one) for one in shifts),
        None if overrides is None else tuple(wire.OverrideShift.model_validate(one) for one in overrides),
        WINDOW,
        make.NOW,
        (),
        findings,
    )
    return record, findings


def test_every_event_is_a_layer_and_all_count(make: Any) -> None:
    abroad = event("E2", ANA, NOBODY, zone="America/New_York", effective_until="2026-12-01T00:00:00Z")
    record, findings = mapped(make, raw_schedule([abroad, event("E1")], None, description="Words"))
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


def test_an_unknown_zone_of_the_schedule_is_named_and_layers_keep_their_own(make: Any) -> None:
    record, findings = mapped(make, raw_schedule([event("E1")], time_zone="Mars/Phobos"))
    assert record.time_zone.zone is None
    assert record.layers[0].zone == "Europe/Berlin"
    assert findings.notes[0].code == "unknown_zone"


@pytest.mark.parametrize(
    ("bad", "code", "path"),
    [
        (event("E1", zone="Mars/Phobos"), "unknown_value", "start_time.time_zone"),
        (
            event("E1", end_time={"date_time": "2026-01-05T09:00:00Z", "time_zone": "Europe/Berlin"}),
            "invalid_period",
            "end_time",
        ),
        (event("E1", recurrence=["RRULE:FREQ=HOURLY"]), "unknown_value", "recurrence[0]"),
        (event("E1", {"type": "user_member"}), "missing_field", "assignment_strategy.members[0].user_id"),
    ],
)
def test_an_event_that_cannot_be_expressed_fails_the_schedule(make: Any, bad: Any, code: str, path: str) -> None:
    with pytest.raises(UnexpectedResponse) as refused:
        mapped(make, raw_schedule([], [bad]))
    assert (refused.value.code, refused.value.path) == (code, f"rotations[1].events[0].{path}")


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
    record, _ = mapped(make, raw_schedule([event("E1"), event("E2")], [event("E3")]), None, reported)
    common = {"starts_at": 1_767_398_400, "ends_at": 1_767_484_800, "by": VACANT, "replaces": person("PANA")}
    assert record.overrides == (
        Override("O1", sources=frozenset({"R0/E1", "R0/E2"}), covers_gaps=False, **common),
        Override("O2", sources=frozenset({"X1"}), covers_gaps=False, rank=1, **common),
    )
    assert (record.extra_shifts, record.fetched_range) == (None, WINDOW)


@pytest.mark.parametrize(
    ("shifts", "overrides", "path"),
    [
        ([shift("X1", "2026-01-03T00:00:00Z", "2026-01-03T00:00:00Z")], None, "custom_shifts[0].end_time"),
        (None, [replacement("O1", "2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z")], "overrides[0].end_time"),
        (None, [replacement("O1", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z")], "overrides[0]"),
    ],
)
def test_an_impossible_exception_leaves_its_collection_untold(
    make: Any, shifts: Any, overrides: Any, path: str
) -> None:
    record, findings = mapped(make, raw_schedule([event("E1")]), shifts, overrides)
    assert (record.extra_shifts, record.overrides, record.fetched_range) == (None, None, None)
    assert [failed.path for failed in findings.failed] == [path]
    assert len(record.layers) == 1
