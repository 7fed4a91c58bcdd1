"""Maps shift-based schedules (``/v3/schedules``) to records. Pure: the current time is an argument.

Everyone in a rotation or a custom shift is on call at the same time. An override replaces one member of one of them and
covers no gap (vendor docs: REST API "Shift-Based Schedules").
"""

from collections.abc import Sequence

from connectors.providers.pagerduty import wire_shifts as wire
from connectors.providers.pagerduty.recurrence import recurring
from connectors.providers.pagerduty.vendor import invalid, unknown_value
from connectors.reading.findings import Findings
from connectors.reading.overrides import ranked
from connectors.records import SourceSchedule
from connectors.zones.timezones import convert
from oncall.rendering.spec import (
    VACANT,
    ByOccurrence,
    Everyone,
    ExtraShift,
    Layer,
    Override,
    Participant,
    Turns,
    person,
)
from oncall.rendering.zones import reading


def schedule(
    source: wire.ShiftSchedule,
    shifts: Sequence[wire.CustomShift] | None,
    overrides: Sequence[wire.OverrideShift] | None,
    fetched_range: tuple[int, int],
    at: int,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceSchedule:
    """Returns the record of a schedule. Raises UnexpectedResponse for a value that has no form here.

    shifts, overrides: None means not reported. fetched_range: the instants between which both were requested. at:
    instant of the read; events that ended before it are left out.
    """
    zone = findings.zone("schedule", source.id, convert(source.time_zone), "time_zone")
    layers = []
    for r, rotation in enumerate(source.rotations):
        for e, event in enumerate(rotation.events):
            path = f"rotations[{r}].events[{e}]"
            if event.effective_until is not None and event.effective_until.instant <= at:
                message = f"The event {event.name or event.id} has ended and was left out."
                findings.note("schedule", source.id, "ended_layer", message, path)
                continue
            layers.append(_layer(rotation.id, event, zone.zone, path, source.id, findings))
    layers.sort(key=lambda layer: layer.key)
    extra = None if shifts is None else findings.mapped("schedule", source.id, lambda: _extra_shifts(shifts))
    exceptions = None
    if overrides is not None:
        exceptions = findings.mapped("schedule", source.id, lambda: _overrides(overrides, layers))
    return SourceSchedule(
        external_id=source.id,
        name=source.label,
        time_zone=zone,
        composition="concurrent",
        layers=tuple(layers),
        description=source.description or "",
        group_ids=tuple(sorted({team.id for team in source.teams})),
        extra_shifts=extra,
        overrides=exceptions,
        fetched_range=None if extra is None and exceptions is None else fetched_range,
        lists_overlapping=True,
        flavour="shift-based",
        because=because,
    )


def _layer(
    rotation_id: str, event: wire.Event, schedule_zone: str | None, path: str, schedule_id: str, findings: Findings
) -> Layer:
    """Returns the layer of an event. The event recurs at the local times of its own zone, not in UTC (vendor docs: the
    guide's example)."""
    own = convert(event.start_time.time_zone)
    if own.zone is None:
        raise unknown_value(f"{path}.start_time.time_zone", own.note)
    start = reading(own.zone, event.start_time.date_time.instant)
    end = reading(own.zone, event.end_time.date_time.instant)
    if end <= start:
        raise invalid(
            "invalid_period", f"{path}.end_time", f"The event {event.name or event.id} ends before it starts."
        )
    strategy = event.assignment_strategy
    turns: Turns = Everyone()
    if strategy.type == "rotating_member_assignment_strategy":
        if strategy.shifts_per_member is None:
            message = f"PagerDuty did not report how many shifts in a row {event.name or event.id} gives; 1 is used."
            findings.note("schedule", schedule_id, "shifts_not_told", message, f"{path}.assignment_strategy", loss=True)
        turns = ByOccurrence(strategy.shifts_per_member or 1)
    members = f"{path}.assignment_strategy.members"
    return Layer(
        key=f"{rotation_id}/{event.id}",
        name=event.name or "",
        windows=(recurring(event.recurrence, start, end - start, own.zone, f"{path}.recurrence"),),
        turns=turns,
        participants=tuple(_member(member, f"{members}[{i}]") for i, member in enumerate(strategy.members)),
        zone=None if own.zone == schedule_zone else own.zone,
        starts_at=None if event.effective_since is None else event.effective_since.instant,
        ends_at=None if event.effective_until is None else event.effective_until.instant,
        window_edge="boundary",
    )


def _member(member: wire.ShiftMember, path: str) -> Participant:
    if member.type == "empty_member":
        return VACANT
    if member.user_id is None:
        raise invalid("missing_field", f"{path}.user_id", "A member of the type user has no user id.")
    return person(member.user_id)


def _extra_shifts(shifts: Sequence[wire.CustomShift]) -> tuple[ExtraShift, ...]:
    made = (_extra_shift(shift, index) for index, shift in enumerate(shifts))
    return tuple(sorted(made, key=lambda shift: (shift.starts_at, shift.key)))


def _extra_shift(shift: wire.CustomShift, index: int) -> ExtraShift:
    path = f"custom_shifts[{index}]"
    starts_at, ends_at = shift.start_time.instant, shift.end_time.instant
    if ends_at <= starts_at:
        raise invalid("invalid_period", f"{path}.end_time", f"The custom shift {shift.id} ends before it starts.")
    return ExtraShift(shift.id, starts_at, ends_at, _member(shift.assignments[0].member, f"{path}.assignments[0]"))


def _overrides(overrides: Sequence[wire.OverrideShift], layers: Sequence[Layer]) -> tuple[Override, ...]:
    return ranked(_override(override, layers, index) for index, override in enumerate(overrides))


def _override(override: wire.OverrideShift, layers: Sequence[Layer], index: int) -> Override:
    path = f"overrides[{index}]"
    if override.end_time.instant <= override.start_time.instant:
        raise invalid("invalid_period", f"{path}.end_time", f"The override {override.id} ends before it starts.")
    if override.rotation_id is not None:
        prefix = f"{override.rotation_id}/"
        sources = frozenset(layer.key for layer in layers if layer.key.startswith(prefix))
    elif override.custom_shift_id is not None:
        sources = frozenset({override.custom_shift_id})
    else:
        raise unknown_value(path, f"The override {override.id} names neither a rotation nor a custom shift.")
    return Override(
        key=override.id,
        starts_at=override.start_time.instant,
        ends_at=override.end_time.instant,
        by=_member(override.overriding_member, f"{path}.overriding_member"),
        sources=sources,
        replaces=_member(override.overridden_member, f"{path}.overridden_member"),
        covers_gaps=False,
    )
